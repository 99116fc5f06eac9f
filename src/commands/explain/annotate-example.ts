/** What a rule says about its own bad example, for its page. */
import { parseManifests } from "../../cluster/files/manifests.ts";
import type { Manifest } from "../../cluster/files/manifests.ts";
import { Store } from "../../cluster/store.ts";
import { createView } from "../../cluster/view.ts";
import { evaluate } from "../../engine/evaluate.ts";
import type { ReviewRequest } from "../../engine/verdict.ts";
import { KIND_FACTS } from "../../kubernetes/objects.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import type { Annotation } from "../../report/rule-page.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../../rules/policy.ts";
import type { AnyRule, Operation } from "../../rules/rule.ts";

/** Of the first object only: the rest of an example is the cluster around it. */
export function annotateExample(rule: AnyRule): Annotation[] {
  const [subject, ...others] = parseManifests("example", rule.example.bad, true).manifests;
  if (subject?.kind === undefined) return [];
  const store = new Store(DEFAULT_MESH_SETTINGS.clusterDomain);
  for (const { kind, object } of others) if (kind !== undefined) store.put(kind, object);
  const planes = rule.example.isSplit ? ({ meshPlane: "known" } as const) : {};
  const request = requestFor(rule, subject, subject.kind, others);
  const { verdicts } = evaluate(request, {
    moment: "check",
    rules: [rule],
    cluster: createView({ store, settings: DEFAULT_MESH_SETTINGS, isComplete: true, ...planes }, request),
    policy: DEFAULT_POLICY,
    today: "",
    expired: () => false,
  });
  const texts = new Map(
    verdicts.map(({ field, message: text }) => {
      const { line } = subject.position(field);
      return [`${line} ${text}`, { line, text }];
    }),
  );
  return [...texts.values()].toSorted((one, other) => one.line - other.line);
}

/** An example is of what the rule looks at first: that something is made, deleted, or changed from what the cluster holds. */
export function exampleOperation({ operations }: AnyRule): Operation {
  if (operations.includes("CREATE")) return "CREATE";
  return operations.includes("DELETE") ? "DELETE" : "UPDATE";
}

function requestFor(
  rule: AnyRule,
  subject: Manifest,
  kind: Kind,
  others: readonly Manifest[],
): ReviewRequest {
  const { name, object } = subject;
  const { subresource } = rule;
  const operation = exampleOperation(rule);
  const namespace = KIND_FACTS[kind].namespaced ? (subject.namespace ?? "default") : "";
  const before = others.find((other) => other.kind === kind && other.name === name);
  return {
    operation,
    kind,
    ...(subresource === undefined ? {} : { subresource }),
    namespace,
    name,
    object: operation === "DELETE" ? undefined : object,
    oldObject: { CREATE: undefined, DELETE: object, UPDATE: before?.object }[operation],
  };
}
