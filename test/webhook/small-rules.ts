/** Rules that are small enough to foresee every word of an answer. */
import { readObject } from "../../src/kubernetes/objects.ts";
import type { AnyFinding, AnyRule, ReviewOf } from "../../src/rules/rule.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";

type Given = Pick<AnyRule, "action" | "check" | "id" | "kinds" | "messages"> & Partial<AnyRule>;

export function smallRule(given: Given): AnyRule {
  const texts = { title: "A title", symptoms: [], why: "Because.", remedy: `Repair ${given.id}.`, notes: [] };
  return {
    ...texts,
    zh: texts,
    sources: [],
    example: { bad: "", good: "" },
    operations: ["CREATE", "UPDATE", "DELETE"],
    reads: [],
    gates: [],
    options: {},
    ...given,
  };
}

/** Warns, unless there is a label. On DELETE it looks at what is deleted. */
const serviceIsOwned = smallRule({
  id: "service-is-owned",
  action: "Warn",
  kinds: ["Service"],
  messages: { unowned: "{{operation}} of {{namespace}}/{{name}}, which nobody owns" },
  *check(review) {
    const { namespace, name, operation } = review;
    const { metadata } = readObject("Service", objectOf(review));
    if (metadata?.labels?.["owner"] !== undefined) return;
    const data = { namespace, name, operation };
    yield { message: "unowned", field: ["metadata", "labels", "owner"], data };
  },
});

/** Denies a host that is missing, warns of every namespace in exportTo. */
const ruleHasHost = smallRule({
  id: "rule-has-host",
  action: "Deny",
  kinds: ["DestinationRule"],
  operations: ["CREATE", "UPDATE"],
  messages: {
    missing: "{{name}} has no host",
    exported: { text: "Exported to {{namespace}}", action: "Warn", remedy: "Keep it at home." },
  },
  *check(review) {
    const { spec } = readObject("DestinationRule", objectOf(review));
    for (const [index, namespace] of (spec?.exportTo ?? []).entries())
      yield { message: "exported", field: ["spec", "exportTo", index], data: { namespace } };
    if (!spec?.host) yield { message: "missing", field: ["spec", "host"], data: { name: review.name } };
  },
});

/** Repairs Pods. */
const podIsGreeted = smallRule({
  id: "pod-is-greeted",
  action: "Fix",
  kinds: ["Pod"],
  operations: ["CREATE"],
  messages: { lonely: "Nobody greets {{name}}" },
  *check(review) {
    const { metadata } = readObject("Pod", objectOf(review));
    if (metadata?.annotations?.["example.org/hello"] !== undefined) return;
    const field = ["metadata", "annotations", "example.org/hello"];
    yield { message: "lonely", field, data: { name: review.name }, fix: [{ path: field, value: "world" }] };
  },
});

/** Finds the same every millisecond. */
const entryIsEndless = smallRule({
  id: "entry-is-endless",
  action: "Deny",
  kinds: ["ServiceEntry"],
  messages: { again: "Found again" },
  *check(): Iterable<AnyFinding> {
    for (let next = performance.now(); ;) {
      if (performance.now() < next) continue;
      next += 1;
      yield { message: "again", field: ["spec"] };
    }
  },
});

/** A bug. */
const workloadThrows = smallRule({
  id: "workload-throws",
  action: "Deny",
  kinds: ["Service", "WorkloadEntry"],
  messages: { never: "never" },
  check({ name }) {
    if (name === "unlucky") throw new Error("out of luck");
    return [];
  },
});

/** Writes what it reads into its findings, and asks the cluster. */
const configMapIsAlone = smallRule({
  id: "config-map-is-alone",
  action: "Audit",
  kinds: ["ConfigMap"],
  reads: ["ConfigMap"],
  messages: { company: "{{count}} more in {{namespace}}" },
  *check({ namespace }, cluster) {
    const count = cluster.list("ConfigMap", namespace).length;
    if (count > 0) yield { message: "company", field: [], data: { count, namespace } };
  },
});

export const SMALL_RULES: readonly AnyRule[] = [
  configMapIsAlone,
  entryIsEndless,
  podIsGreeted,
  ruleHasHost,
  serviceIsOwned,
  workloadThrows,
];

function objectOf(review: ReviewOf<Kind>): unknown {
  return review.operation === "DELETE" ? review.oldObject : review.object;
}
