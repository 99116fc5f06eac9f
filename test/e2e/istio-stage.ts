/** A cluster with two revisions of istiod, a live foresail, and namespaces to create Pods in. */
import assert from "node:assert/strict";
import { isObject } from "../../src/kubernetes/json.ts";
import type { JsonObject } from "../../src/kubernetes/json.ts";
import { list, mapOf, number, object, string, intOrString } from "../../src/kubernetes/shape.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { startIstio } from "../harness/istio.ts";
import type { Istio } from "../harness/istio.ts";
import { serveForesail, webhookManifests } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { succeed, untilReady } from "./live-foresail.ts";
import { installRights } from "./managed-foresail.ts";

export const EXCLUDE = "traffic.sidecar.istio.io/excludeInboundPorts";
export const REWRITE = "sidecar.istio.io/rewriteAppHTTPProbers";
export const CONFIG = "proxy.istio.io/config";
export const CLASSIC = { "sidecar.istio.io/nativeSidecar": "false" } as const;

/** What the revision canary excludes by itself. */
export const CANARY_PORT = "8099";
const CONFIGURATIONS = ["mutatingwebhookconfiguration", "validatingwebhookconfiguration"];
const CALLED_WITHIN_MS = 120_000;

export interface IstioStage {
  readonly cluster: ControlPlane;
  readonly istio: Istio;
  readonly foresail: ServedForesail;
}

/** As ASM installs it: probes are not rewritten unless a Pod asks for it. */
export async function setIstioStage(
  cluster: ControlPlane,
  t: { readonly after: (cleanUp: () => Promise<void>) => void },
): Promise<IstioStage> {
  const off = { sidecarInjectorWebhook: { rewriteAppHTTPProbe: false } };
  const istio = await startIstio(t, cluster, { values: off });
  await startIstio(t, cluster, {
    revision: "canary",
    nativeSidecars: false,
    values: { ...off, global: { proxy: { excludeInboundPorts: CANARY_PORT } } },
  });
  const kubeconfig = await installRights(cluster);
  const labels = { shop: "istio-injection=enabled", canary: "istio.io/rev=canary", bare: "plain=true" };
  for (const [namespace, label] of Object.entries(labels)) {
    await cluster.kubectl(["create", "namespace", namespace]);
    await succeed(cluster, ["label", "namespace", namespace, label]);
    await succeed(cluster, ["create", "-n", namespace, "-f", "-"], JSON.stringify(SERVICE));
  }
  const foresail = await serveForesail([`--kubeconfig=${kubeconfig}`]);
  t.after(async () => {
    await foresail.stop();
  });
  await untilReady(foresail);
  return { cluster, istio, foresail };
}

const SERVICE = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web" },
  spec: { selector: { app: "web" }, ports: [{ port: 8080 }] },
};

/** In this place among the webhook configurations, and in no other; when it resolves, the API server calls it there. */
export async function installAs(stage: IstioStage, name: "foresail" | "zz-foresail"): Promise<void> {
  const { cluster, foresail } = stage;
  for (const kind of CONFIGURATIONS)
    await succeed(cluster, ["delete", kind, "foresail", "zz-foresail", "--ignore-not-found"]);
  const manifests = (await webhookManifests(foresail)).replaceAll(
    /^ {2}name: foresail$/gm,
    `  name: ${name}`,
  );
  await succeed(cluster, ["apply", "-f", "-"], manifests);
  const isFirst = name === "foresail";
  const probe = pod("probe", { livenessProbe: http(8080) });
  await eventually(
    `${name} is called`,
    async () => {
      const { stored } = await create(stage, "shop", probe, ["--dry-run=server"]);
      const isCalled = stored.excluded.includes("8087") || stored.annotations[REWRITE] === "true";
      return isCalled && (stored.annotations[REWRITE] === "true") === isFirst;
    },
    CALLED_WITHIN_MS,
  );
}

const tcp = (port: number | string) => ({ tcpSocket: { port } });
export const http = (port: number | string) => ({ httpGet: { port, path: "/ok" } });

export interface PodParts {
  readonly labels?: JsonObject;
  readonly annotations?: JsonObject;
  /** Of the app's container; a startupProbe on 8087, which no Service targets, is there already. */
  readonly livenessProbe?: JsonObject;
  readonly spec?: JsonObject;
  /** Besides the app. */
  readonly containers?: readonly JsonObject[];
}

export function template(parts: PodParts = {}): JsonObject {
  const { labels = { app: "web" }, annotations = {}, livenessProbe, spec = {}, containers = [] } = parts;
  const app = { name: "app", image: "app:1", startupProbe: tcp(8087) };
  return {
    metadata: { labels, annotations },
    spec: {
      serviceAccountName: "default",
      containers: [livenessProbe ? { ...app, livenessProbe } : app, ...containers],
      ...spec,
    },
  };
}

