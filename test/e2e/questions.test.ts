/** The ten frequent questions: what kubectl prints when the objects of examples/faq reach a real kube-apiserver. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { findKind, groupOf, KIND_FACTS, readObject } from "../../src/kubernetes/objects.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { object, string } from "../../src/kubernetes/shape.ts";
import { emitYaml, parseYaml } from "../../src/kubernetes/yaml/yaml.ts";
import { CHECKOUT } from "../foresail.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { serveForesail } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import {
  changeObject,
  installWebhooks,
  metricsOf,
  setLiveStage,
  succeed,
  untilServed,
} from "./live-foresail.ts";
import type { LiveStage } from "./live-foresail.ts";

interface Question {
  /** Done with those documents of broken.yaml in which a line is marked `# finding`; the others are there before. */
  readonly verb?: "delete";
  /** The versions in which the question comes up, where these are not today's. */
  readonly assume?: Readonly<Record<string, string>>;
  /** What kubectl prints on stderr. Nothing is said of repaired.yaml. */
  readonly said: readonly string[];
  /** What `kubectl get` shows afterwards. */
  readonly stored?: { readonly get: readonly string[]; readonly output: string };
}

/** By the folder's name. */
const QUESTIONS: Readonly<Record<string, Question>> = {
  "1-injection-labels": {
    said: [
      'Warning: namespace-injection-takes-effect: istio-injection: "true" blocks injection, because only "enabled" causes it (metadata.labels.istio-injection)',
      "Warning: namespace-injection-takes-effect: fix: kubectl label namespace shop --overwrite istio-injection=enabled, or =disabled if that is meant; then restart the workloads.",
      'Warning: namespace-injection-takes-effect: The label sidecar.istio.io/inject has no effect, because the namespace\'s label istio-injection: "disabled" blocks injection (spec.jobTemplate.spec.template.metadata.labels["sidecar.istio.io/inject"])',
      "Warning: namespace-injection-takes-effect: fix: Remove the namespace's label (kubectl label namespace billing istio-injection-), or run the Pod in another namespace.",
    ],
  },
  "2-namespace": {
    verb: "delete",
    said: [
      "Warning: namespace-can-terminate: IstioOperator installed-state waits for the Istio operator, of which no Pod is in istio-operator: finalizer istio-finalizer.install.istio.io (metadata.name)",
      "Warning: namespace-can-terminate: fix: Start the Istio operator before you delete IstioOperator installed-state. `foresail namespace istio-1-22` says what is left undone without it.",
    ],
  },
  "3-gateway-address": {
    said: [
      "Warning: gateway-reachable-in-cluster: Host-network Pods and nodes with IPVS cannot reach the address of istio-ingressgateway.istio-system where no gateway Pod runs: the policy is Local (spec.externalTrafficPolicy)",
      'Warning: gateway-reachable-in-cluster: fix: In the cluster, call istio-ingressgateway.istio-system; or set Cluster, which loses the source IP; or, on Terway ENI, Cluster with service.beta.kubernetes.io/backend-type: "eni", which keeps it.',
    ],
  },
  "4-load-balancer": {
    verb: "delete",
    said: [
      "Warning: gateway-load-balancer-survives: Deleting IstioGateway edge/ingressgateway deletes load balancer lb-2ze4gateway (metadata.name)",
      `Warning: gateway-load-balancer-survives: fix: Keep it first: kubectl patch istiogateways ingressgateway -n edge --type=merge -p '{"spec":{"serviceAnnotations":{"service.beta.kubernetes.io/alibaba-cloud-loadbalancer-preserve-lb-on-delete":"true"}}}'`,
    ],
  },
  "5-external-database": {
    said: [
      "Warning: tcp-port-not-shared: On TCP port 3306 sidecars cannot tell orders.db.example.com from ServiceEntry shop/billing-database: one of them gets the connections of both (spec.ports[0].number)",
      'Warning: tcp-port-not-shared: fix: Give the ServiceEntry addresses, the IPs that clients connect to (foresail check prints one to fill in), or keep the two to different namespaces: exportTo: ["."].',
    ],
  },
  "5-external-name": {
    said: [
      "Warning: tcp-port-not-shared: No proxy applies this rule: rates.shop.svc.cluster.local is an ExternalName Service, only another name for its target (spec.host)",
      "Warning: tcp-port-not-shared: fix: Write the Service's spec.externalName as spec.host; if that is outside of the mesh, add a ServiceEntry for it.",
    ],
  },
  "6-gateway-kinds": {
    said: [
      "Warning: gateway-kind-unambiguous: kubectl get gateway shows another kind; kubectl get gateways.networking.istio.io -n shop web shows this one (kind)",
      "Warning: gateway-kind-unambiguous: fix: Say which kind you mean: kubectl get gw shows Istio's, kubectl get gtw the Gateway API's. foresail gateways -A lists both.",
    ],
    stored: {
      get: ["gateways.networking.istio.io", "-n", "shop", "web", "-o", "name"],
      output: "gateway.networking.istio.io/web\n",
    },
  },
  "7-destination-rule": {
    said: [
      'Error from server (Forbidden): error when creating "STDIN": admission webhook "validate.foresail.io" denied the request: destination-rule-is-looked-up: Istio looks for rules of myservice.default.svc.cluster.local in default, istio-system or shop, never in ns1: no client is there (metadata.namespace)',
      "fix: Set metadata.namespace to default. If ns1 will run clients, turn injection on first or name it in clientNamespaces.",
      "docs: foresail explain destination-rule-is-looked-up",
    ],
  },
  "7-subset": {
    said: [
      "Warning: virtual-service-subset-exists: Clients in shop get 503 NC: shop/reviews, which they use for reviews.shop.svc.cluster.local, has no subset v2 (spec.http[0].route[1].destination.subset)",
      "Warning: virtual-service-subset-exists: fix: Define subset v2 in shop/reviews: Istio merges no rules of two namespaces.",
    ],
  },
  "8-pruned-init": {
    assume: { istio: "1.23", kubernetes: "1.19" },
    said: [
      "Warning: istio-init-not-pruned: docker system prune in container prune removes istio-init, too, which fails when it runs again: Init:CrashLoopBackOff (spec.jobTemplate.spec.template.spec.containers[0].command[2])",
      "Warning: istio-init-not-pruned: fix: Add --filter label!=io.kubernetes.container.name=istio-init as its only label!= filter: of several, a container must have all labels to be spared.",
    ],
  },
  "9-health-checks": {
    said: [],
    stored: { get: podAnnotation("queue", "traffic.sidecar.istio.io/excludeInboundPorts"), output: "8087" },
  },
  "10-long-requests": {
    said: [],
    stored: {
      get: podAnnotation("reports-once", "proxy.istio.io/config"),
      output: 'proxyMetadata:\n  EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"\n  MINIMUM_DRAIN_DURATION: 5s\n',
    },
  },
  "10-misspelt": {
    said: [
      'Warning: pod-annotations-known: sidecar.istio.io/native-sidecar has no effect, because Istio reads sidecar.istio.io/nativeSidecar (spec.template.metadata.annotations["sidecar.istio.io/native-sidecar"])',
      "Warning: pod-annotations-known: fix: Rename it to sidecar.istio.io/nativeSidecar.",
    ],
  },
};

