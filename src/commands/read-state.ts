/** The cluster of a command that looks once: files, or what an API server has now. */
import type { ApiServer } from "../api-server/client.ts";
import { readMeshState } from "../cluster/mesh-state.ts";
import type { StateObject } from "../cluster/mesh-state.ts";
import type { IsWhole } from "../cluster/live/snapshot.ts";
import { ForesailError } from "../errors.ts";
import type { Kind } from "../kubernetes/objects.ts";
import type { Progress } from "./result.ts";
import { standardInputFor } from "./standard-input.ts";

export interface StateFlags {
  readonly meshState: readonly string[];
  readonly kubeconfig?: string;
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
  /** Whether the API server serves the kind; left out of files, and undefined for kinds that were not read. */
  readonly serves?: (kind: Kind) => boolean | undefined;
  /** What should be known of it, a line each. */
  readonly notes: readonly string[];
}

/** @throws ForesailError USAGE, STATE_UNREADABLE, KUBECONFIG_UNREADABLE, CLUSTER_FORBIDDEN, CLUSTER_UNREACHABLE */
export async function readState(flags: StateFlags, question: StateQuestion): Promise<ReadState> {
  const { meshState, kubeconfig } = flags;
  if (meshState.length === 0) return readCluster(kubeconfig, question);
  if (kubeconfig !== undefined) {
    throw new ForesailError({
      code: "USAGE",
      message: "--mesh-state and --kubeconfig exclude each other",
      hint: "Name the files of a cluster, or the cluster itself.",
    });
  }
  const { standardInput } = await standardInputFor(meshState);
  return { objects: await readMeshState(meshState, standardInput), notes: [] };
}

async function readCluster(kubeconfig: string | undefined, question: StateQuestion): Promise<ReadState> {
  const [{ connectToApiServer }, { readSnapshot }] = await Promise.all([
    import("../api-server/connect.ts"),
    import("../cluster/live/snapshot.ts"),
  ]);
  const { progress } = question;
  progress.show("asking the cluster");
  const api = await connectToApiServer(kubeconfig === undefined ? {} : { kubeconfig });
  try {
    const onProgress = (objects: number) => progress.show(`reading ${api.url}: ${objects} objects`);
    const { objects, absent } = await readSnapshot({ ...question, api, onProgress });
    return {
      objects,
      serves: (kind) => (question.kinds.includes(kind) ? !absent.includes(kind) : undefined),
      notes: absent.includes("DestinationRule") ? [noIstio(api)] : [],
    };
  } finally {
    progress.end();
    await api.close();
  }
}

function noIstio({ url }: ApiServer): string {
  return `foresail: ${url} serves no DestinationRule; with ASM they are in the control plane's cluster, which has a kubeconfig of its own`;
}
