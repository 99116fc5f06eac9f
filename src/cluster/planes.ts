/** What a store with objects of two API servers says of both. */
import type { Kinds } from "../kubernetes/objects.ts";
import type { Counterpart } from "../rules/cluster-view.ts";
import type { Store } from "./store.ts";

const PLANES = ["data", "mesh"] as const;

/** Every API server makes it for itself. */
const OF_EVERY_CLUSTER = "kube-system";

/** Both kubeconfigs lead to the same one. */
export function isOneCluster(store: Store): boolean {
  const [data, mesh] = PLANES.map(
    (plane) => store.get("Namespace", "", OF_EVERY_CLUSTER, plane)?.object.metadata?.uid,
  );
  return data !== undefined && data === mesh;
}

/** A review does not say from which API server it comes: the Namespace's uid does, or that only one can have a new one of this name. */
export function counterpartOf({ metadata = {} }: Kinds["Namespace"], store: Store): Counterpart | undefined {
  const { name = "", uid } = metadata;
  const [data, mesh] = PLANES.map((plane) => store.get("Namespace", "", name, plane)?.object);
  if (uid !== undefined && uid === data?.metadata?.uid) return { plane: "data", other: mesh };
  if (uid !== undefined && uid === mesh?.metadata?.uid) return { plane: "mesh", other: data };
  // One that goes may be gone already.
  if (mesh === undefined && data !== undefined && !isLeaving(data)) return { plane: "mesh", other: data };
  if (data === undefined && mesh !== undefined && !isLeaving(mesh)) return { plane: "data", other: mesh };
  return undefined;
}

function isLeaving({ metadata = {} }: Kinds["Namespace"]): boolean {
  return metadata.deletionTimestamp !== undefined;
}
