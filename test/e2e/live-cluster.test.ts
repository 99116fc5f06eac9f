/** What a live cluster shows to rules, asked in this process. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { ApiServer } from "../../src/api-server/client.ts";
import { connectToApiServer } from "../../src/api-server/connect.ts";
import { readComponentVersions, startComponentVersions } from "../../src/cluster/live/component-versions.ts";
import { startLiveCluster } from "../../src/cluster/live/live-cluster.ts";
import type { LiveCluster, LiveClusterOptions } from "../../src/cluster/live/live-cluster.ts";
import type { JsonObject } from "../../src/kubernetes/json.ts";
import { RULES } from "../../src/rules/index.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";
import type { MeshSettings } from "../../src/rules/policy.ts";
import { runForesail } from "../foresail.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { createObject, deleteObject, service, succeed } from "./live-foresail.ts";
import { installRights } from "./managed-foresail.ts";

const controlPlane = sharedControlPlane();
const CREATED = 201;
const NOBODY = { kind: "Pod", namespace: "nowhere", name: "nobody" } as const;

interface Stage {
  readonly api: ApiServer;
  readonly cluster: LiveCluster;
  /** Applies the configuration's settings. */
  readonly apply: (settings: Partial<MeshSettings>) => void;
  /** How many objects there were whenever all were known. */
  readonly completions: readonly number[];
  readonly view: () => ReturnType<LiveCluster["viewFor"]>;
}

async function onStage(
  t: TestContext,
  options: Partial<LiveClusterOptions> = {},
): Promise<Stage | undefined> {
  const plane = await controlPlane(t);
  if (plane === undefined) return undefined;
  const api = options.api ?? (await connectToApiServer({ kubeconfig: plane.kubeconfig }));
  let settings = DEFAULT_MESH_SETTINGS;
  const completions: number[] = [];
  const cluster = startLiveCluster({
    api,
    rules: RULES,
    settings: () => settings,
    onProblem: ({ kind }, { error }) => t.diagnostic(`${kind}: ${error.message}`),
    onRecovery: () => {},
    onVersion: () => {},
    onComplete: (objects) => completions.push(objects),
    ...options,
  });
  t.after(async () => {
    await cluster.close();
    await api.close();
  });
  await eventually("everything is known", () => cluster.unmetConditions().length === 0);
  return {
    api,
    cluster,
    completions,
    apply(changed) {
      settings = { ...settings, ...changed };
      cluster.applySettings();
    },
    view: () => cluster.viewFor(NOBODY, () => {}),
  };
}

async function ensureNamespace(api: ApiServer, name: string): Promise<void> {
  const { status } = await createObject(api, "Namespace", "", { metadata: { name } });
  assert.ok(status === CREATED || status === 409, `${status}`);
}

function configMap(name: string, data: JsonObject): JsonObject {
  return { metadata: { name }, data };
}

test("the mesh's settings are those of Istio's ConfigMaps, and of no others", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { api, view, cluster } = set;
  await ensureNamespace(api, "istio-system");
  await ensureNamespace(api, "elsewhere");
  const mesh = configMap("istio", { mesh: "rootNamespace: istio-config" });
  await createObject(api, "ConfigMap", "elsewhere", mesh);
  await createObject(api, "ConfigMap", "istio-system", configMap("istio-leader", { leader: "istiod-0" }));
  assert.equal(view().mesh.rootNamespace, "istio-system");
  await createObject(api, "ConfigMap", "istio-system", mesh);
  await eventually("the mesh's settings are known", () => view().mesh.rootNamespace === "istio-config");
  const kept = cluster.caches().find(({ kind }) => kind === "ConfigMap");
  assert.equal(kept?.objects, 1);

  // What was the mesh's is so no more.
  const path = "/api/v1/namespaces/istio-system/configmaps/istio";
  await api.request({ method: "PUT", path, body: configMap("istio", {}) });
  await eventually("the mesh's settings are gone", () => view().mesh.rootNamespace === "istio-system");
});

