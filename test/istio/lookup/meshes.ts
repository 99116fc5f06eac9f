/** Meshes written as few words as possible, for the lookup's tests. */
import { Store } from "../../../src/cluster/store.ts";
import { createView } from "../../../src/cluster/view.ts";
import { lookUp } from "../../../src/istio/lookup/lookup.ts";
import type { LookupAnswer } from "../../../src/istio/lookup/lookup.ts";
import type { LookupMesh } from "../../../src/istio/lookup/mesh.ts";
import type { LookupQuery } from "../../../src/istio/lookup/query.ts";
import type { Kind } from "../../../src/kubernetes/objects.ts";
import { DEFAULT_MESH_SETTINGS } from "../../../src/rules/policy.ts";
import type { MeshSettings } from "../../../src/rules/policy.ts";

export type Put = readonly [Kind, object];

export function meshOf(
  objects: readonly Put[],
  settings: Partial<MeshSettings> = {},
  isComplete = true,
): LookupMesh {
  const store = new Store("cluster.local");
  for (const [kind, object] of objects) store.put(kind, object);
  const state = { store, settings: { ...DEFAULT_MESH_SETTINGS, ...settings }, isComplete };
  return createView(state).lookup;
}

/** `"2"` is a second after `"1"`. */
function created(at: number): { creationTimestamp: string } {
  return { creationTimestamp: new Date(at * 1000).toISOString() };
}

function place(path: string, at: number) {
  const [namespace, name] = path.split("/");
  return { namespace, name, ...created(at) };
}

/** `rule("ns1/web", "web.shop.svc.cluster.local", { exportTo: ["."] }, 2)` */
export function rule(path: string, host: string, spec: object = {}, at = 1): Put {
  return ["DestinationRule", { metadata: place(path, at), spec: { host, ...spec } }];
}

export function service(path: string, exportTo?: string, spec: object = {}, at = 1): Put {
  const annotations = exportTo === undefined ? {} : { "networking.istio.io/exportTo": exportTo };
  return ["Service", { metadata: { ...place(path, at), annotations }, spec }];
}

export function serviceEntry(path: string, hosts: readonly string[], spec: object = {}, at = 1): Put {
  return ["ServiceEntry", { metadata: place(path, at), spec: { hosts, ...spec } }];
}

export function sidecar(path: string, hosts: readonly string[], spec: object = {}, at = 1): Put {
  return ["Sidecar", { metadata: place(path, at), spec: { egress: [{ hosts }], ...spec } }];
}

export function virtualService(path: string, hosts: readonly string[], to: string, spec: object = {}): Put {
  const http = [{ route: [{ destination: { host: to } }] }];
  return ["VirtualService", { metadata: place(path, 1), spec: { hosts, http, ...spec } }];
}

export function labelled(name: string, labels: object): Put {
  return ["Namespace", { metadata: { name, labels } }];
}

export function meshConfig(mesh: object, name = "istio"): Put {
  return [
    "ConfigMap",
    { metadata: { name, namespace: "istio-system" }, data: { mesh: JSON.stringify(mesh) } },
  ];
}

export const WEB = "web.shop.svc.cluster.local";

/** Of a sidecar without labels, for the Service shop/web, unless said otherwise. */
export function ask(
  mesh: LookupMesh,
  clientNamespace: string,
  query: Partial<LookupQuery> = {},
): LookupAnswer {
  return lookUp({ clientNamespace, clientLabels: {}, proxy: "sidecar", host: WEB, ...query }, mesh);
}

/** `ns/name` of the rules that the client applies, in the order in which they are merged. */
export function applied(
  mesh: LookupMesh,
  clientNamespace: string,
  query: Partial<LookupQuery> = {},
): readonly string[] {
  const { chosen } = ask(mesh, clientNamespace, query);
  return (chosen?.from ?? []).map(({ namespace, name }) => `${namespace}/${name}`);
}

/** What is said about a rule that does or does not apply. */
export function reason(
  mesh: LookupMesh,
  clientNamespace: string,
  path: string,
  query: Partial<LookupQuery> = {},
): string | undefined {
  return ask(mesh, clientNamespace, query)
    .steps.flatMap(({ candidates }) => candidates)
    .find(({ rule: { namespace, name } }) => `${namespace}/${name}` === path)?.reason;
}
