/** foresail between two real API servers. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { Agent, fetch } from "undici";
import { folderWith, runForesail } from "../foresail.ts";
import { eventually } from "../harness/eventually.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { requireControlPlane } from "../harness/tools.ts";
import { metricsOf, untilReady } from "./live-foresail.ts";
import {
  apply,
  conditions,
  destinationRule,
  installIn,
  namespace,
  serveBetween,
  startPlanes,
  stopPlanes,
  tryOut,
} from "./two-planes-stage.ts";
import type { Planes } from "./two-planes-stage.ts";

const HOST = "myservice.default.svc.cluster.local";
const INJECTED = { "istio-injection": "enabled" };

let planes: Promise<Planes> | undefined;
let foresail: Promise<ServedForesail> | undefined;
after(async () => {
  await (await foresail)?.stop();
  if (planes) await stopPlanes(await planes);
});

/** The Service is in the cluster's default, clients are in shop: its label counts there, and the mesh's own for nothing. */
async function start(): Promise<Planes> {
  const started = await startPlanes(["garbage-collector-controller"]);
  const { data, mesh } = started;
  const service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "myservice", namespace: "default" },
    spec: { ports: [{ port: 80 }] },
  };
  await apply(data, [namespace("shop", INJECTED), namespace("ns1"), namespace("labelled"), service]);
  await apply(mesh, [namespace("shop"), namespace("ns1"), namespace("labelled", INJECTED)]);
  return started;
}

async function onStage(t: TestContext): Promise<(Planes & { foresail: ServedForesail }) | undefined> {
  if (!(await requireControlPlane(t))) return undefined;
  planes ??= start();
  const set = await planes;
  foresail ??= serveBetween(set).then(async (served) => {
    await untilReady(served);
    await installIn(set.mesh, served, destinationRule("probe", "default", { host: HOST }));
    await installIn(set.data, served, {
      apiVersion: "v1",
      kind: "Service",
      spec: { ports: [{ port: 80 }] },
    });
    return served;
  });
  return { ...set, foresail: await foresail };
}

test("rules of the mesh's API server are judged by Services, Pods and labels of the cluster's", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { mesh } = set;
  const refused = async (inNamespace: string, host = HOST) => {
    const { code, printed } = await tryOut(mesh, destinationRule("rule", inNamespace, { host }));
    assert.equal(code === 0, !printed.includes("denied the request"), printed);
    return printed.includes("destination-rule-is-looked-up");
  };
  assert.equal(await refused("ns1"), true);
  assert.equal(await refused("labelled"), true);
  assert.equal(await refused("shop"), false);
  assert.equal(await refused("default"), false);

  // Both at once, in whichever plane: what is refused was asked for there.
  await apply(set.data, [namespace("late", INJECTED)]);
  await apply(mesh, [namespace("late")]);
  assert.equal(await refused("late"), false);
});

test("both API servers are counted and told apart", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const metrics = await metricsOf(set.foresail);
  assert.equal(metrics.get('foresail_plane_reachable{plane="data"}'), 1);
  assert.equal(metrics.get('foresail_plane_reachable{plane="mesh"}'), 1);
  assert.equal(metrics.get('foresail_cache_synced{kind="Namespace"}'), 1);
  const names = async (plane: Planes["data"]) =>
    (await plane.kubectl(["get", "namespaces", "-o", "name"])).stdout.trim().split("\n").length;
  const both = (await names(set.data)) + (await names(set.mesh));
  await eventually(
    "all are known",
    async () => (await metricsOf(set.foresail)).get('foresail_cache_objects{kind="Namespace"}') === both,
  );
});

const RULE = /^Warning: mesh-namespace-exists: .*$/gm;
const warned = (printed: string) => printed.match(RULE) ?? [];

test("kubectl says that the cluster lacks a namespace, and not where it has it", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { data, mesh } = set;
  const gateway = (inNamespace: string) => ({
    apiVersion: "istio.alibabacloud.com/v1beta1",
    kind: "IstioGateway",
    metadata: { name: "edge", namespace: inNamespace },
    spec: {},
  });
  await apply(mesh, [namespace("only-mesh")]);
  assert.deepEqual(warned((await tryOut(mesh, gateway("only-mesh"))).printed), [
    "Warning: mesh-namespace-exists: The cluster has no namespace only-mesh, only the mesh's API server: no Pod can be where this object is (metadata.namespace)",
    "Warning: mesh-namespace-exists: fix: Create namespace only-mesh in the cluster, too, for nothing copies it; or put the object into the namespace of the Pods that it is for.",
  ]);
  for (const place of ["shop", "istio-system"])
    assert.deepEqual(warned((await tryOut(mesh, gateway(place))).printed), []);
  await apply(data, [namespace("only-mesh")]);
  await eventually(
    "it is there",
    async () => warned((await tryOut(mesh, gateway("only-mesh"))).printed).length === 0,
  );
});

