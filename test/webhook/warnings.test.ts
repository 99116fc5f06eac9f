import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Verdict } from "../../src/engine/verdict.ts";
import { answerFor } from "../../src/webhook/response.ts";
import { warningsFor } from "../../src/webhook/warnings.ts";

function verdict(changes: Partial<Verdict> = {}): Verdict {
  return {
    rule: "a-rule",
    messageId: "id",
    action: "Warn",
    message: "A finding",
    remedy: "",
    docs: "foresail explain a-rule",
    field: ["spec"],
    patch: undefined,
    ...changes,
  };
}

const many = (count: number, changes: Partial<Verdict> = {}) =>
  Array.from({ length: count }, (_, index) => verdict({ field: ["spec", "ports", index], ...changes }));

describe("warnings", () => {
  test("are none without a finding", () => assert.deepEqual(warningsFor([], []), []));

  test("name rule, text and field, and leave out a field that is the whole object", () => {
    const found = [verdict({ field: ["metadata", "annotations", "a.b/c"] }), verdict({ field: [] })];
    assert.deepEqual(warningsFor(found, []), [
      'a-rule: A finding (metadata.annotations["a.b/c"])',
      "a-rule: A finding",
    ]);
  });

  test("say each remedy of a rule once, after all findings", () => {
    const found = [
      verdict({ remedy: "Do this." }),
      verdict({ remedy: "Do that.", message: "Another" }),
      verdict({ remedy: "Do this.", message: "A third" }),
      verdict({ remedy: "Do this.", rule: "b-rule" }),
    ];
    assert.deepEqual(warningsFor(found, []).slice(4), [
      "a-rule: fix: Do this.",
      "a-rule: fix: Do that.",
      "b-rule: fix: Do this.",
    ]);
  });

  test("say equal findings once", () => {
    assert.deepEqual(warningsFor([verdict(), verdict(), verdict()], []), ["a-rule: A finding (spec)"]);
  });

  test("end after ten findings", () => {
    assert.equal(warningsFor(many(10), []).at(-1), "a-rule: A finding (spec.ports[9])");
    const eleven = warningsFor(many(11, { remedy: "Do this." }), []);
    assert.deepEqual(eleven.slice(9), [
      "a-rule: A finding (spec.ports[9])",
      "and 1 more: foresail check",
      "a-rule: fix: Do this.",
    ]);
    assert.equal(warningsFor(many(5000), [])[10], "and 4990 more: foresail check");
  });

  test("have at most 256 characters, however many units and bytes those take", () => {
    const rest = 256 - "a-rule:  (spec)".length;
    const exact = `a-rule: ${"🚢".repeat(rest)} (spec)`;
    assert.deepEqual(warningsFor([verdict({ message: "🚢".repeat(rest) })], []), [exact]);
    const [cut = ""] = warningsFor([verdict({ message: "🚢".repeat(rest + 1) })], []);
    assert.equal(Array.from(cut).length, 256);
    assert(cut.isWellFormed() && cut.endsWith("🚢 (spe…"));
  });

  test("hold nothing that would make the API server drop them or turn a terminal around", () => {
    const field = ["metadata", "labels", "x\n\u001b[31m\u0085\u202e\ud800"];
    const [warning = ""] = warningsFor([verdict({ field, message: "one\ntwo\tthree\u2028" })], []);
    assert.equal(warning, 'a-rule: one two three  (metadata.labels["x\\n\\u001b[31m  \\ud800"])');
  });

  test("leave out remedies, and not findings, when all together are too long", () => {
    const long = many(12).map((one, index) => ({
      ...one,
      rule: `rule-${index}`,
      message: "m".repeat(300),
      remedy: "r".repeat(300),
    }));
    const warnings = warningsFor(long, [], "foresail: a problem");
    const total = warnings.map(({ length }) => length).reduce((sum, length) => sum + length);
    assert.deepEqual(
      warnings.map((text) => text.slice(0, 12)),
      [
        "foresail: a ",
        ...long.slice(0, 10).map(({ rule }) => `${rule}: mmmm`.slice(0, 12)),
        "and 2 more: ",
        ...long.slice(0, 5).map(({ rule }) => `${rule}: fix:`.slice(0, 12)),
      ],
    );
    assert(total < 4096 && total + 256 >= 4096);
  });

  test("of rules that failed come before remedies", () => {
    const failures = [{ rule: "c-rule", error: new Error("secret") }];
    assert.deepEqual(warningsFor([verdict({ remedy: "Do this." })], failures), [
      "a-rule: A finding (spec)",
      "c-rule: internal error, not checked",
      "a-rule: fix: Do this.",
    ]);
  });
});

describe("an answer", () => {
  const outcome = {
    verdicts: [],
    patch: [],
    patched: undefined,
    exempted: [],
    failures: [],
    isExpired: false,
  } as const;
  const patch = [{ op: "add", path: "/spec/x", value: 1 }] as const;

  test("denies with ten findings, and counts the rest", () => {
    const verdicts = many(12, { action: "Deny", remedy: "Do this." });
    const { response } = answerFor("u", "validate", { ...outcome, verdicts }, "hash");
    const lines = response.status?.message.split("\n") ?? [];
    assert.equal(lines.length, 31);
    assert.deepEqual(lines.slice(0, 4), [
      "a-rule: A finding (spec.ports[0])",
      "fix: Do this.",
      "docs: foresail explain a-rule",
      "a-rule: A finding (spec.ports[1])",
    ]);
    assert.equal(lines.at(-1), "and 2 more: foresail check");
    assert.equal(response.status?.details?.causes.length, 10);
    assert.equal(response.warnings, undefined);
  });

  test("never has a patch on /validate, nor with a denial", () => {
    const allowed = { ...outcome, patch, verdicts: [verdict({ action: "Fix" })] };
    const denied = { ...allowed, verdicts: [verdict({ action: "Deny" })] };
    assert.equal(answerFor("u", "validate", allowed, "hash").response.patch, undefined);
    assert.equal(answerFor("u", "mutate", denied, "hash").response.patch, undefined);
    assert.equal(answerFor("u", "mutate", allowed, "hash").response.patchType, "JSONPatch");
  });

  test("tells the audit log each rule once, with the most severe of its actions", () => {
    const verdicts = [
      verdict({ action: "Deny", rule: "b" }),
      verdict({ action: "Warn", rule: "a" }),
      verdict({ action: "Audit", rule: "b" }),
      verdict({ action: "Audit", rule: "c" }),
    ];
    const { auditAnnotations } = answerFor("u", "validate", { ...outcome, verdicts }, "hash").response;
    assert.deepEqual(auditAnnotations, { rules: "b=Deny,a=Warn,c=Audit", config: "hash" });
  });

  test("tells the audit log no more than fits", () => {
    const verdicts = Array.from({ length: 500 }, (_, index) => verdict({ rule: `rule-${index}` }));
    const { auditAnnotations } = answerFor("u", "validate", { ...outcome, verdicts }, "hash").response;
    assert.equal(auditAnnotations?.["rules"]?.length, 1024);
  });

  test("of ten rules that fix names those whose fixes are applied", () => {
    const verdicts = [verdict({ action: "Fix", rule: "a" }), verdict({ action: "Audit", rule: "b" })];
    const { response } = answerFor("u", "mutate", { ...outcome, verdicts, patch }, "hash");
    assert.deepEqual(response.auditAnnotations, { rules: "a=Fix,b=Audit", fixes: "a", config: "hash" });
    assert.equal(response.warnings, undefined);
  });
});
