import type { Json } from "../json.ts";
import { resolvePlain } from "./scalar.ts";

const INDENT = "  ";
/** What every reader takes as it stands, in block style; a colon needs a character behind it. */
const PLAIN = /^[\w./$](?:[\w./$@%+=~,;()&|*!?^-]|:(?! |$)| (?! |$))*$/;
/** A number or a date for readers of YAML 1.1 other than kubectl; and the end of a document. */
const MISREAD = /^(?:[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}|\.\.\.)/;
/** What JSON leaves as it is and libyaml refuses or takes for a line break. */
const NOT_FOR_YAML = /[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]/g;
const NOT_FOR_BLOCK =
  /[^\t\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\u{10000}-\u{10ffff}]/u;
/** libyaml looks for the colon no further than 1024 characters. */
const MAX_SIMPLE_KEY = 1000;

export interface BlockStyle {
  /** How far the parts of a mapping stand to the right of it. */
  readonly step: string;
  readonly listStep: string;
  /** Empty lines may follow what is emitted, so that no text may end in such. */
  readonly isFollowed: boolean;
}

const KUBECTL: BlockStyle = { step: INDENT, listStep: "", isFollowed: false };

/**
 * Block style as kubectl prints it, keys in their order. A string is quoted whenever kubectl would otherwise read
 * something else; several lines become a literal block if nothing in them needs an escape. Ends with a line break.
 */
export function emitYaml(value: Json): string {
  return `${emitNode(value, "", KUBECTL, INDENT)}\n`;
}

/**
 * Starts in the middle of a line; further lines of a collection get `indent`, of a text `textIndent`. Does not end with a
 * line break, but for a text that ends in several.
 */
export function emitNode(
  value: Json,
  indent: string,
  style: BlockStyle,
  textIndent: string = indent,
): string {
  if (typeof value === "string") {
    const isText = isBlock(value) && !(style.isFollowed && value.endsWith("\n\n"));
    return isText ? emitBlock(value, textIndent) : emitString(value);
  }
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (isList(value)) {
    if (value.length === 0) return "[]";
    const items = value.map((item) => `- ${emitNode(item, indent + INDENT, style)}`);
    return items.join(`\n${indent}`);
  }
  const entries = Object.entries(value).map(
    ([key, item]) => `${emitKey(key, indent)}:${emitValue(item, indent, style)}`,
  );
  return entries.length === 0 ? "{}" : entries.join(`\n${indent}`);
}

/** What follows a key's colon; `indent` is the key's. */
export function emitValue(value: Json, indent: string, style: BlockStyle): string {
  const inner = indent + style.step;
  if (typeof value !== "object" || value === null || Object.keys(value).length === 0) {
    return ` ${emitNode(value, inner, style)}`;
  }
  const own = isList(value) ? indent + style.listStep : inner;
  return `\n${own}${emitNode(value, own, style)}`;
}

function emitKey(key: string, indent: string): string {
  const text = emitString(key);
  return text.length > MAX_SIMPLE_KEY ? `? ${text}\n${indent}` : text;
}

function emitString(text: string): string {
  if (PLAIN.test(text) && !MISREAD.test(text) && typeof resolvePlain(text) === "string") return text;
  return emitQuoted(text);
}

/** In double quotes, as JSON and YAML read it. */
export function emitQuoted(text: string): string {
  return JSON.stringify(text).replace(NOT_FOR_YAML, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** No line may end in a space, and the first must not begin with one: that would need a number after the bar. */
function isBlock(text: string): boolean {
  if (!text.includes("\n") || /^\s/.test(text) || NOT_FOR_BLOCK.test(text)) return false;
  return text.split("\n").every((line) => line === line.trimEnd());
}

/** The last line that is emitted is one of a literal block, which needs its line break. */
export function endsAsBlock(value: Json): boolean {
  if (typeof value === "string") return isBlock(value);
  if (typeof value !== "object" || value === null) return false;
  const last = Object.values(value).at(-1);
  return last !== undefined && endsAsBlock(last);
}

function emitBlock(text: string, indent: string): string {
  const chomping = text.endsWith("\n\n") ? "+" : text.endsWith("\n") ? "" : "-";
  const lines = text.replace(/\n$/, "").split("\n");
  return [`|${chomping}`, ...lines.map((line) => (line === "" ? "" : indent + line))].join("\n");
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
