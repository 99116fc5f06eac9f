/** `make sandbox`, as its page tells people to use it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { CHECKOUT, cleanEnvironment } from "../foresail.ts";
import { eventually } from "../harness/eventually.ts";
import { requireIstio } from "../harness/istio-tools.ts";
import { skipOrFail } from "../harness/missing-tool.ts";
import { runTool } from "../harness/run-tool.ts";
import { findControllerManager, findControlPlaneTools, requireControlPlane } from "../harness/tools.ts";

const PAGE = "docs/en/sandbox.md";
/** Two istiods and foresail, on a machine that builds at the same time. */
const STARTS_WITHIN_MS = 300_000;
/** Within which foresail is right again after the API server was away. */
const ANSWER_WITHIN_MS = 60_000;
const STEP_TIMEOUT_MS = 60_000;
const ENDS_WITHIN_MS = 30_000;
const INTERRUPTED = 130;

test("every step of the page prints what it says, and Ctrl-C leaves nothing", async (t) => {
  const tools = await requireTools(t);
  if (!tools) return;
  const sandbox = await startSandbox(t);
  const kubeconfig = await sandbox.lineAfter(/^ {2}export KUBECONFIG=(.+)$/);
  await sandbox.lineAfter(/^Ctrl-C (.*)/);
  const path = `${dirname(tools.kubectl)}${delimiter}${process.env["PATH"]}`;
  const env = { PATH: path, HOME: sandbox.temporary, KUBECONFIG: kubeconfig };

  const steps = stepsOf(await readFile(join(CHECKOUT, PAGE), "utf8"));
  assert.ok(steps.length > 20);
  for (const { command, output } of steps) {
    let printed = "";
    const run = async () => {
      const script = `exec 2>&1\n${command}`;
      const { stdout } = await runTool("sh", ["-c", script], {
        cwd: CHECKOUT,
        env,
        timeoutMs: STEP_TIMEOUT_MS,
      });
      printed = stdout.trimEnd();
      return printed === output;
    };
    await eventually(command, run, ANSWER_WITHIN_MS).catch(() => assert.equal(printed, output, command));
  }

  sandbox.child.kill("SIGINT");
  assert.equal(await sandbox.exitCode, 0);
  await assertNothingLeft(sandbox.temporary);
});

test("the steps of the README are steps of the page", async () => {
  const readme = await readFile(join(CHECKOUT, "README.md"), "utf8");
  const [, section = ""] = readme.split("## Step by step");
  const commands = (section.split("```")[1] ?? "").split("\n").filter((line) => line.startsWith("kubectl "));
  assert.ok(commands.length > 5);
  const page = stepsOf(await readFile(join(CHECKOUT, PAGE), "utf8")).map(({ command }) => command);
  assert.deepEqual(
    commands.filter((command) => !page.includes(command)),
    [],
  );
});

test("Ctrl-C while it starts leaves nothing", async (t) => {
  if (!(await requireTools(t))) return;
  const sandbox = await startSandbox(t);
  await sandbox.lineAfter(/^(installing) /);
  sandbox.child.kill("SIGINT");
  assert.equal(await sandbox.exitCode, INTERRUPTED);
  await assertNothingLeft(sandbox.temporary);
});

interface Sandbox {
  readonly child: ChildProcess;
  readonly exitCode: Promise<number | null>;
  /** Where it keeps its files. */
  readonly temporary: string;
  /** What the group matched in the first line that matches. */
  lineAfter(pattern: RegExp): Promise<string>;
}

async function startSandbox(t: TestContext): Promise<Sandbox> {
  const temporary = await mkdtemp(join(tmpdir(), "foresail-sandbox-"));
  const child = spawn(process.execPath, [join(CHECKOUT, "scripts/sandbox.ts")], {
    cwd: CHECKOUT,
    env: { ...cleanEnvironment(), TMPDIR: temporary },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exitCode = once(child, "exit").then(() => child.exitCode);
  t.after(async () => {
    child.kill("SIGKILL");
    await exitCode;
    await rm(temporary, { recursive: true, force: true });
  });
  const lines: string[] = [];
  createInterface(child.stdout).on("line", (line) => lines.push(line));
  const find = (pattern: RegExp) =>
    lines.map((line) => pattern.exec(line)?.[1]).find((one) => one !== undefined);
  return {
    child,
    exitCode,
    temporary,
    async lineAfter(pattern) {
      await eventually(
        `a line ${String(pattern)} in ${lines.join("\n")}`,
        () => find(pattern) !== undefined || child.exitCode !== null,
        STARTS_WITHIN_MS,
      );
      return find(pattern) ?? assert.fail(`no line ${String(pattern)} in ${lines.join("\n")}`);
    },
  };
}

interface Step {
  readonly command: string;
  /** Of standard output and standard error. */
  readonly output: string;
}

/** The commands of the page's console blocks, each with what stands below it. */
function stepsOf(page: string): Step[] {
  const blocks = [...page.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  return blocks
    .flatMap((block) => block.split(/^\$ /m).slice(1))
    .map((text) => {
      const [command = "", ...output] = text.trimEnd().split("\n");
      return { command, output: output.join("\n") };
    });
}

async function requireTools(t: TestContext): Promise<{ readonly kubectl: string } | undefined> {
  if (!(await requireControlPlane(t)) || !(await requireIstio(t))) return undefined;
  const manager = await findControllerManager();
  if (typeof manager !== "string") {
    skipOrFail(t, manager);
    return undefined;
  }
  const tools = await findControlPlaneTools();
  return "kubectl" in tools ? tools : undefined;
}

async function assertNothingLeft(temporary: string): Promise<void> {
  const processes = async () => {
    const { stdout } = await runTool("ps", ["-A", "-o", "args"], { timeoutMs: STEP_TIMEOUT_MS });
    return stdout.split("\n").filter((line) => line.includes(temporary));
  };
  await eventually("every program has ended", async () => (await processes()).length === 0, ENDS_WITHIN_MS);
  // kubectl's caches are of this test.
  const isOurs = (name: string) => name.startsWith("foresail-");
  const folders = async () => (await readdir(temporary)).filter(isOurs);
  await eventually("every folder is gone", async () => (await folders()).length === 0, ENDS_WITHIN_MS);
}
