import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration } from "../../src/istio/duration.ts";

test("reads durations as Go does", () => {
  const seconds = {
    "30s": 30,
    "1m30s": 90,
    "1.5h": 5400,
    "250ms": 0.25,
    ".5s": 0.5,
    "2.s": 2,
    "0": 0,
    "0s": 0,
  };
  for (const [text, expected] of Object.entries(seconds)) assert.equal(parseDuration(text), expected, text);
});

test("reads nothing else as a duration", () => {
  for (const text of ["", "30", "s", "30 s", "-5s", "+5s", "30sec", "1d", "NaN", ".s", "5s!", "true"])
    assert.equal(parseDuration(text), undefined, text);
});
