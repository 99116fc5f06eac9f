/** Who gets another DestinationRule than before. */
import { lookupClientsIn, knownNamespaces, selectorKeysIn } from "../cluster/lookup-clients.ts";
import type { LookupClient } from "../cluster/lookup-clients.ts";
import { ClientClasses } from "../istio/lookup/client-classes.ts";
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
export function lookupChanges(touched: TouchedHosts, moments: Moments): readonly LookupChange[] {
  const clients = new Clients([moments.before, moments.after]);
  return [...touched]
    .toSorted(([one], [other]) => compareText(one, other))
    .flatMap(([host, namespaces]) =>
      [...changesOf(host, namespaces, clients, moments)].toSorted(
        (one, other) =>
          compareText(one.query.clientNamespace, other.query.clientNamespace) ||
          compareText(clientKey(one.query), clientKey(other.query)),
      ),
    );
}

function* changesOf(
  host: string,
  namespaces: ReadonlySet<string>,
  clients: Clients,
  { before, after }: Moments,
): Iterable<LookupChange> {
  if (!namespaces.has(EVERY_NAMESPACE)) {
    for (const client of clients.in(namespaces)) {
      const change = compare({ ...client, host }, before, after);
      if (change) yield change;
    }
    return;
  }
  // Most clients of a host get the same answer.
  for (const alike of clients.classes().forHost(host, [before.view.lookup, after.view.lookup])) {
    const change = compare(alike.query, before, after);
    if (!change) continue;
    for (const clientNamespace of alike.namespaces()) {
      yield { ...change, query: { ...alike.query, clientNamespace } };
    }
  }
}

function clientKey({ proxy, clientLabels }: LookupQuery): string {
  return `${proxy} ${JSON.stringify(clientLabels)}`;
}

function compareText(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
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
  #classes: ClientClasses | undefined;

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

  in(namespaces: Iterable<string>): readonly LookupClient[] {
    return [...namespaces].flatMap((namespace) => this.#in(namespace));
  }

  /** Of all. */
  classes(): ClientClasses {
    this.#classes ??= new ClientClasses(
      this.in(this.#namespaces).map(({ clientNamespace, clientLabels, proxy }) => ({
        namespace: clientNamespace,
        labels: clientLabels,
        proxy,
      })),
      this.#moments.map(({ view }) => view.lookup),
    );
    return this.#classes;
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
