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
  const isApplied = (rule: LookupRule) =>
    result.skippedBecause === undefined && (result.chosen?.from.includes(rule) ?? false);
  return result.covering.flatMap(({ rules }) =>
    (rules.length < 2 ? rules : rules.toSorted(compareAge)).map((rule) => ({
      rule,
      isApplied: isApplied(rule),
      reason: reasonFor(rule, result, query, mesh),
    })),
  );
}

function reasonFor(rule: LookupRule, result: StepResult, query: LookupQuery, mesh: LookupMesh): string {
  const { place, found, chosen, skippedBecause } = result;
  if (skippedBecause !== undefined) return skippedBecause;
  if (chosen?.from.includes(rule)) return reasonForApplied(rule, chosen);
  if (!isInTable(rule, place, mesh)) return reasonForTable(rule, place, mesh);
  if (!found) return "not found";
  if (rule.host !== found.host) return reasonForHost(rule, found);
  return reasonAmong(rule, { ...found, chosen }, query);
}

function reasonForApplied(rule: LookupRule, { from: [first, ...others] }: MergedRule): string {
  if (rule !== first) return first ? `merged into ${nameOf(first)} (same host)` : "merged";
  return others.length === 0 ? "applied" : `applied, with ${others.map(nameOf).join(", ")} merged into it`;
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

function reasonForHost({ host }: LookupRule, found: Found): string {
  const [first] = found.entries.flatMap(({ from }) => from);
  const isLost = found.usable.length === 0;
  const winner = `${found.host}${first ? ` of ${nameOf(first)}` : ""}`;
  return isLost
    ? `the host ${host} is wider than ${winner}, which hides it though it is exported elsewhere`
    : `the host ${host} is wider than ${winner}`;
}

/** Among rules of the same host. */
function reasonAmong(
  rule: LookupRule,
  found: Found & Pick<StepResult, "chosen">,
  query: LookupQuery,
): string {
  const entry = found.entries.find(({ from }) => from[0] === rule);
  if (entry) return reasonForEntry(entry, found, query);
  const absorber = found.entries.find(({ from }) => from.includes(rule));
  const [into] = absorber?.from ?? [];
  if (!absorber || !into) return "not found";
  const absorbed = `absorbed by ${nameOf(into)} (same host)`;
  const because = reasonForEntry(absorber, found, query);
  return absorber.selector === undefined
    ? `${absorbed}: ${because}`
    : `swallowed: ${absorbed}: its ${because}`;
}

function reasonForEntry(
  entry: MergedRule,
  { usable, chosen }: Found & Pick<StepResult, "chosen">,
  { clientLabels, proxy, clientNamespace }: LookupQuery,
): string {
  const { selector, exportTo } = entry;
  if (!usable.includes(entry) && !isExportedTo(entry, clientNamespace)) {
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
