/** Pods that the mutating webhook would repair otherwise than before when they start the next time. */
import type { StateObject } from "../cluster/files/mesh-state.ts";
import { evaluate } from "../engine/evaluate.ts";
import { formatField } from "../kubernetes/field-path.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";
import { isObject } from "../kubernetes/json.ts";
import type { Json, JsonObject } from "../kubernetes/json.ts";
import { sameJson } from "../kubernetes/json-patch.ts";
import { KIND_FACTS, readObject } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { isPodKind, podTemplateOf } from "../kubernetes/pod-template.ts";
import { identity, isChanged } from "./change.ts";
import type { Change } from "./change.ts";
import { isJudged, judgingOfOthers } from "./judging.ts";
import type { Judging } from "./judging.ts";
import type { IsSuspect } from "./suspects.ts";
import type { Moment, Moments } from "./touched.ts";

/** A Pod, or what makes Pods. */
interface PodSource {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  /** As it would be made now. */
  readonly pod: unknown;
}

export interface PodChange {
  readonly source: PodSource;
  readonly before: Repair;
  readonly after: Repair;
}

/** By field of the Pod, what it is set to. */
export type Repair = ReadonlyMap<string, Json>;

export function podChanges(
  { objects, before, after }: Change,
  moments: Moments,
  isSuspect: IsSuspect,
  judging: Judging,
): readonly PodChange[] {
  const changed = objects.filter(isChanged);
  const own = new Set(
    changed.map(({ manifest: { kind, name }, namespace }) => identity(kind ?? "", namespace, name)),
  );
  const elsewhere = judgingOfOthers(judging, changed, moments);
  const isConcerned = ({ kind, namespace, name, pod }: PodSource) =>
    own.has(identity(kind, namespace, name)) ||
    (isJudged("Pod", elsewhere) && isSuspect({ kind: "Pod", namespace, object: pod }));
  const old = sourcesIn(before);
  return [...sourcesIn(after)].flatMap(([key, source]): PodChange[] => {
    const earlier = old.get(key);
    // What is new has no start before this one.
    if (!earlier || !isConcerned(source)) return [];
    const change = {
      source,
      before: repairOf(earlier, moments.before, judging),
      after: repairOf(source, moments.after, judging),
    };
    return sameJson([...change.before], [...change.after]) ? [] : [change];
  });
}

function repairOf({ namespace, name, pod }: PodSource, { view }: Moment, judging: Judging): Repair {
  const request = {
    operation: "CREATE",
    kind: "Pod",
    namespace,
    name,
    object: pod,
    oldObject: undefined,
  } as const;
  const { patch, failures } = evaluate(request, {
    ...judging,
    moment: "mutate",
    cluster: view,
    expired: () => false,
  });
  judging.onFailures(failures);
  const fields = patch.flatMap((operation) =>
    operation.op === "remove" ? [] : fieldsOf(segmentsOf(operation.path), operation.value),
  );
  return new Map(fields.toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

/** The same whether a repair has to make the parents of a field or finds them. */
function fieldsOf(path: FieldPath, value: Json): (readonly [string, Json])[] {
  if (!isJsonObject(value)) return [[formatField(path), value]];
  return Object.entries(value).flatMap(([key, one]) => fieldsOf([...path, key], one));
}

function isJsonObject(value: Json): value is JsonObject {
  return isObject(value);
}

/** Of a JSON pointer. */
function segmentsOf(pointer: string): FieldPath {
  const segments = pointer.split("/").slice(1);
  return segments.map((segment) =>
    /^\d+$/.test(segment) ? Number(segment) : segment.replaceAll("~1", "/").replaceAll("~0", "~"),
  );
}

/** What controllers make is left to what stands at their beginning. */
function sourcesIn(objects: readonly StateObject[]): ReadonlyMap<string, PodSource> {
  const sources = new Map<string, PodSource>();
  const known = new Set(objects.map(({ kind, value }) => ownKey(kind, value)));
  for (const { kind, value } of objects) {
    if (!isPodKind(kind)) continue;
    const { metadata = {} } = readObject("Namespace", value);
    const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
    const place = metadata.namespace || "default";
    if (owner && isKnownOwner(owner, place, known)) continue;
    const name = metadata.name || `${metadata.generateName ?? ""}*`;
    const key = owner ? `${owner.kind}/${place}/${owner.name}` : `${kind}/${place}/${name}`;
    const pod = podOf(kind, value, place);
    if (pod !== undefined && !sources.has(key)) sources.set(key, { kind, namespace: place, name, pod });
  }
  return sources;
}

function ownKey(kind: Kind, value: unknown): string {
  const { namespace, name = "" } = readObject("Namespace", value).metadata ?? {};
  return `${KIND_FACTS[kind].kind}/${namespace || "default"}/${name}`;
}

/** A ReplicaSet is as its Deployment is, and has a hash at the end of its name. */
function isKnownOwner(
  { kind = "", name = "" }: { readonly kind?: string; readonly name?: string },
  namespace: string,
  known: ReadonlySet<string>,
): boolean {
  if (known.has(`${kind}/${namespace}/${name}`)) return true;
  return kind === "ReplicaSet" && known.has(`Deployment/${namespace}/${name.replace(/-[^-]*$/, "")}`);
}

/** Undefined where its containers are not seen. */
function podOf(kind: Kind, value: unknown, namespace: string): unknown {
  if (!isPodKind(kind)) return undefined;
  const { path, spec } = podTemplateOf(kind, readObject(kind, value));
  if (spec.containers === undefined) return undefined;
  let template: unknown = value;
  for (const step of path) template = isObject(template) ? template[step] : undefined;
  if (!isObject(template)) return undefined;
  const { metadata } = template;
  return { ...template, metadata: { ...(isObject(metadata) ? metadata : {}), namespace } };
}
