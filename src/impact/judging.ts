/** Which rules can speak otherwise after a change. */
import type { RuleFailure } from "../engine/verdict.ts";
import { sameJson } from "../kubernetes/json-patch.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { isPodKind } from "../kubernetes/pod-template.ts";
import { MESH_READS } from "../rules/cluster-view.ts";
import type { Policy } from "../rules/policy.ts";
import type { AnyRule } from "../rules/rule.ts";
import type { ChangedObject } from "./change.ts";
import type { Moments } from "./touched.ts";

/** By what rules are judged. */
export interface Judging {
  readonly rules: readonly AnyRule[];
  readonly policy: Policy;
  /** `YYYY-MM-DD`, UTC. */
  readonly today: string;
  /** Rules that threw: bugs. */
  readonly onFailures: (failures: readonly RuleFailure[]) => void;
}

/** Of objects that are not changed themselves: every rule is off that cannot see any of the changes. */
export function judgingOfOthers(
  judging: Judging,
  changed: readonly ChangedObject[],
  moments: Moments,
): Judging {
  const { rules, policy } = judging;
  const kinds = new Set<Kind>(
    changed.flatMap(({ manifest: { kind } }) => (kind && isPodKind(kind) ? "Pod" : (kind ?? []))),
  );
  // Labels of Namespaces decide about exemptions from every rule.
  const isForAll = kinds.has("Namespace") || isMeshChanged(changed, moments);
  const off = rules
    .filter(({ reads }) => !isForAll && !reads.some((kind) => kinds.has(kind)))
    .map(({ id }) => [id, { action: "Off", options: {} }] as const);
  return { ...judging, policy: { ...policy, rules: new Map([...policy.rules, ...off]) } };
}

/** Its settings, its injectors, its versions: they count for every rule and every object. */
export function isMeshChanged(changed: readonly ChangedObject[], { before, after }: Moments): boolean {
  const kinds: readonly Kind[] = MESH_READS;
  return (
    changed.some(({ manifest: { kind } }) => kind !== undefined && kinds.includes(kind)) ||
    !sameJson(before.view.versions, after.view.versions)
  );
}

/** Whether any rule that is on looks at objects of this kind. */
export function isJudged(kind: Kind, { rules, policy }: Judging): boolean {
  return rules.some(
    ({ id, kinds, action }) => kinds.includes(kind) && (policy.rules.get(id)?.action ?? action) !== "Off",
  );
}
