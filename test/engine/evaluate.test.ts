import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { evaluate } from "../../src/engine/evaluate.ts";
import { createView } from "../../src/cluster/view.ts";
import { Store } from "../../src/cluster/store.ts";
import { patchFor } from "../../src/kubernetes/json-patch.ts";
import type { Change } from "../../src/kubernetes/json-patch.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../../src/rules/policy.ts";
import type { AnyFinding, AnyRule } from "../../src/rules/rule.ts";
import { BAD, EXEMPT, finds, only, review, rule, spoken } from "./under-test.ts";

describe("a review runs", () => {
  test("the rules on its kind and operation, and no others", () => {
    const rules = [
      rule({ ...finds(BAD), id: "a", kinds: ["Service"], operations: ["CREATE"] }),
      rule({ ...finds(BAD), id: "b", kinds: ["Pod"], operations: ["CREATE"] }),
      rule({ ...finds(BAD), id: "c", kinds: ["Service"], operations: ["UPDATE", "DELETE"] }),
    ];
    const { verdicts } = review({ kind: "Service", rules });
    assert.deepEqual(
      verdicts.map((verdict) => verdict.rule),
      ["a"],
    );
    assert.deepEqual(review({ kind: "GatewayClass", rules }), {
      verdicts: [],
      patch: [],
      patched: {},
      exempted: [],
      failures: [],
      isExpired: false,
    });
  });

  test("the rules on its subresource, and none on the object; the other way round without one", () => {
    const given = { ...finds(BAD), kinds: ["Namespace"], operations: ["UPDATE"] } as const;
    const rules = [rule({ ...given, id: "object" }), rule({ ...given, id: "part", subresource: "finalize" })];
    const of = (subresource?: "finalize") =>
      review({ kind: "Namespace", operation: "UPDATE", rules, ...(subresource ? { subresource } : {}) });
    assert.deepEqual(
      [of(), of("finalize")].map(({ verdicts }) => verdicts.map((verdict) => verdict.rule)),
      [["object"], ["part"]],
    );
  });

  test("no rule that is off", () => {
    const silent = rule({
      check() {
        throw new Error("it was asked");
      },
    });
    assert.deepEqual(review({ kind: "Service", rules: [silent], action: "Off" }).failures, []);
  });

  test("each rule with its options, or with their defaults", () => {
    const rules = [
      rule({
        options: { one: { default: "1", about: "" }, two: { default: true, about: "" } },
        messages: { bad: "{{options}}" },
        *check(_review, _cluster, options) {
          yield { ...BAD, data: { options: JSON.stringify(options) } };
        },
      }),
    ];
    assert.equal(only(review({ kind: "Service", rules })).message, '{"one":"1","two":true}');
    const configured = new Map([["rule", { action: "Warn", options: { one: "x", two: false } }] as const]);
    const outcome = review({ kind: "Service", rules, policy: { rules: configured } });
    assert.equal(only(outcome).message, '{"one":"x","two":false}');
  });

  test("each rule on the object as it reads, and on what it was", () => {
    const seen: unknown[] = [];
    const watching = rule({
      check(request) {
        seen.push(request);
        return [];
      },
    });
    const object = { metadata: { name: "web", labels: { a: "1" } }, spec: { type: 7, unread: {} } };
    const shown = { metadata: { name: "web", labels: { a: "1" } }, spec: {} };
    const subject = { kind: "Service", namespace: "shop", name: "web" };
    review({ kind: "Service", rules: [watching], object });
    review({ kind: "Service", rules: [watching], object, oldObject: object, operation: "UPDATE" });
    review({ kind: "Service", rules: [watching], oldObject: object, operation: "DELETE" });
    assert.deepEqual(seen, [
      { ...subject, operation: "CREATE", object: shown },
      { ...subject, operation: "UPDATE", object: shown, oldObject: shown },
      { ...subject, operation: "DELETE", oldObject: shown },
    ]);
  });

  test("and puts the most severe first, then what was found first", () => {
    const messages = {
      deny: { text: "", action: "Deny" },
      warn: { text: "", action: "Warn" },
      audit: { text: "", action: "Audit" },
    } as const;
    const order = ["audit", "warn", "deny", "audit", "deny", "warn"];
    const findings = order.map((message, index) => ({ message, field: [index] }));
    const rules = [rule({ ...finds(...findings), messages, action: "Deny" })];
    const { verdicts } = review({ kind: "Service", rules });
    assert.deepEqual(
      verdicts.map(({ field }) => field[0]),
      [2, 4, 1, 5, 0, 3],
    );
  });
});

