/** Runs the command line as a user does, and makes the folders it works in. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { text } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";

export const CHECKOUT = fileURLToPath(new URL("..", import.meta.url));
export const EXECUTABLE = join(CHECKOUT, "bin/foresail.js");

export interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly stdin?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** In an environment without colours and without npm's variables. */
export async function runForesail(
  args: readonly string[],
  { cwd = CHECKOUT, stdin = "", env = {} }: RunOptions = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [EXECUTABLE, ...args], {
    cwd,
    env: { ...cleanEnvironment(), ...env },
  });
  const exited = new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  // It may end before it has read everything.
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  const [stdout, stderr, exitCode] = await Promise.all([text(child.stdout), text(child.stderr), exited]);
  return { exitCode, stdout, stderr };
}

export function cleanEnvironment(): NodeJS.ProcessEnv {
  const { INIT_CWD: _, NO_COLOR: __, FORCE_COLOR: ___, NODE_TEST_CONTEXT: ____, ...rest } = process.env;
  return rest;
}

/** A folder with these files, by path; gone after the test. */
export async function folderWith(
  t: TestContext,
  files: Readonly<Record<string, string | Uint8Array>>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "foresail-test-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }
  return folder;
}
