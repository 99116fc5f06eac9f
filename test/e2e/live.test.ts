/** The behaviours through a live cluster, under the shipped rights: what was created a moment ago counts. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { readShippedManifests } from "../../src/commands/manifests/shipped-manifests.ts";
import { list, object, string } from "../../src/kubernetes/shape.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { serveForesail } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import {
  createObject,
  deleteObject,
  destinationRule,
  installWebhooks,
  metricsOf,
  refusal,
  service,
  setLiveStage,
  succeed,
  untilReady,
} from "./live-foresail.ts";
import type { LiveStage } from "./live-foresail.ts";

const ROUNDS = 100;
const AT_ONCE = 4;
const SERVICES = 5000;
const DESTINATION_RULES = 10_000;
const WRITES_AT_ONCE = 32;
const CREATED = 201;

interface Served extends LiveStage {
  readonly foresail: ServedForesail;
}

const controlPlane = sharedControlPlane();
let stage: Promise<Served> | undefined;
after(async () => {
  const set = await stage;
  await set?.foresail.stop();
  await set?.api.close();
});

async function onStage(t: TestContext): Promise<Served | undefined> {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return undefined;
  stage ??= start(cluster);
  return stage;
}

async function start(cluster: ControlPlane): Promise<Served> {
  const set = await setLiveStage(cluster);
  const foresail = await serveForesail([`--kubeconfig=${set.kubeconfig}`]);
  await installWebhooks(set, foresail);
  return { ...set, foresail };
}

test("a DestinationRule where no client looks is refused, with the namespaces that would work", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const rule = {
    ...destinationRule("myservice.default.svc.cluster.local"),
    metadata: { name: "myservice", namespace: "ns1" },
  };
  const { code, stderr } = await set.cluster.kubectl(["apply", "-f", "-"], JSON.stringify(rule));
  assert.equal(code, 1);
  assert.match(
    stderr,
    /Istio looks for rules of myservice\.default\.svc\.cluster\.local in default, istio-system or shop, never in ns1/,
  );
});

for (const place of ["default", "istio-system", "shop"]) {
  test(`a DestinationRule in ${place} is accepted without a word`, async (t) => {
    const set = await onStage(t);
    if (!set) return;
    const rule = {
      ...destinationRule("myservice.default.svc.cluster.local"),
      metadata: { name: "myservice", namespace: place },
    };
    const { code, stderr } = await set.cluster.kubectl(["apply", "-f", "-"], JSON.stringify(rule));
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  });
}

test("a Service and its DestinationRule in one kubectl apply are accepted", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const items = [
    { apiVersion: "v1", kind: "Service", ...service("both"), metadata: { name: "both", namespace: "ns1" } },
    { ...destinationRule("both"), metadata: { name: "both", namespace: "ns1" } },
  ];
  const manifest = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  const { code, stderr } = await set.cluster.kubectl(["apply", "-f", "-"], manifest);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
});

test("what was created just before a DestinationRule is never missed", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { api } = set;
  const refused: string[] = [];
  const judge = async (namespace: string, host?: string) => {
    const message = await refusal(api, namespace, host);
    if (message !== undefined) refused.push(message);
  };
  // Istio builds no cluster for an ExternalName Service, so it needs no client; a Service that nobody knows does.
  const external = async (round: number) => {
    const name = `external-${round}`;
    const spec = { type: "ExternalName", externalName: "example.com" };
    assert.equal((await createObject(api, "Service", "default", service(name, spec))).status, CREATED);
    await judge("ns1", `${name}.default.svc.cluster.local`);
  };
  const injected = async (round: number) => {
    const name = `injected-${round}`;
    const metadata = { name, labels: { "istio-injection": "enabled" } };
    assert.equal((await createObject(api, "Namespace", "", { metadata })).status, CREATED);
    await judge(name);
  };
  const labelled = async (round: number) => {
    const name = `labelled-${round}`;
    assert.equal((await createObject(api, "Namespace", "", { metadata: { name } })).status, CREATED);
    assert.notEqual(await refusal(api, name), undefined);
    const { status } = await api.request({
      method: "PATCH",
      path: `/api/v1/namespaces/${name}`,
      contentType: "application/merge-patch+json",
      body: { metadata: { labels: { "istio-injection": "enabled" } } },
    });
    assert.equal(status, 200);
    await judge(name);
  };
  const populated = async (round: number) => {
    const name = `populated-${round}`;
    assert.equal((await createObject(api, "Namespace", "", { metadata: { name } })).status, CREATED);
    const metadata = {
      name: "client",
      labels: { "service.istio.io/canonical-name": "client" },
      annotations: { "sidecar.istio.io/status": "{}" },
    };
    const pod = { metadata, spec: { containers: [{ name: "app", image: "app:1" }] } };
    assert.equal((await createObject(api, "Pod", name, pod)).status, CREATED);
    await judge(name);
  };
  await inTurns(ROUNDS, AT_ONCE, async (round) => {
    await external(round);
    await injected(round);
    await labelled(round);
    await populated(round);
  });
  assert.deepEqual(refused, []);
});

test("what was deleted is not kept", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { api } = set;
  const spec = { type: "ExternalName", externalName: "example.com" };
  assert.equal((await createObject(api, "Service", "default", service("short-lived", spec))).status, CREATED);
  const host = "short-lived.default.svc.cluster.local";
  assert.equal(await refusal(api, "ns1", host), undefined);
  await deleteObject(api, "Service", "default", "short-lived");
  await eventually("its end is known", async () => (await refusal(api, "ns1", host)) !== undefined);
});

test("kinds that the cluster does not serve are absent, and are found when they are installed", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster, foresail, api } = set;
  const objects = 'foresail_cache_objects{kind="WorkloadGroup"}';
  assert.equal((await metricsOf(foresail)).get('foresail_cache_synced{kind="WorkloadGroup"}'), 1);
  await succeed(cluster, ["apply", "-f", "-"], JSON.stringify(customResourceDefinition("WorkloadGroup")));
  await succeed(cluster, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  // While nobody knows what there is of it, nothing is refused.
  await eventually("it is known", async () => (await refusal(api, "ns1")) !== undefined);
  const group = {
    apiVersion: "networking.istio.io/v1",
    kind: "WorkloadGroup",
    metadata: { name: "machines" },
    spec: {},
  };
  await eventually(
    "the kind is served",
    async () => (await createObject(api, "WorkloadGroup", "ns1", group)).status === CREATED,
  );
  await eventually(
    "its objects are known",
    async () => (await metricsOf(foresail)).get(objects) === 1,
    30_000,
  );
  assert.equal(await refusal(api, "ns1"), undefined);
  await deleteObject(api, "WorkloadGroup", "ns1", "machines");
  await eventually("it is gone again", async () => (await refusal(api, "ns1")) !== undefined);
});

test("thousands of objects are read", { timeout: 240_000 }, async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { api, cluster, kubeconfig, foresail } = set;
  const environment = await shippedEnvironment();
  const idle = await serveForesail([`--kubeconfig=${kubeconfig}`], environment);
  t.after(() => idle.stop());
  await untilReady(idle);
  t.diagnostic(`at the start, with next to nothing: ${JSON.stringify(figuresOf(await metricsOf(idle)))}`);
  await idle.stop();
  await inTurns(SERVICES, WRITES_AT_ONCE, async (index) => {
    const spec = {
      ports: [{ name: "http", port: 80 }],
      selector: { app: `app-${index}` },
      clusterIP: "None",
    };
    assert.equal(
      (await createObject(api, "Service", "default", service(`many-${index}`, spec))).status,
      CREATED,
    );
  });
  let figures = figuresOf(await metricsOf(foresail));
  await eventually(
    "the watch has told of all",
    async () => {
      figures = figuresOf(await metricsOf(foresail), figures);
      return figures.services >= SERVICES;
    },
    30_000,
  );
  t.diagnostic(`while ${SERVICES} Services are created: ${JSON.stringify(figures)}`);

  // Nobody shall be asked about these.
  await succeed(cluster, ["delete", "validatingwebhookconfiguration", "foresail"]);
  await inTurns(DESTINATION_RULES, WRITES_AT_ONCE, async (index) => {
    await createObject(api, "DestinationRule", "default", destinationRule(`many-${index % SERVICES}`));
  });
  const startedAt = performance.now();
  const another = await serveForesail([`--kubeconfig=${kubeconfig}`], environment);
  t.after(() => another.stop());
  await untilReady(another);
  const readyAfterMs = Math.round(performance.now() - startedAt);
  const atStart = { readyAfterMs, ...figuresOf(await metricsOf(another)) };
  assert.ok(atStart.services >= SERVICES);
  t.diagnostic(`at the start, with ${DESTINATION_RULES} DestinationRules, too: ${JSON.stringify(atStart)}`);
});

/** The variables of the Deployment that is shipped. */
async function shippedEnvironment(): Promise<Readonly<Record<string, string>>> {
  const entry = object({ name: string, value: string });
  const template = object({ spec: object({ containers: list(object({ env: list(entry) })) }) });
  const deployments = (await readShippedManifests()).filter(({ kind }) => kind === "Deployment");
  const [deployment] = deployments.map((one) => object({ spec: object({ template }) }).read(one));
  const [container] = deployment?.spec?.template?.spec?.containers ?? [];
  return Object.fromEntries((container?.env ?? []).map(({ name = "", value = "" }) => [name, value]));
}

/** The longest block of the event loop since the metrics were read before, or before that. */
function figuresOf(metrics: ReadonlyMap<string, number>, earlier = { longestBlockMs: 0 }) {
  const blockMs = Math.round((metrics.get("nodejs_eventloop_lag_max_seconds") ?? 0) * 1000);
  return {
    services: metrics.get('foresail_cache_objects{kind="Service"}') ?? 0,
    memoryMiB: Math.round((metrics.get("process_resident_memory_bytes") ?? 0) / 1024 / 1024),
    longestBlockMs: Math.max(blockMs, earlier.longestBlockMs),
  };
}

async function inTurns(count: number, atOnce: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
