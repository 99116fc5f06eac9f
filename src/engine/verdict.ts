/** What goes into the engine and what comes out of it. */
import type { FieldPath } from "../kubernetes/field-path.ts";
import type { JsonObject } from "../kubernetes/json.ts";
import type { JsonPatch } from "../kubernetes/json-patch.ts";
import type { Kind } from "../kubernetes/objects.ts";
import type { ClusterView } from "../rules/cluster-view.ts";
import type { Policy } from "../rules/policy.ts";
import type { Action, AnyRule, Operation, Subresource } from "../rules/rule.ts";

/** One object on its way into the cluster, or out of it; objects as they came, unread. */
export interface ReviewRequest {
  readonly operation: Operation;
  readonly kind: Kind;
  /** Left out: the object itself. */
  readonly subresource?: Subresource;
  /** "" for cluster-scoped objects. */
  readonly namespace: string;
  /** `PREFIX*` of an object with generateName. */
  readonly name: string;
  /** Undefined on DELETE. */
  readonly object: unknown;
  /** Undefined on CREATE. */
  readonly oldObject: unknown;
  /** Who asks the API server; left out where nobody does. For the engine: rules judge objects, not people. */
  readonly username?: string;
}

/** Who asks: the two webhooks, or a command that reads files or a cluster. */
export type Moment = "mutate" | "validate" | "check";

export interface Circumstances {
  readonly moment: Moment;
  readonly rules: readonly AnyRule[];
  /** The cluster without the object under review. */
  readonly cluster: ClusterView<Kind>;
  readonly policy: Policy;
  /** `YYYY-MM-DD`, UTC. */
  readonly today: string;
  /** Asked between rules and between findings; true ends the review. */
  readonly expired: () => boolean;
  /** Told who asks the cluster from now on: a rule by its id, or the engine itself for all of them. */
  readonly onAsker?: (id: string) => void;
}

/** A finding in words, with the action that it takes here. */
export interface Verdict {
  readonly rule: string;
  readonly messageId: string;
  readonly action: Exclude<Action, "Off">;
  readonly message: string;
  readonly remedy: string;
  /** Where to read more: a URL or a command. */
  readonly docs: string;
  readonly field: FieldPath;
  /** Undefined if the finding has no fix, or the fix would change nothing. */
  readonly patch: JsonPatch | undefined;
  /** Objects for a person to look at and apply. */
  readonly suggestion?: readonly JsonObject[];
}

/** A rule that threw: a bug of ours, which costs this rule's findings and nothing else. */
export interface RuleFailure {
  readonly rule: string;
  readonly error: unknown;
}

export interface Outcome {
  /** Most severe first, then in the order in which they were found. */
  readonly verdicts: readonly Verdict[];
  /** What the mutating webhook answers; empty at every other moment. */
  readonly patch: JsonPatch;
  /** The object with that patch applied. */
  readonly patched: unknown;
  /** Rule ids whose findings an exemption silenced. */
  readonly exempted: readonly string[];
  readonly failures: readonly RuleFailure[];
  /** Time ran out before every rule had spoken. */
  readonly isExpired: boolean;
  /** Where a deletion is denied: what a person types to let it pass all the same. */
  readonly confirmCommand?: string;
}
