import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { withoutManagedFields } from "../../src/api-server/managed-fields.ts";

const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    // Bounded in depth and breadth: without, now and then a value takes minutes to make.
    { maxDepth: 4 },
    fc.constantFrom(null, true, 1, "", '"', "\\", "[", ']"', '{"managedFields":[1]}', ',"managedFields":['),
    fc.array(tie("json"), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(
        fc.constantFrom("managedFields", "metadata", 'x"managedFields', ',"managedFields', "\\"),
        fc.string(),
      ),
      tie("json"),
      { maxKeys: 4 },
    ),
  ),
}));

/** What shall become of it. */
function emptied(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(emptied);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === "managedFields" && Array.isArray(inner) ? [] : emptied(inner),
    ]),
  );
}

describe("managedFields are left out", () => {
  test("and nothing else, of any JSON", () => {
    fc.assert(
      fc.property(json, (value) => {
        const expected = JSON.parse(JSON.stringify(emptied(value)));
        assert.deepEqual(JSON.parse(withoutManagedFields(JSON.stringify(value))), expected);
      }),
      { numRuns: 200 },
    );
  });

  test("also where the text ends too early", () => {
    for (const text of ['{"managedFields":[', '{"managedFields":[{"a":"', '{"managedFields":[{"a":"\\"'])
      assert.throws(() => JSON.parse(withoutManagedFields(text)), SyntaxError);
  });
});
