import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findOnPath, isExecutable, runTool } from "./run-tool.ts";

/** Programs that Go builds from a module under `test/`: the first time in minutes, and nothing after that. */
export type GoPrograms<Name extends string> = {
  /** The folder of go.mod and go.sum. */
  readonly module: string;
  /** A git-ignored folder for nothing else. */
  readonly bin: string;
  /** The packages, by the names of the programs. */
  readonly packages: Readonly<Record<Name, string>>;
  /** Of `go build`. */
  readonly flags: readonly string[];
  /** Files of ours that the programs are made of, besides go.mod and go.sum. */
  readonly sources: readonly string[];
  /** What stands before each line of progress: `control plane`. */
  readonly label: string;
  /** What is built, and how long that takes, after the names of the programs: ` of Kubernetes v1.36.3: ...`. */
  readonly about: string;
};

export const BASE_FLAGS = ["-mod=readonly", "-buildvcs=false", "-trimpath"] as const;

/** `go version` may have to download a toolchain. */
const GO_VERSION_TIMEOUT_MS = 5 * 60_000;
/** kube-apiserver takes 3 minutes on two cores; a slow network and one slow core take longer. */
const BUILD_TIMEOUT_MS = 30 * 60_000;

const LOCK_POLL_MS = 500;
const LOCK_HEARTBEAT_MS = 2_000;
/** A holder that has not touched its lock for so long is dead. */
const LOCK_STALE_MS = 20_000;

/** Whether the Go on `PATH` is new enough for the module's go.mod, or can make itself so. */
export async function hasGo(module: string): Promise<boolean> {
  const go = await findOnPath("go");
  if (go === undefined) return false;
  const { code } = await runTool(go, ["version"], { cwd: module, timeoutMs: GO_VERSION_TIMEOUT_MS });
  return code === 0;
}

/**
 * Builds what is not built yet and returns its folder, whose name is made from all that the programs are made of. A
 * program gets its place only when it is whole, so one that is there is never half built and never of another version.
 */
export async function buildPrograms<Name extends string>(
  wanted: readonly Name[],
  programs: GoPrograms<Name>,
): Promise<string> {
  const { module, bin, flags, sources, label, about } = programs;
  const hash = createHash("sha256").update(JSON.stringify([flags, process.platform, process.arch]));
  for (const file of [join(module, "go.mod"), join(module, "go.sum"), ...sources]) {
    hash.update(await readFile(file));
  }
  const folder = join(bin, hash.digest("hex").slice(0, 12));

  if ((await listMissing(folder, wanted)).length === 0) return folder;
  await mkdir(folder, { recursive: true });
  await withLock(label, join(bin, "lock"), async () => {
    const missing = await listMissing(folder, wanted);
    if (missing.length === 0) return;
    say(label, `building ${missing.join(", ")}${about}`);
    for (const program of missing) await buildOne(folder, program, programs);
    await removeOthers(bin, folder);
  });
  return folder;
}

async function listMissing<Name extends string>(folder: string, programs: readonly Name[]): Promise<Name[]> {
  const missing: Name[] = [];
  for (const program of programs) {
    if (!(await isExecutable(join(folder, program)))) missing.push(program);
  }
  return missing;
}

async function buildOne<Name extends string>(
  folder: string,
  program: Name,
  { module, packages, flags, label }: GoPrograms<Name>,
): Promise<void> {
  const startMs = Date.now();
  const part = join(folder, `${program}.part`);
  const { code, stderr } = await runTool("go", ["build", ...flags, "-o", part, packages[program]], {
    cwd: module,
    env: { ...process.env, CGO_ENABLED: "0", GOWORK: "off" },
    timeoutMs: BUILD_TIMEOUT_MS,
  });
  if (code !== 0) throw new Error(`go build ${packages[program]}: exit code ${code}\n${stderr}`);
  await rename(part, join(folder, program));
  say(label, `built ${program} in ${Math.round((Date.now() - startMs) / 1000)} s`);
}

/** What was built from earlier versions; some 200 MB each. */
async function removeOthers(bin: string, folder: string): Promise<void> {
  for (const name of await readdir(bin)) {
    const path = join(bin, name);
    if (path !== folder && /^[0-9a-f]{12}$/.test(name)) await rm(path, { recursive: true, force: true });
  }
}

function say(label: string, text: string): void {
  process.stderr.write(`${label}: ${text}\n`);
}

/** Runs `work` while no other process does. After a crash two might; they would only build the same thing twice. */
async function withLock(label: string, lock: string, work: () => Promise<void>): Promise<void> {
  for (let attempt = 1; !(await makeFolder(lock)); attempt += 1) {
    if (attempt === 1) say(label, "waiting for another process that builds");
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
