/** Where `foresail gateways` gets Gateways from: files, or a cluster in which not every kind may be listed. */
import type { ApiServer } from "../../api-server/client.ts";
import type { ListedKind } from "../../cluster/live/snapshot.ts";
import { definesKind } from "../../cluster/definitions.ts";
import { readMeshState, storeOf } from "../../cluster/files/mesh-state.ts";
import type { Store } from "../../cluster/store.ts";
import { planeOfKind } from "../../istio/planes.ts";
import type { Plane } from "../../istio/planes.ts";
import { GATEWAY_KINDS } from "../../kubernetes/gateway-kinds.ts";
import { resourceOf } from "../../kubernetes/objects.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import type { GatewayKindFacts } from "../../report/gateways/list.ts";
import { DEFAULT_MESH_SETTINGS } from "../../rules/policy.ts";
import type { StateFlags } from "../read-state.ts";
import type { Progress } from "../result.ts";
import { standardInputFor } from "../standard-input.ts";

/** The namespace of the kubeconfig if none is named. */
export interface Where {
  readonly namespace: string | undefined;
  readonly allNamespaces: boolean;
}

export interface FoundGateways {
  /** Gateways at least of the namespace, and Services. */
  readonly store: Store;
  /** Of all if undefined. */
  readonly namespace: string | undefined;
  readonly kinds: readonly GatewayKindFacts[];
  readonly problems: readonly string[];
}

/** @throws ForesailError STATE_UNREADABLE */
export async function readGatewayFiles(
  paths: readonly string[],
  { namespace = "default", allNamespaces }: Where,
): Promise<FoundGateways> {
  const { standardInput } = await standardInputFor(paths);
  const store = storeOf(await readMeshState(paths, standardInput), CLUSTER_DOMAIN);
  const kinds = GATEWAY_KINDS.map((kind) => ({
    kind,
    isServed: store.countOf(kind) > 0 || definesKind(store, kind, undefined),
    isListed: true,
  }));
  return { store, namespace: allNamespaces ? undefined : namespace, kinds, problems: [] };
}

/** @throws ForesailError KUBECONFIG_UNREADABLE, CLUSTER_UNREACHABLE */
export async function readGatewaysOfCluster(
  { kubeconfig, meshKubeconfig }: StateFlags,
  { namespace: named, allNamespaces }: Where,
  progress: Progress,
): Promise<FoundGateways> {
  const { connectToApiServer, connectToMesh, currentNamespace } = await import("../../api-server/connect.ts");
  const from = kubeconfig === undefined ? {} : { kubeconfig };
  const namespace = allNamespaces ? undefined : (named ?? (await currentNamespace(from)));
  const connections: ApiServer[] = [];
  progress.show("asking the cluster");
  try {
    const data = await connectToApiServer(from);
    connections.push(data);
    if (meshKubeconfig === undefined) return await listGateways({ data, mesh: data }, namespace, progress);
    const mesh = await connectToMesh(meshKubeconfig, { mustAnswer: true });
    connections.push(mesh);
    return await listGateways({ data, mesh }, namespace, progress);
  } finally {
    progress.end();
    await Promise.all(connections.map((api) => api.close()));
  }
}

async function listGateways(
  servers: { readonly [P in Plane]: ApiServer },
  namespace: string | undefined,
  progress: Progress,
): Promise<FoundGateways> {
  const { listKinds } = await import("../../cluster/live/snapshot.ts");
  const listOf = async (kind: Kind, place: string | undefined) => {
    const api = servers[planeOfKind(kind)];
    const onProgress = (objects: number) => progress.show(`reading ${api.url}: ${objects} objects`);
    return listKinds({ api, kinds: [kind], namespaceOf: () => place, onProgress });
  };
  const lists = (await Promise.all(GATEWAY_KINDS.map((kind) => listOf(kind, namespace)))).flat();
  // Of the Gateway API each Gateway knows its addresses; those of Istio's may be in any namespace.
  const needsServices = lists.some(({ kind, objects }) => kind === "Gateway" && objects.length > 0);
  const services = needsServices ? await listOf("Service", undefined) : [];
  const all = [...lists, ...services];
  return {
    store: storeOf(
      all.flatMap(({ objects }) => objects),
      CLUSTER_DOMAIN,
    ),
    namespace,
    kinds: GATEWAY_KINDS.map((kind) => {
      const outcome = lists.find((one) => one.kind === kind)?.outcome;
      return { kind, isServed: outcome !== "absent", isListed: outcome !== "forbidden" };
    }),
    problems: all.flatMap((list) => problemOf(list, namespace)),
  };
}

/** No host is looked up here. */
const CLUSTER_DOMAIN = DEFAULT_MESH_SETTINGS.clusterDomain;

function problemOf({ kind, outcome }: ListedKind, namespace: string | undefined): readonly string[] {
  if (outcome !== "forbidden") return [];
  const refused = `the API server does not let you list ${resourceOf(kind)}`;
  if (kind === "Service")
    return [`${refused} in all namespaces: addresses of Istio's Gateways are not known`];
  if (namespace === undefined) return [`${refused} in all namespaces: they are missing here; -n names one`];
  return [`${refused} in namespace ${namespace}: they are missing here`];
}
