import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { writeSync } from "node:fs";
import { access, constants, mkdir, readFile, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { TestContext } from "node:test";

/** Where the programs of a control plane are: absolute paths. */
export type ControlPlaneTools = {
  readonly etcd: string;
  readonly kubeApiserver: string;
  readonly kubectl: string;
};

/** A tool that is not there: its name in `FORESAIL_WITHOUT`, what is needed, and how to get it. */
export type MissingTool = { readonly tool: string; readonly needs: string; readonly remedy: string };

/** How a program ended that ended by itself. */
export type ToolResult = { readonly code: number; readonly stdout: string; readonly stderr: string };

type ToolOptions = {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  readonly stdin?: string;
  readonly timeoutMs: number;
};

const MODULE = join(import.meta.dirname, "..", "control-plane");
const BIN = join(MODULE, "bin");

/** The programs that this harness builds, and their packages in test/control-plane/go.mod. */
const PACKAGES = {
  etcd: "go.etcd.io/etcd/server/v3",
  "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
  "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
  kubectl: "k8s.io/kubernetes/cmd/kubectl",
} as const;

type Program = keyof typeof PACKAGES;
const CONTROLLER_MANAGER = "kube-controller-manager";

const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;
/** `go version` may have to download a toolchain. */
const GO_VERSION_TIMEOUT_MS = 5 * 60_000;
/** kube-apiserver takes 3 minutes on two cores; a slow network and one slow core take longer. */
const BUILD_TIMEOUT_MS = 30 * 60_000;
const VERSION_TIMEOUT_MS = 20_000;

const LOCK_POLL_MS = 500;
const LOCK_HEARTBEAT_MS = 2_000;
/** A holder that has not touched its lock for so long is dead. */
const LOCK_STALE_MS = 20_000;

/** https://kubernetes.io/releases/version-skew-policy: kubectl may be one minor version older or newer. */
const KUBECTL_SKEW = 1;

/**
 * Runs a program to its end and returns its exit code, also when that is not 0.
 * Rejects when the program cannot be started, is killed, or has not ended after `timeoutMs`.
 */
export function runTool(file: string, args: readonly string[], options: ToolOptions): Promise<ToolResult> {
  const { timeoutMs, stdin = "", ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { ...rest, timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: MAX_OUTPUT_BYTES },
      (error, stdout, stderr) => {
        if (error === null) resolve({ code: 0, stdout, stderr });
        else if (typeof error.code === "number") resolve({ code: error.code, stdout, stderr });
        else {
          const reason = error.killed === true ? `killed after at most ${timeoutMs} ms` : error.message;
          reject(new Error(`${file} ${args.join(" ")}: ${reason}\n${stderr}`, { cause: error }));
        }
      },
    );
    // A program that ends without reading its input closes the pipe; its exit code tells the rest.
    child.stdin?.on("error", () => {});
    child.stdin?.end(stdin);
  });
}

/** The path of a program in a folder of `PATH`. */
export async function findOnPath(program: string): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(folder, program);
    if (folder !== "" && (await isExecutable(path))) return path;
  }
  return undefined;
}

/**
 * The programs of a control plane: from `KUBEBUILDER_ASSETS`, else built with Go, which takes minutes the first time
 * and nothing after that. Throws when `KUBEBUILDER_ASSETS` is incomplete or a build fails.
 */
export function findControlPlaneTools(): Promise<ControlPlaneTools | MissingTool> {
  search ??= searchControlPlaneTools();
  return search;
}

/** Done once: the tools stay where they are while a process runs, and every test asks. */
let search: Promise<ControlPlaneTools | MissingTool> | undefined;

