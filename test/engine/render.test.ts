import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { oneLine, printable, render } from "../../src/engine/render.ts";
import type { MessageData, Names } from "../../src/rules/rule.ts";

/** What the API server drops a warning for, or a terminal obeys. */
const HARMFUL = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/u;

describe("marks are filled in", () => {
  const cases: [name: string, text: string, data: MessageData, rendered: string][] = [
    ["with texts and numbers", "{{a}} on {{port}}", { a: "web", port: 0 }, "web on 0"],
    ["as often as they stand there", "{{a}}{{a}}", { a: "x" }, "xx"],
    ["with nothing, if that is the value", "a{{a}}b", { a: "" }, "ab"],
    [
      "once: a value with a mark in it stays as it is",
      "{{a}} {{b}}",
      { a: "{{b}}", b: "{{a}}" },
      "{{b}} {{a}}",
    ],
    ["literally, whatever a replacement would make of it", "{{a}}", { a: "$& $1 $$ $`" }, "$& $1 $$ $`"],
    ["and other braces stay", "{a} }} {{{a}}}", { a: "x" }, "{a} }} {x}"],
  ];
  for (const [name, text, data, rendered] of cases)
    test(name, () => assert.equal(render(text, data, "names"), rendered));

  test("or it throws, so that no half message gets out", () => {
    const data: MessageData = JSON.parse('{"a":"x"}');
    for (const mark of ["b", "__proto__", "constructor", "toString", " a", ""])
      assert.throws(() => render(`x {{${mark}}}`, data, "names"), /no value for/);
  });

  test("by their own names only", () => {
    const data: MessageData = JSON.parse('{"__proto__":"x","constructor":"y"}');
    assert.equal(render("{{__proto__}} {{constructor}}", data, "names"), "x y");
  });
});

describe("names of other namespaces", () => {
  const names = (...list: string[]): Names => ({ names: list, noun: "namespace" });
  const others = "other namespaces";
  const cases: [names: Names, full: string, count: string, none: string][] = [
    [names("a"), "a", "1 namespace", "another namespace"],
    [names("a", "b"), "a or b", "2 namespaces", others],
    [names("a", "b", "c"), "a, b or c", "3 namespaces", others],
    [names("a", "b", "c", "d"), "a, b, c and 1 more", "4 namespaces", others],
    [names("a", "b", "c", "d", "e"), "a, b, c and 2 more", "5 namespaces", others],
  ];
  for (const [data, full, count, none] of cases) {
    test(`are ${full}, ${count} or ${none}`, () => {
      const as = (details: "names" | "count" | "none") => render("try {{where}}", { where: data }, details);
      assert.deepEqual(
        [as("names"), as("count"), as("none")],
        [`try ${full}`, `try ${count}`, `try ${none}`],
      );
    });
  }

  test("are hidden with everything that is said about them", () => {
    const secret = names("secret-a", "secret-b");
    for (const details of ["count", "none"] as const)
      assert.doesNotMatch(render("{{where}}", { where: secret }, details), /secret/);
  });

  test("are made harmless one by one", () => {
    assert.equal(render("{{where}}", { where: names("a\n", "\u202eb") }, "names"), "a  or  b");
  });
});

describe("a value", () => {
  test("has a space for everything that a line had better not hold", () => {
    const values = ["\n", "\r", "\t", "\0", "\u001b[2J", "\u007f", "\u0085", "\u009b", "\u2028", "\u2029"];
    const turning = ["\u061c", "\u200e", "\u200f", "\u202a", "\u202e", "\u2066", "\u2069"];
    const unseen = ["\u00ad", "\u200b", "\u2060", "\ufeff", "\u{e0041}", "\ud800", "\udc00"];
    for (const value of [...values, ...turning, ...unseen]) {
      const text = render("<{{a}}>", { a: `x${value}y` }, "names");
      assert.equal(text, `<x ${value.slice(value.codePointAt(0) === 0xe0041 ? 2 : 1)}y>`);
    }
  });

  test("keeps what people write in their languages", () => {
    for (const value of ["名称空间", "می\u200cخواهم", "👩\u200d🚀", "ключ", "naïve", "a\u00a0b"])
      assert.equal(printable(value), value);
  });

  test("ends after 253 UTF-16 units, and not within a character", () => {
    assert.equal(printable("x".repeat(253)), "x".repeat(253));
    assert.equal(printable("x".repeat(254)), `${"x".repeat(252)}…`);
    assert.equal(printable("x".repeat(1024 * 1024)).length, 253);
    assert.doesNotMatch(printable("🦊".repeat(1024)), HARMFUL);
    assert.doesNotMatch(printable(`x${"🦊".repeat(1024)}`), HARMFUL);
  });

  test("does no harm, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 600 }), (value) => {
        const text = render("{{a}}", { a: value }, "names");
        assert.doesNotMatch(text, HARMFUL);
        assert.ok(text.length <= 253);
        assert.doesNotMatch(oneLine(value), HARMFUL);
        assert.equal(oneLine(oneLine(value)), oneLine(value));
      }),
    );
  });
});
