import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Moment } from "../../src/engine/verdict.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import type { Exemption, Policy } from "../../src/rules/policy.ts";
import { BAD, EXEMPT, finds, repairable, review, rule } from "./under-test.ts";

const RULES = [
  rule({ ...finds(BAD), id: "rule-a" }),
  rule({ ...finds(BAD, BAD), id: "rule-b" }),
  rule({ ...finds(BAD), id: "rule-c", kinds: ["ConfigMap"] }),
];

interface Given {
  readonly annotation?: string;
  readonly template?: string;
  readonly kind?: Kind;
  readonly namespace?: string;
  readonly name?: string;
  readonly labels?: object;
  readonly metadata?: object;
  readonly policy?: Partial<Policy>;
  readonly today?: string;
  readonly moment?: Moment;
  readonly namespaces?: readonly object[];
  readonly rules?: typeof RULES;
}

/** Which rules speak, which are exempt, and what foresail says itself. */
function outcomeOf(given: Given) {
  const { annotation, template, kind = "Service", labels = {}, name = "web", rules = RULES } = given;
  const annotated = (text: string | undefined) =>
    text === undefined ? {} : { annotations: { [EXEMPT]: text } };
  const pod = { metadata: annotated(template) };
  const object = {
    metadata: { name, labels, ...annotated(annotation), ...given.metadata },
    spec: { template: pod, jobTemplate: { spec: { template: pod } } },
  };
  const { verdicts, exempted } = review({ ...given, kind, object, rules });
  return {
    rules: [...new Set(verdicts.filter((one) => one.rule !== "foresail").map((one) => one.rule))],
    exempted,
    own: verdicts.filter((one) => one.rule === "foresail").map((one) => `${one.action} ${one.messageId}`),
    words: verdicts.filter((one) => one.rule === "foresail").map((one) => one.message),
  };
}

const ALL = ["rule-a", "rule-b"];

describe("the annotation exempts", () => {
  const cases: [name: string, annotation: string, exempted: string[]][] = [
    ["from one rule", "rule-a; it is on purpose", ["rule-a"]],
    ["from several, by line", "rule-a; one\nrule-b; two", ["rule-a", "rule-b"]],
    ["from several, by line of Windows", "rule-a; one\r\nrule-b; two\r\n", ["rule-a", "rule-b"]],
    ["from several, by bar", "rule-a; one | rule-b; two", ["rule-a", "rule-b"]],
    ["past blank lines and stray bars", "\n\n| rule-a; one |\n  \n|", ["rule-a"]],
    ["whatever the spaces", "   rule-a  ;  one  ;  until = 2026-12-31  ", ["rule-a"]],
    ["without spaces", "rule-a;one;until=2026-12-31", ["rule-a"]],
    ["for a reason with semicolons", "rule-a; one; and another; until=2026-12-31", ["rule-a"]],
    ["to the last day", "rule-a; one; until=2026-06-15", ["rule-a"]],
    ["with an end before the reason", "rule-a; until=2026-12-31; one", ["rule-a"]],
    ["with a semicolon at the end", "rule-a; one; until=2026-12-31;", ["rule-a"]],
    ["for a reason that begins with until", "rule-a; until the vendor repairs it", ["rule-a"]],
    ["on a day of February that not every year has", "rule-a; one; until=2027-02-29", ["rule-a"]],
    ["although another entry has ended", "rule-a; one; until=2020-01-01\nrule-a; two", ["rule-a"]],
  ];
  for (const [name, annotation, exempted] of cases)
    test(name, () => {
      assert.deepEqual(outcomeOf({ annotation }), {
        rules: ALL.filter((id) => !exempted.includes(id)),
        exempted,
        own: [],
        words: [],
      });
    });
});

