/** Two real API servers: the cluster's, and that of its mesh's control plane, as with ASM; and foresail between them. */
import { join } from "node:path";
import type { JsonObject } from "../../src/kubernetes/json.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { CHECKOUT } from "../foresail.ts";
import { startControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { serveForesail, webhookManifests } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import { succeed } from "./live-foresail.ts";
import { installRights } from "./managed-foresail.ts";

export interface Planes {
  readonly data: ControlPlane;
  readonly mesh: ControlPlane;
  /** Of foresail's user in each. */
  readonly dataKubeconfig: string;
  readonly meshKubeconfig: string;
}

const MESH_KINDS = [
  "DestinationRule",
  "Gateway",
  "IstioGateway",
  "ServiceEntry",
  "VirtualService",
] as const satisfies readonly Kind[];

/** With `controllers`, the mesh's has a garbage collector. */
export async function startPlanes(controllers?: readonly string[]): Promise<Planes> {
  const [data, mesh] = await Promise.all([
    startControlPlane(),
    startControlPlane(controllers ? { controllers } : {}),
  ]);
  const [dataKubeconfig, meshKubeconfig] = await Promise.all([installRights(data), prepareMesh(mesh)]);
  return { data, mesh, dataKubeconfig, meshKubeconfig };
}

/** Istio's kinds are there, and foresail's user with the shipped rights. */
async function prepareMesh(mesh: ControlPlane): Promise<string> {
  const definitions = MESH_KINDS.map((kind) => customResourceDefinition(kind));
  await apply(mesh, definitions);
  await succeed(mesh, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
  await apply(mesh, [namespace("istio-system")]);
  await succeed(mesh, ["apply", "-k", join(CHECKOUT, "manifests/mesh-plane")]);
  const token = await succeed(mesh, ["create", "token", "foresail", "-n", "foresail"]);
  return mesh.kubeconfigFor(token.trim());
}

export async function stopPlanes({ data, mesh }: Planes): Promise<void> {
  await Promise.all([data.stop(), mesh.stop()]);
}

export function serveBetween({ dataKubeconfig, meshKubeconfig }: Planes): Promise<ServedForesail> {
  return serveForesail([`--kubeconfig=${dataKubeconfig}`, `--mesh-kubeconfig=${meshKubeconfig}`]);
}

/** The shipped configurations, in the API server of this plane. Waits until it calls for this object, of which it warns then. */
export async function installIn(
  plane: ControlPlane,
  foresail: ServedForesail,
  probe: JsonObject,
): Promise<void> {
  await succeed(plane, ["apply", "-f", "-"], await webhookManifests(foresail));
  const annotations = { "foresail.io/exempt": "no-rule" };
  const object = { ...probe, metadata: { name: "probe", namespace: "default", annotations } };
  await eventually("the webhook is called", async () =>
    (await tryOut(plane, object)).printed.includes("Warning: foresail:"),
  );
}

export async function apply(plane: ControlPlane, objects: readonly object[]): Promise<void> {
  await succeed(
    plane,
    ["apply", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
  );
}

/** What kubectl prints; nothing is stored. */
export async function tryOut(
  plane: ControlPlane,
  object: JsonObject,
): Promise<{ readonly code: number | null; readonly printed: string }> {
  const { code, stderr } = await plane.kubectl(
    ["apply", "--dry-run=server", "-f", "-"],
    JSON.stringify(object),
  );
  return { code, printed: stderr };
}

export function namespace(name: string, labels: JsonObject = {}): JsonObject {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

export function destinationRule(name: string, inNamespace: string, spec: JsonObject): JsonObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name, namespace: inNamespace },
    spec,
  };
}

export async function conditions({ probes }: ServedForesail): Promise<string> {
  const response = await fetch(`${probes}/readyz`);
  return `${response.status} ${await response.text()}`;
}
