import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { CHECKOUT, runForesail } from "../foresail.ts";

const PAGE = readFileSync(join(CHECKOUT, "docs/en/check.md"), "utf8");
const EXAMPLES = [...PAGE.matchAll(/^```console\n\$ foresail ([^\n]*)\n(.*?)^```$/gms)];

test("docs/en/check.md has examples", () => assert.ok(EXAMPLES.length > 0));

for (const [, args = "", output] of EXAMPLES) {
  test(`docs/en/check.md: foresail ${args} prints what stands below it`, async () => {
    const { stdout, stderr } = await runForesail(args.split(" "));
    assert.deepEqual({ stdout, stderr }, { stdout: output, stderr: "" });
  });
}