describe("a verdict", () => {
  const about = (given: Partial<AnyRule>, policy = {}) =>
    only(review({ kind: "Service", rules: [rule({ ...finds(BAD), ...given })], policy }));

  test("has the message's remedy, or else the rule's", () => {
    assert.equal(about({}).remedy, "Repair it.");
    assert.equal(about({ messages: { bad: { text: "" } } }).remedy, "Repair it.");
    assert.equal(about({ messages: { bad: { text: "", remedy: "" } } }).remedy, "");
    const finding = { ...BAD, data: { how: "gently" } };
    const messages = { bad: { text: "", remedy: "Do it {{how}}" } };
    assert.equal(about({ ...finds(finding), messages }).remedy, "Do it gently");
  });

  test("says where to read more", () => {
    assert.equal(about({}).docs, "foresail explain rule");
    const docsUrl = "https://example.org/{rule}.html#{rule}";
    assert.equal(about({}, { docsUrl }).docs, "https://example.org/rule.html#rule");
  });

  test("speaks of other namespaces as the configuration allows", () => {
    const data = { where: { names: ["a", "b"], noun: "namespace" } };
    const given = {
      ...finds({ ...BAD, data }),
      messages: { bad: { text: "{{where}}", remedy: "not {{where}}" } },
    };
    const words = (crossNamespaceDetails: "names" | "count" | "none") => {
      const { message, remedy } = about(given, { crossNamespaceDetails });
      return [message, remedy];
    };
    assert.deepEqual(words("names"), ["a or b", "not a or b"]);
    assert.deepEqual(words("count"), ["2 namespaces", "not 2 namespaces"]);
    assert.deepEqual(words("none"), ["other namespaces", "not other namespaces"]);
  });

  test("says that the fix of a Pod was lost", () => {
    const fix = [{ path: ["metadata", "annotations", "a"], value: "b" }];
    const rules = [rule({ ...finds({ ...BAD, fix }), action: "Fix" })];
    assert.deepEqual(only(review({ kind: "Pod", rules })), {
      rule: "rule",
      messageId: "mutationLost",
      action: "Warn",
      message: "Not repaired at admission: It is bad",
      remedy: "Repair it.",
      docs: "foresail explain rule",
      field: ["spec"],
      patch: [{ op: "add", path: "/metadata", value: { annotations: { a: "b" } } }],
    });
  });

  test("on what is deleted has no patch", () => {
    const rules = [rule({ ...finds({ ...BAD, fix: [{ path: ["a"], value: 1 }] }), action: "Fix" })];
    const oldObject = { metadata: {} };
    for (const moment of ["validate", "check"] as const) {
      const verdict = only(review({ kind: "Pod", operation: "DELETE", moment, rules, oldObject }));
      assert.deepEqual([verdict.action, verdict.patch], ["Warn", undefined]);
    }
  });
});