export function pod(name: string, parts: PodParts = {}): JsonObject {
  const { metadata, spec } = template(parts);
  const own = isObject(metadata) ? metadata : {};
  return JSON.parse(JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { ...own, name }, spec }));
}

const probeShape = object({
  httpGet: object({ port: intOrString, path: string }),
  tcpSocket: object({ port: intOrString }),
});
const handlerShape = object({ exec: object({ command: list(string) }), sleep: object({ seconds: number }) });
const containerShape = object({
  name: string,
  image: string,
  args: list(string),
  env: list(object({ name: string, value: string })),
  restartPolicy: string,
  livenessProbe: probeShape,
  startupProbe: probeShape,
  lifecycle: object({ preStop: handlerShape, postStart: handlerShape }),
});
const podShape = object({
  metadata: object({ name: string, annotations: mapOf(string) }),
  spec: object({
    containers: list(containerShape),
    initContainers: list(containerShape),
    terminationGracePeriodSeconds: number,
  }),
});

/** What matters of a Pod as the API server has it. */
export interface StoredPod {
  readonly raw: unknown;
  readonly annotations: Readonly<Record<string, string>>;
  /** Of istio-init's -d; empty if there is none. */
  readonly excluded: readonly string[];
  readonly sidecar: "none" | "classic" | "native";
  readonly preStop: readonly string[] | undefined;
  readonly postStart: readonly string[] | undefined;
  /** The names of the containers, in order. */
  readonly containers: readonly string[];
  readonly proxyEnv: Readonly<Record<string, string>>;
  /** Port of the app's probe, as the kubelet will ask it. */
  readonly startupPort: number | string | undefined;
  readonly livenessPort: number | string | undefined;
}

export function readStored(raw: unknown): StoredPod {
  const { metadata = {}, spec = {} } = podShape.read(raw) ?? {};
  const { containers = [], initContainers = [] } = spec;
  const isProxy = ({ name }: { readonly name?: string }) => name === "istio-proxy";
  const [classic, native] = [containers.find(isProxy), initContainers.find(isProxy)];
  const proxy = classic ?? native;
  const { args = [] } = initContainers.find(({ name }) => name === "istio-init") ?? {};
  const app = containers.find(({ name }) => name === "app");
  const portOf = (probe: typeof app extends undefined ? never : NonNullable<typeof app>["livenessProbe"]) =>
    (probe?.httpGet ?? probe?.tcpSocket)?.port;
  const excluded = args[args.indexOf("-d") + 1] ?? "";
  return {
    raw,
    annotations: metadata.annotations ?? {},
    excluded: args.includes("-d") ? excluded.split(",") : [],
    sidecar: classic ? "classic" : native ? "native" : "none",
    preStop: proxy?.lifecycle?.preStop?.exec?.command,
    postStart: proxy?.lifecycle?.postStart?.exec?.command,
    containers: containers.map(({ name = "" }) => name),
    proxyEnv: Object.fromEntries((proxy?.env ?? []).map(({ name = "", value = "" }) => [name, value])),
    startupPort: portOf(app?.startupProbe),
    livenessPort: portOf(app?.livenessProbe),
  };
}

export interface Created {
  readonly stored: StoredPod;
  /** What kubectl printed beside the object: warnings, or the reason of a refusal. */
  readonly said: string;
  readonly code: number | null;
}

export async function create(
  { cluster }: Pick<IstioStage, "cluster">,
  namespace: string,
  manifest: unknown,
  flags: readonly string[] = [],
): Promise<Created> {
  const args = ["create", "-n", namespace, "-o", "json", ...flags, "-f", "-"];
  const { code, stdout, stderr } = await cluster.kubectl(args, JSON.stringify(manifest));
  return { stored: readStored(code === 0 ? JSON.parse(stdout) : {}), said: stderr, code };
}

/** Sent in once more, where no injector is: foresail finds nothing left to do. */
export async function assertSettled(stage: IstioStage, { raw }: StoredPod): Promise<void> {
  assert.ok(isObject(raw) && isObject(raw["metadata"]));
  const { name, labels, annotations } = raw["metadata"];
  const again = {
    ...raw,
    metadata: { name: `${String(name)}-again`, labels, annotations },
    status: undefined,
  };
  const { stored, said, code } = await create(stage, "bare", again, ["--dry-run=server"]);
  assert.equal(code, 0, said);
  assert.doesNotMatch(said, /Not repaired/);
  const [one, other] = [raw, stored.raw].map((value) => {
    assert.ok(isObject(value) && isObject(value["metadata"]));
    return { annotations: value["metadata"]["annotations"], spec: value["spec"] };
  });
  assert.deepEqual(other, one);
}