async function searchControlPlaneTools(): Promise<ControlPlaneTools | MissingTool> {
  const assets = process.env["KUBEBUILDER_ASSETS"] ?? "";
  const versions = await readVersions();
  const kubectl = await findKubectl(assets, versions.kubernetes);
  const wanted: Program[] = kubectl === undefined ? ["kubectl"] : [];
  if (assets === "") wanted.unshift("etcd", "kube-apiserver");
  else await checkAssets(assets);

  let built = "";
  if (wanted.length > 0) {
    if (!(await hasGo())) return missingControlPlane(assets, versions.go);
    built = await build(wanted, versions.kubernetes);
  }
  const folder = assets === "" ? built : assets;
  return {
    etcd: join(folder, "etcd"),
    kubeApiserver: join(folder, "kube-apiserver"),
    kubectl: kubectl ?? join(built, "kubectl"),
  };
}

/** kube-controller-manager, which only those ask for who need controllers: it is never in `KUBEBUILDER_ASSETS`. */
export async function findControllerManager(): Promise<string | MissingTool> {
  const { go, kubernetes } = await readVersions();
  if (!(await hasGo())) {
    const needs = "kube-controller-manager";
    return { tool: needs, needs, remedy: `install Go ${go}` };
  }
  return join(await build([CONTROLLER_MANAGER], kubernetes), CONTROLLER_MANAGER);
}

/** Whether a test has its control plane. If not, the test is skipped, or fails as `skipOrFail` says. */
export async function requireControlPlane(t: Pick<TestContext, "skip">): Promise<boolean> {
  const found = await findControlPlaneTools();
  if (!("needs" in found)) return true;
  skipOrFail(t, found);
  return false;
}

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