describe("fixes of one Pod", () => {
  const POD = { metadata: { name: "web" }, spec: { containers: [{ name: "app", args: ["a"] }] } };
  const annotation = (name: string, value: string): Change => ({
    path: ["metadata", "annotations", name],
    value,
  });
  const fixing = (id: string, ...fixes: readonly (readonly Change[])[]) =>
    rule({ ...finds(...fixes.map((fix) => ({ ...BAD, fix }))), id, action: "Fix" });
  const mutate = (...rules: readonly AnyRule[]) =>
    review({ kind: "Pod", moment: "mutate", object: POD, rules });
  const applied = (outcome: ReturnType<typeof review>) => outcome.verdicts.map((verdict) => verdict.rule);

  test("by several rules make missing parents once, and keep each other's entries", () => {
    const outcome = mutate(fixing("a", [annotation("x", "1")]), fixing("b", [annotation("y", "2")]));
    assert.deepEqual(outcome.patch, [
      { op: "add", path: "/metadata/annotations", value: { x: "1" } },
      { op: "add", path: "/metadata/annotations/y", value: "2" },
    ]);
    assert.deepEqual(applied(outcome), ["a", "b"]);
  });

  test("that are the same are made once, and count for each finding", () => {
    const shared = [annotation("x", "1"), annotation("y", "2")];
    const equal = [annotation("x", "1"), annotation("y", "2")];
    const outcome = mutate(fixing("a", shared, shared), fixing("b", equal));
    assert.deepEqual(outcome.patch, [
      { op: "add", path: "/metadata/annotations", value: { x: "1" } },
      { op: "add", path: "/metadata/annotations/y", value: "2" },
    ]);
    assert.deepEqual(applied(outcome), ["a", "a", "b"]);
  });

  test("that set the same field otherwise: the first is made, the other one waits", () => {
    const outcome = mutate(
      fixing("a", [annotation("x", "1")]),
      fixing("b", [annotation("x", "2"), annotation("y", "2")]),
    );
    assert.deepEqual(outcome.patch, [{ op: "add", path: "/metadata/annotations", value: { x: "1" } }]);
    assert.deepEqual(applied(outcome), ["a"]);
  });

  test("that append to the same list do not take each other's place", () => {
    const end = ["spec", "containers", 0, "args", 1];
    const outcome = mutate(
      fixing("a", [{ path: end, value: "x" }]),
      fixing("b", [{ path: end, value: "y" }]),
    );
    assert.deepEqual(outcome.patch, [{ op: "add", path: "/spec/containers/0/args/1", value: "x" }]);
    assert.deepEqual(applied(outcome), ["a"]);
  });

  test("that would undo another one by a parent are not made", () => {
    const parent: Change = { path: ["metadata", "annotations"], value: {} };
    const outcome = mutate(
      fixing("a", [annotation("x", "1")]),
      fixing("b", [parent]),
      fixing("c", [annotation("y", "2")]),
    );
    assert.deepEqual(applied(outcome), ["a", "c"]);
    const { object } = patchFor(POD, [annotation("x", "1"), annotation("y", "2")]);
    assert.equal(JSON.stringify(outcome.patch).includes('"value":{}'), false);
    assert.deepEqual(Object.keys(JSON.parse(JSON.stringify(object)).metadata.annotations), ["x", "y"]);
  });

  test("hold all changes of one finding, also those that follow each other", () => {
    const end = ["spec", "containers", 0, "args"];
    const fix: Change[] = [
      { path: [...end, 1], value: "-o" },
      { path: [...end, 2], value: "80" },
    ];
    const outcome = mutate(fixing("a", fix), fixing("b", [annotation("x", "1")]));
    assert.equal(outcome.patch.length, 3);
    assert.deepEqual(applied(outcome), ["a", "b"]);
  });

  test("that would lose a value of another type are not made, and their findings warn", () => {
    const rules = [fixing("a", [annotation("x", "1")]), fixing("b", [annotation("y", "2")])];
    const object = { ...POD, metadata: { annotations: { x: 7, y: null } } };
    const outcome = review({ kind: "Pod", moment: "mutate", object, rules });
    assert.deepEqual(outcome.patch, [{ op: "replace", path: "/metadata/annotations/y", value: "2" }]);
    const checked = review({ kind: "Pod", moment: "check", object, rules });
    assert.deepEqual(
      checked.verdicts.map(({ rule: id, action }) => [id, action]),
      [
        ["a", "Warn"],
        ["b", "Fix"],
      ],
    );
  });

  test("that cannot be made are a failure of their finding only", () => {
    const hole: Change = { path: ["spec", "containers", 0, "args", 5], value: "x" };
    const outcome = mutate(fixing("a", [hole], [annotation("x", "1")]), fixing("b", [annotation("y", "2")]));
    assert.deepEqual(applied(outcome), ["a", "b"]);
    assert.deepEqual(
      outcome.failures.map((failure) => failure.rule),
      ["a"],
    );
  });

  test("leave the Pod as it came", () => {
    const before = JSON.stringify(POD);
    mutate(fixing("a", [annotation("x", "1"), { path: ["spec", "containers", 0, "args", 1], value: "x" }]));
    assert.equal(JSON.stringify(POD), before);
  });

  test("are not made for what is exempt", () => {
    const object = { ...POD, metadata: { annotations: { [EXEMPT]: "a; because" } } };
    const rules = [fixing("a", [annotation("x", "1")]), fixing("b", [annotation("y", "2")])];
    const outcome = review({ kind: "Pod", moment: "mutate", object, rules });
    assert.deepEqual([applied(outcome), outcome.exempted], [["b"], ["a"]]);
    assert.deepEqual(outcome.patch, [{ op: "add", path: "/metadata/annotations/y", value: "2" }]);
  });

  test("cost no more for being shared by many findings", () => {
    const annotations = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`a${index}`, ""]));
    const object = { ...POD, metadata: { annotations } };
    const shared = [annotation("x", "1"), annotation("y", "1")];
    const rules = [fixing("a", ...Array.from({ length: 5000 }, () => shared))];
    const start = performance.now();
    const outcome = review({ kind: "Pod", moment: "mutate", object, rules });
    assert.equal(outcome.patch.length, 2);
    assert.ok(performance.now() - start < 2000);
  });
});

