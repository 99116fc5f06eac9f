/** What rules may still say while one of the API servers is not known well enough. */
import { planeOfKind } from "../../istio/planes.ts";
import type { Policy, RulePolicy } from "../../rules/policy.ts";
import type { Action, AnyRule } from "../../rules/rule.ts";

export interface Knowledge {
  /** Whether refusals may rest on what is known of the cluster. */
  readonly isTrustworthy: boolean;
  /** Of the mesh's own API server; undefined if it has none. */
  readonly meshPlane: "stale" | "trustworthy" | "unknown" | undefined;
}

/** Rules that would say something wrong without the objects of the mesh's own API server. */
export function rulesThatNeedMesh(rules: readonly AnyRule[]): readonly AnyRule[] {
  return rules.filter(({ reads, goesOnWithout = [] }) =>
    reads.some((kind) => planeOfKind(kind) === "mesh" && !goesOnWithout.includes(kind)),
  );
}

/**
 * Nothing is refused on account of a cluster that is not known well enough. Of the rules that need the mesh's objects, none
 * refuses while these may be old, and none speaks while they are not known.
 */
export function policyInDoubt(policy: Policy, rules: readonly AnyRule[], knowledge: Knowledge): Policy {
  const { isTrustworthy, meshPlane } = knowledge;
  const weakened = isTrustworthy ? policy : { ...policy, denyIsWeakened: true };
  if (meshPlane === undefined || meshPlane === "trustworthy") return weakened;
  const changed = rulesThatNeedMesh(rules).flatMap(({ id, action, options }): [string, RulePolicy][] => {
    const current = policy.rules.get(id) ?? { action, options: defaultsOf(options) };
    const allowed = meshPlane === "unknown" ? "Off" : withoutDeny(current.action);
    return allowed === current.action ? [] : [[id, { ...current, action: allowed }]];
  });
  return { ...weakened, rules: new Map([...policy.rules, ...changed]) };
}

function withoutDeny(action: Action): Action {
  return action === "Deny" ? "Warn" : action;
}

function defaultsOf(options: AnyRule["options"]): RulePolicy["options"] {
  return Object.fromEntries(Object.entries(options).map(([name, option]) => [name, option.default]));
}
