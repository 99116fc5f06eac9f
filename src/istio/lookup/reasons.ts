/** Why each rule that could have applied does or does not, in one line for people. */
import type { Labels } from "../../kubernetes/objects.ts";
import { matchesLabels } from "../../kubernetes/selectors.ts";
import { compareAge } from "./age.ts";
import type { MergedRule } from "./merge.ts";
import type { LookupMesh } from "./mesh.ts";
import { isExportedTo } from "./path.ts";
import type { LookupQuery } from "./query.ts";
import type { LookupRule } from "./rule.ts";
import { isInTable } from "./tables.ts";
import type { Found, HostRules, LookupPlace } from "./tables.ts";

export interface Candidate {
  readonly rule: LookupRule;
  readonly isApplied: boolean;
  readonly reason: string;
}

/** What a step of the lookup came to. */
export interface StepResult {
  readonly place: LookupPlace;
  readonly covering: readonly HostRules[];
  readonly found: Found | undefined;
  readonly chosen: MergedRule | undefined;
  /** Why Istio did not look here at all. */
  readonly skippedBecause: string | undefined;
}

/** Every rule of the step's namespace whose host covers the one asked for: by host, then from the oldest. */
export function candidatesOf(result: StepResult, query: LookupQuery, mesh: LookupMesh): readonly Candidate[] {
  const { covering, chosen, skippedBecause } = result;
  if (covering.length === 0) return [];
  const applied = new Set(skippedBecause === undefined ? chosen?.from : []);
  const entryOf = entriesByRule(result.found?.entries ?? []);
  return covering.flatMap(({ rules }) =>
    (rules.length < 2 ? rules : rules.toSorted(compareAge)).map((rule) => {
      if (chosen && applied.has(rule)) {
        return { rule, isApplied: true, reason: reasonForApplied(rule, chosen) };
      }
      const entry = entryOf.get(rule);
      return { rule, isApplied: false, reason: reasonFor(rule, entry, result, query, mesh) };
    }),
  );
}

/** The entry that a rule has become, else the first that has absorbed it. */
function entriesByRule(entries: readonly MergedRule[]): ReadonlyMap<LookupRule, MergedRule> {
  const byRule = new Map<LookupRule, MergedRule>();
  for (const entry of entries) {
    for (const rule of entry.from) if (rule === entry.from[0] || !byRule.has(rule)) byRule.set(rule, entry);
  }
  return byRule;
}

function reasonFor(
  rule: LookupRule,
  entry: MergedRule | undefined,
  result: StepResult,
  query: LookupQuery,
  mesh: LookupMesh,
): string {
  const { place, found, skippedBecause } = result;
  if (skippedBecause !== undefined) return skippedBecause;
  if (!isInTable(rule, place, mesh)) return reasonForTable(rule, place, mesh);
  if (!found) return "not found";
  return entry ? reasonAmong(rule, entry, result, query) : reasonForHost(rule, found);
}

/** More names tell nobody more. */
const MAX_NAMES = 5;

function reasonForApplied(rule: LookupRule, { from }: MergedRule): string {
  const [first] = from;
  if (first && rule !== first) return `merged into ${nameOf(first)} (same host)`;
  if (from.length === 1) return "applied";
  const others = from.slice(1, 1 + MAX_NAMES);
  const names = others.map(nameOf).join(", ");
  const more = from.length > 1 + MAX_NAMES ? ` and ${from.length - 1 - MAX_NAMES} more` : "";
  return `applied, with ${names}${more} merged into it`;
}

function reasonForTable(rule: LookupRule, { step, namespace }: LookupPlace, mesh: LookupMesh): string {
  if (!mesh.reads(namespace, undefined)) return `discoverySelectors leave out the namespace ${namespace}`;
  if (!mesh.reads(namespace, rule.revision))
    return `it is for revision ${rule.revision} (label istio.io/rev)`;
  if (step !== "client") return `private to ${namespace} (${privateBecause(rule)})`;
  if (rule.isOwn) return "not private: proxies of the root namespace find it in the last step only";
  return `exported to ${listOf(rule.exportTo)} only, not to its own namespace`;
}

function privateBecause({ selector, exportTo }: LookupRule): string {
  if (selector !== undefined) return "it has a workloadSelector";
  return exportTo.length === 0 ? "the mesh's default exportTo" : `exportTo ${listOf(exportTo)}`;
}

function reasonForHost({ host }: LookupRule, { host: narrower, entries, usable }: Found): string {
  const first = entries[0]?.from[0];
  const winner = first ? `${narrower} of ${nameOf(first)}` : narrower;
  const hidden = usable.length === 0 ? ", which hides it though it is exported elsewhere" : "";
  return `the host ${host} is wider than ${winner}${hidden}`;
}

/** Among rules of the same host. */
function reasonAmong(rule: LookupRule, entry: MergedRule, result: StepResult, query: LookupQuery): string {
  const [head] = entry.from;
  const because = reasonForEntry(entry, result, query);
  if (!head || head === rule) return because;
  const absorbed = `absorbed by ${nameOf(head)} (same host)`;
  return entry.selector === undefined ? `${absorbed}: ${because}` : `swallowed: ${absorbed}: its ${because}`;
}

function reasonForEntry(
  entry: MergedRule,
  { place, chosen }: StepResult,
  { clientLabels, proxy, clientNamespace }: LookupQuery,
): string {
  const { selector, exportTo } = entry;
  if (place.step !== "client" && !isExportedTo(entry, clientNamespace)) {
    return `exported to ${listOf(exportTo)} only`;
  }
  if (selector !== undefined && proxy === "waypoint") return "workloadSelector does not count for waypoints";
  if (selector !== undefined && !matchesLabels(selector, clientLabels)) {
    return `selector ${labelsOf(selector)} does not match the client`;
  }
  const [winner] = chosen?.from ?? [];
  if (!winner) return "not found";
  if (selector !== undefined) return `${nameOf(winner)}, whose selector matches as well, comes first`;
  return chosen?.selector === undefined
    ? `${nameOf(winner)}, of the same host with another exportTo, is younger and wins whole`
    : `the selector of ${nameOf(winner)} matches the client`;
}

function nameOf({ namespace, name }: LookupRule): string {
  return `${namespace}/${name}`;
}

function listOf(exportTo: readonly string[]): string {
  return exportTo.join(", ");
}

function labelsOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? "{}" : pairs.join(",");
}
