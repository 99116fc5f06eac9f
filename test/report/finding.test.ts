import assert from "node:assert/strict";
import { test } from "node:test";
import { countByAction, sortFindings } from "../../src/report/finding.ts";
import { finding } from "./findings.ts";

test("findings are in order of file, line, column, rule and message id, whatever order they came in", () => {
  const inOrder = [
    finding({ file: "B.yaml", line: 9 }),
    finding({ file: "a.yaml", line: 2, column: 10 }),
    finding({ file: "a.yaml", line: 10, column: 2 }),
    finding({ file: "a.yaml", line: 10, column: 3, verdict: { rule: "a" } }),
    finding({ file: "a.yaml", line: 10, column: 3, verdict: { rule: "b", messageId: "a", message: "z" } }),
    finding({ file: "a.yaml", line: 10, column: 3, verdict: { rule: "b", messageId: "b", message: "a" } }),
    finding({ file: "a.yaml", line: 10, column: 3, verdict: { rule: "b", messageId: "b", message: "b" } }),
  ];
  assert.deepEqual(sortFindings(inOrder), inOrder);
  assert.deepEqual(sortFindings(inOrder.toReversed()), inOrder);
});

test("findings are counted by the action that they take", () => {
  const findings = (["Deny", "Fix", "Fix", "Audit"] as const).map((action) =>
    finding({ verdict: { action } }),
  );
  assert.deepEqual(countByAction(findings), { Audit: 1, Warn: 0, Deny: 1, Fix: 2 });
});
