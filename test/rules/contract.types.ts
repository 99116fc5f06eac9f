/**
 * What the compiler refuses in a rule. Each line below a `@ts-expect-error` is a mistake; once the compiler lets one pass,
 * `tsc -p .` fails here.
 */
import { defineRule } from "../../src/rules/rule.ts";
import type { Finding } from "../../src/rules/rule.ts";

const TEXTS = { title: "", symptoms: [], why: "", remedy: "", notes: [] };
const BASE = {
  ...TEXTS,
  id: "rule",
  zh: TEXTS,
  sources: [],
  example: { bad: "", good: "" },
  action: "Warn",
  gates: [],
  options: {},
} as const;

/** Everything that a rule may do, none of it a mistake. */
export const CORRECT = defineRule({
  ...BASE,
  kinds: ["Pod", "Service"],
  operations: ["CREATE", "UPDATE", "DELETE"],
  reads: ["Namespace", "Service"],
  gates: ["exitOnZero"],
  options: {
    outbound: { default: false, about: "" },
    exclude: { default: "all", values: ["all", "none"], about: "" },
    ignored: { default: ["a"], about: "" },
  },
  messages: {
    plain: "Nothing to fill in",
    marked: "{{one}} and {{two}}",
    whole: { text: "{{one}}", remedy: "Not {{two}} but {{one}}", action: "Audit", atMutation: true },
  },
  *check(review, cluster, { outbound, exclude, ignored }) {
    if (review.operation === "DELETE") return;
    if (review.kind === "Service" && review.object.spec?.externalName === "") return;
    if (outbound && exclude === "all" && ignored.includes(review.name)) return;
    const selecting = cluster.services.selecting(review.namespace, {});
    if (cluster.get("Namespace", "", review.namespace) || selecting.length > 0) {
      yield { message: "plain", field: [] };
      yield { message: "marked", field: ["spec", "ports", 0], data: { one: 1, two: "2" } };
    }
    const names = { names: [], noun: "namespace" };
    const fix = [{ path: ["metadata", "labels", "a"], value: "b" }];
    yield { message: "whole", field: ["metadata"], data: { one: names, two: "" }, fix };
  },
});

const SERVICE = {
  ...BASE,
  kinds: ["Service"],
  operations: ["CREATE", "UPDATE"],
  reads: ["Service"],
} as const;

const MESSAGES = {
  closed: "Port {{port}} of {{name}} is closed",
  plain: "No marks",
  cured: { text: "", remedy: "{{cure}}" },
} as const;
const found = (finding: Finding<typeof MESSAGES>) => finding;

found({ message: "closed", field: ["spec"], data: { port: 80, name: "web" } });
// @ts-expect-error a mark has no value
found({ message: "closed", field: [], data: { port: 80 } });
// @ts-expect-error no mark has a value
found({ message: "closed", field: [] });
// @ts-expect-error a mark is misspelt
found({ message: "closed", field: [], data: { port: 80, nmae: "web" } });
// @ts-expect-error a value has no mark
found({ message: "closed", field: [], data: { port: 80, name: "web", host: "web" } });
// @ts-expect-error a value is none that can be printed
found({ message: "closed", field: [], data: { port: 80, name: undefined } });
// @ts-expect-error a message without marks takes no values
found({ message: "plain", field: [], data: { port: 80 } });
// @ts-expect-error a mark of the remedy has no value
found({ message: "cured", field: [], data: {} });
// @ts-expect-error there is no such message
found({ message: "open", field: [] });
// @ts-expect-error a finding is about a field
found({ message: "plain" });
// @ts-expect-error a fix is a list of changes, not a patch
found({ message: "plain", field: [], fix: [{ op: "add", path: "/metadata/labels", value: {} }] });
// @ts-expect-error a change holds JSON
found({ message: "plain", field: [], fix: [{ path: ["metadata"], value: undefined }] });
found({ message: "plain", field: [], fix: [{ path: ["metadata"], isRemoved: true }] });
// @ts-expect-error a change sets or removes
found({ message: "plain", field: [], fix: [{ path: ["metadata"], value: 1, isRemoved: true }] });

defineRule({
  ...SERVICE,
  messages: MESSAGES,
  // @ts-expect-error a mark of a finding has no value
  *check() {
    yield { message: "closed", field: [], data: { port: 80 } };
  },
});

