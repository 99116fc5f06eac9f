/** JSON Patch (RFC 6902), as far as the API server needs it from us: `add` and `replace` of single values. */
import type { FieldPath } from "./field-path.ts";
import { isObject } from "./json.ts";
import type { Json } from "./json.ts";

/** Sets the value at `path`. Parents that are missing, null or no container are made. An index may be the list's length. */
export interface Change {
  readonly path: FieldPath;
  readonly value: Json;
}

export interface PatchOperation {
  readonly op: "add" | "replace";
  readonly path: string;
  readonly value: Json;
}
export type JsonPatch = readonly PatchOperation[];

/**
 * The smallest patch that makes the changes, one after the other, and the changed object.
 * Shares everything off the changed paths with `object`, which stays as it is. A change that changes nothing gives no operation.
 */
export function patchFor(object: unknown, changes: readonly Change[]): { patch: JsonPatch; object: unknown } {
  const patch: PatchOperation[] = [];
  let current = object;
  for (const { path, value } of changes) {
    const step = set(current, path, value, "");
    current = step.object;
    if (step.operation) patch.push(step.operation);
  }
  return { patch, object: current };
}

interface Step {
  readonly object: unknown;
  readonly operation?: PatchOperation;
}

function set(node: unknown, path: FieldPath, value: Json, pointer: string): Step {
  const [segment, ...rest] = path;
  if (segment === undefined) return sameJson(node, value) ? { object: node } : replaced(pointer, value);
  if (!isContainerFor(node, segment)) return replaced(pointer, nested(path, value));

  const child = childOf(node, segment);
  const here = `${pointer}/${escapePointer(String(segment))}`;
  if (child === undefined) {
    const made = nested(rest, value);
    return { object: withChild(node, segment, made), operation: { op: "add", path: here, value: made } };
  }
  const step = set(child, rest, value, here);
  return step.operation ? { ...step, object: withChild(node, segment, step.object) } : { object: node };
}

function replaced(pointer: string, value: Json): Step {
  return { object: value, operation: { op: "replace", path: pointer, value } };
}

type Container = readonly unknown[] | { readonly [key: string]: unknown };

function isContainerFor(node: unknown, segment: string | number): node is Container {
  return typeof segment === "number" ? Array.isArray(node) : isObject(node);
}

/** Undefined if it is not there; JSON holds no undefined. */
function childOf(node: Container, segment: string | number): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(node, segment);
  return descriptor?.value;
}

function withChild(node: Container, segment: string | number, child: unknown): Container {
  if (isList(node)) {
    const copy = [...node];
    copy[Number(segment)] = child;
    return copy;
  }
  return { ...node, [segment]: child };
}

function isList(node: Container): node is readonly unknown[] {
  return Array.isArray(node);
}

function nested(path: FieldPath, value: Json): Json {
  return path.reduceRight<Json>(
    (inner, segment) => (typeof segment === "number" ? [inner] : { [segment]: inner }),
    value,
  );
}

/** RFC 6901, section 3. */
function escapePointer(segment: string): string {
  return segment.replaceAll("~", "~0").replaceAll("/", "~1");
}

/** Whether two JSON values are the same, at any depth: Kubernetes stores objects that no recursion survives. */
export function sameJson(left: unknown, right: unknown): boolean {
  const pairs: [unknown, unknown][] = [[left, right]];
  for (let pair = pairs.pop(); pair; pair = pairs.pop()) {
    const [one, other] = pair;
    if (one === other) continue;
    if (Array.isArray(one) && Array.isArray(other)) {
      if (one.length !== other.length) return false;
      for (const [index, element] of one.entries()) pairs.push([element, other[index]]);
    } else if (isObject(one) && isObject(other)) {
      const keys = Object.keys(one);
      if (keys.length !== Object.keys(other).length) return false;
      if (!keys.every((key) => Object.hasOwn(other, key))) return false;
      for (const key of keys) pairs.push([one[key], other[key]]);
    } else return false;
  }
  return true;
}
