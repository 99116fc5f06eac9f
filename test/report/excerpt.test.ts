import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { excerptLines } from "../../src/report/excerpt.ts";
import { PLAIN, widthOf } from "../../src/report/terminal.ts";
import { finding } from "./findings.ts";

function excerptOf(before: string, after: string, line = 7): string[] {
  return excerptLines(finding({ line, excerpt: { before, after, isCut: false } }), PLAIN);
}

describe("the excerpt of a finding", () => {
  test("is its line, with a mark below the place", () => {
    assert.deepEqual(excerptOf("  - ", "name: web"), ["  7 |   - name: web", "    |     ^"]);
    assert.deepEqual(excerptOf("", "name: web", 1234), ["  1234 | name: web", "       | ^"]);
  });

  test("is nothing where nothing stands", () => {
    assert.deepEqual(excerptOf("  ", ""), []);
  });

  test("has the mark below wide characters, too", () => {
    assert.deepEqual(excerptOf("名: ", "x: 1"), ["  7 | 名: x: 1", "    |     ^"]);
  });

  test("keeps what is near the place of a long line, within the terminal's width", () => {
    const lines = excerptOf("a".repeat(100), `b${"世".repeat(100)}`);
    assert.equal(lines[0]?.indexOf("b"), lines[1]?.indexOf("^"));
    assert.ok(lines[0]?.startsWith("  7 | …aaa") && lines[0].endsWith("世…"), lines[0]);
    assert.ok(widthOf(lines[0] ?? "") <= PLAIN.columns);
  });

  test("lets nothing of the file reach the terminal's controls", () => {
    const lines = excerptOf("\t\u001B[31m", "a\u0007\u202Eb");
    assert.deepEqual(lines, ["  7 |   [31ma  b", "    |       ^"]);
  });
});
