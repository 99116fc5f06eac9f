import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import fc from "fast-check";
import { unifiedDiff } from "../../src/report/unified-diff.ts";
import { folderWith } from "../foresail.ts";

const LETTERS = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n";

describe("the difference of two texts", () => {
  test("is nothing if they are equal", () => assert.equal(unifiedDiff("f", LETTERS, LETTERS), ""));

  test("has three lines around each change", () => {
    assert.equal(
      unifiedDiff("f", LETTERS, LETTERS.replace("e\n", "e\nnew\n")),
      "--- f\n+++ f\n@@ -3,6 +3,7 @@\n c\n d\n e\n+new\n f\n g\n h\n",
    );
  });

  test("has one part for changes that are near, and two for those that are not", () => {
    const long = LETTERS.repeat(2);
    const changed = `x\n${long.slice(2, -2)}y\n`;
    assert.equal(unifiedDiff("f", long, changed).split("@@ -").length - 1, 2);
    assert.equal(
      unifiedDiff("f", LETTERS, LETTERS.replace("c", "x").replace("h", "y")).split("@@ -").length - 1,
      1,
    );
  });

  test("says where a last line has no line break", () => {
    assert.equal(
      unifiedDiff("f", "a", "a\nb"),
      "--- f\n+++ f\n@@ -1 +1,2 @@\n-a\n\\ No newline at end of file\n+a\n+b\n\\ No newline at end of file\n",
    );
  });

  test("shows only what is new, also between lines that are near and equal", () => {
    const [before, after] = ["- a\n- a\n- a\n- b\n", "- a\n- x\n- a\n- y\n- a\n- b\n- a\n"];
    const marks = unifiedDiff("f", before, after)
      .split("\n")
      .slice(3, -1)
      .map((line) => line.charAt(0));
    assert.deepEqual(marks, [" ", "+", " ", "+", " ", " ", "+"]);
  });
});

test("git applies it to any text", async (t) => {
  const text = fc.array(fc.constantFrom("a\n", "b\n", "c\r\n", "d\n", "\n"), { maxLength: 30 });
  const whole = fc
    .tuple(text, fc.boolean())
    .map(([lines, isEnded]) => lines.join("") + (isEnded ? "" : "end"));
  const folder = await folderWith(t, {});
  const file = join(folder, "f");
  await fc.assert(
    fc.asyncProperty(whole, whole, async (before, after) => {
      fc.pre(before !== "" && after !== "" && before !== after);
      await writeFile(file, before);
      const input = unifiedDiff("f", before, after);
      const { stderr, status } = spawnSync("git", ["apply", "-p0", "--whitespace=nowarn"], {
        cwd: folder,
        input,
        encoding: "utf8",
      });
      assert.equal(status, 0, `${stderr}\n${input}`);
      assert.equal(await readFile(file, "utf8"), after);
    }),
    { numRuns: 50 },
  );
});
