import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { searchRules } from "../../src/report/rule-search.ts";
import { SMALL_RULES } from "../commands/small-rules.ts";

function idsFor(query: string, limit = 3): string[] {
  return searchRules(query, SMALL_RULES, limit).map(({ id }) => id);
}

describe("a search", () => {
  test("finds nothing for words that stand nowhere, and for words that say nothing", () => {
    assert.deepEqual(idsFor("kangaroo"), []);
    assert.deepEqual(idsFor("why is the a of"), []);
    assert.deepEqual(idsFor("!?"), []);
  });

  test("finds by symptom, title and cause, in any case", () => {
    assert.deepEqual(idsFor("PAGER"), ["service-has-owner"]);
    assert.deepEqual(idsFor("greeted"), ["pod-is-greeted"]);
    assert.deepEqual(idsFor("quarrel"), ["config-map-is-alone"]);
    assert.deepEqual(idsFor("503"), ["config-map-is-alone"]);
  });

  test("finds other endings of a word, but no other word", () => {
    assert.deepEqual(idsFor("rollouts quarreling"), ["config-map-is-alone"]);
    assert.deepEqual(idsFor("rollercoaster"), []);
  });

  test("finds Chinese words", () => {
    assert.deepEqual(idsFor("告警没有人响应"), ["service-has-owner"]);
  });

  test("puts the rule first that has more and rarer words of the question", () => {
    assert.deepEqual(idsFor("nobody answers"), ["service-has-owner", "pod-is-greeted"]);
    assert.deepEqual(idsFor("nobody said hello"), ["pod-is-greeted", "service-has-owner"]);
    assert.deepEqual(idsFor("nobody said hello", 1), ["pod-is-greeted"]);
  });

  test("orders equal matches by id", () => {
    assert.deepEqual(idsFor("标题"), ["config-map-is-alone", "pod-is-greeted", "service-has-owner"]);
  });
});
