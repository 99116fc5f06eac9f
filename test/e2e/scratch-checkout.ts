/** Copies of foresail's own repository, and of others that use it. */
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { CHECKOUT, cleanEnvironment, folderWith } from "../foresail.ts";
import { skipOrFail } from "../harness/missing-tool.ts";
import { runTool } from "../harness/run-tool.ts";
import type { ToolResult } from "../harness/run-tool.ts";

/** Downloads included. */
const TIMEOUT_MS = 900_000;
/** What a user's tools take of the repository. */
const PARTS = [
  ".pre-commit-hooks.yaml",
  "action.yml",
  "bin",
  "docs",
  "examples",
  "manifests",
  "package-lock.json",
  "package.json",
  "schemas",
  "src",
];
const NO_REGISTRY = /E(?:AI_AGAIN|CONNREFUSED|CONNRESET|NETUNREACH|NOTFOUND|TIMEDOUT)|fetch failed|network/i;

/** Where no package of foresail's is installed. */
export async function scratchCheckout(t: TestContext): Promise<string> {
  const folder = await folderWith(t, {});
  for (const part of PARTS) await cp(join(CHECKOUT, part), join(folder, part), { recursive: true });
  return folder;
}

/** One commit of all files. Returns its hash. */
export async function commitAll(folder: string): Promise<string> {
  const identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"];
  await git(folder, "init", "--quiet");
  await git(folder, "add", "--all");
  await git(folder, ...identity, "commit", "--quiet", "--message=test");
  return (await git(folder, "rev-parse", "HEAD")).trim();
}

export async function git(cwd: string, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runIn(cwd, "git", args);
  if (code !== 0) throw new Error(`git ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** In an environment without npm's variables. */
export async function runIn(
  cwd: string,
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ToolResult> {
  await mkdir(cwd, { recursive: true });
  const clean = Object.entries(cleanEnvironment()).filter(([name]) => !name.startsWith("npm_"));
  return runTool(program, args, {
    cwd,
    env: { ...Object.fromEntries(clean), ...env },
    timeoutMs: TIMEOUT_MS,
  });
}

/** True, and the test is skipped, if what was printed says that there is no registry of packages. */
export function isOffline(t: TestContext, { stdout, stderr }: ToolResult): boolean {
  if (!NO_REGISTRY.test(stdout + stderr)) return false;
  const remedy = "connect to one, or set npm's option registry";
  skipOrFail(t, { tool: "npm-registry", needs: "a registry of npm packages", remedy });
  return true;
}
