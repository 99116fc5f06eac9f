/** JSON Patch (RFC 6902), as far as it is needed here: `add`, `replace` and `remove` of single values. */
import type { FieldPath } from "./field-path.ts";
import { isObject } from "./json.ts";
import type { Json } from "./json.ts";

/**
 * Sets the value at `path`, or takes away what is there. Parents of a value that are missing, null or no container are made. A
 * number is an index of a list, at most its length; a string is a key, of digits, too.
 */
export type Change =
  | { readonly path: FieldPath; readonly value: Json; readonly isRemoved?: never }
  | { readonly path: FieldPath; readonly value?: never; readonly isRemoved: true };

/** The same changes of what holds the object at `parent`. */
export function changesBelow(parent: FieldPath, changes: readonly Change[]): readonly Change[] {
  return changes.map((change) => ({ ...change, path: [...parent, ...change.path] }));
}

export type PatchOperation =
  | { readonly op: "add" | "replace"; readonly path: string; readonly value: Json }
  | { readonly op: "remove"; readonly path: string };
export type JsonPatch = readonly PatchOperation[];

/**
 * The patch that makes the changes, one after the other, and the changed object.
 * Shares everything off the changed paths with `object`, which stays as it is. What changes nothing gives no operation.
 * @throws RangeError if an index is beyond the end of its list: the API server would refuse the whole request
 */
export function patchFor(object: unknown, changes: readonly Change[]): { patch: JsonPatch; object: unknown } {
  const patch: PatchOperation[] = [];
  let current = object;
  for (const { path, value } of changes) {
    const step = value === undefined ? remove(current, path, "") : set(current, path, value, "");
    current = step.object;
    if (step.operation) patch.push(step.operation);
  }
  // A change may undo another one.
  return patch.length > 1 && sameJson(object, current) ? { patch: [], object } : { patch, object: current };
}

/**
 * Whether the changes would put something in the place of a value of another type, or take a value that is no container for a
 * parent: what stands there was meant for something, and would be lost. Null is nothing.
 */
export function losesAnything(object: unknown, changes: readonly Change[]): boolean {
  return changes.some(({ path, value }) => {
    let node = object;
    for (const segment of path) {
      if (node === undefined || node === null) return false;
      if (!isContainerFor(node, segment)) return true;
      node = childOf(node, segment);
    }
    return value !== undefined && node !== undefined && node !== null && typeOf(node) !== typeOf(value);
  });
}

function typeOf(value: unknown): string {
  return Array.isArray(value) ? "list" : typeof value;
}

/** The changes that a patch of ours makes of this object: what its segments are, keys or indices, is seen there. */
export function changesOf(object: unknown, patch: JsonPatch): Change[] {
  const changes: Change[] = [];
  let current = object;
  for (const operation of patch) {
    const path = pathIn(current, operation.path);
    const change: Change =
      operation.op === "remove" ? { path, isRemoved: true } : { path, value: operation.value };
    changes.push(change);
    current = patchFor(current, [change]).object;
  }
  return changes;
}

function pathIn(object: unknown, pointer: string): FieldPath {
  const path: (string | number)[] = [];
  let node = object;
  for (const segment of pointer.split("/").slice(1).map(unescapePointer)) {
    const step = Array.isArray(node) ? Number(segment) : segment;
    path.push(step);
    node = isContainerFor(node, step) ? childOf(node, step) : undefined;
  }
  return path;
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
    if (Array.isArray(node)) assertAppends(segment, node.length);
    const made = nested(rest, value);
    return { object: withChild(node, segment, made), operation: { op: "add", path: here, value: made } };
  }
  const step = set(child, rest, value, here);
  return step.operation ? { ...step, object: withChild(node, segment, step.object) } : { object: node };
}

/** What is not there stays so. */
function remove(node: unknown, path: FieldPath, pointer: string): Step {
  const [segment, ...rest] = path;
  if (segment === undefined || !isContainerFor(node, segment)) return { object: node };
  const child = childOf(node, segment);
  if (child === undefined) return { object: node };
  const here = `${pointer}/${escapePointer(String(segment))}`;
  if (rest.length === 0)
    return { object: withoutChild(node, segment), operation: { op: "remove", path: here } };
  const step = remove(child, rest, here);
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

function withoutChild(node: Container, segment: string | number): Container {
  if (isList(node)) return node.toSpliced(Number(segment), 1);
  return Object.fromEntries(Object.entries(node).filter(([key]) => key !== segment));
}

function isList(node: Container): node is readonly unknown[] {
  return Array.isArray(node);
}

function nested(path: FieldPath, value: Json): Json {
  return path.reduceRight<Json>((inner, segment) => {
    if (typeof segment === "string") return { [segment]: inner };
    assertAppends(segment, 0);
    return [inner];
  }, value);
}

function assertAppends(segment: string | number, length: number): void {
  if (segment !== length) throw new RangeError(`a list of ${length} cannot be extended at ${segment}`);
}

/** RFC 6901, section 3. */
function escapePointer(segment: string): string {
  return segment.replaceAll("~", "~0").replaceAll("/", "~1");
}

function unescapePointer(segment: string): string {
  return segment.replaceAll("~1", "/").replaceAll("~0", "~");
}

/** The elements of two lists, or the values of two objects under the same keys, and how many are compared. */
interface Comparison {
  readonly left: readonly unknown[];
  readonly right: readonly unknown[];
  done: number;
}

/**
 * Whether two JSON values are the same, at any depth: Kubernetes stores objects that no recursion survives. Takes memory for
 * what is deep, not for what is large.
 */
export function sameJson(left: unknown, right: unknown): boolean {
  const stack: Comparison[] = [];
  if (!descend(left, right, stack)) return false;
  for (let top = stack.at(-1); top; top = stack.at(-1)) {
    const index = top.done++;
    if (index === top.left.length) stack.pop();
    else if (!descend(top.left[index], top.right[index], stack)) return false;
  }
  return true;
}

/** False if the two differ at first sight; if there is more to see, it is put on the stack. */
function descend(left: unknown, right: unknown, stack: Comparison[]): boolean {
  if (left === right) return true;
  if (Array.isArray(left) && Array.isArray(right)) {
    if (left.length > 0 && left.length === right.length) stack.push({ left, right, done: 0 });
    return left.length === right.length;
  }
  if (!isObject(left) || !isObject(right)) return false;
  const keys = Object.keys(left);
  if (keys.length !== Object.keys(right).length) return false;
  if (!keys.every((key) => Object.hasOwn(right, key))) return false;
  if (keys.length > 0)
    stack.push({ left: keys.map((key) => left[key]), right: keys.map((key) => right[key]), done: 0 });
  return true;
}
