/** What is kept of objects that a live cluster sends: less than the fields that rules look at, where those can be large. */
import { EXCLUDE_INBOUND } from "../../istio/probes/inbound-ports.ts";
import { LAST_APPLIED } from "../../kubernetes/apply.ts";
import { readObject } from "../../kubernetes/objects.ts";
import type { Kind, Kinds, Labels } from "../../kubernetes/objects.ts";
import { sharedLabels } from "../../kubernetes/pod-template.ts";

/** All that the counted groups of Pods are made from; of the injector's status only that it is there. */
const POD_ANNOTATIONS = [EXCLUDE_INBOUND, "inject.istio.io/templates", "sidecar.istio.io/inject"];
const STATUS_ANNOTATION = "sidecar.istio.io/status";

/** More different Pods are not remembered. */
const MAX_SHARED = 10_000;

/** For objects of this kind: what to keep of one, or undefined for those that nobody asks for. */
export function trimFor(kind: Kind): (value: unknown) => unknown {
  if (kind === "Pod") return podTrim();
  if (kind === "ConfigMap") return trimConfigMap;
  return (value) => withoutLastApplied(readObject(kind, value));
}

/** In a list of many Pods, those of one workload share what is equal in them. */
function podTrim(): (value: unknown) => unknown {
  const shared = new Map<string, { readonly labels: Labels; readonly annotations: Labels }>();
  return (value) => {
    const { name, namespace, uid, labels = {}, annotations = {} } = readObject("Pod", value).metadata ?? {};
    const kept = { labels: sharedLabels(labels), annotations: podAnnotations(annotations) };
    const key = JSON.stringify(kept);
    if (shared.size >= MAX_SHARED) shared.clear();
    const known = shared.get(key) ?? kept;
    shared.set(key, known);
    return { metadata: { name, namespace, uid, ...known } };
  };
}

function podAnnotations(annotations: Labels): Labels {
  const kept = POD_ANNOTATIONS.flatMap((name): [string, string][] => {
    const value = annotations[name];
    return value === undefined ? [] : [[name, value]];
  });
  if (annotations[STATUS_ANNOTATION] !== undefined) kept.push([STATUS_ANNOTATION, ""]);
  return Object.fromEntries(kept);
}

/** Of the mesh and of its injectors; others may be large, or change every second, as those that elect a leader. */
function trimConfigMap(value: unknown): unknown {
  const { metadata, data = {} } = readObject("ConfigMap", value);
  const { mesh, values } = data;
  if (mesh === undefined && values === undefined) return undefined;
  return withoutLastApplied({
    metadata: metadata ?? {},
    data: { ...(mesh === undefined ? {} : { mesh }), ...(values === undefined ? {} : { values }) },
  });
}

function withoutLastApplied(object: Kinds[Kind]): Kinds[Kind] {
  const { metadata = {} } = object;
  const { [LAST_APPLIED]: _, ...annotations } = metadata.annotations ?? {};
  return { ...object, metadata: { ...metadata, annotations } };
}
