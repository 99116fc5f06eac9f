import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseDuration, timeToDecide } from "../../src/webhook/deadline.ts";

describe("a duration of Go", () => {
  const cases: Readonly<Record<string, number>> = {
    "3s": 3000,
    "1m0s": 60_000,
    "500ms": 500,
    "1.5s": 1500,
    ".5s": 500,
    "1.s": 1000,
    "+2s": 2000,
    "1h2m3s": 3_723_000,
    "250us": 0.25,
    "250µs": 0.25,
    "1000000ns": 1,
    "0s": 0,
  };
  for (const [text, milliseconds] of Object.entries(cases)) {
    test(`${text} has ${milliseconds} ms`, () => assert.equal(parseDuration(text), milliseconds));
  }
  for (const text of ["", "s", "3", "3 s", "-3s", "3S", "3s4", "1e3s", "3d", ".s", `${"1".repeat(50)}s`]) {
    test(`is not ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), undefined));
  }
});

describe("there is time to decide", () => {
  const cases: Readonly<Record<string, number>> = {
    "/validate?timeout=3s": 2500,
    "/validate?timeout=1m0s": 29_500,
    "/validate?timeout=600ms": 300,
    "/validate?timeout=20ms": 10,
    "/validate?x=1&timeout=2s&y": 1500,
    "/validate?timeout=%32s": 1500,
    "/validate": 9500,
    "/validate?": 9500,
    "/validate?timeout": 9500,
    "/validate?timeout=soon": 9500,
    "/validate?timeout=0s": 9500,
    "/validate?other=3s": 9500,
  };
  for (const [url, milliseconds] of Object.entries(cases)) {
    test(`${milliseconds} ms for ${url}`, () => assert.equal(timeToDecide(url), milliseconds));
  }
});