test("kubectl says that labels differ, in whichever API server they are changed", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { data, mesh } = set;
  for (const plane of [data, mesh]) await apply(plane, [namespace("drifting")]);
  const differ = (inCluster: string, inMesh: string) =>
    `Warning: mesh-namespace-exists: Label istio-injection: ${inCluster} in the cluster, ${inMesh} in the mesh's API server; injection goes by the cluster's (metadata.labels.istio-injection)`;
  const first = async (plane: Planes["data"], labels: Record<string, string>) =>
    warned((await tryOut(plane, namespace("drifting", labels))).printed)[0];
  await eventually("both are known", async () => (await first(mesh, INJECTED)) !== undefined);
  assert.equal(await first(mesh, INJECTED), differ("not set", "enabled"));
  assert.equal(await first(data, INJECTED), differ("enabled", "not set"));
  assert.equal(await first(data, { team: "one" }), undefined);
  await apply(mesh, [namespace("drifting", INJECTED)]);
  await eventually("that is known", async () => (await first(data, INJECTED)) === undefined);
  // One that is new in the cluster, and was in the mesh before.
  await apply(mesh, [namespace("announced", INJECTED)]);
  await eventually("that is known, too", async () => {
    const { printed } = await tryOut(data, namespace("announced"));
    return warned(printed)[0] === differ("not set", "enabled");
  });
});

test("kubectl says that an owner is elsewhere, and the garbage collector of the mesh's API server deletes the object", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { mesh } = set;
  const owned = (name: string, apiVersion: string, kind: string) => {
    const rule = destinationRule(name, "shop", { host: "other.shop.svc.cluster.local" });
    const ownerReferences = [{ apiVersion, kind, name: "web", uid: "5f0c8bd0-0000-4000-8000-000000000001" }];
    return { ...rule, metadata: { name, namespace: "shop", ownerReferences } };
  };
  const lost = owned("lost", "apps/v1", "Deployment");
  const kept = owned("kept", "flagger.app/v1beta1", "Canary");
  assert.match(
    warned((await tryOut(mesh, lost)).printed)[0] ?? "",
    /: Deployment web is not in the mesh's API server: /,
  );
  assert.deepEqual(warned((await tryOut(mesh, kept)).printed), []);
  await apply(mesh, [lost, kept]);
  const names = async () =>
    (await mesh.kubectl(["get", "destinationrules", "-n", "shop", "-o", "name"])).stdout;
  await eventually("it is deleted", async () => !(await names()).includes("/lost"), 60_000);
  assert.match(await names(), /\/kept$/m);
});

test("commands that look once read both", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { data, mesh } = set;
  await apply(mesh, [destinationRule("own", "default", { host: HOST })]);
  const question = ["explain", "lookup", "--client", "shop", "--host", "myservice.default"];
  const flags = ["--kubeconfig", data.kubeconfig, "--mesh-kubeconfig", mesh.kubeconfig];
  const { exitCode, stdout, stderr } = await runForesail([...question, ...flags]);
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "foresail: asking the cluster ...\n" });
  assert.match(stdout, /default\/own, found in the service's namespace/);
  const alone = await runForesail([...question, "--kubeconfig", data.kubeconfig]);
  assert.match(
    alone.stderr,
    /serves no DestinationRule; with ASM they are in the control plane's cluster: name its kubeconfig with --mesh-kubeconfig\n$/,
  );
  const swapped = ["--kubeconfig", mesh.kubeconfig, "--mesh-kubeconfig", data.kubeconfig];
  const wrong = await runForesail(["explain", "lookup", "--all", ...swapped]);
  assert.match(
    wrong.stderr,
    /, which --mesh-kubeconfig names, serves no DestinationRule: is it that of the mesh\?\n/,
  );

  // What is to be applied to the mesh's is judged by the namespaces of both.
  await apply(mesh, [namespace("only-there")]);
  const rule = JSON.stringify(destinationRule("one", "only-there", { host: HOST }));
  const folder = await folderWith(t, { "rule.json": rule });
  const changed = await runForesail(["impact", join(folder, "rule.json"), ...flags]);
  assert.equal(changed.exitCode, 1, changed.stderr);
  assert.match(changed.stdout, /^- Warn mesh-namespace-exists: DestinationRule only-there\/one at$/m);
});

test("gateways asks the mesh's for Istio's Gateways, and the cluster's for the Services before their Pods", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { data, mesh } = set;
  const metadata = { name: "edge", namespace: "default" };
  const selector = { istio: "edge" };
  const gateway = { apiVersion: "networking.istio.io/v1", kind: "Gateway", metadata, spec: { selector } };
  const service = { apiVersion: "v1", kind: "Service", metadata, spec: { selector, ports: [{ port: 80 }] } };
  await apply(mesh, [gateway]);
  await apply(data, [service]);
  const flags = ["-A", "--format=json", "--kubeconfig", data.kubeconfig];
  const both = JSON.parse(
    (await runForesail(["gateways", ...flags, "--mesh-kubeconfig", mesh.kubeconfig])).stdout,
  );
  assert.deepEqual(
    both.gateways.map(({ name, services }: { name: string; services: string[] }) => [name, services]),
    [["edge", ["default/edge"]]],
  );
  assert.deepEqual(JSON.parse((await runForesail(["gateways", ...flags])).stdout).gateways, []);
});

