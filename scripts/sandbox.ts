/**
 * `make sandbox`: a real API server with etcd, controllers and istiod on this machine, and foresail in it as the shipped manifests
 * install it. `ISTIO=0` leaves istiod out. There is no node: Pods stay Pending, and foresail itself is a process beside the cluster, under the rights
 * of its ServiceAccount. Runs until Ctrl-C, and leaves nothing behind. docs/en/sandbox.md says what to try.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isConfiguration } from "../src/commands/manifests/certificate-modes.ts";
import { readShippedManifests, valueAt, withField } from "../src/commands/manifests/shipped-manifests.ts";
import type { JsonObject } from "../src/kubernetes/json.ts";
import { KIND_FACTS } from "../src/kubernetes/objects.ts";
import type { Kind } from "../src/kubernetes/objects.ts";
import { object, string } from "../src/kubernetes/shape.ts";
import { customResourceDefinition } from "../test/e2e/custom-resources.ts";
import { startControlPlane } from "../test/harness/control-plane.ts";
import type { StartedProgram } from "../test/harness/control-plane.ts";
import { eventually } from "../test/harness/eventually.ts";
import { findOnPath } from "../test/harness/run-tool.ts";
import { startIstio } from "../test/harness/istio.ts";
import { findIstioTools } from "../test/harness/istio-tools.ts";
import { findControlPlaneTools } from "../test/harness/tools.ts";

const ROOT = join(import.meta.dirname, "..");
const CONTROLLERS = [
  "cronjob-controller",
  "deployment-controller",
  "garbage-collector-controller",
  "job-controller",
  "namespace-controller",
  "replicaset-controller",
];
const MESH_GROUPS = /(?:^|\.)istio\.(?:io|alibabacloud\.com)$/;
/** As ASM installs it: probes are not rewritten unless a Pod asks for it. */
const ISTIO_VALUES = { sidecarInjectorWebhook: { rewriteAppHTTPProbe: false } };
const CLASSIC_REVISION = "classic";
const CLASSIC_NAMESPACE = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: "shop-classic", labels: { "istio.io/rev": CLASSIC_REVISION } },
};
/** Longer than anybody plays. */
const TOKEN_LIFE = "720h";
const READY_WITHIN_MS = 60_000;
const INTERRUPTED = 130;
const REFUSED_EXAMPLE = join(ROOT, "examples/reviews/1-destination-rule-outside.yaml");

/** Everything ends with the cluster. */
const UNTIL_THE_END = { after: () => {} };

const listeningShape = object({ msg: string, address: string, probes: string });

let stop: (() => void) | undefined;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // Until everything runs, there is nothing to end in order: the harness removes what a process leaves that ends.
  process.on(signal, () => (stop === undefined ? process.exit(INTERRUPTED) : stop()));
}

print("starting etcd, kube-apiserver and kube-controller-manager ...");
const cluster = await startControlPlane({ controllers: CONTROLLERS });
try {
  print("installing the example mesh and foresail ...");
  await installMesh();
  if (await wantsIstio()) await installIstio();
  const foresail = await installForesail();
  await describe(foresail.logFile);
  await untilStopped(foresail.ended);
  print("stopping ...");
  process.kill(foresail.pid, "SIGINT");
  await foresail.ended;
} finally {
  await cluster.stop();
}
print("stopped; nothing is left");

/** The kinds of Istio and ASM, with any content, and the objects of examples/mesh. */
async function installMesh(): Promise<void> {
  const kinds = Object.keys(KIND_FACTS).filter(isMeshKind);
  await kubectl(["apply", "-f", "-"], list(kinds.map(customResourceDefinition)));
  await kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
  const mesh = join(ROOT, "examples/mesh");
  await kubectl(["apply", "--server-side", "-f", join(mesh, "namespaces.yaml")]);
  await kubectl(["apply", "--server-side", "-f", mesh]);
}

function isMeshKind(kind: string): kind is Kind {
  return Object.entries(KIND_FACTS).some(([name, { group }]) => name === kind && MESH_GROUPS.test(group));
}

async function wantsIstio(): Promise<boolean> {
  if (process.env["ISTIO"] === "0") return false;
  const tools = await findIstioTools();
  if ("needs" in tools) print(`there is no istiod in it: ${tools.remedy}`);
  return !("needs" in tools);
}

/** Two revisions: the default one, with native sidecars, and one with classic sidecars and a namespace of its own. */
async function installIstio(): Promise<void> {
  print("starting istiod ...");
  await startIstio(UNTIL_THE_END, cluster, { values: ISTIO_VALUES });
  const classic = { revision: CLASSIC_REVISION, nativeSidecars: false };
  await startIstio(UNTIL_THE_END, cluster, { values: ISTIO_VALUES, ...classic });
  await kubectl(["apply", "-f", "-"], list([CLASSIC_NAMESPACE]));
}

