import {
  COLLECTION_STYLE,
  EVENT_ID,
  getScalarValue,
  parseEvents,
  SCALAR_STYLE,
  YAMLException,
} from "js-yaml";
import { skip } from "./split.ts";
import type { Event, MappingEvent, ScalarEvent, SequenceEvent } from "js-yaml";

/** Why a text is nothing that kubectl would read, and at which offset. */
export class YamlError extends Error {
  readonly start: number;

  constructor(message: string, start: number) {
    super(message);
    this.start = start;
  }
}

/** One step through a document, in the order of its text. `start` is the offset at which a person looks for it. */
export type Step = ScalarStep | CollectionStep | AliasStep | { readonly kind: "close" };

interface Properties {
  readonly start: number;
  /** Behind tag and anchor; where these end if nothing follows, -1 if there is nothing at all. */
  readonly contentStart: number;
  /** As written, `!!int`; undefined if there is none. */
  readonly tag: string | undefined;
  readonly anchor: string | undefined;
}

export interface ScalarStep extends Properties {
  readonly kind: "scalar";
  /** Folded, without quotes and escapes. */
  readonly text: string;
  readonly isPlain: boolean;
  readonly style: ScalarStyle;
  /** Behind the closing quote, or the last line of a block; `contentStart` if there is no content. */
  readonly contentEnd: number;
}

type ScalarStyle = "plain" | "single" | "double" | "literal" | "folded";

export interface CollectionStep extends Properties {
  readonly kind: "list" | "map";
  readonly isFlow: boolean;
}

export interface AliasStep {
  readonly kind: "alias";
  readonly start: number;
  readonly end: number;
  readonly anchor: string;
}

type NodeEvent = ScalarEvent | SequenceEvent | MappingEvent;

/** js-yaml's offset of what is not there. */
const ABSENT = -1;

/** It counts the innermost scalar as a level, and looking for a key as another. */
const JS_YAML_LEVELS = 2;
const PAD = " ".repeat(40);
/** Each change costs another reading: this is enough for 400 of them in a document of 50 kB. */
const MAX_REREAD_CHARACTERS = 20_000_000;

const BLOCK_HEADER = /[|>][-+0-9]*[ \t]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)?$/;
const REFUSED_IN_BRACKETS = /^:|\?/;
const COLON_AND_BRACKET = /^:[,[\]{}]$/;
const UP_TO_DASH = /(?:[\s\]},]|#[^\r\n]*)*/y;

/**
 * The steps of a text's first document, none if it holds only comments. `ignored` is where a further document begins,
 * which kubectl does not read. Throws only YamlError.
 */
export function readSteps(
  text: string,
  maxDepth: number,
): { readonly steps: Step[]; readonly ignored?: number } {
  const { events, readable, toOriginal } = readEvents(text, maxDepth);
  const steps: Step[] = [];
  const styles: number[] = [];
  let end = 0;
  for (const [index, event] of events.entries()) {
    if (event.type === EVENT_ID.DOCUMENT) {
      const next = index === 0 ? undefined : events[index + 1];
      if (next !== undefined) return { steps, ignored: toOriginal(startOf(next, readable, end)) };
      continue;
    }
    const start = startOf(event, readable, end);
    if (event.type === EVENT_ID.POP) styles.pop();
    else if (event.type === EVENT_ID.SEQUENCE || event.type === EVENT_ID.MAPPING) styles.push(event.style);
    else if (styles.at(-1) === COLLECTION_STYLE.FLOW) refuseInBrackets(event, readable, toOriginal(start));
    steps.push(toStep(event, readable, toOriginal(start), toOriginal));
    end = endOf(event, start, readable);
  }
  return { steps };
}

/** What js-yaml reads as YAML 1.2 does, and libyaml in another way or not at all. */
function refuseInBrackets(event: Event, text: string, start: number): void {
  if (event.type !== EVENT_ID.SCALAR || event.style !== SCALAR_STYLE.PLAIN) return;
  if (REFUSED_IN_BRACKETS.test(text.slice(event.valueStart, event.valueEnd))) {
    throw new YamlError("a text with ? in it or : before it needs quotes inside of brackets", start);
  }
  if (COLON_AND_BRACKET.test(text.slice(event.valueEnd, event.valueEnd + 2))) {
    throw new YamlError("a colon inside of brackets needs a space behind it", start);
  }
}

export function describeDepth(maxDepth: number): string {
  return `nesting is deeper than ${maxDepth} levels`;
}

/** js-yaml's events for the text, or for one that means the same and that js-yaml reads. */
function readEvents(text: string, maxDepth: number) {
  const insertions: { at: number; length: number }[] = [];
  const toOriginal = (offset: number) =>
    insertions.reduce((original, { at, length }) => (at < offset ? original - length : original), offset);
  let readable = text;
  for (let characters = 0; ; characters += readable.length) {
    try {
      return { events: parseEvents(readable, { maxDepth: maxDepth + JS_YAML_LEVELS }), readable, toOriginal };
    } catch (error) {
      const { reason, position } = explain(error, readable, maxDepth);
      const better =
        characters > MAX_REREAD_CHARACTERS ? undefined : makeReadable(readable, reason, position);
      if (better === undefined) throw new YamlError(reason, toOriginal(position));
      insertions.push({ at: better.at, length: better.text.length - readable.length });
      readable = better.text;
    }
  }
}