test("Pods are counted groups, known by their metadata alone", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { api, view } = set;
  await ensureNamespace(api, "counted");
  for (const name of ["one", "two"]) {
    const metadata = {
      name,
      labels: { app: "web", "pod-template-hash": name },
      annotations: { "sidecar.istio.io/status": "{}" },
    };
    const spec = { containers: [{ name: "app", image: "app:1" }] };
    assert.equal((await createObject(api, "Pod", "counted", { metadata, spec })).status, CREATED);
  }
  const groups = () => view().pods.selectedBy("counted", { app: "web" });
  await eventually("both are known", () => groups()[0]?.count === 2);
  assert.deepEqual(
    groups().map(({ labels, proxy }) => ({ labels, proxy })),
    [{ labels: { app: "web" }, proxy: "sidecar" }],
  );
  assert.equal(view().clients.inNamespace("counted")[0]?.because, "Pods with a sidecar proxy");
});

test("another cluster domain is another copy, which takes its place when it is complete", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { api, cluster, apply, view, completions } = set;
  await createObject(api, "Service", "default", service("renamed"));
  await eventually("it is known", () => view().hosts.named("renamed.default.svc.cluster.local").length === 1);
  apply({ clusterDomain: "example.org" });
  assert.deepEqual(cluster.unmetConditions(), []);
  assert.equal(view().hosts.named("renamed.default.svc.cluster.local").length, 1);
  await eventually(
    "it has its new name",
    () => view().hosts.named("renamed.default.svc.example.org").length === 1,
  );
  assert.equal(completions.length, 2);
  // Others need no other copy.
  apply({ multiCluster: true });
  assert.equal(view().mesh.multiCluster, true);
  assert.equal(completions.length, 2);
  apply({ clusterDomain: "one.example" });
  apply({ clusterDomain: "example.org" });
  assert.equal(view().hosts.named("renamed.default.svc.example.org").length, 1);
});

test("an istioNamespace that may not be read keeps no other setting waiting, and is said once", async (t) => {
  const plane = await controlPlane(t);
  if (!plane) return;
  const held: string[] = [];
  const set = await onStage(t, {
    api: await connectToApiServer({ kubeconfig: await installRights(plane) }),
    onProblem: ({ kind }, { error }, heldBack) => {
      held.push(
        `${kind} ${heldBack?.name} ${heldBack?.wanted} instead of ${heldBack?.applied}: ${error.message}`,
      );
    },
  });
  assert.ok(set);
  const { apply, cluster, view } = set;
  await succeed(plane, ["create", "namespace", "mesh-control"]);
  await succeed(plane, [
    "create",
    "configmap",
    "istio",
    "-n",
    "mesh-control",
    "--from-literal=mesh=rootNamespace: far",
  ]);
  const isSynced = () => cluster.caches().find(({ kind }) => kind === "ConfigMap")?.isSynced;
  apply({ istioNamespace: "mesh-control", clientNamespaces: { names: ["batch"], selector: undefined } });
  await eventually("it is said", () => held.length > 0);
  apply({ rootNamespace: "of-configuration", multiCluster: true, assume: { istio: "1.10" } });
  assert.match(
    held.join("\n"),
    /^ConfigMap istioNamespace mesh-control instead of istio-system: 403 configmaps is forbidden: .* in the namespace "mesh-control"$/,
  );
  assert.equal(view().clients.inNamespace("batch")[0]?.because, "clientNamespaces of the configuration");
  assert.equal(view().mesh.rootNamespace, "of-configuration");
  assert.equal(view().mesh.multiCluster, true);
  assert.equal(view().versions.istio?.value, "1.10");
  assert.deepEqual(cluster.unmetConditions(), []);
  assert.equal(cluster.isTrustworthy(), true);
  assert.equal(isSynced(), false);

  apply({ rootNamespace: undefined });
  const name = "foresail-reads-mesh";
  await succeed(plane, [
    "create",
    "role",
    name,
    "-n",
    "mesh-control",
    "--verb=list,watch",
    "--resource=configmaps",
  ]);
  await succeed(plane, [
    "create",
    "rolebinding",
    name,
    "-n",
    "mesh-control",
    `--role=${name}`,
    "--serviceaccount=foresail:foresail",
  ]);
  await eventually("it is applied", () => view().mesh.rootNamespace === "far", 40_000);
  assert.equal(isSynced(), true);
  assert.equal(held.length, 1);

  // Back again, and nothing of the other namespace is left.
  apply({ istioNamespace: "istio-system" });
  await eventually("the first one counts", () => view().mesh.rootNamespace === "istio-system");
});

