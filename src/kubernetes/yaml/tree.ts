import type { FieldPath } from "../field-path.ts";
import type { Json } from "../json.ts";
import { describeDepth, readSteps, YamlError } from "./events.ts";
import type { AliasStep, CollectionStep, ScalarStep, Step } from "./events.ts";
import { isSameNode, toJson, toObject } from "./node.ts";
import type { Entry, ListNode, MapNode, Node, ScalarNode } from "./node.ts";
import { allowsMerge, keyOf, resolvePlain, resolveTagged } from "./scalar.ts";

export interface YamlLimits {
  /** How many lists and mappings may be in one another, aliases followed. */
  readonly maxDepth: number;
  /** How much JSON, in characters, the aliases of one document may stand for. */
  readonly maxAliasedCharacters: number;
}

export interface Tree {
  readonly root: Entry;
  readonly value: Json;
  readonly duplicates: readonly Duplicate[];
  /** Where a further document begins, which kubectl does not read. */
  readonly ignored: number | undefined;
  readonly hasAliases: boolean;
}

/** A key that was in its mapping already. */
interface Duplicate {
  readonly path: FieldPath;
  readonly start: number;
  /** The value is the same again. */
  readonly isSame: boolean;
}

/** A collection whose children are being read. */
interface Frame extends Entry {
  readonly node: ListNode | MapNode;
  /** The key whose value comes next. */
  key: Key | undefined;
}

interface Key {
  readonly name: string;
  readonly start: number;
  readonly isMerge: boolean;
}

/** What libyaml allows. */
const ANCHOR = /^[\w-]+$/;

/** Quotes and a comma. */
const PUNCTUATION = 3;

/** The first document of a text, undefined if it holds only comments. Throws only YamlError. */
export function readTree(text: string, limits: YamlLimits): Tree | undefined {
  const { steps, ignored } = readSteps(text, limits.maxDepth);
  const builder = new TreeBuilder(limits);
  for (const step of steps) builder.take(step);
  const { root, duplicates, hasAliases } = builder;
  return root && { root, value: toJson(root), duplicates, ignored, hasAliases };
}

/** What goyaml.v2/decode.go and sigs.k8s.io/yaml make of a document, and where each part of it stands. */
class TreeBuilder {
  root: Entry | undefined;
  readonly duplicates: Duplicate[] = [];
  readonly #limits: YamlLimits;
  readonly #frames: Frame[] = [];
  readonly #anchors = new Map<string, Node>();
  #aliasedCharacters = 0;

  constructor(limits: YamlLimits) {
    this.#limits = limits;
  }

  get hasAliases(): boolean {
    return this.#aliasedCharacters > 0;
  }

  take(step: Step): void {
    switch (step.kind) {
      case "scalar": {
        const node = scalarNode(step);
        this.#remember(step, node);
        this.#add({ start: step.start, node }, step);
        break;
      }
      case "alias":
        this.#add({ start: step.start, node: this.#follow(step) }, step);
        break;
      case "list":
      case "map": {
        const collection = { json: null, size: 0, depth: 0 };
        const node: ListNode | MapNode =
          step.kind === "list"
            ? { kind: "list", items: [], ...collection }
            : { kind: "map", entries: new Map(), ...collection };
        this.#remember(step, node);
        this.#frames.push({ start: step.start, node, key: undefined });
        break;
      }
      case "close": {
        const frame = this.#frames.pop();
        if (frame === undefined) break;
        this.#complete(frame);
        this.#add(frame, step);
      }
    }
  }

