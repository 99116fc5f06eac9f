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

export function findIn(place: LookupPlace, query: LookupQuery, mesh: LookupMesh): Found | undefined {
  const { step, namespace } = place;
  const { era, rootNamespace } = mesh.settings;
  const isRootPrivate = step === "client" && namespace === rootNamespace;
  const covering = mesh.hostsCovering(namespace, query.host);
  const hosts = isRootPrivate && !era.sortsRootPrivate ? oldestFirst(covering, place, query, mesh) : covering;
  for (const host of hosts) {
    const rules = mesh.destinationRules(namespace, host).filter((rule) => isInTable(rule, place, mesh));
    if (rules.length === 0) continue;
    const entries = mergeRules(rules, era);
    const usable =
      step === "client" ? entries : entries.filter((entry) => isExportedTo(entry, query.clientNamespace));
    return { host, entries, usable };
  }
  return undefined;
}

/** Up to 1.11 the oldest of the root namespace's private wildcards won. The same host still came first. */
function oldestFirst(
  hosts: readonly string[],
  place: LookupPlace,
  { host: exact }: LookupQuery,
  mesh: LookupMesh,
): readonly string[] {
  const oldestOf = (host: string) =>
    mesh
      .destinationRules(place.namespace, host)
      .filter((rule) => isInTable(rule, place, mesh))
      .toSorted(compareAge)
      .slice(0, 1);
  return hosts
    .filter((host) => host !== exact)
    .flatMap(oldestOf)
    .toSorted(compareAge)
    .map(({ host }) => host)
    .toSpliced(0, 0, ...hosts.filter((host) => host === exact));
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
