/** The behaviours that foresail is named for, through a real kube-apiserver and as kubectl prints them. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { Kinds } from "../../src/kubernetes/objects.ts";
import { readObject } from "../../src/kubernetes/objects.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { serveForesail, webhookManifests } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { customResourceDefinition } from "./custom-resources.ts";

const STATE_CHANGES_WITHIN_MS = 20_000;
const HOST = "myservice.default.svc.cluster.local";
const NAMESPACES = ["istio-system", "ns1", "shop", "later"];

/** What foresail knows of the cluster; in step with what the API server has. */
const STATE = [
  ...["default", "istio-system", "ns1", "later"].map((name) => namespace(name)),
  namespace("shop", { "istio-injection": "enabled" }),
  service("myservice", "default"),
];

interface Stage {
  readonly cluster: ControlPlane;
  readonly foresail: ServedForesail;
  readonly stateFile: string;
}

const controlPlane = sharedControlPlane({ audit: true });
let stage: Promise<Stage> | undefined;
after(async () => {
  const set = await stage;
  await set?.foresail.stop();
  if (set) await rm(join(set.stateFile, ".."), { recursive: true, force: true });
});

/** A cluster with the kinds, the namespaces, one DestinationRule from before foresail, and then foresail. */
async function setStage(cluster: ControlPlane): Promise<Stage> {
  const folder = await mkdtemp(join(tmpdir(), "foresail-state-"));
  const stateFile = join(folder, "mesh.json");
  await writeFile(stateFile, list(STATE));
  const kinds = (["DestinationRule", "IstioGateway"] as const).map(customResourceDefinition);
  await succeed(cluster, ["apply", "-f", "-"], list(kinds));
  await succeed(cluster, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  await succeed(cluster, ["apply", "-f", "-"], list(NAMESPACES.map((name) => namespaceIn(STATE, name))));
  await succeed(cluster, ["apply", "-f", "-"], list([destinationRule("ns1", "from-before")]));

  const foresail = await serveForesail([`--mesh-state=${folder}`]);
  await succeed(cluster, ["apply", "-f", "-"], await webhookManifests(foresail));
  await untilCalled(cluster);
  return { cluster, foresail, stateFile };
}

/** The API server takes a moment to know a new webhook. */
async function untilCalled(cluster: ControlPlane): Promise<void> {
  const probe = list([destinationRule("ns1", "probe")]);
  for (let attempt = 0; attempt < 100; attempt++) {
    const { code } = await cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], probe);
    if (code !== 0) return;
    await setTimeout(100);
  }
  assert.fail("the webhook was never called");
}

async function onStage(t: TestContext): Promise<Stage | undefined> {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return undefined;
  stage ??= setStage(cluster);
  return stage;
}

test("a DestinationRule where no client looks is refused, with the namespaces that would work", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { code, stdout, stderr } = await set.cluster.kubectl(
    ["apply", "-f", "-"],
    list([destinationRule("ns1")]),
  );
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.equal(
    stderr.trimEnd(),
    [
      'Error from server (Forbidden): error when creating "STDIN": admission webhook "validate.foresail.io" denied the request: ' +
        `destination-rule-is-looked-up: Istio looks for rules of ${HOST} in default, istio-system or shop, ` +
        "never in ns1: no client is there (metadata.namespace)",
      "fix: Set metadata.namespace to default. If ns1 will run clients, turn injection on first or name it in clientNamespaces.",
      "docs: foresail explain destination-rule-is-looked-up",
    ].join("\n"),
  );
  const { code: found } = await set.cluster.kubectl(["get", "destinationrule", "-n", "ns1", "myservice"]);
  assert.equal(found, 1);
});

for (const place of ["default", "istio-system", "shop"]) {
  test(`a DestinationRule in ${place} is accepted without a word`, async (t) => {
    const set = await onStage(t);
    if (!set) return;
    const { code, stderr } = await set.cluster.kubectl(["apply", "-f", "-"], list([destinationRule(place)]));
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  });
}

test("every version of DestinationRule that was ever served is judged alike", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  for (const version of ["v1alpha3", "v1beta1", "v1"]) {
    const rule = { ...destinationRule("ns1"), apiVersion: `networking.istio.io/${version}` };
    const { code, stderr } = await set.cluster.kubectl(["apply", "-f", "-"], list([rule]));
    assert.equal(code, 1);
    assert.match(stderr, /destination-rule-is-looked-up/);
  }
});

test("a dry run gets the same refusal", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const input = list([destinationRule("ns1")]);
  const { code, stderr } = await set.cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], input);
  assert.equal(code, 1);
  assert.match(stderr, /never in ns1/);
});

test("what was wrong before foresail came can still be changed, with a warning", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const rule = destinationRule("ns1", "from-before", { trafficPolicy: { tls: { mode: "DISABLE" } } });
  const { code, stdout, stderr } = await set.cluster.kubectl(["apply", "-f", "-"], list([rule]));
  assert.equal(code, 0, stderr);
  assert.equal(stdout.trim(), "destinationrule.networking.istio.io/from-before configured");
  assert.match(stderr, /^Warning: destination-rule-is-looked-up: Istio looks for rules of /);
});

