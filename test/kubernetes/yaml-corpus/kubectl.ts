import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { skipOrFail } from "../../harness/missing-tool.ts";
import { runTool } from "../../harness/run-tool.ts";

/** What kubectl makes of files: the objects that it would send, or why it refuses all of them. */
export type Reading = { readonly documents: readonly unknown[] } | { readonly refused: string };

const CORPUS = import.meta.dirname;
const TIMEOUT_MS = 60_000;
/** kubectl prints objects one after the other, indented. */
const END_OF_OBJECT = /(?<=^\})\n/m;

/** The names of the corpus' files, without what follows the point. */
export function listCorpus(): string[] {
  return readdirSync(CORPUS, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => file.slice(0, -".yaml".length))
    .toSorted();
}

export function yamlPath(name: string): string {
  return join(CORPUS, `${name}.yaml`);
}

export function goldenPath(name: string): string {
  return join(CORPUS, `${name}.json`);
}

export function readGolden(name: string): Reading {
  return JSON.parse(readFileSync(goldenPath(name), "utf8"));
}

/** Whether a test has a kubectl. If not, the test is skipped, or fails as `skipOrFail` says. */
export async function requireKubectl(t: Pick<TestContext, "skip">): Promise<boolean> {
  try {
    await runTool("kubectl", ["version", "--client"], { timeoutMs: TIMEOUT_MS });
    return true;
  } catch {
    const remedy = "install it: https://kubernetes.io/docs/tasks/tools";
    skipOrFail(t, { tool: "kubectl", needs: "kubectl on PATH", remedy });
    return false;
  }
}

/** Needs no cluster: with an empty patch kubectl prints what it read. Rejects if there is no kubectl. */
export async function askKubectl(paths: readonly string[]): Promise<Reading> {
  const files = paths.flatMap((path) => ["-f", resolve(path)]);
  const args = ["patch", "--local", "--output", "json", "--type", "json", "--patch", "[]", ...files];
  const env = { PATH: process.env["PATH"], KUBECONFIG: "" };
  const { code, stdout, stderr } = await runTool("kubectl", args, { env, timeoutMs: TIMEOUT_MS });
  if (code !== 0) return { refused: stderr.replace(/^error: error parsing \S+ /, "").trim() };
  return {
    documents: stdout
      .split(END_OF_OBJECT)
      .filter((text) => text !== "")
      .map((text) => JSON.parse(text)),
  };
}
