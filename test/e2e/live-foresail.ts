/** foresail with a live cluster: a process of its own, under the rights that the shipped manifests give. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { createApiServer } from "../../src/api-server/client.ts";
import type { ApiAnswer, ApiServer } from "../../src/api-server/client.ts";
import type { Json, JsonObject } from "../../src/kubernetes/json.ts";
import { KIND_FACTS } from "../../src/kubernetes/objects.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { number, object, string } from "../../src/kubernetes/shape.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { webhookManifests } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import { installRights } from "./managed-foresail.ts";

export interface LiveStage {
  readonly cluster: ControlPlane;
  /** As admin. */
  readonly api: ApiServer;
  /** The token of foresail's ServiceAccount. */
  readonly token: string;
  /** The kubeconfig of foresail's ServiceAccount. */
  readonly kubeconfig: string;
}

/** Two namespaces without clients, one with injection, one Service, and of Istio's kinds only DestinationRule. */
const NAMESPACES: readonly JsonObject[] = [
  { metadata: { name: "ns1" } },
  { metadata: { name: "shop", labels: { "istio-injection": "enabled" } } },
];

export async function setLiveStage(cluster: ControlPlane): Promise<LiveStage> {
  const ca = await readFile(cluster.caFile);
  const api = createApiServer({
    url: cluster.url,
    readCredentials: async () => ({
      headers: { authorization: `Bearer ${cluster.token}` },
      tls: { ca },
    }),
  });
  const kubeconfig = await installRights(cluster);
  const definition = JSON.stringify(customResourceDefinition("DestinationRule"));
  await succeed(cluster, ["apply", "-f", "-"], definition);
  await succeed(cluster, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  for (const namespace of NAMESPACES) {
    await succeed(
      cluster,
      ["apply", "-f", "-"],
      JSON.stringify({ apiVersion: "v1", kind: "Namespace", ...namespace }),
    );
  }
  assert.equal((await createObject(api, "Service", "default", service("myservice"))).status, 201);
  const token = await tokenOf(cluster);
  return { cluster, api, token, kubeconfig };
}

export async function tokenOf(cluster: ControlPlane): Promise<string> {
  return (await succeed(cluster, ["create", "token", "foresail", "-n", "foresail"])).trim();
}

/** Writes the configurations, and waits until the API server calls and foresail knows the cluster. */
export async function installWebhooks({ cluster, api }: LiveStage, foresail: ServedForesail): Promise<void> {
  await untilReady(foresail);
  await succeed(cluster, ["apply", "-f", "-"], await webhookManifests(foresail));
  await eventually("the webhook is called", async () => (await refusal(api, "ns1")) !== undefined);
}

/** The API server serves the kind of the CustomResourceDefinition of this name, and tells everybody. */
export async function untilServed(cluster: ControlPlane, definition: string): Promise<void> {
  const [plural = "", ...group] = definition.split(".");
  await eventually(`${definition} is served`, async () => {
    const { stdout } = await cluster.kubectl([
      "api-resources",
      `--api-group=${group.join(".")}`,
      "-o",
      "name",
    ]);
    return stdout.split("\n").includes(`${plural}.${group.join(".")}`);
  });
}

export async function untilReady({ probes }: ServedForesail): Promise<void> {
  await eventually("foresail is ready", () => isReady({ probes }), 60_000);
}

export async function isReady({ probes }: Pick<ServedForesail, "probes">): Promise<boolean> {
  const response = await fetch(`${probes}/readyz`);
  await response.text();
  return response.ok;
}

export async function metricsOf({ probes }: ServedForesail): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${probes}/metrics`)).text();
  const lines = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(" ");
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

export function createObject(
  api: ApiServer,
  kind: Kind,
  namespace: string,
  body: JsonObject,
  query: Readonly<Record<string, string>> = {},
): Promise<ApiAnswer> {
  return api.request({ method: "POST", path: pathOf(kind, namespace), query, body });
}

/** By a merge patch. */
export function changeObject(
  api: ApiServer,
  kind: Kind,
  namespace: string,
  name: string,
  body: JsonObject,
): Promise<ApiAnswer> {
  const contentType = "application/merge-patch+json";
  return api.request({ method: "PATCH", path: `${pathOf(kind, namespace)}/${name}`, contentType, body });
}

export async function deleteObject(
  api: ApiServer,
  kind: Kind,
  namespace: string,
  name: string,
): Promise<void> {
  const { status } = await api.request({ method: "DELETE", path: `${pathOf(kind, namespace)}/${name}` });
  assert.equal(status, 200);
}

function pathOf(kind: Kind, namespace: string): string {
  const { group, versions, plural, namespaced } = KIND_FACTS[kind];
  const version = versions.at(-1) ?? "";
  const place = namespaced ? `/namespaces/${namespace}` : "";
  return `${group === "" ? "/api/v1" : `/apis/${group}/${version}`}${place}/${plural}`;
}

/** A kubeconfig for an API server without TLS. */
export async function writeProxiedKubeconfig(file: string, server: string, token: string): Promise<void> {
  // Without TLS, client-node wants to hear that its verification is not expected.
  const cluster = { server, "insecure-skip-tls-verify": true };
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster }],
    users: [{ name: "test", user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    "current-context": "test",
  };
  await writeFile(file, JSON.stringify(config));
}

const statusShape = object({ code: number, message: string });

/** Why a DestinationRule for this host is refused in this namespace; undefined if it is not. Nothing is stored. */
export async function refusal(
  api: ApiServer,
  namespace: string,
  host = "myservice.default.svc.cluster.local",
): Promise<string | undefined> {
  const rule = destinationRule(host);
  const answer = await createObject(api, "DestinationRule", namespace, rule, { dryRun: "All" });
  if (answer.status === 201) return undefined;
  const { message = "" } = statusShape.read(answer.body) ?? {};
  assert.match(message, /^admission webhook "validate\.foresail\.io" denied the request: /);
  return message;
}

export function destinationRule(host: string): JsonObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { generateName: "rule-" },
    spec: { host },
  };
}

export function service(
  name: string,
  spec: { readonly [key: string]: Json } = { ports: [{ port: 80 }] },
): JsonObject {
  return { metadata: { name }, spec };
}

export async function succeed(
  cluster: ControlPlane,
  args: readonly string[],
  input?: string,
): Promise<string> {
  const { code, stdout, stderr } = await cluster.kubectl(args, input);
  assert.equal(code, 0, stderr);
  return stdout;
}