  #remember({ anchor, start }: ScalarStep | CollectionStep, node: Node): void {
    if (anchor === undefined) return;
    if (!ANCHOR.test(anchor)) throw new YamlError("an anchor has only letters, digits, - and _", start);
    this.#anchors.set(anchor, node);
  }

  #follow({ anchor, start }: AliasStep): Node {
    const node = this.#anchors.get(anchor);
    if (node === undefined)
      throw new YamlError(
        "* begins an alias, and no anchor of that name is before it: a text with * first needs quotes",
        start,
      );
    if (node.size === 0) throw new YamlError("an alias stands inside of its own anchor", start);
    this.#aliasedCharacters += node.size;
    const { maxAliasedCharacters } = this.#limits;
    if (this.#aliasedCharacters > maxAliasedCharacters) {
      throw new YamlError(`aliases stand for more than ${maxAliasedCharacters} characters`, start);
    }
    return node;
  }

  #add(entry: Entry, step: Step): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) {
      this.root = entry;
    } else if (frame.node.kind === "list") {
      frame.node.items.push(entry);
    } else if (frame.key === undefined) {
      const isMerge = step.kind === "scalar" && isMergeKey(step);
      frame.key = { name: nameOf(entry), start: entry.start, isMerge };
    } else if (frame.key.isMerge) {
      merge(frame.node, entry, step.kind === "alias");
      frame.key = undefined;
    } else {
      this.#put(frame.node, frame.key, entry.node);
      frame.key = undefined;
    }
  }

  #put(map: MapNode, { name, start }: Key, node: Node): void {
    const before = map.entries.get(name);
    if (before?.isMerged === false) {
      this.duplicates.push({ path: this.#path(), start, isSame: isSameNode(before.node, node) });
    }
    map.entries.set(name, { start, node, isMerged: false });
  }

  #path(): FieldPath {
    const path: (string | number)[] = [];
    for (const { node, key } of this.#frames) {
      if (node.kind === "list") path.push(node.items.length);
      else if (key !== undefined && !key.isMerge) path.push(key.name);
    }
    return path;
  }

  #complete({ node, start }: Frame): void {
    const isList = node.kind === "list";
    for (const child of isList ? node.items : node.entries.values()) {
      node.size += child.node.size;
      node.depth = Math.max(node.depth, child.node.depth);
    }
    for (const name of isList ? [] : node.entries.keys()) node.size += name.length + PUNCTUATION;
    node.size += PUNCTUATION;
    node.depth += 1;
    if (node.depth > this.#limits.maxDepth) throw new YamlError(describeDepth(this.#limits.maxDepth), start);
    node.json = isList ? node.items.map(toJson) : toObject(node.entries);
  }
}

function scalarNode({ text, tag, isPlain, start }: ScalarStep): ScalarNode {
  const untagged = isPlain ? resolvePlain(text) : text;
  const value = tag === undefined ? untagged : resolveTagged(tag, text);
  if (value === undefined) throw new YamlError(`the value is no ${tag}`, start);
  return { kind: "scalar", text, value, size: text.length + PUNCTUATION, depth: 0 };
}

/** What JSON calls a scalar that is a key. Throws only YamlError. */
export function nameOfKey(step: ScalarStep): string {
  return nameOf({ start: step.start, node: scalarNode(step) });
}

/** `<<`, unless it is quoted or tagged as something else. */
export function isMergeKey({ text, tag, isPlain }: ScalarStep): boolean {
  return text === "<<" && (tag === undefined ? isPlain : allowsMerge(tag));
}

function nameOf({ node, start }: Entry): string {
  if (node.kind !== "scalar") throw new YamlError("a list or a mapping cannot be a key", start);
  const name = keyOf(node.value);
  if (name === undefined) throw new YamlError("a key must be a string, a number or a boolean", start);
  return name;
}

/** kubectl writes merged entries over those that stand before `<<`, and of a list the first over the later ones. */
function merge(map: MapNode, source: Entry, isAlias: boolean): void {
  const sources = source.node.kind === "list" && !isAlias ? source.node.items.toReversed() : [source];
  for (const { node, start } of sources) {
    if (node.kind !== "map") throw new YamlError("<< takes a mapping or a list of mappings", start);
    for (const [name, entry] of node.entries) map.entries.set(name, { ...entry, isMerged: true });
  }
}