describe("the annotation does not count, and foresail says so,", () => {
  const cases: [name: string, annotation: string, own: string[]][] = [
    ["without a reason", "rule-a", ["exemptionWithoutReason"]],
    ["with a blank reason", "rule-a;  ; ;", ["exemptionWithoutReason"]],
    ["with an end but no reason", "rule-a; until=2026-12-31", ["exemptionWithoutReason"]],
    ["for a rule that does not exist", "rule-x; one", ["exemptionUnknownRule"]],
    ["for all rules", "*; one", ["exemptionUnknownRule"]],
    ["for a rule in another case", "Rule-A; one", ["exemptionUnknownRule"]],
    ["for several rules in one entry", "rule-a, rule-b; one", ["exemptionUnknownRule"]],
    ["for nothing but a reason", "; one", ["exemptionUnknownRule"]],
    ["with an end that is no date", "rule-a; one; until=tomorrow", ["exemptionWithoutDate"]],
    ["with an empty end", "rule-a; one; until=", ["exemptionWithoutDate"]],
    ["with a day that cannot be", "rule-a; one; until=2026-02-30", ["exemptionWithoutDate"]],
    ["with another order of the date", "rule-a; one; until=31-12-2026", ["exemptionWithoutDate"]],
    ["with a time", "rule-a; one; until=2026-12-31T00:00:00Z", ["exemptionWithoutDate"]],
    ["for each entry", "rule-a; \nrule-x; one\n", ["exemptionWithoutReason", "exemptionUnknownRule"]],
  ];
  for (const [name, annotation, own] of cases)
    test(name, () => {
      const outcome = outcomeOf({ annotation });
      assert.deepEqual([outcome.rules, outcome.exempted], [ALL, []]);
      assert.deepEqual(
        outcome.own,
        own.map((id) => `Warn ${id}`),
      );
    });

  test("beside entries that do", () => {
    const { rules, exempted, own } = outcomeOf({ annotation: "rule-x; one | rule-a; two" });
    assert.deepEqual([rules, exempted, own], [["rule-b"], ["rule-a"], ["Warn exemptionUnknownRule"]]);
  });

  test("in the audit log only, where a controller made the object", () => {
    const metadata = { ownerReferences: [{ controller: true }], annotations: { [EXEMPT]: "rule-a" } };
    assert.deepEqual(outcomeOf({ metadata }).own, ["Audit exemptionWithoutReason"]);
    assert.deepEqual(outcomeOf({ metadata, moment: "check" }).own, ["Warn exemptionWithoutReason"]);
  });

  test("not at /mutate, but at /validate", () => {
    const given = { kind: "Pod", annotation: "rule-a" } as const;
    assert.deepEqual(outcomeOf({ ...given, moment: "mutate" }).own, []);
    assert.deepEqual(outcomeOf(given).own, ["Warn exemptionWithoutReason"]);
  });

  test("in words that hostile texts cannot break", () => {
    const { words } = outcomeOf({ annotation: `\u001b[2J\u202e{{reason}}${"x".repeat(1024 * 1024)}; one` });
    assert.equal(words.length, 1);
    assert.match(
      words[0] ?? "",
      /^The exemption from {2}\[2J \{\{reason\}\}x+… does not count: there is no rule/,
    );
    assert.ok((words[0] ?? "").length < 400);
  });

  test("ten times at most, in no time", () => {
    const start = performance.now();
    const many = Array.from({ length: 60_000 }, (_, index) => index.toString(36)).join("|");
    assert.equal(outcomeOf({ annotation: many }).own.length, 10);
    const slow = `rule-a; one; until${" ".repeat(200_000)}=${" ".repeat(200_000)}a\rb`;
    assert.deepEqual(outcomeOf({ annotation: slow }).own, ["Warn exemptionWithoutDate"]);
    assert.ok(performance.now() - start < 2000);
  });
});

describe("an exemption that has ended", () => {
  const annotation = "rule-b; we wait; for the vendor; until=2026-06-14";

  test("counts no longer, and says so once, with its reason", () => {
    const outcome = outcomeOf({ annotation });
    assert.deepEqual([outcome.rules, outcome.exempted], [ALL, []]);
    assert.deepEqual(outcome.own, ["Warn exemptionExpired"]);
    assert.deepEqual(outcome.words, [
      "The exemption from rule-b ended on 2026-06-14; its reason was: we wait; for the vendor",
    ]);
  });

  test("counts on its last day, by UTC", () => {
    assert.deepEqual(outcomeOf({ annotation, today: "2026-06-14" }).own, []);
    assert.deepEqual(outcomeOf({ annotation, today: "2026-06-14" }).exempted, ["rule-b"]);
  });

  test("ends also where the sign before the date is missing or another one", () => {
    for (const end of ["until 2026-06-14", "until: 2026-06-14", "Until=2026-06-14", "UNTIL = 2026-06-14"])
      assert.deepEqual(outcomeOf({ annotation: `rule-b; one; ${end}` }).own, ["Warn exemptionExpired"], end);
  });

  test("is silent where the rule has nothing to say", () => {
    const rules = [rule({ ...finds(), id: "rule-a" })];
    assert.deepEqual(outcomeOf({ annotation: "rule-a; one; until=2020-01-01", rules }).own, []);
    assert.deepEqual(outcomeOf({ annotation: "rule-c; one; until=2020-01-01" }).own, []);
  });

  test("is no problem while the configuration exempts", () => {
    const exemptions = [{ rules: ["rule-b"], namespaces: ["shop"], reason: "one" }];
    const outcome = outcomeOf({ annotation, policy: { exemptions } });
    assert.deepEqual([outcome.exempted, outcome.own], [["rule-b"], []]);
  });
});

describe("the annotation of a Pod template", () => {
  for (const kind of ["Deployment", "CronJob"] as const)
    test(`of a ${kind} exempts the workload`, () => {
      assert.deepEqual(outcomeOf({ kind, template: "rule-a; one" }).exempted, ["rule-a"]);
      const both = outcomeOf({ kind, template: "rule-a; one", annotation: "rule-b; two" });
      assert.deepEqual([both.exempted, both.rules], [["rule-a", "rule-b"], []]);
    });

  test("is said to be wrong where it stands", () => {
    const object = { spec: { template: { metadata: { annotations: { [EXEMPT]: "rule-a" } } } } };
    const [verdict] = review({ kind: "Deployment", object, rules: RULES }).verdicts;
    assert.deepEqual(verdict?.field, ["spec", "template", "metadata", "annotations", EXEMPT]);
  });

  test("is nothing to other kinds", () => {
    for (const kind of ["Service", "Pod"] as const)
      assert.deepEqual(outcomeOf({ kind, template: "rule-a; one" }).exempted, [], kind);
  });
});

describe("where annotations count", () => {
  const annotation = "rule-a; one";
  const where = (exemptionAnnotations: Policy["exemptionAnnotations"], given: Given = {}) => {
    const { exempted, own } = outcomeOf({ annotation, policy: { exemptionAnnotations }, ...given });
    return [exempted.length, ...own];
  };

  test("is everywhere, nowhere, or in the namespaces that are named", () => {
    assert.deepEqual(where(true), [1]);
    assert.deepEqual(where(false), [0, "Warn exemptionNotAllowed"]);
    assert.deepEqual(where(["shop", "edge"]), [1]);
    assert.deepEqual(where(["edge"]), [0, "Warn exemptionNotAllowed"]);
    assert.deepEqual(where([]), [0, "Warn exemptionNotAllowed"]);
  });

  test("counts for the Namespace itself, too", () => {
    assert.deepEqual(where(["edge"], { kind: "Namespace", name: "edge" }), [1]);
    assert.deepEqual(where(["edge"], { kind: "Namespace", name: "shop" }), [0, "Warn exemptionNotAllowed"]);
  });

  test("is said also of an exemption that has ended", () => {
    const ended = { annotation: "rule-a; one; until=2020-01-01" };
    assert.deepEqual(where(false, ended), [0, "Warn exemptionNotAllowed"]);
  });
});

describe("the configuration exempts", () => {
  const reason = "it is on purpose";
  const by = (exemption: Omit<Exemption, "rules" | "reason">, given: Given = {}) =>
    outcomeOf({ ...given, policy: { exemptions: [{ rules: ["rule-a"], reason, ...exemption }] } });
  const isExempt = (exemption: Omit<Exemption, "rules" | "reason">, given: Given = {}) =>
    by(exemption, given).exempted.length === 1;
  const team = { namespaceSelector: { matchLabels: { team: "a" } } };
  const SHOP = { metadata: { name: "shop", labels: { team: "a" } } };

  test("by namespace", () => {
    assert.ok(isExempt({ namespaces: ["edge", "shop"] }));
    assert.ok(!isExempt({ namespaces: ["edge"] }));
  });

  test("by the labels of the namespace", () => {
    assert.ok(isExempt(team, { namespaces: [SHOP] }));
    assert.ok(!isExempt(team, { namespaces: [{ metadata: { name: "shop" } }] }));
    assert.ok(!isExempt(team, { namespaces: [SHOP], namespace: "edge" }));
    assert.ok(!isExempt(team));
  });

  test("by the name of the namespace as a label, known or not", () => {
    const matchLabels = { "kubernetes.io/metadata.name": "shop" };
    assert.ok(isExempt({ namespaceSelector: { matchLabels } }));
    assert.ok(!isExempt({ namespaceSelector: { matchLabels } }, { namespace: "edge" }));
  });

  test("by the labels of the object", () => {
    const objectSelector = { matchLabels: { app: "web" } };
    assert.ok(isExempt({ objectSelector }, { labels: { app: "web" } }));
    assert.ok(!isExempt({ objectSelector }, { labels: { app: "api" } }));
    assert.ok(!isExempt({ objectSelector }));
  });

  test("only what all criteria match", () => {
    const all = { ...team, namespaces: ["shop"], objectSelector: { matchLabels: { app: "web" } } };
    const matching = { namespaces: [SHOP], labels: { app: "web" } };
    assert.ok(isExempt(all, matching));
    assert.ok(!isExempt({ ...all, namespaces: ["edge"] }, matching));
    assert.ok(!isExempt(all, { ...matching, labels: {} }));
    assert.ok(!isExempt(all, { ...matching, namespaces: [] }));
    assert.ok(!isExempt({}, matching));
  });

  test("a Namespace by its own name and labels", () => {
    const given = { kind: "Namespace", name: "edge", labels: { team: "a" } } as const;
    assert.ok(isExempt({ namespaces: ["edge"] }, given));
    assert.ok(!isExempt({ namespaces: ["shop"] }, given));
    assert.ok(isExempt(team, given));
    assert.ok(!isExempt(team, { ...given, labels: {} }));
  });

  test("no other cluster-scoped object by namespace", () => {
    const rules = [rule({ ...finds(BAD), id: "rule-a", kinds: ["GatewayClass"] })];
    const given = { kind: "GatewayClass", rules } as const;
    const absent = { matchExpressions: [{ key: "team", operator: "DoesNotExist" }] };
    assert.ok(!isExempt({ namespaceSelector: absent }, given));
    assert.ok(isExempt({ objectSelector: absent }, given));
  });

  test("until its last day, and says afterwards that it ended", () => {
    const until = { namespaces: ["shop"], until: "2026-06-15" };
    assert.ok(isExempt(until));
    const outcome = by(until, { today: "2026-06-16" });
    assert.deepEqual([outcome.exempted, outcome.own], [[], ["Warn exemptionInConfigurationExpired"]]);
    assert.deepEqual(outcome.words, [
      `The configuration's exemption from rule-a ended on 2026-06-15; its reason was: ${reason}`,
    ]);
  });

  test("whatever exemptionAnnotations says", () => {
    const exemptions = [{ rules: ["rule-a"], reason, namespaces: ["shop"] }];
    assert.deepEqual(outcomeOf({ policy: { exemptions, exemptionAnnotations: false } }).exempted, ["rule-a"]);
  });

  test("from the rules it names only, and from several", () => {
    const exemptions = [{ rules: ["rule-a", "rule-b"], reason, namespaces: ["shop"] }];
    assert.deepEqual(outcomeOf({ policy: { exemptions } }).exempted, ["rule-a", "rule-b"]);
    assert.deepEqual(by({ namespaces: ["shop"] }).rules, ["rule-b"]);
  });
});

describe("what is exempt", () => {
  const annotation = "rule-a; one | rule-b; two";

  test("is counted once a rule, and only if the finding would do something here", () => {
    assert.deepEqual(outcomeOf({ annotation }).exempted, ["rule-a", "rule-b"]);
    assert.deepEqual(outcomeOf({ kind: "Pod", annotation, moment: "mutate" }).exempted, []);
    const fixing = [rule({ ...finds(repairable("metadata", "x")), id: "rule-a", action: "Fix" })];
    const outcome = outcomeOf({ kind: "Pod", annotation: "rule-a; one", moment: "mutate", rules: fixing });
    assert.deepEqual(outcome.exempted, ["rule-a"]);
  });

  test("is not counted if the rule has nothing to say", () => {
    const rules = [rule({ ...finds(), id: "rule-a" })];
    assert.deepEqual(outcomeOf({ annotation: "rule-a; one", rules }).exempted, []);
  });

  test("is not counted if the rule is off", () => {
    const policy = { rules: new Map([["rule-a", { action: "Off" as const, options: {} }]]) };
    assert.deepEqual(outcomeOf({ annotation: "rule-a; one", policy }).exempted, []);
  });

  test("on DELETE stands on what is deleted", () => {
    const oldObject = { metadata: { annotations: { [EXEMPT]: "rule-a; one" } } };
    const { exempted } = review({ kind: "Service", operation: "DELETE", oldObject, rules: RULES });
    assert.deepEqual(exempted, ["rule-a"]);
  });

  test("on UPDATE stands on what is to be", () => {
    const annotated = { metadata: { annotations: { [EXEMPT]: "rule-a; one" } } };
    const at = (object: object, oldObject: object) =>
      review({ kind: "Service", operation: "UPDATE", object, oldObject, rules: RULES }).exempted;
    assert.deepEqual(at(annotated, {}), ["rule-a"]);
    assert.deepEqual(at({}, annotated), []);
  });
});
