/** What an object becomes when a manifest is applied to it, as `kubectl apply` reckons. */
import { isObject } from "./json.ts";
import { object, string } from "./shape.ts";

/** The manifest of the last apply, which tells what the next one takes away. */
export const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

const storedShape = object({
  metadata: object({ uid: string, resourceVersion: string, creationTimestamp: string }),
});

/**
 * `current` is the object as it is; undefined if there is none. One that has never been in a cluster is a manifest itself, and
 * the new one takes its place. Lists are taken whole.
 */
export function applied(current: unknown, manifest: unknown): unknown {
  const { uid, resourceVersion, creationTimestamp } = storedShape.read(current)?.metadata ?? {};
  if (uid === undefined && resourceVersion === undefined) return createdAs(manifest, creationTimestamp);
  return merge(current, manifest, lastApplied(current));
}

/** The object with this creationTimestamp, if it has none of its own. */
export function createdAs(value: unknown, creationTimestamp: string | undefined): unknown {
  const { metadata } = isObject(value) ? value : {};
  if (creationTimestamp === undefined || !isObject(value) || !isObject(metadata)) return value;
  return { ...value, metadata: { creationTimestamp, ...metadata } };
}

function merge(current: unknown, manifest: unknown, last: unknown): unknown {
  if (!isObject(current) || !isObject(manifest)) return manifest;
  const before = isObject(last) ? last : {};
  const kept = Object.entries(current).filter(
    ([key]) => Object.hasOwn(manifest, key) || !Object.hasOwn(before, key),
  );
  const merged = new Map<string, unknown>(kept);
  for (const [key, value] of Object.entries(manifest)) {
    if (value === null) merged.delete(key);
    else merged.set(key, merge(merged.get(key), value, ownValue(before, key)));
  }
  return Object.fromEntries(merged);
}

function ownValue(value: { readonly [key: string]: unknown }, key: string): unknown {
  return Object.hasOwn(value, key) ? value[key] : undefined;
}

function lastApplied(current: unknown): unknown {
  const { metadata } = isObject(current) ? current : {};
  const { annotations } = isObject(metadata) ? metadata : {};
  const text = isObject(annotations) ? annotations[LAST_APPLIED] : undefined;
  try {
    return typeof text === "string" ? JSON.parse(text) : undefined;
  } catch {
    return undefined;
  }
}
