/** Small rules, and a review of an object by them. */
import { createView } from "../../src/cluster/view.ts";
import { Store } from "../../src/cluster/store.ts";
import { evaluate } from "../../src/engine/evaluate.ts";
import type { Moment, Outcome, ReviewRequest, Verdict } from "../../src/engine/verdict.ts";
import { KIND_FACTS, readObject } from "../../src/kubernetes/objects.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../../src/rules/policy.ts";
import type { Policy } from "../../src/rules/policy.ts";
import type { Action, AnyFinding, AnyRule, Operation, Subresource } from "../../src/rules/rule.ts";

export const EXEMPT = "foresail.io/exempt";

/** A rule on every kind and operation, with the messages `bad`, and whatever else is given. */
export function rule(given: Pick<AnyRule, "check"> & Partial<AnyRule>): AnyRule {
  const texts = { title: "", symptoms: [], why: "", remedy: "Repair it.", notes: [] };
  return {
    ...texts,
    id: "rule",
    zh: texts,
    sources: [],
    example: { bad: "", good: "" },
    action: "Warn",
    kinds: ["ConfigMap", "DestinationRule", "Namespace", "Pod", "Deployment", "CronJob", "Service"],
    operations: ["CREATE", "UPDATE", "DELETE"],
    reads: [],
    gates: [],
    options: {},
    messages: { bad: "It is bad", good: { text: "It is no good", action: "Warn" } },
    ...given,
  };
}

export const BAD: AnyFinding = { message: "bad", field: ["spec"] };

/** As BAD, with a fix that is always new. */
export function repairable(...path: (string | number)[]): AnyFinding {
  return { ...BAD, fix: [{ path, value: "repaired" }] };
}

/** With these findings, whatever the object is. */
export function finds(...findings: readonly AnyFinding[]): Pick<AnyRule, "check"> {
  return { check: () => findings };
}

export interface Case {
  readonly kind: Kind;
  readonly operation?: Operation;
  readonly subresource?: Subresource;
  readonly moment?: Moment;
  readonly object?: unknown;
  readonly oldObject?: unknown;
  readonly namespace?: string;
  readonly username?: string;
  readonly rules: readonly AnyRule[];
  readonly policy?: Partial<Policy>;
  /** Action of the first rule. */
  readonly action?: Action;
  readonly today?: string;
  readonly namespaces?: readonly object[];
  readonly expired?: () => boolean;
}

export function review(given: Case): Outcome {
  const { kind, operation = "CREATE", moment = "validate", rules, namespaces = [] } = given;
  const store = new Store("cluster.local");
  for (const one of namespaces) store.put("Namespace", one);
  const { metadata = {} } = readObject("Namespace", given.object ?? given.oldObject);
  const namespace = KIND_FACTS[kind].namespaced ? (given.namespace ?? "shop") : "";
  const request: ReviewRequest = {
    operation,
    kind,
    ...(given.subresource === undefined ? {} : { subresource: given.subresource }),
    namespace,
    name: metadata.name ?? "web",
    object: operation === "DELETE" ? undefined : (given.object ?? {}),
    oldObject: operation === "CREATE" ? undefined : (given.oldObject ?? {}),
    ...(given.username === undefined ? {} : { username: given.username }),
  };
  const [first] = rules;
  const configured =
    first && given.action ? [[first.id, { action: given.action, options: {} }] as const] : [];
  return evaluate(request, {
    moment,
    rules,
    cluster: createView({ store, settings: DEFAULT_MESH_SETTINGS, isComplete: true }, request),
    policy: { ...DEFAULT_POLICY, rules: new Map(configured), ...given.policy },
    today: given.today ?? "2026-06-15",
    expired: given.expired ?? (() => false),
  });
}

/** What the findings do: `messageId=action`. */
export function spoken({ verdicts }: Pick<Outcome, "verdicts">): readonly string[] {
  return verdicts.map(({ messageId, action }) => `${messageId}=${action}`);
}

export function only({ verdicts }: Outcome): Verdict {
  const [verdict] = verdicts;
  if (verdict === undefined || verdicts.length > 1) throw new Error(`${verdicts.length} verdicts`);
  return verdict;
}
