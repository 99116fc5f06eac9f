import assert from "node:assert/strict";
import { test } from "node:test";
import { defineRule } from "../../src/rules/rule.ts";
import type { AnyRule } from "../../src/rules/rule.ts";
import { CORRECT, CORRECT_SUBRESOURCE } from "./contract.types.ts";

test("defineRule gives back what it is given", () => assert.equal(defineRule(CORRECT), CORRECT));

test("a rule of any kinds, messages and options is one to the engine", () => {
  const rules: readonly AnyRule[] = [CORRECT, CORRECT_SUBRESOURCE];
  assert.deepEqual(rules, [CORRECT, CORRECT_SUBRESOURCE]);
});
