import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { sharedControlPlane, startControlPlane } from "./control-plane.ts";
import { createObjectApi } from "./kubectl.ts";
import { findOnPath, runTool } from "./run-tool.ts";
import { requireControlPlane } from "./tools.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { ToolResult } from "./run-tool.ts";

const CHILD_TIMEOUT_MS = 120_000;
const EVENTUALLY_TIMEOUT_MS = 60_000;
const EVENTUALLY_POLL_MS = 50;

const VIEWER = { name: "viewer", token: "viewer-token", groups: ["viewers"] };

/** Prints the folder and the processes of a control plane, and then waits to be killed. */
const STARTER = `
import { startControlPlane } from "./control-plane.ts";
const { folder, pids } = await startControlPlane();
process.stdout.write([folder, ...Object.values(pids())].join(" ") + "\\n");
setInterval(() => {}, 1000);
`;

const TWO_TESTS = `
import { test } from "node:test";
import { requireControlPlane } from "./tools.ts";
for (const name of ["first", "second"]) test(name, async (t) => { await requireControlPlane(t); });
`;

const SKIPPED =
  "SKIPPED (2 tests): needs kube-apiserver and etcd, install Go 1.26 or set KUBEBUILDER_ASSETS\n";

const controlPlane = sharedControlPlane({ audit: true, users: [VIEWER] });
const withControllers = sharedControlPlane({ audit: true, controllers: ["namespace-controller"] });

test("gives back through client-node what kubectl applied", async (t) => {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return;
  await createNamespace(cluster, "applied");

  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "words", namespace: "applied" } };
  const manifest = JSON.stringify({ ...object, data: { greeting: "grüße" } });
  const applied = await cluster.kubectl(["apply", "-f", "-"], manifest);
  assert.deepEqual(applied, { code: 0, stdout: "configmap/words created\n", stderr: "" });

  const api = await createObjectApi(cluster.kubeconfig);
  const stored = await api.read(object);
  assert.deepEqual("data" in stored && stored.data, { greeting: "grüße" });
});

test("is the API server that go.mod names", async (t) => {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return;
  if ((process.env["KUBEBUILDER_ASSETS"] ?? "") !== "") {
    t.skip("KUBEBUILDER_ASSETS brings its own version");
    return;
  }
  const goMod = await readFile(join(import.meta.dirname, "..", "control-plane", "go.mod"), "utf8");
  const wanted = /k8s\.io\/kubernetes (v\S+)/.exec(goMod)?.[1];
  const { stdout } = await cluster.kubectl(["version"]);
  assert.equal(/^Server Version: (\S+)$/m.exec(stdout)?.[1], wanted);
});

test("allows another user only what RBAC grants", async (t) => {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return;
  await createNamespace(cluster, "viewed");
  const kubeconfig = await cluster.kubeconfigFor(VIEWER.token);
  const list = async (): Promise<number> =>
    (await cluster.kubectl(["get", "services", "-n", "viewed"], "", kubeconfig)).code;
  assert.equal(await list(), 1);

  const role = ["create", "role", "viewer", "--verb=list", "--resource=services", "-n", "viewed"];
  assert.equal((await cluster.kubectl(role)).code, 0);
  const binding = ["create", "rolebinding", "viewers", "--role=viewer", "--group=viewers", "-n", "viewed"];
  assert.equal((await cluster.kubectl(binding)).code, 0);
  // The API server itself watches its roles.
  await eventually(async () => (await list()) === 0);
  const create = await cluster.kubectl(["create", "configmap", "no", "-n", "viewed"], "", kubeconfig);
  assert.equal(create.code, 1);
  assert.match(create.stderr, /User "viewer" cannot create resource "configmaps"/);
});

test("knows a ServiceAccount by the token that kubectl creates", async (t) => {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return;
  await createNamespace(cluster, "accounts");
  assert.equal((await cluster.kubectl(["create", "serviceaccount", "robot", "-n", "accounts"])).code, 0);
  const { stdout } = await cluster.kubectl(["create", "token", "robot", "-n", "accounts"]);
  const kubeconfig = await cluster.kubeconfigFor(stdout.trim());
  const whoami = ["auth", "whoami", "-o", "jsonpath={.status.userInfo.username}"];
  const answer = await cluster.kubectl(whoami, "", kubeconfig);
  assert.deepEqual(answer, { code: 0, stdout: "system:serviceaccount:accounts:robot", stderr: "" });
});

test("keeps its port and its objects when the API server is killed and started again", async (t) => {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return;
  await createNamespace(cluster, "kept");
  const before = cluster.pids();
  await cluster.restartApiserver();
  assert.notEqual(cluster.pids().apiserver, before.apiserver);
  assert.equal(cluster.pids().etcd, before.etcd);
  const found = await cluster.kubectl(["get", "namespace", "kept", "-o", "name"]);
  assert.deepEqual(found, { code: 0, stdout: "namespace/kept\n", stderr: "" });
});

test("reports each request in the audit log", async (t) => {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return;
  await createNamespace(cluster, "audited");
  // A later request is answered after the event of an earlier one is written.
  await cluster.kubectl(["get", "namespace", "audited"]);
  const events = await cluster.readAuditEvents();
  const created = events.filter(
    ({ verb, user, requestURI }) =>
      verb === "create" && user === "admin" && requestURI.startsWith("/api/v1/namespaces?"),
  );
  assert.equal(created[0]?.annotations["authorization.k8s.io/decision"], "allow");
});