/** Of a DestinationRule in ns1, which is refused if all is known. */
async function review({ address, ca }: ServedForesail, kind = "DestinationRule"): Promise<unknown> {
  const gateway = {
    metadata: { name: "edge", labels: { istio: "ingressgateway" } },
    spec: { type: "LoadBalancer", externalTrafficPolicy: "Local", selector: { istio: "ingressgateway" } },
  };
  const isRule = kind === "DestinationRule";
  const request = {
    uid: "1",
    kind: { group: isRule ? "networking.istio.io" : "", version: "v1", kind },
    operation: "CREATE",
    namespace: "ns1",
    name: "rule",
    object: isRule ? destinationRule("rule", "ns1", { host: HOST }) : gateway,
  };
  const dispatcher = new Agent({ connect: { ca } });
  try {
    const answer = await fetch(`${address}/validate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request }),
      dispatcher,
    });
    return await answer.json();
  } finally {
    await dispatcher.close();
  }
}
const textOf = async (served: ServedForesail, kind?: string) => JSON.stringify(await review(served, kind));
const GOES_ON = /"allowed":true.*gateway-reachable-in-cluster/;

test("the mesh's API server goes down, and comes back", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { mesh, foresail: served } = set;
  assert.match(await textOf(served), /"allowed":false/);
  const lines = (text: string) => served.log.filter((line) => line.includes(text));
  process.kill(mesh.pids().apiserver, "SIGKILL");
  await mesh.apiserverEnded();
  await eventually(
    "it is said",
    async () => (await metricsOf(served)).get('foresail_plane_reachable{plane="mesh"}') === 0,
  );
  assert.equal(lines("the mesh's API server does not answer; what is known of it stays").length, 1);
  assert.equal(await conditions(served), "200 ok\n");
  // What it knew is said, but nothing is refused that nobody can confirm.
  assert.match(await textOf(served), /"allowed":true.*destination-rule-is-looked-up/);
  assert.match(await textOf(served, "Service"), GOES_ON);
  assert.equal((await metricsOf(served)).get('foresail_plane_reachable{plane="data"}'), 1);

  await mesh.restartApiserver();
  await eventually("it refuses again", async () => /"allowed":false/.test(await textOf(served)), 60_000);
  const isOpen = async () => (await metricsOf(served)).get('foresail_plane_reachable{plane="mesh"}') === 1;
  await eventually("it is followed", isOpen, 60_000);
  assert.equal(lines("the mesh's API server does not answer").length, 1);
});

test("the mesh's API server is down at the start, and comes later", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { mesh } = set;
  process.kill(mesh.pids().apiserver, "SIGKILL");
  await mesh.apiserverEnded();
  const served = await serveBetween(set);
  t.after(() => served.stop());
  await untilReady(served);
  const said = () => served.log.filter((line) => line.includes("the mesh's API server does not answer"));
  await eventually("it is said", () => said().length > 0);
  assert.match(
    said().join("\n"),
    /"plane":"mesh","url":"https:[^"]*","problem":"connect ECONNREFUSED [^"]*","rules":\["destination-rule-is-looked-up",.*"msg":"the mesh's API server does not answer; these rules are off until it does"\}$/,
  );
  assert.equal((await metricsOf(served)).get('foresail_plane_reachable{plane="mesh"}'), 0);
  assert.equal((await metricsOf(served)).get('foresail_cache_synced{kind="DestinationRule"}'), 0);
  const answer = await textOf(served);
  assert.match(answer, /"allowed":true/);
  assert.doesNotMatch(answer, /destination-rule/);
  assert.match(await textOf(served, "Service"), GOES_ON);

  await mesh.restartApiserver();
  await eventually("its rules are on", async () => /"allowed":false/.test(await textOf(served)), 90_000);
  assert.equal(await conditions(served), "200 ok\n");
  assert.equal((await metricsOf(served)).get('foresail_plane_reachable{plane="mesh"}'), 1);
  assert.equal(said().length, 1);
});

test("a kubeconfig that is none, and flags that contradict each other", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const listen = ["--listen=127.0.0.1:0", "--metrics=127.0.0.1:0"];
  const missing = await runForesail([
    "serve",
    ...listen,
    `--kubeconfig=${set.dataKubeconfig}`,
    "--mesh-kubeconfig=/nowhere/kubeconfig",
  ]);
  assert.equal(missing.exitCode, 2);
  assert.equal(
    missing.stderr,
    "foresail: the kubeconfig /nowhere/kubeconfig cannot be used: there is no file /nowhere/kubeconfig\n" +
      "Check it with `kubectl --kubeconfig FILE version`, or name another with --mesh-kubeconfig.\n",
  );
  for (const command of [
    ["serve", ...listen],
    ["impact", "-"],
    ["explain", "lookup", "--all"],
  ]) {
    const both = ["--mesh-state=examples/good", "--mesh-kubeconfig=/nowhere/kubeconfig"];
    const { exitCode, stderr } = await runForesail([...command, ...both]);
    assert.equal(exitCode, 2);
    assert.match(stderr, /^foresail: --mesh-state and --mesh-kubeconfig exclude each other\n/m);
  }
});
