/** Whose API server holds what, where the mesh's control plane has one of its own: ASM, and Istio with an external control plane. */
import { KIND_FACTS } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";

/** The cluster's own API server, or that of the mesh's control plane. */
export type Plane = "data" | "mesh";

const MESH_GROUPS = [
  "extensions.istio.io",
  "istio.alibabacloud.com",
  "networking.istio.io",
  "security.istio.io",
  "telemetry.istio.io",
];

/** Each plane has its own: the same name in both is two objects. */
const KINDS_OF_EACH_PLANE: readonly Kind[] = ["ConfigMap", "Namespace"];

/** Where the control plane reads objects of this kind from; `data` of those that each plane has. */
export function planeOfKind(kind: Kind): Plane {
  return MESH_GROUPS.includes(KIND_FACTS[kind].group) ? "mesh" : "data";
}

export function isOfEachPlane(kind: Kind): boolean {
  return KINDS_OF_EACH_PLANE.includes(kind);
}

/** Whether objects of this kind are read from this plane if there are two. */
export function isInPlane(kind: Kind, plane: Plane): boolean {
  return isOfEachPlane(kind) || planeOfKind(kind) === plane;
}
