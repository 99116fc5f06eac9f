/** What to cut out of a YAML text and to put in, so that it says something else, in as few places as possible. */
import { sameJson } from "../json-patch.ts";
import { isObject } from "../json.ts";
import type { Json } from "../json.ts";
import { emitNode, emitQuoted, emitValue, endsAsBlock } from "./emit.ts";
import type { BlockStyle } from "./emit.ts";
import { emitFlow, emitFlowEntry, emitFlowKey, flowStyleOf, partsOf } from "./flow.ts";
import type { FlowStyle } from "./flow.ts";
import { readLayout } from "./layout.ts";
import type { Layout, ListLayout, MapLayout } from "./layout.ts";
import {
  blockStyleOf,
  BLOCK_INDICATORS,
  columnOf,
  endOfLines,
  indentOfText,
  endOfLine,
  nodesIn,
} from "./lines.ts";
import { skip } from "./split.ts";

/** Why a change cannot be made: completes "not fixed: ...". */
export class Refusal extends Error {}

/** `text` instead of what stands from `start` to `end`. */
export interface Splice {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What a node is a part of: the value of a key or an item of a list at `indent`, or a part of brackets. */
type Surroundings =
  | { readonly kind: "entry" | "item"; readonly indent: string; readonly flow?: never }
  | { readonly kind: "brackets"; readonly flow: FlowStyle };

const UP_TO_COMMA = /(?:\s|#[^\r\n]*)*,?/y;
const FOR_SINGLE_QUOTES = /^[\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]*$/;
const ITEM_INDENT = "  ";

/**
 * What makes a text of one document, which now reads as `old`, read as `wanted`. Where keys or items are only added, keys
 * renamed, or values changed, the rest of a collection stays; otherwise it is written anew.
 * @throws Refusal, YamlError
 */
export function splicesFor(
  text: string,
  { old, wanted }: { readonly old: unknown; readonly wanted: unknown },
  { lineBreak, maxDepth }: { readonly lineBreak: string; readonly maxDepth: number },
): Splice[] {
  const layout = readLayout(text, maxDepth);
  if (layout === undefined || (layout.kind !== "map" && layout.kind !== "list")) return [];
  const editor = new Editor(text, layout, lineBreak);
  editor.change(layout, old, wanted, undefined);
  return editor.splices;
}

/** @throws Refusal if two overlap */
export function applySplices(text: string, splices: readonly Splice[]): string {
  let result = "";
  let end = 0;
  // Sorting is stable: of two at the same place, the one of the inner collection came first.
  for (const splice of splices.toSorted((one, other) => one.start - other.start)) {
    if (splice.start < end) throw new Refusal("two changes meet in one place");
    result += text.slice(end, splice.start) + splice.text;
    end = splice.end;
  }
  return result + text.slice(end);
}

class Editor {
  readonly splices: Splice[] = [];
  readonly #text: string;
  readonly #lineBreak: string;
  readonly #aliases = new Set<string>();
  readonly #style: BlockStyle;

  constructor(text: string, root: Layout, lineBreak: string) {
    this.#text = text;
    this.#lineBreak = lineBreak;
    const nodes = nodesIn(root);
    for (const node of nodes) if (node.kind === "alias") this.#aliases.add(node.name);
    this.#style = blockStyleOf(text, nodes);
  }

  /** `around` is undefined for the document itself. */
  change(node: Layout, old: unknown, wanted: unknown, around: Surroundings | undefined): void {
    if (sameJson(old, wanted)) return;
    this.#refuseShared(node);
    if (node.kind === "map" && isObject(old) && isObject(wanted) && this.#canGrow(node, around)) {
      const renames = renamesIn(node, old, wanted);
      if (renames !== undefined)
        return this.#changeMap(node, this.#rename(node, old, renames), wanted, around);
    }
    if (node.kind === "list" && isList(old) && isList(wanted) && this.#canGrow(node, around)) {
      if (old.length <= wanted.length) return this.#changeList(node, old, wanted, around);
    }
    if (around === undefined) throw new Refusal("it would replace the whole document");
    if (around.flow) this.#replaceInBrackets(node, jsonOf(wanted), around.flow);
    else this.#replaceInBlock(node, jsonOf(wanted), around);
  }

  #refuseShared(node: Layout): void {
    if (node.kind === "alias") {
      throw new Refusal(
        `it is taken over by *${node.name}, and would change where &${node.name} stands, too`,
      );
    }
    if (node.anchor !== undefined && this.#aliases.has(node.anchor)) {
      throw new Refusal(
        `it stands under &${node.anchor}, and would change where *${node.anchor} stands, too`,
      );
    }
  }

  /** Empty brackets in a block become a block; a pair in a list without brackets of its own gets some. */
  #canGrow(node: ListLayout | MapLayout, around: Surroundings | undefined): boolean {
    if (!node.isFlow) return true;
    const isInBlock = around !== undefined && around.flow === undefined;
    return "[{".includes(this.#text.charAt(node.contentStart)) && !(isInBlock && partsOf(node).length === 0);
  }

  /** What the map reads as then. */
  #rename(node: MapLayout, old: JsonLike, renames: ReadonlyMap<string, string>): JsonLike {
    for (const { name, key } of node.entries) {
      const newName = name === undefined ? undefined : renames.get(name);
      if (newName !== undefined)
        this.#put(key.contentStart, key.end, quotedLike(key, newName) ?? emitFlowKey(newName));
    }
    return Object.fromEntries(Object.entries(old).map(([name, value]) => [renames.get(name) ?? name, value]));
  }