function deployment(name: string, image: string, labels: JsonObject = {}, container = "it"): JsonObject {
  const template = { metadata: { labels: { name } }, spec: { containers: [{ name: container, image }] } };
  return { metadata: { name, labels }, spec: { selector: { matchLabels: { name } }, template } };
}

test("the versions of Kubernetes, istiod and the cloud controller manager are those that run", async (t) => {
  const plane = await controlPlane(t);
  if (!plane) return;
  const news: string[] = [];
  const set = await onStage(t, {
    api: await connectToApiServer({ kubeconfig: await installRights(plane) }),
    versionIntervalMs: 100,
    onVersion: (one) =>
      news.push(`${one.component} ${"version" in one ? one.version.value : one.problem.message}`),
  });
  assert.ok(set);
  const { cluster, view, apply } = set;
  const { stdout } = await plane.kubectl(["version", "-o", "json"]);
  const [, server = "none"] = /"serverVersion":[^}]*"gitVersion": "v([0-9.]+)/.exec(stdout) ?? [];
  assert.deepEqual(view().versions, { kubernetes: { value: server, from: "the API server" } });
  assert.deepEqual(news.toSorted(), [
    'ccm 404 deployments.apps "cloud-controller-manager" not found',
    "istio no Deployment with the label app=istiod in istio-system names a version",
    `kubernetes ${server}`,
  ]);

  const admin = await connectToApiServer({ kubeconfig: plane.kubeconfig });
  t.after(() => admin.close());
  assert.equal(view().isOnAlibabaCloud, false);
  const node = { metadata: { name: "n1" }, spec: { providerID: "cn-hangzhou.i-bp1abc" } };
  assert.equal((await createObject(admin, "Node", "", node)).status, CREATED);
  await eventually("the cloud is known", () => view().isOnAlibabaCloud);

  const create = async (namespace: string, one: JsonObject) =>
    assert.equal((await createObject(admin, "Deployment", namespace, one)).status, CREATED);
  await create("istio-system", deployment("kiali", "r/kiali:v2.4"));
  await create("default", deployment("istiod", "r/pilot:1.8.0", { app: "istiod" }));
  await create("istio-system", deployment("istiod-canary", "r/pilot:1.30.1-distroless", { app: "istiod" }));
  await create("kube-system", deployment("cloud-controller-manager", "r/ccm:v2.9.1.2-g1"));
  const istiod = "the image of Deployment istio-system/istiod-canary";
  const ccm = "the image of Deployment kube-system/cloud-controller-manager";
  await eventually("both are known", () => Object.keys(view().versions).length === 3);
  assert.deepEqual(view().versions.istio, { value: "1.30.1", from: istiod });
  assert.deepEqual(view().versions.ccm, { value: "2.9.1", from: ccm });
  const args = ["explain", "namespace-injection-takes-effect", "--kubeconfig", plane.kubeconfig];
  const { stdout: page } = await runForesail(args);
  assert.match(page, /\n {4}holds here, with Istio 1\.30\.1\n/);
  assert.match(page, /\n {2}Istio +1\.30\.1, by the image of Deployment\s+istio-system\/istiod-canary\n/);
  assert.match(page, /\n {2}CCM +2\.9\.1, by the image of Deployment\s/);
  apply({ assume: { istio: "1.10" } });
  assert.equal(view().versions.istio?.value, "1.10");
  apply({ assume: {}, clusterDomain: "example.org" });
  await eventually("another copy is used", () => view().mesh.clusterDomain === "example.org");
  assert.equal(view().versions.istio?.value, "1.30.1");

  // Two revisions of different versions: neither is the version.
  await create(
    "istio-system",
    deployment("istiod-stable", "r/pilot:1.29.0", { app: "istiod", "istio.io/rev": "stable" }),
  );
  await eventually("it is unknown", () => view().versions.istio === undefined);
  assert.equal(view().versions.ccm?.value, "2.9.1");
  const asked = startComponentVersions({
    api: admin,
    istioNamespace: () => "istio-system",
    onChange: () => {},
    onNews: () => {},
  });
  t.after(() => asked.close());
  await asked.asked;
  assert.deepEqual(
    [...asked.current.istiods].map(([revision, { value }]) => `${revision} ${value}`).toSorted(),
    ["default 1.30.1", "stable 1.29.0"],
  );

  // What may no longer be asked for stays as it was, and is said once.
  news.length = 0;
  await succeed(plane, ["delete", "rolebinding", "foresail", "-n", "kube-system"]);
  await eventually("it is said", () => news.length > 0);
  await deleteObject(admin, "Deployment", "istio-system", "istiod-stable");
  await eventually("it is known again", () => view().versions.istio?.value === "1.30.1");
  assert.deepEqual(news.toSorted(), [
    'ccm 403 deployments.apps "cloud-controller-manager" is forbidden: User "system:serviceaccount:foresail:foresail" cannot get resource "deployments" in API group "apps" in the namespace "kube-system"',
    "istio 1.30.1",
  ]);
  assert.equal(view().versions.ccm?.value, "2.9.1");
  assert.deepEqual(cluster.unmetConditions(), []);
});

