import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createdAt } from "../../../src/istio/lookup/age.ts";

const secondsOf = (creationTimestamp: string) => createdAt({ creationTimestamp });

test("a creation time is in seconds since 1970, of any year", () => {
  const seconds = fc.integer({ min: Date.parse("1600-01-01") / 1000, max: Date.parse("2600-01-01") / 1000 });
  fc.assert(
    fc.property(seconds, (one) => assert.equal(secondsOf(new Date(one * 1000).toISOString()), one)),
    { numRuns: 2000 },
  );
});

test("a creation time may have an offset and a fraction", () => {
  assert.equal(secondsOf("1970-01-01T01:30:05.9+01:30"), 5);
  assert.equal(secondsOf("1970-01-01T00:00:05-00:01"), 65);
});

test("what is no time is older than all", () => {
  for (const text of ["", "yesterday", "2024-01-01", "2024-01-01T00:00:00"]) assert.equal(secondsOf(text), 0);
  assert.equal(createdAt(undefined), 0);
  assert.equal(createdAt({}), 0);
});
