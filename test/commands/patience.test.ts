import assert from "node:assert/strict";
import { test } from "node:test";
import { Patience } from "../../src/commands/check/patience.ts";

test("what takes less than a second shows nothing, then no more than ten lines a second", () => {
  let now = 0;
  const shown: string[] = [];
  const progress = { show: (line: string) => shown.push(`${now} ${line}`), end() {} };
  const patience = new Patience(progress, () => now);
  for (now = 0; now <= 1210; now += 5) patience.at(() => "at work");
  assert.deepEqual(shown, ["1000 at work", "1100 at work", "1200 at work"]);
});

test("without anyone to see it no line is made", () => {
  new Patience(undefined, () => 5000).at(() => assert.fail());
});
