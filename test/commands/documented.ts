/** The examples of a page: `$ foresail ...` and what it prints. */
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { CHECKOUT, cleanEnvironment, EXECUTABLE } from "../foresail.ts";

interface Example {
  readonly command: string;
  readonly output: string;
}

export async function examplesOf(page: string): Promise<readonly Example[]> {
  const markdown = await readFile(join(CHECKOUT, page), "utf8");
  return [...markdown.matchAll(/```console\n\$ (.*)\n([^]*?)```/g)].map(([, command = "", output = ""]) => ({
    command,
    output,
  }));
}

/** What a shell in the checkout prints, on both streams. */
export async function printedBy({ command }: Example): Promise<string> {
  const script = `foresail() { "${process.execPath}" "${EXECUTABLE}" "$@"; }\nexec 2>&1\n${command}`;
  const child = spawn("sh", ["-c", script], { cwd: CHECKOUT, env: cleanEnvironment() });
  child.stdin.end();
  return text(child.stdout);
}