const controlPlane = sharedControlPlane();
let stage: Promise<Stage> | undefined;
after(async () => {
  const set = await stage;
  await set?.foresail.stop();
  if (set) await rm(dirname(set.configuration), { recursive: true });
  await set?.api.close();
});

interface Stage extends LiveStage {
  readonly foresail: ServedForesail;
  /** A file. */
  readonly configuration: string;
}

async function start(cluster: ControlPlane): Promise<Stage> {
  const set = await setLiveStage(cluster);
  const kinds = (["VirtualService", "Sidecar", "ServiceEntry", "IstioGateway", "IstioOperator"] as const).map(
    customResourceDefinition,
  );
  await succeed(cluster, ["apply", "-f", "-"], kinds.map((kind) => JSON.stringify(kind)).join("\n---\n"));
  await succeed(cluster, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  const folder = await mkdtemp(join(tmpdir(), "foresail-questions-"));
  const configuration = join(folder, "foresail.yaml");
  await writeFile(configuration, "");
  const foresail = await serveForesail([`--kubeconfig=${set.kubeconfig}`, `--config=${configuration}`]);
  await installWebhooks(set, foresail);
  return { ...set, foresail, configuration };
}

/** For this test, and as before after it. */
async function configure(
  t: TestContext,
  set: Stage,
  assume: Readonly<Record<string, string>>,
): Promise<void> {
  if (Object.keys(assume).length === 0) return;
  await write(set, emitYaml({ assume }));
  t.after(() => write(set, ""));
}

async function write({ foresail, configuration }: Stage, text: string): Promise<void> {
  const readings = () => foresail.log.filter((line) => line.includes('"configuration read"')).length;
  const before = readings();
  await writeFile(configuration, text);
  await eventually("the configuration is read", () => readings() > before);
}

async function onStage(t: TestContext): Promise<Stage | undefined> {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return undefined;
  stage ??= start(cluster);
  return stage;
}

test("there is a folder for each question, and each is tried", () => {
  const folders = readdirSync(join(CHECKOUT, "examples/faq"));
  assert.deepEqual(folders.toSorted(), Object.keys(QUESTIONS).toSorted());
});

for (const [folder, question] of Object.entries(QUESTIONS)) {
  test(`${folder}: what kubectl prints`, async (t) => {
    const set = await onStage(t);
    if (!set) return;
    const { verb = "apply", assume = {}, said, stored } = question;
    await configure(t, set, assume);
    const broken = await documentsOf(folder, "broken");
    const culprits = withTheirContents(
      broken,
      broken.filter(({ text }) => text.includes("# finding")),
    );
    assert.deepEqual(await saidOf(set, verb, broken, culprits), said);
    if (stored !== undefined) assert.equal(await succeed(set.cluster, ["get", ...stored.get]), stored.output);
    await remove(set, verb, broken);

    const repaired = await documentsOf(folder, "repaired");
    const sameText = new Set(broken.map(({ text }) => text));
    const changed = withTheirContents(
      repaired,
      repaired.filter(({ text }) => !sameText.has(text)),
    );
    assert.deepEqual(await saidOf(set, verb, repaired, changed), []);
    await remove(set, verb, repaired);
  });
}

/** What kubectl prints on stderr when it applies or deletes these, after all others are there. */
async function saidOf(
  set: Stage,
  verb: "apply" | "delete",
  all: readonly Document[],
  culprits: readonly Document[],
): Promise<readonly string[]> {
  const before = verb === "delete" ? all : all.filter((one) => !culprits.includes(one));
  await applyAll(set, before);
  await untilKnown(set, before);
  const flags = verb === "delete" ? ["--wait=false"] : [];
  const { stderr } = await set.cluster.kubectl([verb, ...flags, "-f", "-"], textOf(culprits));
  return stderr.split("\n").filter(Boolean);
}

async function remove(
  { cluster, api }: Stage,
  verb: "apply" | "delete",
  documents: readonly Document[],
): Promise<void> {
  const left = documents.filter(({ kind }) => kind !== "Namespace");
  for (const { kind, namespace, name, text } of left)
    if (text.includes("finalizers:"))
      await changeObject(api, kind, namespace, name, { metadata: { finalizers: null } });
  if (left.length > 0)
    await succeed(cluster, ["delete", "--ignore-not-found", "--now", "-f", "-"], textOf(left));
  if (verb === "apply") return;
  // No controller is there to end a namespace.
  for (const { name } of documents.filter(({ kind }) => kind === "Namespace")) {
    const body = { apiVersion: "v1", kind: "Namespace", metadata: { name }, spec: { finalizers: [] } };
    await api.request({ method: "PUT", path: `/api/v1/namespaces/${name}/finalize`, body });
  }
}

function podAnnotation(pod: string, key: string): readonly string[] {
  const path = key.replaceAll(".", "\\.");
  return ["pod", pod, "--namespace=shop", "--output", `jsonpath={.metadata.annotations.${path}}`];
}

interface Document {
  readonly text: string;
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}

const headShape = object({ apiVersion: string, kind: string });

async function documentsOf(folder: string, name: "broken" | "repaired"): Promise<readonly Document[]> {
  const file = await readFile(join(CHECKOUT, "examples/faq", folder, `${name}.yaml`), "utf8");
  return file.split(/^---$/m).map((text) => {
    const value = parseYaml(text).documents[0]?.value;
    const { apiVersion = "", kind: kindName = "" } = headShape.read(value) ?? {};
    const kind = findKind(groupOf(apiVersion), kindName);
    assert.ok(kind, `${folder}: a kind that foresail does not know`);
    const { namespace = "", name: objectName = "" } = readObject("Namespace", value).metadata ?? {};
    return { text: text.trim(), kind, namespace, name: objectName };
  });
}

/** In order, with what is in a namespace that is one of them. */
function withTheirContents(all: readonly Document[], some: readonly Document[]): readonly Document[] {
  const namespaces = new Set(some.filter(({ kind }) => kind === "Namespace").map(({ name }) => name));
  return all.filter((one) => some.includes(one) || namespaces.has(one.namespace));
}

function textOf(documents: readonly Document[]): string {
  return documents.map(({ text }) => text).join("\n---\n");
}

/** Namespaces come first, each with the account that Pods run under. */
async function applyAll({ cluster }: Stage, documents: readonly Document[]): Promise<void> {
  const [namespaces, others] = [
    documents.filter(({ kind }) => kind === "Namespace"),
    documents.filter(({ kind }) => kind !== "Namespace"),
  ];
  if (namespaces.length > 0) await succeed(cluster, ["apply", "-f", "-"], textOf(namespaces));
  for (const { name } of namespaces)
    await cluster.kubectl(["create", "serviceaccount", "default", "-n", name]);
  if (others.length > 0) await succeed(cluster, ["apply", "-f", "-"], textOf(others));
  for (const { kind, name } of others)
    if (kind === "CustomResourceDefinition") await untilServed(cluster, name);
}

/** foresail's copy of these kinds has as many objects as the API server; of ConfigMaps it has Istio's alone. */
async function untilKnown({ cluster, foresail }: Stage, documents: readonly Document[]): Promise<void> {
  const kinds = new Set(documents.map((one) => one.kind));
  kinds.delete("ConfigMap");
  for (const kind of kinds) {
    const { plural, group } = KIND_FACTS[kind];
    const args = ["get", [plural, group].filter(Boolean).join("."), "-A", "-o", "name"];
    await eventually(`${kind} is known`, async () => {
      const known = (await metricsOf(foresail)).get(`foresail_cache_objects{kind="${kind}"}`);
      if (known === undefined) return true;
      const there = (await succeed(cluster, args)).split("\n").filter(Boolean).length;
      return known === there;
    });
  }
}
