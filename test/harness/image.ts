/** Images without a registry and without a daemon: buildah, and stand-ins for base images out of this machine's files. */
import { cp, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { skipOrFail } from "./missing-tool.ts";
import { findOnPath, runTool } from "./run-tool.ts";
import type { ToolResult } from "./run-tool.ts";

const TIMEOUT_MS = 300_000;
const SHELL_PROGRAMS = ["sh", "env", "chmod", "find"];
const NODE = "/usr/local/bin/node";
const NPM = "/usr/local/lib/node_modules/npm";
const NPM_CACHE = "/npm-cache";
const EXTRA_CA = "/etc/extra-ca.pem";

export interface Buildah {
  /** A folder for whatever the tests need; gone after `remove`. */
  readonly folder: string;
  /** What to put before the arguments to start buildah oneself. */
  readonly command: readonly [program: string, ...flags: string[]];
  /** Must succeed; returns what it printed, without the line's end. */
  run(...args: readonly string[]): Promise<string>;
  /** An image from scratch with Node and what it is linked to, and nothing else. */
  makeRunBase(): Promise<string>;
  /** The same with npm and a shell. */
  makeBuildBase(): Promise<string>;
  /** For `build`, so that what was fetched before is not fetched again: `--volume` and its value. */
  npmCache(): Promise<readonly string[]>;
  remove(): Promise<void>;
}

/** Undefined if there is no buildah: the test has been marked as skipped, or fails, as `skipOrFail` says. */
export async function findBuildah(t: TestContext): Promise<string | undefined> {
  const [buildah, ldd] = [await findOnPath("buildah"), await findOnPath("ldd")];
  if (buildah !== undefined && ldd !== undefined) return buildah;
  skipOrFail(t, { tool: "buildah", needs: "buildah", remedy: "install the package buildah" });
  return undefined;
}

export async function openBuildah(program: string): Promise<Buildah> {
  const folder = await mkdtemp(join(tmpdir(), "foresail-image-"));
  const storage = [
    `--root=${join(folder, "root")}`,
    `--runroot=${join(folder, "run")}`,
    "--storage-driver=vfs",
  ];
  const run = async (...args: readonly string[]) =>
    output(await runTool(program, [...storage, ...args], { timeoutMs: TIMEOUT_MS }));
  const make = async (name: string, root: string, variables: string) => {
    const file = join(folder, `${name}.Containerfile`);
    await writeFile(file, `FROM scratch\nCOPY . /\nENV ${variables}\n`);
    await run("build", "--quiet", "--file", file, "--tag", name, root);
    return `localhost/${name}`;
  };
  return {
    folder,
    command: [program, ...storage],
    run,
    async makeRunBase() {
      const root = join(folder, "run-base");
      await copyProgram(await realpath(process.execPath), root, NODE);
      return make("run-base", root, "PATH=/usr/local/bin");
    },
    async makeBuildBase() {
      const root = join(folder, "build-base");
      await copyProgram(await realpath(process.execPath), root, NODE);
      for (const name of SHELL_PROGRAMS) {
        const path = await findOnPath(name);
        if (path === undefined) throw new Error(`there is no ${name} on PATH`);
        await copyProgram(path, root, `/usr/bin/${name}`);
      }
      await symlink("usr/bin", join(root, "bin"));
      const npm = await npmFolder();
      await cp(npm, join(root, NPM), { recursive: true });
      await symlink(`${NPM}/bin/npm-cli.js`, join(root, dirname(NODE), "npm"));
      await mkdir(join(root, "tmp"));
      return make(
        "build-base",
        root,
        [...(await npmVariables(root)), "PATH=/usr/local/bin:/usr/bin"].join(" "),
      );
    },
    npmCache: async () => ["--volume", `${await npmConfig("cache")}:${NPM_CACHE}`],
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

/** Copies it, and the libraries that it is linked to, to where it looks for them. */
async function copyProgram(path: string, root: string, as: string): Promise<void> {
  await copyFollowed(path, join(root, as));
  const linked = output(await runTool("ldd", [path], { timeoutMs: TIMEOUT_MS }));
  for (const [library] of linked.matchAll(/\/\S+/g)) await copyFollowed(library, join(root, library));
}

async function copyFollowed(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await cp(from, to, { dereference: true });
}

async function npmFolder(): Promise<string> {
  const npm = await findOnPath("npm");
  if (npm === undefined) throw new Error("there is no npm on PATH");
  // .../npm/bin/npm-cli.js
  return dirname(dirname(await realpath(npm)));
}

async function npmConfig(key: string): Promise<string> {
  return output(await runTool("npm", ["config", "get", key], { timeoutMs: TIMEOUT_MS }));
}

/** The same registry, reached with the same trust, as here. */
async function npmVariables(root: string): Promise<string[]> {
  const extraCa = process.env["NODE_EXTRA_CA_CERTS"] ?? "";
  if (extraCa !== "") await copyFollowed(extraCa, join(root, EXTRA_CA));
  return [
    "HOME=/tmp",
    `npm_config_cache=${NPM_CACHE}`,
    `npm_config_registry=${await npmConfig("registry")}`,
    ...(extraCa === "" ? [] : [`NODE_EXTRA_CA_CERTS=${EXTRA_CA}`]),
  ];
}

function output({ code, stdout, stderr }: ToolResult): string {
  if (code !== 0) throw new Error(`exit code ${code}\n${stdout}\n${stderr}`);
  return stdout.trimEnd();
}