/** Changes what libyaml reads and js-yaml does not, at `at`; undefined if there is no such thing at the position. */
function makeReadable(
  text: string,
  reason: string,
  position: number,
): { text: string; at: number } | undefined {
  if (reason === "unknown escape sequence" && text[position] === "'") {
    return { text: splice(text, position, 1, "x27"), at: position };
  }
  // Inside of brackets and quotes libyaml does not look at the indentation, and takes tabs for spaces.
  if (reason !== "deficient indentation") return undefined;
  const lineStart = text.lastIndexOf("\n", position - 1) + 1;
  const before = text.slice(lineStart, position);
  if (before.trim() === "") return { text: splice(text, lineStart, 0, PAD), at: lineStart };
  const tab = lineStart + before.lastIndexOf("\t");
  return tab < lineStart ? undefined : { text: splice(text, tab, 1, " "), at: tab };
}

function splice(text: string, at: number, length: number, replacement: string): string {
  return text.slice(0, at) + replacement + text.slice(at + length);
}

function explain(error: unknown, text: string, maxDepth: number): { reason: string; position: number } {
  // The stack ended before maxDepth did.
  if (error instanceof RangeError) return { reason: describeDepth(maxDepth), position: 0 };
  if (!(error instanceof YAMLException)) throw error;
  const position = error.mark?.position ?? 0;
  return { reason: reword(error.reason, text.charAt(position), maxDepth), position };
}

function reword(reason: string, character: string, maxDepth: number): string {
  if (reason.startsWith("nesting exceeded")) return describeDepth(maxDepth);
  if (!reason.startsWith("bad indentation") || character === "") return reason;
  if (character === ":") return "a text with a colon and a space in it needs quotes";
  return "@`%".includes(character) ? `a text that begins with ${character} needs quotes` : reason;
}

type ToOriginal = (offset: number) => number;

function toStep(event: Event, text: string, start: number, toOriginal: ToOriginal): Step {
  switch (event.type) {
    case EVENT_ID.SCALAR:
      return scalarStep(event, text, start, toOriginal);
    case EVENT_ID.SEQUENCE:
    case EVENT_ID.MAPPING:
      return {
        kind: event.type === EVENT_ID.SEQUENCE ? "list" : "map",
        start,
        contentStart: toOriginal(event.start),
        isFlow: event.style === COLLECTION_STYLE.FLOW,
        tag: tagOf(event, text),
        anchor: anchorOf(event, text),
      };
    case EVENT_ID.ALIAS: {
      const anchor = text.slice(event.anchorStart, event.anchorEnd);
      return { kind: "alias", start, anchor, end: toOriginal(event.anchorEnd) };
    }
    default:
      return { kind: "close" };
  }
}

const STYLES: { readonly [code: number]: ScalarStyle } = {
  [SCALAR_STYLE.SINGLE_QUOTED]: "single",
  [SCALAR_STYLE.DOUBLE_QUOTED]: "double",
  [SCALAR_STYLE.LITERAL_BLOCK]: "literal",
  [SCALAR_STYLE.FOLDED_BLOCK]: "folded",
};

function scalarStep(event: ScalarEvent, text: string, start: number, toOriginal: ToOriginal): ScalarStep {
  const style = STYLES[event.style] ?? "plain";
  const quote = style === "single" || style === "double" ? 1 : 0;
  const content = startOfScalar(event, text);
  const contentStart = content === ABSENT ? Math.max(event.tagEnd, event.anchorEnd) : content;
  const contentEnd = content === ABSENT ? contentStart : event.valueEnd + quote;
  return {
    kind: "scalar",
    start,
    contentStart: toOriginal(contentStart),
    contentEnd: toOriginal(contentEnd),
    text: getScalarValue(text, event),
    isPlain: style === "plain",
    style,
    tag: tagOf(event, text),
    anchor: anchorOf(event, text),
  };
}

function tagOf({ tagStart, tagEnd }: NodeEvent, text: string): string | undefined {
  return tagStart === ABSENT ? undefined : text.slice(tagStart, tagEnd);
}

function anchorOf({ anchorStart, anchorEnd }: NodeEvent, text: string): string | undefined {
  return anchorStart === ABSENT ? undefined : text.slice(anchorStart, anchorEnd);
}

/** Where a node with its anchor and tag begins. `end` is the end of what stands before it. */
function startOf(event: Event, text: string, end: number): number {
  if (event.type === EVENT_ID.DOCUMENT || event.type === EVENT_ID.POP) return end;
  if (event.type === EVENT_ID.ALIAS) return event.anchorStart - 1;
  const content = event.type === EVENT_ID.SCALAR ? startOfScalar(event, text) : event.start;
  const anchor = event.anchorStart === ABSENT ? ABSENT : event.anchorStart - 1;
  const start = earlier(earlier(content, anchor), event.tagStart);
  return start === ABSENT ? skip(UP_TO_DASH, text, end) : start;
}

function earlier(one: number, other: number): number {
  if (one === ABSENT) return other;
  return other === ABSENT ? one : Math.min(one, other);
}

function startOfScalar({ style, valueStart }: ScalarEvent, text: string): number {
  if (valueStart === ABSENT || style === SCALAR_STYLE.PLAIN) return valueStart;
  if (style === SCALAR_STYLE.SINGLE_QUOTED || style === SCALAR_STYLE.DOUBLE_QUOTED) return valueStart - 1;
  const lineStart = text.lastIndexOf("\n", valueStart - 2) + 1;
  return lineStart + text.slice(lineStart, valueStart).search(BLOCK_HEADER);
}

/** From where on the next node is; an empty item's dash is behind it. */
function endOf(event: Event, start: number, text: string): number {
  switch (event.type) {
    case EVENT_ID.SCALAR:
      if (event.valueEnd !== ABSENT) return event.valueEnd + 1;
      return Math.max(event.tagEnd, event.anchorEnd, text[start] === "-" ? start + 1 : start);
    case EVENT_ID.ALIAS:
      return event.anchorEnd;
    case EVENT_ID.SEQUENCE:
    case EVENT_ID.MAPPING:
      return event.start;
    default:
      return start;
  }
}