  #changeMap(node: MapLayout, old: JsonLike, wanted: JsonLike, around: Surroundings | undefined): void {
    const inside = this.#inside(node, "entry", around);
    const added: [string, Json][] = [];
    for (const [name, value] of Object.entries(wanted)) {
      const isThere = Object.hasOwn(old, name);
      const before = isThere ? old[name] : undefined;
      if (isThere && sameJson(before, value)) continue;
      const entry = node.entries.findLast((one) => one.name === name);
      if (entry) this.change(entry.value, before, value, inside);
      else if (isObject(before) || isList(before)) {
        throw new Refusal(`${name} is taken over by <<, and would change where it comes from`);
      } else added.push([name, jsonOf(value)]);
    }
    if (added.length === 0) return;
    const { flow } = inside;
    if (flow) {
      const parts = added.map(([key, value]) => emitFlowEntry(key, value, flow, flow.lines?.indent ?? ""));
      this.#addToBrackets(node, parts, flow);
    } else this.#addLines(node, Object.fromEntries(added), inside.indent);
  }

  #changeList(
    node: ListLayout,
    old: readonly unknown[],
    wanted: readonly unknown[],
    around: Surroundings | undefined,
  ): void {
    const inside = this.#inside(node, "item", around);
    for (const [index, item] of node.items.entries()) this.change(item, old[index], wanted[index], inside);
    const added = wanted.slice(old.length).map(jsonOf);
    if (added.length === 0) return;
    const { flow } = inside;
    if (flow) {
      const parts = added.map((value) => emitFlow(value, flow, flow.lines?.indent ?? ""));
      this.#addToBrackets(node, parts, flow);
    } else this.#addLines(node, added, inside.indent);
  }

  #inside(
    node: ListLayout | MapLayout,
    kind: "entry" | "item",
    around: Surroundings | undefined,
  ): Surroundings {
    if (node.isFlow) return { kind: "brackets", flow: flowStyleOf(this.#text, node, around?.flow) };
    return { kind, indent: " ".repeat(columnOf(this.#text, node)) };
  }

  /** Below the last line of the collection. */
  #addLines(node: ListLayout | MapLayout, added: Json, indent: string): void {
    const place = endOfLines(this.#text, node);
    this.#put(place, place, `\n${indent}${emitNode(added, indent, this.#style)}`, added);
  }

  #addToBrackets(node: ListLayout | MapLayout, parts: readonly string[], { lines, comma }: FlowStyle): void {
    const bracket = node.end - 1;
    const last = partsOf(node).at(-1);
    if (last === undefined) {
      const outer = lines?.indent.slice(lines.unit.length);
      const inner = lines
        ? `\n${lines.indent}${parts.join(`,\n${lines.indent}`)}\n${outer}`
        : parts.join(comma);
      return this.#put(node.contentStart + 1, bracket, inner);
    }
    const behindComma = skip(UP_TO_COMMA, this.#text, last.end);
    const hasComma = this.#text[behindComma - 1] === "," && behindComma <= bracket;
    const from = hasComma ? behindComma : last.end;
    const separator = lines ? `,\n${lines.indent}` : comma;
    const text = parts.join(separator);
    const lineEnd = endOfLine(this.#text, from);
    if (lines && lineEnd < bracket) {
      // A comment on the last part's line stays with it.
      if (!hasComma) this.#put(from, from, ",");
      this.#put(lineEnd, lineEnd, `\n${lines.indent}${text}${hasComma ? "," : ""}`);
    } else this.#put(from, from, hasComma ? ` ${text},` : separator + text);
  }

  #replaceInBrackets(node: Layout, value: Json, style: FlowStyle): void {
    const text = quotedLike(node, value) ?? emitFlow(value, style, style.lines?.indent ?? "");
    if (node.contentStart < node.end) {
      this.#put(node.tag === undefined ? node.contentStart : node.start, node.end, anchorOf(node) + text);
    } else this.#put(node.end, node.end, `${this.#text[node.end - 1] === ":" ? "" : ":"} ${text}`);
  }

  #replaceInBlock(node: Layout, value: Json, around: { kind: "entry" | "item"; indent: string }): void {
    const quoted = quotedLike(node, value);
    const emitted = quoted === undefined ? this.#emitInBlock(node, value, around) : ` ${quoted}`;
    const inline = emitted.split("\n", 1).join();
    const lines = emitted.slice(inline.length);
    const isBlockText = node.kind === "scalar" && (node.style === "literal" || node.style === "folded");
    const isBlock = isBlockText || ((node.kind === "list" || node.kind === "map") && !node.isFlow);
    if (isBlock && !isBlockText && node.contentStart < endOfLine(this.#text, node.slot)) {
      // A collection that begins behind a dash.
      return this.#put(node.contentStart, endOfLines(this.#text, node), emitted.trimStart(), value);
    }
    const inlineEnd = isBlockText ? skip(BLOCK_INDICATORS, this.#text, node.contentStart) : node.end;
    this.#putInline(node, isBlock && !isBlockText ? node.slot : inlineEnd, inline, lines !== "");
    const lineEnd = endOfLine(this.#text, isBlock ? node.slot : node.end);
    if (lines !== "" || isBlock)
      this.#put(lineEnd, isBlock ? endOfLines(this.#text, node) : lineEnd, lines, value);
  }

  /** What goes behind the colon or dash, with a space first, and below it. */
  #emitInBlock(
    node: Layout,
    value: Json,
    { kind, indent }: { kind: "entry" | "item"; indent: string },
  ): string {
    if (kind === "entry" && typeof value !== "string") return emitValue(value, indent, this.#style);
    const inner = indent + (kind === "entry" ? this.#style.step : ITEM_INDENT);
    return ` ${emitNode(value, inner, this.#style, indentOfText(this.#text, node) ?? inner)}`;
  }

  /** Up to `end`, which is behind the old content of the line. */
  #putInline(node: Layout, end: number, text: string, hasLines: boolean): void {
    if (node.tag !== undefined) this.#put(node.start, end, (anchorOf(node).trimEnd() + text).trimStart());
    else if (node.contentStart >= end) this.#put(node.slot, node.slot, text);
    else if (text === "" || hasLines) this.#put(node.slot, end, text);
    else this.#put(node.contentStart, end, text.trimStart());
  }

  /** `value` is what the text ends in, if it can be a block. */
  #put(start: number, end: number, text: string, value: Json = null): void {
    const isUnended = end === this.#text.length && text !== "" && endsAsBlock(value);
    const whole = isUnended ? `${text}\n` : text;
    this.splices.push({ start, end, text: whole.replaceAll("\n", this.#lineBreak) });
  }
}

type JsonLike = { readonly [key: string]: unknown };

/** The new names of the keys that are gone; undefined if one is gone for good, or is not written here once. */
function renamesIn(
  { entries }: MapLayout,
  old: JsonLike,
  wanted: JsonLike,
): ReadonlyMap<string, string> | undefined {
  const fresh = Object.keys(wanted).filter((name) => !Object.hasOwn(old, name));
  const renames = new Map<string, string>();
  for (const name of Object.keys(old)) {
    if (Object.hasOwn(wanted, name)) continue;
    const index = fresh.findIndex((one) => sameJson(wanted[one], old[name]));
    const [newName] = index < 0 ? [] : fresh.splice(index, 1);
    if (newName === undefined || entries.filter((one) => one.name === name).length !== 1) return undefined;
    renames.set(name, newName);
  }
  return renames;
}

/** In the quotes that are there; undefined if they do not fit, or there are none. */
function quotedLike(node: Layout, value: Json): string | undefined {
  if (node.kind !== "scalar" || typeof value !== "string") return undefined;
  if (node.style === "single" && FOR_SINGLE_QUOTES.test(value)) return `'${value.replaceAll("'", "''")}'`;
  return node.style === "double" && !value.includes("\n") ? emitQuoted(value) : undefined;
}

/** A tag goes with its value, an anchor stays. */
function anchorOf({ tag, anchor }: Layout): string {
  return tag === undefined || anchor === undefined ? "" : `&${anchor} `;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value);
}

/** Of what came from JSON. */
function jsonOf(value: unknown): Json {
  return JSON.parse(JSON.stringify(value));
}