describe("a rule that throws", () => {
  const error = new Error("out of luck");
  const throwing = (given: Partial<AnyRule>, ...findings: readonly AnyFinding[]) =>
    rule({
      id: "throwing",
      *check() {
        yield* findings;
        throw error;
      },
      ...given,
    });

  test("costs its own findings only", () => {
    const rules = [throwing({ action: "Deny" }), rule({ ...finds(BAD), action: "Deny" })];
    const outcome = review({ kind: "Service", rules });
    assert.deepEqual(spoken(outcome), ["bad=Deny"]);
    assert.deepEqual(outcome.failures, [{ rule: "throwing", error }]);
  });

  test("keeps what it found before, but denies nothing", () => {
    const rules = [throwing({ action: "Deny" }, BAD, BAD)];
    for (const operation of ["CREATE", "UPDATE", "DELETE"] as const) {
      const outcome = review({ kind: "Service", operation, rules, object: { spec: 1 } });
      assert.deepEqual(spoken(outcome), ["bad=Warn", "bad=Warn"], operation);
      assert.deepEqual(outcome.failures, [{ rule: "throwing", error }]);
    }
    const object = { metadata: { ownerReferences: [{ controller: true }] } };
    assert.deepEqual(spoken(review({ kind: "Service", rules, object })), ["bad=Audit", "bad=Audit"]);
  });

  test("keeps what it repaired before", () => {
    const fix = [{ path: ["metadata", "annotations", "a"], value: "b" }];
    const rules = [throwing({ action: "Fix" }, { ...BAD, fix })];
    const outcome = review({ kind: "Pod", moment: "mutate", rules });
    assert.deepEqual([spoken(outcome), outcome.patch.length], [["bad=Fix"], 1]);
  });

  test("in a finding's own words loses that finding only", () => {
    const unsaid = [
      { message: "never", field: [] },
      { message: "toString", field: [] },
      { message: "marked", field: [] },
    ];
    const rules = [
      rule({ ...finds(...unsaid, BAD), messages: { bad: "", marked: "{{missing}}" }, action: "Deny" }),
    ];
    const outcome = review({ kind: "Service", rules });
    assert.deepEqual(spoken(outcome), ["bad=Warn"]);
    assert.equal(outcome.failures.length, 1);
    assert.match(String(outcome.failures[0]?.error), /has no message never/);
  });

  test("at once, before its first finding, is a failure as well", () => {
    const rules = [
      rule({
        check() {
          throw error;
        },
      }),
    ];
    assert.deepEqual(review({ kind: "Service", rules }).failures, [{ rule: "rule", error }]);
  });

  test("is told to end, so that it can tidy up", () => {
    let isEnded = false;
    const tidy = rule({
      *check() {
        try {
          for (;;) yield BAD;
        } finally {
          isEnded = true;
        }
      },
    });
    review({ kind: "Service", rules: [tidy], expired: () => true });
    let calls = 0;
    review({ kind: "Service", rules: [tidy], expired: () => ++calls > 3 });
    assert.ok(isEnded);
  });
});

