import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Moment } from "../../src/engine/verdict.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import type { Action, Operation } from "../../src/rules/rule.ts";
import { BAD, finds, repairable, review, rule, spoken } from "./under-test.ts";

const PATCHED = rule(finds(repairable("metadata", "annotations", "a")));
const PLAIN = rule(finds(BAD));
const CONTROLLED = { metadata: { ownerReferences: [{ kind: "ReplicaSet", name: "web", controller: true }] } };

interface Row {
  readonly where: string;
  readonly moment: Moment;
  readonly kind: Kind;
  readonly operation?: Operation;
  /** What each configured action becomes; "" is nothing. */
  readonly patched: Readonly<Record<Action, string>>;
  readonly plain: Readonly<Record<Action, string>>;
}

const NOTHING = { Off: "", Audit: "", Warn: "", Fix: "", Deny: "" };
const ITSELF = { Off: "", Audit: "bad=Audit", Warn: "bad=Warn", Fix: "bad=Warn", Deny: "bad=Deny" };
const AT_MOST_WARN = { ...ITSELF, Deny: "bad=Warn" };

const ROWS: readonly Row[] = [
  {
    where: "/mutate, Pod CREATE",
    moment: "mutate",
    kind: "Pod",
    patched: { ...NOTHING, Fix: "bad=Fix" },
    plain: NOTHING,
  },
  {
    where: "/mutate, Pod UPDATE",
    moment: "mutate",
    kind: "Pod",
    operation: "UPDATE",
    patched: NOTHING,
    plain: NOTHING,
  },
  {
    where: "/mutate, Pod DELETE",
    moment: "mutate",
    kind: "Pod",
    operation: "DELETE",
    patched: NOTHING,
    plain: NOTHING,
  },
  {
    where: "/mutate, workload template",
    moment: "mutate",
    kind: "Deployment",
    patched: NOTHING,
    plain: NOTHING,
  },
  { where: "/mutate, another kind", moment: "mutate", kind: "Service", patched: NOTHING, plain: NOTHING },
  {
    where: "/validate, Pod CREATE",
    moment: "validate",
    kind: "Pod",
    patched: { ...ITSELF, Fix: "mutationLost=Warn" },
    plain: ITSELF,
  },
  {
    where: "/validate, Pod UPDATE, wrong before",
    moment: "validate",
    kind: "Pod",
    operation: "UPDATE",
    patched: { ...ITSELF, Deny: "bad=Warn" },
    plain: { ...ITSELF, Deny: "bad=Warn" },
  },
  {
    where: "/validate, workload template",
    moment: "validate",
    kind: "Deployment",
    patched: { ...AT_MOST_WARN, Fix: "bad=Audit" },
    plain: AT_MOST_WARN,
  },
  {
    where: "/validate, workload template in a CronJob, UPDATE",
    moment: "validate",
    kind: "CronJob",
    operation: "UPDATE",
    patched: { ...AT_MOST_WARN, Fix: "bad=Audit" },
    plain: AT_MOST_WARN,
  },
  { where: "/validate, another kind", moment: "validate", kind: "Service", patched: ITSELF, plain: ITSELF },
  {
    where: "/validate, another kind, DELETE",
    moment: "validate",
    kind: "Service",
    operation: "DELETE",
    patched: ITSELF,
    plain: ITSELF,
  },
  {
    where: "check, Pod",
    moment: "check",
    kind: "Pod",
    patched: { ...ITSELF, Fix: "bad=Fix" },
    plain: ITSELF,
  },
  {
    where: "check, workload template",
    moment: "check",
    kind: "Deployment",
    patched: { ...ITSELF, Fix: "bad=Fix" },
    plain: ITSELF,
  },
  {
    where: "check, another kind, which nothing repairs",
    moment: "check",
    kind: "Service",
    patched: ITSELF,
    plain: ITSELF,
  },
];

const ACTIONS = ["Off", "Audit", "Warn", "Fix", "Deny"] as const;

for (const { where, patched, plain, ...given } of ROWS) {
  describe(where, () => {
    for (const action of ACTIONS) {
      test(`${action} with a patch is ${patched[action] || "nothing"}`, () => {
        const outcome = review({ ...given, rules: [PATCHED], action });
        assert.deepEqual(spoken(outcome), patched[action] === "" ? [] : [patched[action]]);
        const isRepaired = given.moment === "mutate" && patched[action] !== "";
        assert.equal(outcome.patch.length, isRepaired ? 1 : 0);
      });
      test(`${action} without a patch is ${plain[action] || "nothing"}`, () => {
        const outcome = review({ ...given, rules: [PLAIN], action });
        assert.deepEqual(spoken(outcome), plain[action] === "" ? [] : [plain[action]]);
        assert.deepEqual(outcome.patch, []);
      });
    }
  });
}