defineRule({
  ...SERVICE,
  messages: MESSAGES,
  // @ts-expect-error a finding has a message that the rule has not
  *check() {
    yield { message: "open", field: [] };
  },
});

defineRule({
  ...SERVICE,
  messages: {},
  check({ object, namespace, name }, cluster) {
    cluster.get("Service", namespace, name);
    // @ts-expect-error the kind is not in reads
    cluster.get("Pod", namespace, name);
    // @ts-expect-error the kind is not in reads
    cluster.list("Namespace", namespace);
    cluster.services.selecting(namespace, {});
    // @ts-expect-error the question is answered from Pods, which are not in reads
    cluster.pods.selectedBy(namespace, {});
    // @ts-expect-error the question is answered from ServiceEntries, too
    cluster.hosts.named(name);
    // @ts-expect-error objects are not written to
    object.spec = {};
    // @ts-expect-error nor are their lists
    object.spec?.ports?.push({});
    // @ts-expect-error a field that no rule reads
    void object.spec?.sessionAffinity;
    return [];
  },
});

defineRule({
  ...SERVICE,
  kinds: ["Pod", "Service"],
  messages: {},
  check({ kind, object }) {
    // @ts-expect-error it may be a Pod
    void object.spec?.ports;
    // @ts-expect-error the rule is not asked about this kind
    if (kind === "Namespace") return [];
    return [];
  },
});

defineRule({
  ...SERVICE,
  operations: ["DELETE"],
  reads: [],
  messages: {},
  check(review, cluster) {
    void review.oldObject;
    // @ts-expect-error what is deleted is the old object
    void review.object;
    // @ts-expect-error nothing is read
    cluster.get("Service", "", "");
    return [];
  },
});

defineRule({
  ...SERVICE,
  operations: ["CREATE"],
  messages: {},
  // @ts-expect-error what is created was not there before
  check: ({ oldObject }) => [oldObject],
});

defineRule({
  ...SERVICE,
  options: {
    limit: { default: "3", about: "" },
    mode: { default: "a", values: ["a", "b"], about: "" },
    isOn: { default: true, about: "" },
  },
  messages: {},
  check(_review, _cluster, options) {
    // @ts-expect-error the option is a text
    const limit: number = options.limit;
    // @ts-expect-error the option has no such value
    if (options.mode === "c") return [];
    // @ts-expect-error the option is true or false
    const { isOn }: { isOn: string } = options;
    // @ts-expect-error there is no such option
    void options.missing;
    void [limit, isOn];
    return [];
  },
});

defineRule({
  ...SERVICE,
  // @ts-expect-error there is no such action
  action: "Refuse",
  // @ts-expect-error there is no such kind
  kinds: ["Services"],
  // @ts-expect-error there is no such operation
  operations: ["PATCH"],
  // @ts-expect-error there is no such gate
  gates: ["always"],
  // @ts-expect-error an option is a truth value, a text or a list of texts
  options: { limit: { default: 3, about: "" } },
  // @ts-expect-error a message can cause no Fix: that is for the rule to say
  messages: { loud: { text: "", action: "Fix" } },
  check: () => [],
});

/** About a subresource, none of it a mistake. */
export const CORRECT_SUBRESOURCE = defineRule({
  ...BASE,
  kinds: ["Namespace"],
  subresource: "finalize",
  operations: ["UPDATE"],
  reads: [],
  messages: {},
  check: ({ object, oldObject }) => (object.metadata === oldObject.metadata ? [] : []),
});

// @ts-expect-error Services have no such subresource
defineRule({ ...SERVICE, subresource: "finalize", messages: {}, check: () => [] });
defineRule({
  ...SERVICE,
  kinds: ["Namespace", "Pod"],
  // @ts-expect-error nor have all of these kinds
  subresource: "finalize",
  messages: {},
  check: () => [],
});
// @ts-expect-error there is no such subresource
defineRule({ ...SERVICE, kinds: ["Namespace"], subresource: "status", messages: {}, check: () => [] });

// @ts-expect-error a rule has texts in both languages
defineRule({ ...SERVICE, zh: undefined, messages: {}, check: () => [] });
