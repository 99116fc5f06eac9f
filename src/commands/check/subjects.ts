/** The manifests of `check` as the API server would store them. */
import type { Manifest } from "../../cluster/files/manifests.ts";
import { isObject } from "../../kubernetes/json.ts";
import { groupOf, KIND_FACTS } from "../../kubernetes/objects.ts";
import type { Kind } from "../../kubernetes/objects.ts";
import type { AnyRule } from "../../rules/rule.ts";

/** An object with the namespace that it would get. */
export interface Subject {
  readonly manifest: Manifest;
  readonly kind: Kind | undefined;
  /** "" for cluster-scoped objects, and where nobody knows. */
  readonly namespace: string;
}

export function subjectOf(manifest: Manifest, defaultNamespace: string): Subject {
  const { kind } = manifest;
  const isNamespaced = kind === undefined || KIND_FACTS[kind].namespaced;
  const fallback = kind === undefined ? "" : defaultNamespace;
  return { manifest, kind, namespace: isNamespaced ? manifest.namespace || fallback : "" };
}

/** Equal for objects that are the same one to the API server. Without a name of its own, every object is another one. */
function identityOf({ manifest, namespace }: Subject): unknown {
  const { apiVersion, kindName, name } = manifest;
  return name.endsWith("*") ? manifest : JSON.stringify([groupOf(apiVersion), kindName, namespace, name]);
}

/** What is defined again further down, and at which `FILE:LINE` last. */
export function overriddenAmong(subjects: readonly Subject[]): ReadonlyMap<Subject, string> {
  const last = new Map(subjects.map((subject) => [identityOf(subject), subject]));
  if (last.size === subjects.length) return new Map();
  const winners = subjects.map((subject) => last.get(identityOf(subject)) ?? subject);
  const taking = new Set(winners.filter((winner, index) => winner !== subjects[index]));
  const places = new Map<Subject, string>();
  for (const subject of subjects) {
    const { manifest } = subject;
    if (taking.has(subject)) places.set(subject, `${manifest.file}:${manifest.position([]).line}`);
  }
  const overridden = new Map<Subject, string>();
  for (const [index, subject] of subjects.entries()) {
    const place = winners[index] === subject ? undefined : places.get(winners[index] ?? subject);
    if (place !== undefined) overridden.set(subject, place);
  }
  return overridden;
}

export function concerns({ kinds }: AnyRule, { kind }: Subject): boolean {
  return kind !== undefined && kinds.includes(kind);
}

export function objectOf({ manifest, namespace }: Subject): unknown {
  return namespace === "" ? manifest.object : inNamespace(manifest.object, namespace);
}

/** As the API server stores it. */
function inNamespace(object: unknown, namespace: string): unknown {
  if (!isObject(object)) return object;
  const { metadata } = object;
  return { ...object, metadata: { ...(isObject(metadata) ? metadata : {}), namespace } };
}
