/** Collections in brackets: how those that are there are written, and new parts in the same way. */
import type { Json } from "../json.ts";
import { emitQuoted } from "./emit.ts";
import type { Layout, ListLayout, MapLayout } from "./layout.ts";
import { resolvePlain } from "./scalar.ts";

export interface FlowStyle {
  /** Keys are in double quotes. */
  readonly isQuoted: boolean;
  readonly colon: ":" | ": ";
  readonly comma: "," | ", ";
  /** Given where each part has a line of its own. */
  readonly lines: { readonly indent: string; readonly unit: string } | undefined;
}

const PLAIN_KEY = /^[A-Za-z_][\w./-]*$/;
const LINE_START = /(?:^|[\r\n])([ \t]*)$/;
const INDENT = "  ";

/** Of the parts of a collection; `around` is the style of the one in which it stands, if that is in brackets, too. */
export function flowStyleOf(
  text: string,
  node: ListLayout | MapLayout,
  around: FlowStyle | undefined,
): FlowStyle {
  const parts = partsOf(node);
  const colon = colonOf(text, node) ?? around?.colon ?? ": ";
  const [last, beforeLast] = [parts.at(-1), parts.at(-2)];
  const comma = last && beforeLast ? text.slice(beforeLast.end, last.start) : undefined;
  return {
    isQuoted: node.kind === "map" && last ? text[last.start] === '"' : (around?.isQuoted ?? false),
    colon,
    comma: comma === "," || (comma === undefined && colon === ":") ? "," : ", ",
    lines: last ? linesOf(text, node.contentStart, last.start) : deeper(around?.lines),
  };
}

/** With its parts one step to the right of `indent`, if parts have lines of their own. */
export function emitFlow(value: Json, style: FlowStyle, indent: string): string {
  if (typeof value === "string") return emitQuoted(value);
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = indent + (style.lines?.unit ?? "");
  const parts = isList(value)
    ? value.map((item) => emitFlow(item, style, inner))
    : Object.entries(value).map(([key, item]) => emitFlowEntry(key, item, style, inner));
  const [open, close] = isList(value) ? "[]" : "{}";
  if (parts.length === 0 || style.lines === undefined) return `${open}${parts.join(style.comma)}${close}`;
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${indent}${close}`;
}

export function emitFlowEntry(key: string, value: Json, style: FlowStyle, indent: string): string {
  const text = style.isQuoted ? emitQuoted(key) : emitFlowKey(key);
  return `${text}${text === key ? ": " : style.colon}${emitFlow(value, style, indent)}`;
}

/** In quotes where it would be anything else without; for blocks as well. */
export function emitFlowKey(key: string): string {
  return PLAIN_KEY.test(key) && typeof resolvePlain(key) === "string" ? key : emitQuoted(key);
}

/** From where each part begins to where it ends. */
export function partsOf(node: ListLayout | MapLayout): readonly Pick<Layout, "start" | "end">[] {
  if (node.kind === "list") return node.items;
  return node.entries.map(({ key, value }) => ({ start: key.start, end: value.end }));
}

function colonOf(text: string, node: ListLayout | MapLayout): ":" | ": " | undefined {
  const entry = node.kind === "map" ? node.entries.at(-1) : undefined;
  if (entry === undefined) return undefined;
  return text.slice(entry.key.end, entry.value.start) === ":" ? ":" : ": ";
}

function linesOf(text: string, start: number, startOfPart: number): FlowStyle["lines"] {
  const indent = LINE_START.exec(text.slice(start, startOfPart))?.[1];
  if (indent === undefined) return undefined;
  const outer = indentAt(text, start);
  const isDeeper = indent.startsWith(outer) && indent.length > outer.length;
  return { indent, unit: isDeeper ? indent.slice(outer.length) : INDENT };
}

function deeper(lines: FlowStyle["lines"]): FlowStyle["lines"] {
  return lines && { indent: lines.indent + lines.unit, unit: lines.unit };
}

function indentAt(text: string, offset: number): string {
  const before = text.slice(0, offset);
  const lineStart = Math.max(before.lastIndexOf("\n"), before.lastIndexOf("\r")) + 1;
  return /^[ \t]*/.exec(before.slice(lineStart))?.[0] ?? "";
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