function missingControlPlane(assets: string, goVersion: string): MissingTool {
  if (assets === "") {
    const remedy = `install Go ${goVersion} or set KUBEBUILDER_ASSETS`;
    return { tool: "kube-apiserver", needs: "kube-apiserver and etcd", remedy };
  }
  return { tool: "kubectl", needs: "kubectl", remedy: `install it or Go ${goVersion}` };
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function checkAssets(assets: string): Promise<void> {
  for (const program of ["etcd", "kube-apiserver"]) {
    if (!(await isExecutable(join(assets, program)))) {
      throw new Error(`KUBEBUILDER_ASSETS is ${assets}, which has no program ${program}`);
    }
  }
}

type Versions = { readonly go: string; readonly kubernetes: string };

/** The versions that go.mod asks for, as `1.26` and `v1.36.3`. */
async function readVersions(): Promise<Versions> {
  const text = await readFile(join(MODULE, "go.mod"), "utf8");
  const go = /^go (\d+\.\d+)/m.exec(text)?.[1];
  const kubernetes = /^\s*k8s\.io\/kubernetes (v\d+\.\d+\.\S+)/m.exec(text)?.[1];
  if (go === undefined || kubernetes === undefined) {
    throw new Error(`${MODULE}/go.mod names no version of go or k8s.io/kubernetes`);
  }
  return { go, kubernetes };
}

function minorVersion(version: string): number {
  return Number(/^v1\.(\d+)\./.exec(version)?.[1] ?? Number.NaN);
}

/** kubectl from `assets` or `PATH`; one on `PATH` that is too old or too new for the API server does not count. */
async function findKubectl(assets: string, kubernetes: string): Promise<string | undefined> {
  const beside = join(assets, "kubectl");
  if (assets !== "" && (await isExecutable(beside))) return beside;
  const path = await findOnPath("kubectl");
  if (path === undefined) return undefined;
  const run = runTool(path, ["version", "--client"], { timeoutMs: VERSION_TIMEOUT_MS });
  const output = await run.catch(() => undefined);
  const client = /^Client Version: (\S+)/m.exec(output?.stdout ?? "")?.[1] ?? "";
  return Math.abs(minorVersion(client) - minorVersion(kubernetes)) <= KUBECTL_SKEW ? path : undefined;
}

/** Whether the Go on `PATH` is new enough for go.mod, or can make itself so. */
async function hasGo(): Promise<boolean> {
  const go = await findOnPath("go");
  if (go === undefined) return false;
  const { code } = await runTool(go, ["version"], { cwd: MODULE, timeoutMs: GO_VERSION_TIMEOUT_MS });
  return code === 0;
}

function buildFlags(kubernetes: string): string[] {
  // Without its version the API server says v0.0.0 and clients misbehave.
  const stamped = `-X k8s.io/component-base/version.git`;
  const ldflags = [
    "-s -w",
    `${stamped}Version=${kubernetes}`,
    `${stamped}Major=1`,
    `${stamped}Minor=${minorVersion(kubernetes)}`,
  ];
  return ["-mod=readonly", "-buildvcs=false", "-trimpath", "-ldflags", ldflags.join(" ")];
}

/**
 * Builds what is not built yet and returns its folder, whose name is made from go.mod, go.sum and the flags. A program
 * gets its place only when it is whole, so one that is there is never half built and never of another version.
 */
async function build(programs: readonly Program[], kubernetes: string): Promise<string> {
  const flags = buildFlags(kubernetes);
  const hash = createHash("sha256").update(JSON.stringify([flags, process.platform, process.arch]));
  for (const file of ["go.mod", "go.sum"]) hash.update(await readFile(join(MODULE, file)));
  const folder = join(BIN, hash.digest("hex").slice(0, 12));

  if ((await listMissing(folder, programs)).length === 0) return folder;
  await mkdir(folder, { recursive: true });
  await withLock(join(BIN, "lock"), async () => {
    const missing = await listMissing(folder, programs);
    if (missing.length === 0) return;
    say(`building ${missing.join(", ")} of Kubernetes ${kubernetes}: the first time takes about 5 minutes`);
    for (const program of missing) await buildOne(folder, program, flags);
    await removeOthers(folder);
  });
  return folder;
}

async function listMissing(folder: string, programs: readonly Program[]): Promise<Program[]> {
  const missing: Program[] = [];
  for (const program of programs) {
    if (!(await isExecutable(join(folder, program)))) missing.push(program);
  }
  return missing;
}

async function buildOne(folder: string, program: Program, flags: readonly string[]): Promise<void> {
  const startMs = Date.now();
  const part = join(folder, `${program}.part`);
  const { code, stderr } = await runTool("go", ["build", ...flags, "-o", part, PACKAGES[program]], {
    cwd: MODULE,
    env: { ...process.env, CGO_ENABLED: "0", GOWORK: "off" },
    timeoutMs: BUILD_TIMEOUT_MS,
  });
  if (code !== 0) throw new Error(`go build ${PACKAGES[program]}: exit code ${code}\n${stderr}`);
  await rename(part, join(folder, program));
  say(`built ${program} in ${Math.round((Date.now() - startMs) / 1000)} s`);
}

/** What earlier versions of go.mod built; some 200 MB each. */
async function removeOthers(folder: string): Promise<void> {
  for (const name of await readdir(BIN)) {
    const path = join(BIN, name);
    if (path !== folder && /^[0-9a-f]{12}$/.test(name)) await rm(path, { recursive: true, force: true });
  }
}

function say(text: string): void {
  process.stderr.write(`control plane: ${text}\n`);
}

/** Runs `work` while no other process does. After a crash two might; they would only build the same thing twice. */
async function withLock(lock: string, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; !(await makeFolder(lock)); attempt += 1) {
    if (attempt === 1) say("waiting for another process that builds");
    const touchedMs = (await stat(lock).catch(() => undefined))?.mtimeMs ?? Date.now();
    if (Date.now() - touchedMs > LOCK_STALE_MS) await rm(lock, { recursive: true, force: true });
    else await sleep(LOCK_POLL_MS);
  }
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(lock, now, now).catch(() => {});
  }, LOCK_HEARTBEAT_MS);
  try {
    await work();
  } finally {
    clearInterval(heartbeat);
    await rm(lock, { recursive: true, force: true });
  }
}

/** False when the folder is there already. */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}
