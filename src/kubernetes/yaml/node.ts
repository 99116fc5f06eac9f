import type { FieldPath } from "../field-path.ts";
import { sameJson } from "../json-patch.ts";
import type { Json } from "../json.ts";
import { YamlError } from "./events.ts";
import type { ScalarValue } from "./scalar.ts";

const OWN_DATA = { configurable: true, enumerable: true, writable: true };

/** A node, and the offset at which a person looks for it: a mapping's entry is where its key is. */
export interface Entry {
  readonly start: number;
  readonly node: Node;
}

export type Node = ScalarNode | ListNode | MapNode;

export interface ScalarNode {
  readonly kind: "scalar";
  readonly text: string;
  readonly value: ScalarValue;
  readonly size: number;
  readonly depth: number;
}

export interface ListNode extends Collection {
  readonly kind: "list";
  readonly items: Entry[];
}

export interface MapNode extends Collection {
  readonly kind: "map";
  readonly entries: Map<string, MapEntry>;
}

interface MapEntry extends Entry {
  readonly isMerged: boolean;
}

/** What is known only when the last child is. */
interface Collection {
  json: Json;
  /** In characters of JSON, with every alias written out; 0 until known. */
  size: number;
  depth: number;
}

/** The entry at a path, or the last one on the way that is there. */
export function findEntry(
  root: Entry,
  path: FieldPath,
): { readonly entry: Entry; readonly isExact: boolean } {
  let entry = root;
  for (const segment of path) {
    const child = findChild(entry.node, segment);
    if (child === undefined) return { entry, isExact: false };
    entry = child;
  }
  return { entry, isExact: true };
}

function findChild(node: Node, segment: string | number): Entry | undefined {
  if (node.kind === "map") return node.entries.get(String(segment));
  return node.kind === "list" && typeof segment === "number" ? node.items[segment] : undefined;
}

export function isSameNode(one: Node, other: Node): boolean {
  if (one.kind === "scalar" && other.kind === "scalar") return one.value === other.value;
  return one.kind !== "scalar" && other.kind !== "scalar" && sameJson(one.json, other.json);
}

/** Throws YamlError for what JSON cannot hold. */
export function toJson({ node, start }: Entry): Json {
  if (node.kind !== "scalar") return node.json;
  const { value } = node;
  if (typeof value === "bigint") return Number(value);
  if (typeof value !== "number") return value;
  if (!Number.isFinite(value)) throw new YamlError("JSON has no infinite numbers and no NaN", start);
  // JSON has -0, and kubectl reads it as the integer 0.
  return value === 0 ? 0 : value;
}

/** All keys are the object's own, `__proto__` too, which an assignment would not make. */
export function toObject(entries: ReadonlyMap<string, Entry>): Json {
  const object: { [key: string]: Json } = {};
  for (const [name, entry] of entries) {
    const value = toJson(entry);
    if (name === "__proto__") Object.defineProperty(object, name, { value, ...OWN_DATA });
    else object[name] = value;
  }
  return object;
}
