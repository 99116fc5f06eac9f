/** The rules of one host that a step of the lookup finds. Source: pilot/pkg/model/push_context.go (destinationRule). */
import { matchesLabels } from "../../kubernetes/selectors.ts";
import { compareAge } from "./age.ts";
import { mergeRules } from "./merge.ts";
import type { MergedRule } from "./merge.ts";
import type { LookupMesh } from "./mesh.ts";
import { isExportedTo } from "./path.ts";
import type { LookupQuery } from "./query.ts";
import type { LookupRule } from "./rule.ts";

/** Where a step looks. */
export interface LookupPlace {
  readonly step: "client" | "service" | "root";
  readonly namespace: string;
}

export interface Found {
  /** The most specific host of the step's table; what is exported to whom counts only afterwards. */
  readonly host: string;
  readonly entries: readonly MergedRule[];
  /** Those of the entries that the client may use. */
  readonly usable: readonly MergedRule[];
}

/** Whether the rule is in the table that this step reads. */
export function isInTable(rule: LookupRule, { step, namespace }: LookupPlace, mesh: LookupMesh): boolean {
  if (!mesh.reads(namespace, rule.revision)) return false;
  if (step !== "client") return !rule.isPrivate;
  // Or the mesh-wide rules of the root namespace would hide those of all services from its gateways.
  return namespace === mesh.settings.rootNamespace ? rule.isPrivate : rule.isOwn;
}

/** The rules of one resolved host. */
export interface HostRules {
  readonly host: string;
  readonly rules: readonly LookupRule[];
}

/** All rules of the place whose hosts cover the one asked for, the most specific host first. */
export function rulesCovering(
  { namespace }: LookupPlace,
  { host }: LookupQuery,
  mesh: LookupMesh,
): readonly HostRules[] {
  const hosts = mesh.hostsCovering(namespace, host);
  return hosts.map((one) => ({ host: one, rules: mesh.destinationRules(namespace, one) }));
}

export function findAmong(
  covering: readonly HostRules[],
  place: LookupPlace,
  query: LookupQuery,
  mesh: LookupMesh,
): Found | undefined {
  const { era, rootNamespace } = mesh.settings;
  const tables = covering
    .map(({ host, rules }) => ({ host, rules: rules.filter((rule) => isInTable(rule, place, mesh)) }))
    .filter(({ rules }) => rules.length > 0);
  const isRootPrivate = place.step === "client" && place.namespace === rootNamespace;
  const [first] = isRootPrivate && !era.sortsRootPrivate ? oldestFirst(tables, query) : tables;
  if (!first) return undefined;
  const entries = mergeRules(first.rules, era);
  const isUsable = (entry: MergedRule) =>
    place.step === "client" || isExportedTo(entry, query.clientNamespace);
  return { host: first.host, entries, usable: entries.filter(isUsable) };
}

/** Up to 1.11 the oldest of the root namespace's private wildcards won. The same host still came first. */
function oldestFirst(tables: readonly HostRules[], query: LookupQuery): readonly HostRules[] {
  const aged = tables.flatMap((table) => {
    const [oldest] = table.rules.toSorted(compareAge);
    return oldest ? [{ table, oldest }] : [];
  });
  return aged
    .toSorted(
      (one, other) =>
        Number(other.table.host === query.host) - Number(one.table.host === query.host) ||
        compareAge(one.oldest, other.oldest),
    )
    .map(({ table }) => table);
}

/**
 * What a proxy takes of the list: the first entry that selects it, else the last without a selector. Clusters of waypoints
 * know no selectors.
 */
export function chooseEntry(
  entries: readonly MergedRule[],
  { clientLabels, proxy }: LookupQuery,
): MergedRule | undefined {
  const selecting = entries.find(
    ({ selector }) => proxy !== "waypoint" && selector !== undefined && matchesLabels(selector, clientLabels),
  );
  return selecting ?? entries.findLast(({ selector }) => selector === undefined);
}
