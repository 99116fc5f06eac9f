import { writeSync } from "node:fs";
import type { TestContext } from "node:test";

/** A tool that is not there: its name in `FORESAIL_WITHOUT`, what is needed, and how to get it. */
export type MissingTool = { readonly tool: string; readonly needs: string; readonly remedy: string };

/** How many tests of this process were skipped, by the text that says why. */
const skipped = new Map<string, number>();

/**
 * Skips a test whose tool is missing; the process says so in one line when it ends. With `CI=true` it throws instead,
 * unless `FORESAIL_WITHOUT` (names with commas between) allows the tool to be missing.
 */
export function skipOrFail(t: Pick<TestContext, "skip">, { tool, needs, remedy }: MissingTool): void {
  const allowed = (process.env["FORESAIL_WITHOUT"] ?? "").split(",").map((name) => name.trim());
  if (process.env["CI"] === "true" && !allowed.includes(tool)) throw new Error(`needs ${needs}: ${remedy}`);
  if (skipped.size === 0) process.once("exit", printSkipped);
  const reason = `needs ${needs}, ${remedy}`;
  skipped.set(reason, (skipped.get(reason) ?? 0) + 1);
  t.skip(reason);
}

function printSkipped(): void {
  for (const [reason, count] of skipped) {
    writeSync(process.stderr.fd, `SKIPPED (${count} ${count === 1 ? "test" : "tests"}): ${reason}\n`);
  }
}
