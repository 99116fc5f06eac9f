import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { parseConfiguration } from "../../src/config/parse.ts";
import { BAD } from "./bad.ts";
import { problemsOf, RULES } from "./rules.ts";

for (const [name, text, problems] of BAD) {
  test(`refuses ${name}`, () => assert.deepEqual(problemsOf(text), problems));
}

test("refuses YAML that cannot be read, at its place", () => {
  assert.match(problemsOf("rules:\n  a: [\n").join("\n"), /^[23]:\d+: [^\n]+$/);
  assert.match(problemsOf("rules:\n\tpod-drains-before-stop: Warn\n").join("\n"), /^2:\d+: [^\n]+$/);
  assert.match(problemsOf("rules: *nowhere\n").join("\n"), /^1:8: [^\n]+$/);
});

test("refuses aliases that stand for more than a configuration can hold", () => {
  const lines = ["a: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 8; level++) {
    lines.push(`b${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(", ")}]`);
  }
  assert.match(
    problemsOf(lines.join("\n")).join("\n"),
    /^\d+:\d+: aliases stand for more than \d+ characters$/,
  );
});

test("of very many problems shows a hundred", () => {
  assert.equal(problemsOf(`clientNamespaces:\n${"- X\n".repeat(50_000)}`).length, 100);
});

function isDecided(text: string): void {
  const result = parseConfiguration(text, RULES);
  const notes = "problems" in result ? result.problems : result.configuration.warnings;
  assert.ok(!("problems" in result) || result.problems.length > 0);
  for (const { line, column, message } of notes) {
    assert.ok(line >= 1 && column >= 1 && !/[\n\r\t]/.test(message), message);
  }
}

test("decides about any text without throwing", () => {
  fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), isDecided));
  const pieces = fc.constantFrom(
    "rules",
    "exemptions",
    ":",
    " ",
    "\n",
    "  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "&a",
    "*a",
    "<<",
    "'",
    '"',
    "|",
    "#",
  );
  fc.assert(fc.property(fc.array(pieces, { maxLength: 30 }), (words) => isDecided(words.join(""))));
});

test("decides about any settings without throwing", () => {
  const key = fc.oneof(
    fc.constantFrom(
      "action",
      "exclude",
      "rules",
      "names",
      "matchLabels",
      "matchExpressions",
      "key",
      "operator",
    ),
    fc.constantFrom(
      "values",
      "namespaces",
      "namespaceSelector",
      "objectSelector",
      "reason",
      "until",
      "istio",
    ),
    fc.constantFrom("__proto__", "constructor", "toString", ...RULES.map(({ id }) => id)),
    fc.string({ maxLength: 5 }),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.constantFrom(null, true, 1.1, "", "Off", "*", "edge", "2027-03-31"),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(key, tie("value"), { maxKeys: 4 }),
    ),
  }));
  const names = fc.constantFrom(
    "rules",
    "clientNamespaces",
    "assume",
    "docsUrl",
    "exemptionAnnotations",
    "exemptions",
  );
  const settings = fc.dictionary(fc.oneof(names, key), value, { maxKeys: 4 });
  fc.assert(fc.property(settings, (one) => isDecided(JSON.stringify(one))));
});