describe("an object that a controller made", () => {
  const given = { object: CONTROLLED, oldObject: CONTROLLED };
  const at = (moment: Moment, kind: Kind, action: Action, tested = PLAIN) =>
    spoken(review({ ...given, moment, kind, rules: [tested], action }));

  test("gets no warning at admission, but is audited", () => {
    assert.deepEqual(at("validate", "Pod", "Warn"), ["bad=Audit"]);
    assert.deepEqual(at("validate", "Deployment", "Warn"), ["bad=Audit"]);
    assert.deepEqual(at("validate", "Deployment", "Deny"), ["bad=Audit"]);
    assert.deepEqual(at("validate", "Service", "Fix"), ["bad=Audit"]);
  });

  test("is audited as not repaired", () => {
    assert.deepEqual(at("validate", "Pod", "Fix", PATCHED), ["mutationLost=Audit"]);
  });

  test("is denied all the same", () => assert.deepEqual(at("validate", "Pod", "Deny"), ["bad=Deny"]));

  test("is repaired all the same", () => assert.deepEqual(at("mutate", "Pod", "Fix", PATCHED), ["bad=Fix"]));

  test("is reported like others by check", () => {
    assert.deepEqual(at("check", "Pod", "Warn"), ["bad=Warn"]);
    assert.deepEqual(at("check", "Pod", "Fix", PATCHED), ["bad=Fix"]);
  });

  test("is warned about if the owner is no controller", () => {
    const object = {
      metadata: { ownerReferences: [{ kind: "Owner", name: "a", controller: false }, { kind: "B" }] },
    };
    assert.deepEqual(spoken(review({ kind: "Service", object, rules: [PLAIN] })), ["bad=Warn"]);
  });
});

describe("a message's own action", () => {
  const withAction = (own: "Audit" | "Warn" | "Deny") =>
    rule({ ...finds(repairable("metadata", "a")), messages: { bad: { text: "bad", action: own } } });
  const acted = (own: "Audit" | "Warn" | "Deny", action: Action, moment: Moment = "check") =>
    spoken(review({ kind: "Pod", moment, rules: [withAction(own)], action }))[0]?.split("=")[1];

  test("weakens the rule's, and never raises it", () => {
    const table = ACTIONS.map((action) => [
      acted("Audit", action),
      acted("Warn", action),
      acted("Deny", action),
    ]);
    assert.deepEqual(table, [
      [undefined, undefined, undefined],
      ["Audit", "Audit", "Audit"],
      ["Audit", "Warn", "Warn"],
      ["Audit", "Warn", "Fix"],
      ["Audit", "Warn", "Deny"],
    ]);
  });

  test("keeps a fix from being applied", () => {
    assert.equal(acted("Warn", "Fix", "mutate"), undefined);
    assert.equal(acted("Warn", "Fix", "validate"), "Warn");
  });
});

describe("a message for /mutate", () => {
  const speaker = (action?: "Audit") =>
    rule({
      ...finds(BAD),
      messages: { bad: { text: "bad", atMutation: true, ...(action ? { action } : {}) } },
    });
  const at = (operation: Operation, action: Action, own?: "Audit", object = {}) =>
    spoken(review({ kind: "Pod", operation, moment: "mutate", rules: [speaker(own)], action, object }));

  test("warns there, and never denies", () => {
    assert.deepEqual(at("CREATE", "Warn"), ["bad=Warn"]);
    assert.deepEqual(at("CREATE", "Fix"), ["bad=Warn"]);
    assert.deepEqual(at("CREATE", "Deny"), ["bad=Warn"]);
  });

  test("is audited or silent where the action says so", () => {
    assert.deepEqual(at("CREATE", "Off"), []);
    assert.deepEqual(at("CREATE", "Audit"), ["bad=Audit"]);
    assert.deepEqual(at("CREATE", "Warn", "Audit"), ["bad=Audit"]);
    assert.deepEqual(at("CREATE", "Warn", undefined, CONTROLLED), ["bad=Audit"]);
  });

  test("is for Pods that are created", () => {
    assert.deepEqual(at("UPDATE", "Warn"), []);
    const outcome = review({ kind: "Deployment", moment: "mutate", rules: [speaker()] });
    assert.deepEqual(spoken(outcome), []);
  });
});

describe("a fix that changes nothing", () => {
  const done = rule(finds({ ...BAD, fix: [{ path: ["metadata", "a"], value: "b" }] }));
  const object = { metadata: { a: "b" } };

  test("is none", () => {
    const at = (moment: Moment) => review({ kind: "Pod", moment, object, rules: [done], action: "Fix" });
    assert.deepEqual(spoken(at("mutate")), []);
    assert.deepEqual(spoken(at("validate")), ["bad=Warn"]);
    assert.deepEqual(spoken(at("check")), ["bad=Warn"]);
    assert.equal(at("check").verdicts[0]?.patch, undefined);
  });
});

test("a denial is weakened to a warning while the configuration cannot be read", () => {
  const policy = { denyIsWeakened: true };
  const acted = (action: Action) =>
    spoken(review({ kind: "Service", rules: [rule({ ...finds(BAD), action })], policy }))[0];
  assert.deepEqual(ACTIONS.map(acted), [undefined, "bad=Audit", "bad=Warn", "bad=Warn", "bad=Warn"]);
});

test("a rule that is not configured has its own action", () => {
  for (const action of ["Audit", "Warn", "Deny"] as const)
    assert.deepEqual(spoken(review({ kind: "Service", rules: [rule({ ...finds(BAD), action })] })), [
      `bad=${action}`,
    ]);
});
