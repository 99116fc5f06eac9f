/** Who gets another DestinationRule than before. */
import { lookupClientsIn, knownNamespaces, selectorKeysIn } from "../cluster/lookup-clients.ts";
import type { LookupClient } from "../cluster/lookup-clients.ts";
import { lookUp } from "../istio/lookup/lookup.ts";
import type { LookupAnswer } from "../istio/lookup/lookup.ts";
import type { MergedRule } from "../istio/lookup/merge.ts";
import type { LookupQuery } from "../istio/lookup/query.ts";
import { compareSettings } from "../istio/lookup/rule-settings.ts";
import type { SettingChanges } from "../istio/lookup/rule-settings.ts";
import { EVERY_NAMESPACE } from "./touched.ts";
import type { Moment, Moments, TouchedHosts } from "./touched.ts";

/** What a client gets at one moment. */
export interface LookupOutcome {
  readonly isVisible: boolean;
  /** An ExternalName Service: no rule has an effect. */
  readonly isAlias: boolean;
  /** `namespace/name`, in merge order. */
  readonly destinationRules: readonly string[];
}

export interface LookupChange extends SettingChanges {
  readonly query: LookupQuery;
  readonly before: LookupOutcome;
  readonly after: LookupOutcome;
}

/** By host, then by client. */
export function lookupChanges(touched: TouchedHosts, { before, after }: Moments): readonly LookupChange[] {
  const clients = new Clients([before, after]);
  const changes: LookupChange[] = [];
  for (const [host, namespaces] of [...touched].toSorted(([one], [other]) => (one < other ? -1 : 1))) {
    for (const client of clients.of(namespaces)) {
      const change = compare({ ...client, host }, before, after);
      if (change) changes.push(change);
    }
  }
  return changes;
}

function compare(query: LookupQuery, before: Moment, after: Moment): LookupChange | undefined {
  const [old, current] = [lookUp(query, before.view.lookup), lookUp(query, after.view.lookup)];
  const outcomes = { before: outcomeOf(old), after: outcomeOf(current) };
  const settings = compareSettings(effectiveRule(old), effectiveRule(current));
  const isSame =
    outcomes.before.destinationRules.join() === outcomes.after.destinationRules.join() &&
    settings.gained.length + settings.lost.length + settings.changed.length === 0;
  return isSame ? undefined : { query, ...outcomes, ...settings };
}

function outcomeOf({ isVisible, isAlias, chosen }: LookupAnswer): LookupOutcome {
  const destinationRules = (chosen?.from ?? []).map(({ namespace, name }) => `${namespace}/${name}`);
  return { isVisible, isAlias, destinationRules };
}

function effectiveRule({ chosen, isAlias }: LookupAnswer): MergedRule | undefined {
  return isAlias ? undefined : chosen;
}

/** Those of both moments. Where none is known at all, every namespace might have some. */
class Clients {
  readonly #moments: readonly Moment[];
  readonly #namespaces: readonly string[];
  readonly #areKnown: boolean;
  readonly #byNamespace = new Map<string, readonly LookupClient[]>();

  constructor(moments: readonly Moment[]) {
    this.#moments = moments;
    const known = union(moments.map(({ view }) => view.clients.namespaces()));
    this.#areKnown = known.length > 0;
    this.#namespaces = this.#areKnown
      ? known
      : union(
          moments.map(({ state }) => knownNamespaces(state.store, state.settings.clientNamespaces.names)),
        );
  }

  of(namespaces: ReadonlySet<string>): readonly LookupClient[] {
    const asked = namespaces.has(EVERY_NAMESPACE) ? this.#namespaces : [...namespaces].toSorted();
    return asked.flatMap((namespace) => this.#in(namespace));
  }

  #in(namespace: string): readonly LookupClient[] {
    const clients = this.#byNamespace.get(namespace) ?? this.#find(namespace);
    this.#byNamespace.set(namespace, clients);
    return clients;
  }

  #find(namespace: string): readonly LookupClient[] {
    if (!this.#areKnown) return [{ clientNamespace: namespace, clientLabels: {}, proxy: "sidecar" }];
    const keys = new Set(this.#moments.flatMap(({ state }) => [...selectorKeysIn(namespace, state.store)]));
    const found = this.#moments.flatMap(({ view }) => lookupClientsIn(namespace, view, keys));
    return [...new Map(found.map((client) => [JSON.stringify(client), client])).values()];
  }
}

function union(lists: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(lists.flat())].toSorted();
}