test("an exemption with a reason is honoured, one without is refused and says so", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const exempt = (text: string) => {
    const rule = destinationRule("ns1", "exempt");
    return list([{ ...rule, metadata: { ...rule.metadata, annotations: { "foresail.io/exempt": text } } }]);
  };
  const without = await set.cluster.kubectl(["apply", "-f", "-"], exempt("destination-rule-is-looked-up"));
  assert.equal(without.code, 1);
  assert.match(without.stderr, /foresail: The exemption from destination-rule-is-looked-up does not count/);
  const reason = "destination-rule-is-looked-up; clients come with the next release";
  const granted = await set.cluster.kubectl(["apply", "-f", "-"], exempt(reason));
  assert.deepEqual({ code: granted.code, stderr: granted.stderr }, { code: 0, stderr: "" });
});

for (const version of ["v1beta1", "v1"]) {
  test(`an IstioGateway (${version}) with Local is stored, with a warning that has the three remedies`, async (t) => {
    const set = await onStage(t);
    if (!set) return;
    const gateway = {
      apiVersion: `istio.alibabacloud.com/${version}`,
      kind: "IstioGateway",
      metadata: { name: `ingressgateway-${version}`, namespace: "istio-system" },
      spec: { serviceType: "LoadBalancer", externalTrafficPolicy: "Local" },
    };
    const { code, stderr } = await set.cluster.kubectl(["apply", "-f", "-"], list([gateway]));
    assert.equal(code, 0, stderr);
    assertGatewayWarning(stderr, `istio-ingressgateway-${version}.istio-system`);
  });
}

test("a load balancer Service of a gateway with Local gets the same warning", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const gateway = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "edge", namespace: "istio-system" },
    spec: {
      type: "LoadBalancer",
      externalTrafficPolicy: "Local",
      selector: { istio: "ingressgateway" },
      ports: [{ name: "https", port: 443 }],
    },
  };
  const { code, stderr } = await set.cluster.kubectl(["apply", "-f", "-"], list([gateway]));
  assert.equal(code, 0, stderr);
  assertGatewayWarning(stderr, "edge.istio-system");
});

test("a Service that is no gateway's gets none", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const shop = {
    ...service("web", "shop"),
    spec: {
      type: "LoadBalancer",
      externalTrafficPolicy: "Local",
      selector: { app: "web" },
      ports: [{ name: "http", port: 80 }],
    },
  };
  const { code, stderr } = await set.cluster.kubectl(["apply", "-f", "-"], list([shop]));
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
});

test("a Pod that will be injected is stored with its probe port excluded and its draining set up", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const stored = await storePod(set.cluster, pod("before-injection"));
  const annotations = stored.metadata?.annotations ?? {};
  assert.equal(annotations["traffic.sidecar.istio.io/excludeInboundPorts"], "8087");
  assert.equal(
    annotations["proxy.istio.io/config"],
    'proxyMetadata:\n  EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"\n  MINIMUM_DRAIN_DURATION: 5s\n',
  );
});

test("a Pod with a classic sidecar and its own probes is stored with a drain hook and 8087 in istio-init's -d", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const stored = await storePod(
    set.cluster,
    pod("classic", {
      initContainers: [
        { name: "istio-init", image: "proxyv2:1.20.3", args: ["istio-iptables", "-d", "15090,15021,15020"] },
      ],
      sidecars: [{ name: "istio-proxy", image: "proxyv2:1.20.3", args: ["proxy", "sidecar"] }],
    }),
  );
  assert.deepEqual(stored.spec?.initContainers?.[0]?.args, [
    "istio-iptables",
    "-d",
    "15090,15021,15020,8087",
  ]);
  const proxy = stored.spec?.containers?.find(({ name }) => name === "istio-proxy");
  assert.deepEqual(proxy?.lifecycle?.preStop?.exec?.command?.slice(0, 2), ["/bin/sh", "-c"]);
});

test("a Pod with a native sidecar and rewritten probes is stored as it came", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const native = pod("native", {
    initContainers: [
      { name: "istio-init", image: "proxyv2:1.30.0", args: ["istio-iptables", "-d", "15090,15021,15020"] },
      {
        name: "istio-proxy",
        image: "proxyv2:1.30.0",
        restartPolicy: "Always",
        env: [
          { name: "ISTIO_KUBE_APP_PROBERS", value: '{"/app-health/app/livez":{"tcpSocket":{"port":8087}}}' },
        ],
        lifecycle: {
          preStop: { exec: { command: ["pilot-agent", "request", "--debug-port=15020", "POST", "drain"] } },
        },
      },
    ],
    livenessProbe: { httpGet: { path: "/app-health/app/livez", port: 15020 } },
  });
  const mutations = await mutationsOf(set.cluster, native, "native");
  assert.deepEqual(mutations, []);
});

test("a Pod outside the mesh is stored as it came", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  assert.deepEqual(await mutationsOf(set.cluster, pod("outside", {}, "default"), "outside"), []);
});

