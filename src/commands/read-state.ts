/** The cluster of a command that looks once: files, or what an API server has now; or two, if the mesh's control plane has its own. */
import type { ApiServer } from "../api-server/client.ts";
import { readMeshState } from "../cluster/files/mesh-state.ts";
import type { StateObject } from "../cluster/files/mesh-state.ts";
import type { DetectedVersions } from "../cluster/store.ts";
import type { IsWhole } from "../cluster/live/snapshot.ts";
import type { ClusterState } from "../cluster/view.ts";
import { ForesailError } from "../errors.ts";
import { isInPlane } from "../istio/planes.ts";
import type { Plane } from "../istio/planes.ts";
import type { Kind } from "../kubernetes/objects.ts";
import type { Progress } from "./result.ts";
import { standardInputFor } from "./standard-input.ts";

export interface StateFlags {
  readonly meshState: readonly string[];
  readonly kubeconfig?: string;
  /** Of the API server of the mesh's control plane, if it has one of its own. */
  readonly meshKubeconfig?: string;
}

export interface StateQuestion {
  /** Others need not be read. */
  readonly kinds: readonly Kind[];
  readonly istioNamespace: string;
  /** Which objects are wanted as they are, and not only as far as rules read them; none if left out. */
  readonly isWhole?: IsWhole;
  readonly progress: Progress;
}

export interface ReadState {
  readonly objects: readonly StateObject[];
  /** What a view has to know of it besides; of kinds that were not read, nothing is known. */
  readonly told: Pick<ClusterState, "meshPlane" | "serves">;
  /** What a cluster says of its versions; undefined of files, where objects say it. */
  readonly detected: DetectedVersions | undefined;
  /** What should be known of it, a line each. */
  readonly notes: readonly string[];
}

/** @throws ForesailError USAGE, STATE_UNREADABLE, KUBECONFIG_UNREADABLE, CLUSTER_FORBIDDEN, CLUSTER_UNREACHABLE */
export async function readState(flags: StateFlags, question: StateQuestion): Promise<ReadState> {
  const { meshState } = flags;
  refuseTwoSources(flags);
  if (meshState.length === 0) return readClusters(flags, question);
  const { standardInput } = await standardInputFor(meshState);
  return { objects: await readMeshState(meshState, standardInput), told: {}, detected: undefined, notes: [] };
}

/** @throws ForesailError USAGE if both files and clusters are named */
export function refuseTwoSources({ meshState, kubeconfig, meshKubeconfig }: StateFlags): void {
  if (meshState.length === 0 || (kubeconfig ?? meshKubeconfig) === undefined) return;
  const flag = kubeconfig === undefined ? "--mesh-kubeconfig" : "--kubeconfig";
  throw new ForesailError({
    code: "USAGE",
    message: `--mesh-state and ${flag} exclude each other`,
    hint: "Name the files of a cluster, or the cluster itself.",
  });
}

/** Where objects are read from. */
interface Place {
  readonly api: ApiServer;
  readonly plane: Plane;
  readonly kinds: readonly Kind[];
}

async function readClusters(
  { kubeconfig, meshKubeconfig }: StateFlags,
  question: StateQuestion,
): Promise<ReadState> {
  const [{ connectToApiServer, connectToMesh }, { readComponentVersions }] = await Promise.all([
    import("../api-server/connect.ts"),
    import("../cluster/live/component-versions.ts"),
  ]);
  const { kinds, progress } = question;
  const connections: ApiServer[] = [];
  progress.show("asking the cluster");
  try {
    const api = await connectToApiServer(kubeconfig === undefined ? {} : { kubeconfig });
    connections.push(api);
    if (meshKubeconfig === undefined) {
      const [read, detected] = await Promise.all([
        readPlaces([{ api, plane: "data", kinds }], question),
        readComponentVersions({ api }, question.istioNamespace),
      ]);
      return { ...read, detected };
    }
    const meshApi = await connectToMesh(meshKubeconfig, { mustAnswer: true });
    connections.push(meshApi);
    const places = [
      { api, plane: "data" },
      { api: meshApi, plane: "mesh" },
    ] as const;
    const [{ told, ...read }, detected] = await Promise.all([
      readPlaces(
        places.map((place) => ({ ...place, kinds: kinds.filter((kind) => isInPlane(kind, place.plane)) })),
        question,
      ),
      readComponentVersions({ api, meshApi }, question.istioNamespace),
    ]);
    return { ...read, told: { ...told, meshPlane: "known" }, detected };
  } finally {
    progress.end();
    await Promise.all(connections.map((api) => api.close()));
  }
}

async function readPlaces(
  places: readonly Place[],
  question: StateQuestion,
): Promise<Omit<ReadState, "detected">> {
  const { readSnapshot } = await import("../cluster/live/snapshot.ts");
  const parts = await Promise.all(
    places.map(async ({ api, plane, kinds }) => {
      const onProgress = (objects: number) =>
        question.progress.show(`reading ${api.url}: ${objects} objects`);
      const { objects, absent } = await readSnapshot({ ...question, kinds, api, onProgress });
      const notes = absent.includes("DestinationRule") ? [noIstio(api, plane)] : [];
      return {
        objects: plane === "data" ? objects : objects.map((one) => ({ ...one, plane })),
        absent,
        notes,
      };
    }),
  );
  const absent = parts.flatMap((part) => part.absent);
  return {
    objects: parts.flatMap(({ objects }) => objects),
    told: { serves: (kind) => (question.kinds.includes(kind) ? !absent.includes(kind) : undefined) },
    notes: parts.flatMap(({ notes }) => notes),
  };
}

function noIstio({ url }: ApiServer, plane: Plane): string {
  return plane === "mesh"
    ? `foresail: ${url}, which --mesh-kubeconfig names, serves no DestinationRule: is it that of the mesh?`
    : `foresail: ${url} serves no DestinationRule; with ASM they are in the control plane's cluster: name its kubeconfig with --mesh-kubeconfig`;
}
