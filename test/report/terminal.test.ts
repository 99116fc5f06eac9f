import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hanging, padEnd, widthOf, wrap } from "../../src/report/terminal.ts";

test("Chinese characters and their punctuation are two columns wide, combining marks none", () => {
  assert.equal(widthOf("abc"), 3);
  assert.equal(widthOf("探针，a"), 7);
  assert.equal(widthOf("e\u0301"), 1);
  assert.equal(padEnd("规则", 6), "规则  ");
  assert.equal(padEnd("longer", 3), "longer");
});

describe("a text is broken", () => {
  test("between words", () => {
    assert.deepEqual(wrap("one two  three", 9), ["one two", "three"]);
  });

  test("not at all if it fits", () => {
    assert.deepEqual(wrap("one two", 7), ["one two"]);
    assert.deepEqual(wrap("", 7), [""]);
  });

  test("not within a word, even where that is too long", () => {
    assert.deepEqual(wrap("a https://example.org/page b", 10), ["a", "https://example.org/page", "b"]);
  });

  test("between Chinese characters, but not before punctuation", () => {
    assert.deepEqual(wrap("健康检查失败，请检查", 12), ["健康检查失", "败，请检查"]);
    assert.deepEqual(wrap("Pod、Service", 4), ["Pod、", "Service"]);
  });

  test("with the later lines below the first one's text", () => {
    assert.deepEqual(hanging("  - ", "one two three", 11), ["  - one two", "    three"]);
  });
});