test("decisions stand in the audit log", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  await set.cluster.kubectl(["apply", "-f", "-"], list([destinationRule("ns1", "audited")]));
  const events = await set.cluster.readAuditEvents();
  const event = events.findLast(({ annotations }) => annotations["validate.foresail.io/rules"] !== undefined);
  assert.match(event?.requestURI ?? "", /\/namespaces\/ns1\/destinationrules\?/);
  assert.equal(event?.annotations["validate.foresail.io/rules"], "destination-rule-is-looked-up=Deny");
  assert.match(event?.annotations["validate.foresail.io/config"] ?? "", /./);
});

test("a rule that is hostile to parsers and large is refused all the same", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  // kubectl and the API server write each of these in six bytes; the API server takes 3 MiB.
  const hostile = destinationRule("ns1", "hostile", { padding: "<".repeat(450_000) });
  const text = JSON.stringify(hostile).replace(
    '"padding"',
    '"__proto__":{"x":1},"constructor":{"prototype":{}},"padding"',
  );
  const { code, stderr } = await set.cluster.kubectl(["create", "-f", "-"], text);
  assert.equal(code, 1);
  assert.match(stderr, /never in ns1/);
});

test("a change of the mesh's state counts without a restart", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const input = list([destinationRule("later")]);
  assert.equal((await set.cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], input)).code, 1);
  const labelled = STATE.map((one) =>
    "metadata" in one && one.metadata.name === "later"
      ? namespace("later", { "istio-injection": "enabled" })
      : one,
  );
  await writeFile(set.stateFile, list(labelled));
  const deadline = performance.now() + STATE_CHANGES_WITHIN_MS;
  while ((await set.cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], input)).code !== 0) {
    assert.ok(performance.now() < deadline, "the change did not count in time");
    await setTimeout(200);
  }
});

test("with foresail gone, the cluster goes on", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  assert.equal(await set.foresail.stop("SIGINT"), 0);
  const { code, stderr } = await set.cluster.kubectl(
    ["apply", "-f", "-"],
    list([destinationRule("ns1", "unseen")]),
  );
  assert.equal(code, 0, stderr);
});

function assertGatewayWarning(stderr: string, name: string): void {
  const lines = stderr.trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => line.slice(0, "Warning: gateway-reachable-in-cluster: ".length)),
    ["Warning: gateway-reachable-in-cluster: ", "Warning: gateway-reachable-in-cluster: "],
  );
  assert.ok(lines[0]?.endsWith("(spec.externalTrafficPolicy)"), lines[0]);
  for (const remedy of [`call ${name}`, "set Cluster, which loses the source IP", 'backend-type: "eni"']) {
    assert.ok(lines[1]?.includes(remedy), `${remedy} is not in ${lines[1]}`);
  }
}

async function storePod(cluster: ControlPlane, input: object): Promise<Kinds["Pod"]> {
  const { code, stdout, stderr } = await cluster.kubectl(
    ["create", "-o", "json", "-f", "-"],
    JSON.stringify(input),
  );
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  return readObject("Pod", JSON.parse(stdout));
}

/** The fixes that the API server was given for a Pod, told by the audit log. */
async function mutationsOf(cluster: ControlPlane, input: object, name: string): Promise<string[]> {
  const stored = await storePod(cluster, input);
  assert.equal(stored.metadata?.annotations, undefined);
  const events = await cluster.readAuditEvents();
  return events
    .filter(({ annotations }) =>
      annotations["mutation.webhook.admission.k8s.io/round_0_index_0"]?.includes(name),
    )
    .flatMap(({ annotations }) => annotations["mutate.foresail.io/fixes"] ?? []);
}

async function succeed(cluster: ControlPlane, args: readonly string[], input?: string): Promise<void> {
  const { code, stderr } = await cluster.kubectl(args, input);
  assert.equal(code, 0, stderr);
}

function list(items: readonly object[]): string {
  return JSON.stringify({ apiVersion: "v1", kind: "List", items });
}

function namespace(name: string, labels: object = {}) {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

function namespaceIn(
  objects: readonly { readonly kind: string; readonly metadata: { readonly name: string } }[],
  name: string,
): object {
  const found = objects.find(({ kind, metadata }) => kind === "Namespace" && metadata.name === name);
  assert.ok(found);
  return found;
}

function service(name: string, place: string) {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: place },
    spec: { ports: [{ port: 80 }] },
  };
}

function destinationRule(place: string, name = "myservice", spec: object = {}) {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name, namespace: place },
    spec: { host: HOST, ...spec },
  };
}

interface PodParts {
  readonly initContainers?: readonly object[];
  readonly sidecars?: readonly object[];
  readonly livenessProbe?: object;
}

function pod(
  name: string,
  { initContainers = [], sidecars = [], livenessProbe }: PodParts = {},
  place = "shop",
): object {
  const probe = livenessProbe ?? { tcpSocket: { port: 8087 } };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: place },
    spec: {
      initContainers,
      containers: [{ name: "app", image: "app:1.0.0", livenessProbe: probe }, ...sidecars],
      terminationGracePeriodSeconds: 60,
    },
  };
}
