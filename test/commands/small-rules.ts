/** Rules that are small enough to foresee every word of a report. */
import { defineRule } from "../../src/rules/rule.ts";
import type { AnyRule } from "../../src/rules/rule.ts";

const zh = { title: "标题", symptoms: ["症状"], why: "原因。", remedy: "办法。", notes: [] };

/** Warns, on a field that may be missing. */
export const serviceHasOwner = defineRule({
  id: "service-has-owner",
  title: "A Service says who owns it",
  symptoms: ["nobody answers the pager"],
  why: "Without an owner nobody is called.",
  remedy: "Set the label owner.",
  notes: ["Applies to every version."],
  zh: { ...zh, symptoms: ["无人响应告警"] },
  sources: ["The pager's manual, https://example.org/pager", "A talk at a conference"],
  example: {
    bad: "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n",
    good: "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  labels: { owner: shop }\n",
  },
  action: "Warn",
  kinds: ["Service"],
  operations: ["CREATE", "UPDATE"],
  reads: [],
  gates: ["tcpProbesRewritten"],
  options: {
    label: { default: "owner", about: "the label that names the owner" },
    style: { default: "strict", values: ["strict", "lax"], about: "how the label is compared" },
  },
  messages: {
    missing: "Service {{name}} has no owner",
    guessed: { text: "The owner of {{name}} is a guess", action: "Audit", remedy: "Ask {{team}}." },
  },
  *check({ object, name }, _cluster, { label }) {
    const owner = object.metadata?.labels?.[label];
    if (owner === undefined)
      yield { message: "missing", field: ["metadata", "labels", label], data: { name } };
    else if (owner.endsWith("?")) {
      yield { message: "guessed", field: ["metadata", "labels", label], data: { name, team: owner } };
    }
  },
});

/** Repairs Pods, twice, and speaks of their templates. */
export const podIsGreeted = defineRule({
  id: "pod-is-greeted",
  title: "A Pod is greeted",
  symptoms: ["Pods are lonely"],
  why: "Nobody said hello.",
  remedy: "Set the annotation hello.",
  notes: [],
  zh,
  sources: [],
  example: {
    bad: "apiVersion: v1\nkind: Pod\nmetadata: { name: web }\n",
    good: "apiVersion: v1\nkind: Pod\nmetadata: { name: web, annotations: { hello: world } }\n",
  },
  action: "Fix",
  kinds: ["Pod", "Deployment"],
  operations: ["CREATE"],
  reads: [],
  gates: [],
  options: {},
  messages: { lonely: "Nobody greets {{name}}" },
  *check({ kind, object, name }) {
    if (object.metadata?.annotations?.["hello"] !== undefined) return;
    const path = kind === "Pod" ? [] : ["spec", "template"];
    const field = [...path, "metadata", "annotations"];
    const fix = [{ path: [...field, "hello"], value: "world" }];
    yield { message: "lonely", field, data: { name }, fix };
    yield { message: "lonely", field: ["metadata", "name"], data: { name }, fix };
  },
});

/** Denies, and sees the other objects. */
export const configMapIsAlone = defineRule({
  id: "config-map-is-alone",
  title: "A ConfigMap is alone in its namespace",
  symptoms: ["503 after a rollout"],
  why: "Two ConfigMaps quarrel.",
  remedy: "Merge them.",
  notes: [],
  zh,
  sources: [],
  example: {
    bad: "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: b }\n",
    good: "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n",
  },
  action: "Deny",
  kinds: ["ConfigMap"],
  operations: ["CREATE"],
  reads: ["ConfigMap"],
  gates: [],
  options: {},
  messages: { company: "{{count}} more in {{namespace}}" },
  *check({ namespace }, cluster) {
    const count = cluster.list("ConfigMap", namespace).length;
    if (count > 0) yield { message: "company", field: ["metadata", "name"], data: { count, namespace } };
  },
});

/** A bug. */
export const namespaceThrows = defineRule({
  id: "namespace-throws",
  title: "A rule with a bug",
  symptoms: [],
  why: "It has a bug.",
  remedy: "Repair it.",
  notes: [],
  zh,
  sources: [],
  example: { bad: "", good: "" },
  action: "Deny",
  kinds: ["Namespace"],
  operations: ["CREATE"],
  reads: [],
  gates: [],
  options: {},
  messages: { never: "never" },
  check() {
    throw new Error("out of luck");
  },
});

export const SMALL_RULES: readonly AnyRule[] = [configMapIsAlone, podIsGreeted, serviceHasOwner];