/** As `kubectl apply -k manifests/` does, but for the address: no node is here that would run or reach a Pod. */
async function installForesail(): Promise<StartedProgram> {
  const manifests = await readShippedManifests();
  await kubectl(["apply", "-f", "-"], list(manifests.filter((one) => !isConfiguration(one))));
  const token = await kubectl([
    "create",
    "token",
    "foresail",
    "--namespace=foresail",
    `--duration=${TOKEN_LIFE}`,
  ]);
  const foresail = cluster.start("foresail", process.execPath, [
    join(ROOT, "bin/foresail.js"),
    "serve",
    `--kubeconfig=${await cluster.kubeconfigFor(token.trim())}`,
    "--config-map=foresail/foresail",
    "--tls-managed",
    "--listen=127.0.0.1:0",
    "--metrics=127.0.0.1:0",
  ]);
  void foresail.ended.then((code) => (stop === undefined ? failWith(foresail.logFile, code) : undefined));

  const { address, probes } = await addressesIn(foresail.logFile);
  const webhooks = manifests.filter(isConfiguration).map((one) => withUrl(one, address));
  await kubectl(["apply", "-f", "-"], list(webhooks));
  await eventually("foresail is ready", () => answersOk(`${probes}/readyz`), READY_WITHIN_MS);
  // The API server takes a moment to know a new webhook.
  await eventually(
    "the API server asks foresail",
    async () => (await cluster.kubectl(["create", "--dry-run=server", "-f", REFUSED_EXAMPLE])).code !== 0,
    READY_WITHIN_MS,
  );
  return foresail;
}

function withUrl(configuration: JsonObject, address: string): JsonObject {
  const path = string.read(valueAt(configuration, ["webhooks", 0, "clientConfig", "service", "path"]));
  return withField(configuration, ["webhooks", 0, "clientConfig"], { url: `${address}${path}` });
}

async function addressesIn(logFile: string): Promise<{ readonly address: string; readonly probes: string }> {
  let found: { readonly address: string; readonly probes: string } | undefined;
  const look = async () => {
    for (const line of (await readFile(logFile, "utf8")).split("\n").slice(0, -1)) {
      const { msg, address = "", probes = "" } = listeningShape.read(JSON.parse(line)) ?? {};
      if (msg === "listening") found = { address, probes };
    }
    return found !== undefined;
  };
  await eventually("foresail listens", look, READY_WITHIN_MS);
  return found ?? { address: "", probes: "" };
}

async function answersOk(url: string): Promise<boolean> {
  const answer = await fetch(url);
  await answer.text();
  return answer.ok;
}

async function failWith(logFile: string, code: number | null): Promise<void> {
  print(`foresail ended with ${code}:\n${await readFile(logFile, "utf8")}`);
  process.exit(1);
}

async function describe(logFile: string): Promise<void> {
  const version = /^Server Version: (\S+)$/m.exec(await kubectl(["version"]))?.[1] ?? "";
  print(`\nKubernetes ${version} is ready, with foresail in it. In another terminal:\n`);
  print(`  export KUBECONFIG=${cluster.kubeconfig}`);
  const tools = await findControlPlaneTools();
  if ("kubectl" in tools && (await findOnPath("kubectl")) === undefined)
    print(`  alias kubectl=${tools.kubectl}`);
  print(`\ndocs/en/sandbox.md has the behaviours to try, step by step. foresail's log: ${logFile}`);
  print("Ctrl-C ends it and removes everything.");
}

/** Until then, an API server that ends is started again. Throws when foresail ends by itself. */
async function untilStopped(foresailEnded: Promise<number | null>): Promise<void> {
  const stopped = new Promise<"stopped">((resolve) => {
    stop = () => resolve("stopped");
  });
  const ended = foresailEnded.then((code) => {
    throw new Error(`foresail ended with ${code}`);
  });
  for (;;) {
    await writeFile(join(cluster.folder, "kube-apiserver.pid"), `${cluster.pids().apiserver}\n`);
    if ((await Promise.race([stopped, ended, cluster.apiserverEnded()])) === "stopped") return;
    print("kube-apiserver has ended; starting it again ...");
    await cluster.restartApiserver();
    print("kube-apiserver is back");
  }
}

/** What kubectl prints. Throws when it fails. */
async function kubectl(args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, input);
  if (code !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
  return stdout;
}

function list(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
