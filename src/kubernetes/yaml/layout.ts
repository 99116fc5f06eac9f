/** Where in a text each part of a document stands, for those who change it. */
import { readSteps } from "./events.ts";
import type { AliasStep, CollectionStep, ScalarStep, Step } from "./events.ts";
import { skip } from "./split.ts";
import { isMergeKey, nameOfKey } from "./tree.ts";

export type Layout = ScalarLayout | AliasLayout | ListLayout | MapLayout;

interface Place {
  /** With anchor and tag. */
  readonly start: number;
  /** What stands before the content has ended: a colon, a dash, an anchor, a tag. */
  readonly slot: number;
  /** `slot` if there is no content. */
  readonly contentStart: number;
  /** Behind the last character: of a block scalar its last line break, of brackets the closing one. */
  readonly end: number;
  readonly tag: string | undefined;
  readonly anchor: string | undefined;
}

interface ScalarLayout extends Place {
  readonly kind: "scalar";
  readonly style: ScalarStep["style"];
}

interface AliasLayout extends Place {
  readonly kind: "alias";
  readonly name: string;
}

export interface ListLayout extends Place {
  readonly kind: "list";
  readonly isFlow: boolean;
  readonly items: readonly Layout[];
}

export interface MapLayout extends Place {
  readonly kind: "map";
  readonly isFlow: boolean;
  readonly entries: readonly EntryLayout[];
}

interface EntryLayout {
  /** As JSON calls the key; undefined for `<<` and for aliases. */
  readonly name: string | undefined;
  readonly isMerge: boolean;
  readonly key: Layout;
  readonly value: Layout;
}

const SPACE_AND_COMMENTS = /(?:\s|#[^\r\n]*)*/y;
const PROPERTIES = /[&!][^\s,[\]{}]*(?:\s+[&!][^\s,[\]{}]*)?/y;
const UP_TO_BRACKET = /(?:[\s,]|#[^\r\n]*)*/y;

/** Of the first document of a text; undefined if it holds only comments. Throws only YamlError. */
export function readLayout(text: string, maxDepth: number): Layout | undefined {
  const { steps } = readSteps(text, maxDepth);
  return steps.length === 0 ? undefined : new LayoutReader(text, steps).read(0);
}

class LayoutReader {
  readonly #text: string;
  readonly #steps: readonly Step[];
  #next = 0;

  constructor(text: string, steps: readonly Step[]) {
    this.#text = text;
    this.#steps = steps;
  }

  /** `after` is where what stands before the node has ended. */
  read(after: number): Layout {
    const step = this.#steps[this.#next++];
    if (step === undefined || step.kind === "close") throw new RangeError("a node is missing");
    if (step.kind === "scalar") return this.#scalar(step, after);
    if (step.kind === "alias") return alias(step, after);
    return step.kind === "list" ? this.#list(step, after) : this.#map(step, after);
  }

  #scalar(step: ScalarStep, after: number): ScalarLayout {
    const { start, style, tag, anchor, contentStart, contentEnd } = step;
    const isEmpty = contentStart === contentEnd && style === "plain";
    const slot = this.#slotOf(step, after);
    return {
      kind: "scalar",
      start: isEmpty && tag === undefined && anchor === undefined ? slot : start,
      slot,
      contentStart: isEmpty ? slot : contentStart,
      end: isEmpty ? slot : contentEnd,
      style,
      tag,
      anchor,
    };
  }

  #list(step: CollectionStep, after: number): ListLayout {
    const items: Layout[] = [];
    let end = step.contentStart;
    while (this.#steps[this.#next]?.kind !== "close") {
      const item = this.read(this.#itemStart(end, step.isFlow));
      items.push(item);
      end = item.end;
    }
    return { kind: "list", items, ...this.#collection(step, after, end) };
  }

  #map(step: CollectionStep, after: number): MapLayout {
    const entries: EntryLayout[] = [];
    let end = step.contentStart;
    while (this.#steps[this.#next]?.kind !== "close") {
      const keyStep = this.#steps[this.#next];
      const key = this.read(end);
      const isMerge = keyStep?.kind === "scalar" && isMergeKey(keyStep);
      const name = keyStep?.kind === "scalar" && !isMerge ? nameOfKey(keyStep) : undefined;
      const value = this.read(this.#behindColon(key.end));
      entries.push({ name, isMerge, key, value });
      end = value.end;
    }
    return { kind: "map", entries, ...this.#collection(step, after, end) };
  }

  /** Takes the step that closes it. */
  #collection(step: CollectionStep, after: number, endOfLast: number) {
    this.#next++;
    const { start, contentStart, isFlow, tag, anchor } = step;
    const isEmpty = endOfLast === contentStart;
    const bracket = skip(UP_TO_BRACKET, this.#text, isEmpty ? contentStart + 1 : endOfLast);
    const end = "[{".includes(this.#text.charAt(contentStart)) ? bracket + 1 : endOfLast;
    return { start, slot: this.#slotOf(step, after), contentStart, end, isFlow, tag, anchor };
  }

  #slotOf({ start, tag, anchor }: ScalarStep | CollectionStep, after: number): number {
    return tag === undefined && anchor === undefined ? after : skip(PROPERTIES, this.#text, start);
  }

  /** Behind the dash of a block list's item. */
  #itemStart(from: number, isFlow: boolean): number {
    if (isFlow) return from;
    const dash = skip(SPACE_AND_COMMENTS, this.#text, from);
    return this.#text[dash] === "-" ? dash + 1 : from;
  }

  /** `from` if a key in brackets has none. */
  #behindColon(from: number): number {
    const colon = skip(SPACE_AND_COMMENTS, this.#text, from);
    return this.#text[colon] === ":" ? colon + 1 : from;
  }
}

function alias({ start, end, anchor: name }: AliasStep, after: number): AliasLayout {
  const bare = { tag: undefined, anchor: undefined };
  return { kind: "alias", name, start, slot: after, contentStart: start, end, ...bare };
}
