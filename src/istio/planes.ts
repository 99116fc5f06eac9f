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

/** By group: kinds that every API server serves, and that have objects only where Pods run. */
const KINDS_BESIDE_PODS: Readonly<Record<string, readonly string[]>> = {
  "": ["Node", "PersistentVolume", "PersistentVolumeClaim", "Pod", "ReplicationController", "Service"],
  apps: ["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"],
  autoscaling: ["HorizontalPodAutoscaler"],
  batch: ["CronJob", "Job"],
  "networking.k8s.io": ["Ingress"],
  policy: ["PodDisruptionBudget"],
};

/** Whether an API server of the mesh's own serves the kind and has no objects of it. */
export function isOnlyBesidePods(group: string, kind: string): boolean {
  return Object.hasOwn(KINDS_BESIDE_PODS, group) && (KINDS_BESIDE_PODS[group] ?? []).includes(kind);
}