describe("when time runs out", () => {
  const counting = () => {
    const runs: string[] = [];
    const one = (id: string, count: number) =>
      rule({
        id,
        *check() {
          for (let index = 0; index < count; index++) {
            runs.push(`${id}${index}`);
            yield BAD;
          }
        },
      });
    return { runs, rules: [one("a", 3), one("b", 3)] };
  };
  /** True from the call on that comes after so many. */
  const after = (calls: number) => {
    let count = 0;
    return () => ++count > calls;
  };

  test("before the first rule, none is asked", () => {
    const { runs, rules } = counting();
    const outcome = review({ kind: "Service", rules, expired: after(0) });
    assert.deepEqual([runs, outcome.verdicts, outcome.isExpired], [[], [], true]);
  });

  test("within a rule, what it found is kept", () => {
    const { runs, rules } = counting();
    const outcome = review({ kind: "Service", rules, expired: after(2) });
    assert.deepEqual(
      [runs, spoken(outcome), outcome.isExpired],
      [["a0", "a1"], ["bad=Warn", "bad=Warn"], true],
    );
  });

  test("between rules, the next one is not asked", () => {
    const { runs, rules } = counting();
    const outcome = review({ kind: "Service", rules, expired: after(4) });
    assert.deepEqual([runs.length, outcome.isExpired], [3, true]);
  });

  test("and it never does, everything is found", () => {
    const { runs, rules } = counting();
    const outcome = review({ kind: "Service", rules });
    assert.deepEqual([runs.length, outcome.verdicts.length, outcome.isExpired], [6, 6, false]);
  });

  test("in the middle of findings that do nothing here, it ends, too", () => {
    const endless = rule({
      *check() {
        for (;;) yield BAD;
      },
    });
    const outcome = review({ kind: "Pod", moment: "mutate", rules: [endless], expired: after(1000) });
    assert.deepEqual([outcome.verdicts, outcome.isExpired], [[], true]);
  });

  test("there is nothing to say if no rule was due", () => {
    const outcome = review({ kind: "GatewayClass", rules: counting().rules, expired: () => true });
    assert.equal(outcome.isExpired, false);
  });
});

test("of a rule's findings on one object a thousand are kept, and a denial after them", () => {
  const messages = { bad: { text: "", action: "Warn" }, worse: "" } as const;
  const many = Array.from({ length: 5000 }, () => BAD);
  const worse = { message: "worse", field: [] };
  const rules = [rule({ ...finds(...many, worse, worse), messages, action: "Deny" })];
  const { verdicts } = review({ kind: "Service", rules });
  assert.deepEqual([verdicts.length, verdicts[0]?.messageId, verdicts[1]?.messageId], [1001, "worse", "bad"]);
});

describe("no object is too much:", () => {
  const deep: unknown = JSON.parse(`${'{"spec":'.repeat(100_000)}{}${"}".repeat(100_000)}`);
  const changed: unknown = JSON.parse(`${'{"spec":'.repeat(100_000)}[]${"}".repeat(100_000)}`);
  const fix = [{ path: ["metadata", "annotations", "a"], value: "b" }];
  const rules = [rule({ ...finds({ ...BAD, fix }), action: "Deny" })];

  test("one that is 100,000 levels deep", () => {
    for (const kind of ["Pod", "Service", "Deployment", "DestinationRule"] as const)
      for (const moment of ["mutate", "validate", "check"] as const)
        for (const operation of ["CREATE", "UPDATE", "DELETE"] as const) {
          const outcome = review({ kind, moment, operation, rules, object: deep, oldObject: changed });
          assert.deepEqual(outcome.failures, []);
        }
    const repaired = review({ kind: "Pod", moment: "mutate", rules, action: "Fix", object: deep });
    assert.equal(repaired.patch.length, 1);
  });

  test("one that is hostile in every field", () => {
    const hostile: unknown = JSON.parse(
      '{"__proto__":{"metadata":{}},"constructor":{"prototype":{}},"metadata":{"__proto__":null,"annotations":{"__proto__":"x"},"labels":[],"ownerReferences":{"a":1}},"spec":null}',
    );
    for (const object of [
      hostile,
      null,
      7,
      "text",
      [],
      [null],
      { metadata: [] },
      { metadata: { ownerReferences: [null, 7] } },
    ])
      for (const operation of ["CREATE", "UPDATE", "DELETE"] as const)
        assert.deepEqual(review({ kind: "Pod", operation, rules, object, oldObject: object }).failures, []);
  });

  test("none at all", () => {
    const outcome = evaluate(
      { operation: "CREATE", kind: "Pod", namespace: "", name: "", object: undefined, oldObject: undefined },
      {
        moment: "mutate",
        rules,
        cluster: createView(
          { store: new Store("cluster.local"), settings: DEFAULT_MESH_SETTINGS, isComplete: true },
          undefined,
        ),
        policy: { ...DEFAULT_POLICY, rules: new Map([["rule", { action: "Fix", options: {} }]]) },
        today: "2026-01-01",
        expired: () => false,
      },
    );
    assert.deepEqual([outcome.patch, outcome.verdicts, outcome.failures], [[], [], []]);
  });
});