test("beside a managed control plane, gateways and a DaemonSet tell the versions", async (t) => {
  const plane = await controlPlane(t);
  if (!plane) return;
  const admin = await connectToApiServer({ kubeconfig: plane.kubeconfig });
  t.after(() => admin.close());
  for (const [namespace, names] of [
    ["istio-system", ["istiod-canary", "istiod-stable"]],
    ["kube-system", ["cloud-controller-manager"]],
  ] as const)
    await succeed(plane, ["delete", "deployment", "-n", namespace, "--ignore-not-found", ...names]);
  const tag = "v1.14.3.47-ga31201346f-aliyun";
  const gateway = deployment("istio-ingressgateway", `r/acs/proxyv2:${tag}`, {}, "istio-proxy");
  const manager = deployment("cloud-controller-manager", "r/acs/ccm:v2.10.1");
  assert.equal((await createObject(admin, "Deployment", "istio-system", gateway)).status, CREATED);
  assert.equal((await createObject(admin, "DaemonSet", "kube-system", manager)).status, CREATED);
  const { versions, istiods, ofGateways } = await readComponentVersions({ api: admin }, "istio-system");
  const from = "the istio-proxy of Deployment istio-system/istio-ingressgateway";
  assert.deepEqual(ofGateways, { istio: { value: "1.14.3", from }, asm: { value: "1.14.3", from } });
  assert.equal(versions.istio, undefined);
  assert.equal(istiods.size, 0);
  assert.deepEqual(versions.ccm, {
    value: "2.10.1",
    from: "the image of DaemonSet kube-system/cloud-controller-manager",
  });
  await deleteObject(admin, "Deployment", "istio-system", "istio-ingressgateway");
  await deleteObject(admin, "DaemonSet", "kube-system", "cloud-controller-manager");
});

test("versions that may not be asked for are unknown, which keeps nothing from being ready", async (t) => {
  const plane = await controlPlane(t);
  if (!plane) return;
  const kubeconfig = await installRights(plane);
  await succeed(plane, ["delete", "rolebinding", "foresail", "-n", "kube-system"]);
  const role = { rules: [{ apiGroups: [""], resources: ["configmaps"], verbs: ["get", "list", "watch"] }] };
  await succeed(plane, [
    "patch",
    "role",
    "foresail",
    "-n",
    "istio-system",
    "--type=merge",
    "-p",
    JSON.stringify(role),
  ]);
  const forbidden: string[] = [];
  const set = await onStage(t, {
    api: await connectToApiServer({ kubeconfig }),
    onVersion: (one) => {
      if ("problem" in one && /^403 .* is forbidden/.test(one.problem.message)) forbidden.push(one.component);
    },
  });
  assert.ok(set);
  assert.deepEqual(Object.keys(set.view().versions), ["kubernetes"]);
  assert.deepEqual(forbidden.toSorted(), ["ccm", "istio"]);
});

test("what is old is not trusted", async (t) => {
  const set = await onStage(t, { staleAfterMs: 300 });
  if (!set) return;
  const { api, cluster } = set;
  await createObject(api, "Service", "default", service("heard"));
  await eventually("it is old", () => !cluster.isTrustworthy());
  assert.ok(Math.max(...cluster.caches().map(({ ageSeconds }) => ageSeconds)) >= 0.3);
});