test("ends a namespace by controllers that webhooks know by their own names", async (t) => {
  const cluster = await withControllers(t);
  if (cluster === undefined) return;
  await createNamespace(cluster, "ended");
  assert.equal((await cluster.kubectl(["create", "configmap", "content", "-n", "ended"])).code, 0);
  assert.equal((await cluster.kubectl(["delete", "namespace", "ended", "--wait=false"])).code, 0);
  await eventually(async () => (await cluster.kubectl(["get", "namespace", "ended"])).code === 1);

  const events = await cluster.readAuditEvents();
  const finalized = events.find(({ requestURI }) => requestURI === "/api/v1/namespaces/ended/finalize");
  assert.equal(finalized?.user, "system:serviceaccount:kube-system:namespace-controller");
});

test("leaves no process and no folder when it is stopped, also for the second time", async (t) => {
  if (!(await requireControlPlane(t))) return;
  const cluster = await startControlPlane();
  t.after(() => cluster.stop());
  const { etcd, apiserver } = cluster.pids();
  assert.deepEqual([isAlive(etcd), isAlive(apiserver)], [true, true]);
  await cluster.stop();
  await cluster.stop();
  assert.deepEqual([isAlive(etcd), isAlive(apiserver)], [false, false]);
  await assert.rejects(access(cluster.folder), { code: "ENOENT" });
});

test("leaves no process and no folder when the test process is killed", async (t) => {
  if (!(await requireControlPlane(t))) return;
  const child = spawn(process.execPath, ["--input-type=module", "--eval", STARTER], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "pipe", "inherit"],
    timeout: CHILD_TIMEOUT_MS,
  });
  t.after(() => child.kill("SIGKILL"));
  const [line] = await once(child.stdout, "data");
  const [folder = "", ...pids] = String(line).trim().split(" ");
  assert.equal(pids.length, 2);
  assert.ok(pids.every((pid) => isAlive(Number(pid))));
  child.kill("SIGKILL");
  await eventually(async () => !pids.some((pid) => isAlive(Number(pid))));
  await eventually(async () => !(await isThere(folder)));
});

test("says why kube-apiserver does not start", async (t) => {
  if (!(await requireControlPlane(t))) return;
  const start = startControlPlane({ apiserverFlags: ["--no-such-flag"] });
  await assert.rejects(start, /kube-apiserver, exit code 1:\n[^]*unknown flag: --no-such-flag/);
});

test("skips in one loud line when nothing can give the tools", async () => {
  const { code, stderr } = await runWithoutTools({});
  assert.deepEqual({ code, stderr }, { code: 0, stderr: SKIPPED });
});

test("fails instead of skipping with CI=true", async () => {
  const { code, stdout } = await runWithoutTools({ CI: "true", FORESAIL_WITHOUT: "chromium" });
  assert.equal(code, 1);
  assert.match(stdout, /needs kube-apiserver and etcd: install Go 1\.\d+ or set KUBEBUILDER_ASSETS/);
});

test("skips with CI=true what FORESAIL_WITHOUT names", async () => {
  const { code, stderr } = await runWithoutTools({
    CI: "true",
    FORESAIL_WITHOUT: "chromium, kube-apiserver",
  });
  assert.deepEqual({ code, stderr }, { code: 0, stderr: SKIPPED });
});

test("finds a program of PATH", async () => {
  assert.match((await findOnPath("sh")) ?? "", /\/sh$/);
  assert.equal(await findOnPath("no-such-program"), undefined);
});

test("returns the exit code of a tool, and rejects when the tool does not end", async () => {
  const failed = await runTool("sh", ["-c", "cat; echo bad >&2; exit 3"], { stdin: "in", timeoutMs: 10_000 });
  assert.deepEqual(failed, { code: 3, stdout: "in", stderr: "bad\n" });
  await assert.rejects(runTool("sleep", ["60"], { timeoutMs: 100 }), /sleep 60: killed after/);
});

async function runWithoutTools(env: NodeJS.ProcessEnv): Promise<ToolResult> {
  return await runTool(process.execPath, ["--input-type=module", "--eval", TWO_TESTS], {
    env: { PATH: "/nowhere", ...env },
    cwd: import.meta.dirname,
    timeoutMs: CHILD_TIMEOUT_MS,
  });
}

async function createNamespace(cluster: ControlPlane, name: string): Promise<void> {
  const { code, stderr } = await cluster.kubectl(["create", "namespace", name]);
  assert.equal(code, 0, stderr);
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  const deadlineMs = Date.now() + EVENTUALLY_TIMEOUT_MS;
  while (!(await check())) {
    assert.ok(Date.now() < deadlineMs, `still not so after ${EVENTUALLY_TIMEOUT_MS} ms: ${String(check)}`);
    await sleep(EVENTUALLY_POLL_MS);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return !isZombie(pid);
}

/** A killed process whose new parent never asks for its exit code stays like this, as in a container without init. */
function isZombie(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

async function isThere(path: string): Promise<boolean> {
  return await access(path).then(
    () => true,
    () => false,
  );
}
