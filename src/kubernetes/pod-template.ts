/** Pods, and the templates of the workloads that make Pods, as one thing. */
import type { FieldPath } from "./field-path.ts";
import type { Kind, Kinds, Labels, Metadata, PodSpec } from "./objects.ts";

/** The kinds that hold the template of a Pod. */
export const WORKLOAD_KINDS = [
  "CronJob",
  "DaemonSet",
  "Deployment",
  "Job",
  "ReplicaSet",
  "StatefulSet",
] as const;
export const POD_KINDS = ["Pod", ...WORKLOAD_KINDS] as const;
export type PodKind = (typeof POD_KINDS)[number];

export interface PodTemplate {
  /** From the object's root to the Pod's: `[]` for a Pod, `["spec", "template"]` for a Deployment. */
  readonly path: FieldPath;
  readonly metadata: Metadata;
  readonly spec: PodSpec;
}

interface Place<K extends PodKind> {
  readonly path: FieldPath;
  readonly template: (object: Kinds[K]) => Kinds["Pod"] | undefined;
}

const IN_SPEC = {
  path: ["spec", "template"],
  template: (object: Kinds["Deployment"]) => object.spec?.template,
};

const PLACES: { readonly [K in PodKind]: Place<K> } = {
  CronJob: {
    path: ["spec", "jobTemplate", "spec", "template"],
    template: (object) => object.spec?.jobTemplate?.spec?.template,
  },
  DaemonSet: IN_SPEC,
  Deployment: IN_SPEC,
  Job: IN_SPEC,
  Pod: { path: [], template: (object) => object },
  ReplicaSet: IN_SPEC,
  StatefulSet: IN_SPEC,
};

export function isPodKind(kind: Kind): kind is PodKind {
  return Object.hasOwn(PLACES, kind);
}

/** The Pod that this object is, or that its controller will make. Missing parts read as empty. */
export function podTemplateOf<K extends PodKind>(kind: K, object: Kinds[K]): PodTemplate {
  const { path, template } = PLACES[kind];
  const pod = template(object);
  return { path, metadata: pod?.metadata ?? {}, spec: pod?.spec ?? {} };
}

/** Metadata of the object that is not its Pods': labels and annotations there do not reach them. */
export interface OwnMetadata {
  readonly path: FieldPath;
  readonly metadata: Metadata;
}

export function ownMetadataOf<K extends PodKind>(kind: K, object: Kinds[K]): readonly OwnMetadata[] {
  if (kind === "Pod") return [];
  const own = { path: ["metadata"], metadata: object.metadata ?? {} };
  const job = metadataOfJobs(object);
  return job ? [own, { path: ["spec", "jobTemplate", "metadata"], metadata: job }] : [own];
}

/** What a CronJob gives the Jobs that it makes. */
function metadataOfJobs(object: Kinds[PodKind]): Metadata | undefined {
  const spec = object.spec ?? {};
  return "jobTemplate" in spec ? spec.jobTemplate?.metadata : undefined;
}

/** Set by controllers, and different in Pods of one template. */
const LABELS_OF_ONE_POD = new Set([
  "pod-template-hash",
  "controller-revision-hash",
  "pod-template-generation",
  "statefulset.kubernetes.io/pod-name",
  "apps.kubernetes.io/pod-index",
  "batch.kubernetes.io/controller-uid",
  "batch.kubernetes.io/job-completion-index",
  "batch.kubernetes.io/job-name",
  "controller-uid",
  "job-name",
]);

/** The labels that all Pods of a template share, or the part of a selector that looks at those. */
export function sharedLabels(labels: Labels): Labels {
  return Object.fromEntries(Object.entries(labels).filter(([key]) => !LABELS_OF_ONE_POD.has(key)));
}
