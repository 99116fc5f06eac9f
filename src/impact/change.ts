/** Manifests that are applied to a cluster, or deleted from it: which objects there are before and after. */
import type { StateObject } from "../cluster/files/mesh-state.ts";
import { isOfEachPlane, planeOfKind } from "../istio/planes.ts";
import { applied, createdAs, LAST_APPLIED } from "../kubernetes/apply.ts";
import { isObject } from "../kubernetes/json.ts";
import { sameJson } from "../kubernetes/json-patch.ts";
import { KIND_FACTS, readObject } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";
import type { Manifest } from "../cluster/files/manifests.ts";

/** `unchanged`: nothing that foresail looks at; `absent`: it should be deleted, and is not there; `unknown`: no kind that it knows. */
type ChangeKind = "created" | "updated" | "deleted" | "unchanged" | "absent" | "unknown";

export interface ChangedObject {
  readonly manifest: Manifest;
  /** That it has, or would get; "" for cluster-scoped objects. */
  readonly namespace: string;
  readonly change: ChangeKind;
  /** Undefined where it is not there. */
  readonly before: unknown;
  readonly after: unknown;
}

export function isChanged({ change }: ChangedObject): boolean {
  return change === "created" || change === "updated" || change === "deleted";
}

export interface Change {
  readonly objects: readonly ChangedObject[];
  readonly before: readonly StateObject[];
  readonly after: readonly StateObject[];
  /** What goes with a Namespace without being named. */
  readonly contents: readonly StateObject[];
}

export interface ChangeRequest {
  readonly manifests: readonly Manifest[];
  readonly state: readonly StateObject[];
  readonly isDeletion: boolean;
  /** Of namespaced objects that name none. */
  readonly namespace: string;
  /** When new objects are created: RFC 3339. */
  readonly now: string;
}

/** Of two manifests of one object the last one counts. */
export function changeOf(request: ChangeRequest): Change {
  const current = new Map<string, StateObject>();
  for (const one of request.state) current.set(keyOfObject(one, current.size), one);
  const isSplit = request.state.some(({ plane }) => plane === "mesh");
  const next = new Map(current);
  const lasting = new Map(
    request.manifests.map((manifest, index) => [keyOf(manifest, request, index), manifest]),
  );
  const contents = new Map<string, StateObject>();
  const objects = [...lasting].map(([key, manifest]) => {
    const object = changedObject(manifest, current.get(key)?.value, request);
    const { kind } = manifest;
    if (object.change === "deleted") deleteFrom(next, key, manifest, contents);
    else if (kind !== undefined && object.after !== undefined) {
      next.set(key, { kind, value: object.after, plane: isSplit ? planeOfKind(kind) : "data" });
    }
    return object;
  });
  for (const key of lasting.keys()) contents.delete(key);
  return {
    objects,
    before: [...current.values()],
    after: [...next.values()],
    contents: [...contents.values()],
  };
}

/** What is in a Namespace goes with it, but not what the mesh's own API server has; it is put among the contents. */
function deleteFrom(
  objects: Map<string, StateObject>,
  key: string,
  { kind, name }: Manifest,
  contents: Map<string, StateObject>,
): void {
  objects.delete(key);
  if (kind !== "Namespace") return;
  for (const [other, one] of objects) {
    if (one.plane === "mesh" || !KIND_FACTS[one.kind].namespaced) continue;
    const { namespace } = readObject("Namespace", one.value).metadata ?? {};
    if ((namespace || "default") !== name) continue;
    objects.delete(other);
    contents.set(other, one);
  }
}

function changedObject(manifest: Manifest, before: unknown, request: ChangeRequest): ChangedObject {
  const { kind } = manifest;
  const namespace = namespaceOf(manifest, request);
  const rest = { manifest, namespace, before };
  if (kind === undefined) return { ...rest, change: "unknown", after: undefined };
  if (request.isDeletion) {
    return { ...rest, change: before === undefined ? "absent" : "deleted", after: undefined };
  }
  const placed = inNamespace(manifest.object, namespace);
  if (before === undefined) return { ...rest, change: "created", after: createdAs(placed, request.now) };
  const after = applied(before, placed);
  return { ...rest, change: looksAlike(kind, before, after) ? "unchanged" : "updated", after };
}

function looksAlike(kind: Kind, before: unknown, after: unknown): boolean {
  const [one, other] = [before, after].map((value) => {
    const { metadata: { generation: _, ...metadata } = {}, ...rest } = readObject(kind, value);
    const { [LAST_APPLIED]: __, ...annotations } = metadata.annotations ?? {};
    return { ...rest, metadata: { ...metadata, annotations } };
  });
  return sameJson(one, other);
}

function keyOf(manifest: Manifest, request: Pick<ChangeRequest, "namespace">, index: number): string {
  const { apiVersion, kind, kindName, name } = manifest;
  // Without a name of its own, every object is another one.
  const own = name.endsWith("*") ? `${name}${index}` : name;
  return identity(kind ?? `${apiVersion} ${kindName}`, namespaceOf(manifest, request), own);
}

/** A name for each object of a cluster, and for each that has none. */
function keyOfObject({ kind, value, plane }: StateObject, index: number): string {
  const { name, generateName = "", namespace } = readObject("Namespace", value).metadata ?? {};
  const place = KIND_FACTS[kind].namespaced ? namespace || "default" : "";
  const own = identity(kind, place, name || `${generateName}*of the cluster ${index}`);
  // A manifest of a kind that each plane has is for the cluster.
  return plane === "mesh" && isOfEachPlane(kind) ? `${own} of the mesh` : own;
}

/** By which an object is known, whatever its version. */
export function identity(kind: string, namespace: string, name: string): string {
  return `${kind}/${namespace}/${name}`;
}

export function namespaceOf(
  { kind, namespace }: Manifest,
  { namespace: byDefault }: Pick<ChangeRequest, "namespace">,
): string {
  if (kind === undefined) return namespace ?? "";
  return KIND_FACTS[kind].namespaced ? namespace || byDefault : "";
}

/** As the API server stores it. */
function inNamespace(value: unknown, namespace: string): unknown {
  if (!isObject(value) || namespace === "") return value;
  const { metadata } = value;
  return { ...value, metadata: { ...(isObject(metadata) ? metadata : {}), namespace } };
}
