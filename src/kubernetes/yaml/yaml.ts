import type { FieldPath } from "../field-path.ts";
import type { Json } from "../json.ts";
import { describeDepth, YamlError } from "./events.ts";
import { Places } from "./places.ts";
import { createLocator, positionAt, splitAtDocumentEnd, splitDocuments, splitJson } from "./split.ts";
import type { Chunk, Position } from "./split.ts";
import { readTree } from "./tree.ts";
import type { Tree, YamlLimits } from "./tree.ts";

export { emitYaml } from "./emit.ts";
export type { Places } from "./places.ts";
export type { Excerpt, Position } from "./split.ts";
export type { YamlLimits } from "./tree.ts";

export interface YamlDocument {
  /** What kubectl would send; integers beyond 2^53 as the nearest number. Aliased parts are shared, not copied. */
  readonly value: Json;
  /** Of the document's first content. */
  readonly line: number;
  /** The stretch of the text that holds the document and nothing of others. */
  readonly start: number;
  readonly end: number;
  /** May be kept without keeping the value. */
  readonly places: Places;
  /** Parts of the value stand in it several times: written out it may be many times as long as the text. */
  readonly hasAliases: boolean;
  /** Keys that their mapping had already; `position` is that of the repetition, which wins. */
  readonly duplicateKeys: readonly DuplicateKey[];
}

interface DuplicateKey {
  readonly path: FieldPath;
  readonly position: Position;
  /** The value is the same again. */
  readonly isSame: boolean;
}

export interface YamlProblem extends Position {
  /** One line, without a piece of the text around it. */
  readonly message: string;
}

export interface YamlText {
  readonly documents: readonly YamlDocument[];
  readonly problems: readonly YamlProblem[];
}

export const YAML_LIMITS: YamlLimits = {
  // js-yaml's recursion ends at some 2000 levels, JSON.stringify's later.
  maxDepth: 1000,
  // More than an API server takes in one request (3 MiB).
  maxAliasedCharacters: 4 * 1024 * 1024,
};

/** libyaml's reader lets only these through (readerc.go); js-yaml looks at some places only. */
const REFUSED_CHARACTER = /[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
/** For js-yaml a separator, for libyaml a text; further down both agree. */
const INDENTED_SEPARATOR = /^[ \t]+---(?=\s|$)/;
const JSON_OBJECT = /^\s*\{/;
const IGNORED = "kubectl does not read this: begin a document with a line ---";
const BYTE_ORDER_MARK = "\uFEFF";
const MAX_MESSAGE_LENGTH = 200;

/** The documents and problems of `yamlDocuments`. */
export function parseYaml(text: string, limits: Partial<YamlLimits> = {}): YamlText {
  const documents: YamlDocument[] = [];
  const problems: YamlProblem[] = [];
  for (const reading of yamlDocuments(text, limits)) {
    if ("message" in reading) problems.push(reading);
    else documents.push(reading);
  }
  return { documents, problems };
}

/**
 * All documents of a YAML or JSON text, in order, as kubectl reads them. A broken document becomes a problem and does
 * not stop the others; documents that are empty or null are left out. Never throws.
 */
export function* yamlDocuments(
  text: string,
  limits: Partial<YamlLimits> = {},
): Generator<YamlDocument | YamlProblem> {
  const allLimits = { ...YAML_LIMITS, ...limits };
  const content = text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  let isFirst = true;
  for (const { chunk, isBadSeparator } of splitDocuments(content, text.length - content.length)) {
    if (isBadSeparator) yield problemAt(chunk, 0, "only a comment may follow --- on its line");
    else yield* readChunk(chunk, isFirst, allLimits);
    isFirst = false;
  }
}

/** Only the first chunk may be a stream of JSON objects, and YAML after them, as in kubectl since 1.33. */
function* readChunk(
  chunk: Chunk,
  isFirst: boolean,
  limits: YamlLimits,
): Generator<YamlDocument | YamlProblem> {
  let rest = chunk;
  while (JSON_OBJECT.test(rest.text)) {
    const json = splitJson(rest);
    const value = parseJson(json.object.text);
    if (value === undefined || !(isFirst || json.rest.text === "")) break;
    const refusal = refuseJson(value, limits.maxDepth);
    if (refusal !== undefined) yield problemAt(json.object, 0, refusal);
    else {
      const { line } = json.object;
      const duplicates = repeatsKeys(json.object.text, value)
        ? readTree(json.object.text, limits)
        : undefined;
      const facts = { value, line, hasAliases: false };
      yield createDocument(json.object, facts, limits, locateDuplicates(json.object, duplicates));
    }
    rest = json.rest;
  }
  yield* readYaml(rest, limits);
}

function* readYaml(chunk: Chunk, limits: YamlLimits): Generator<YamlDocument | YamlProblem> {
  const { read, ignored } = splitAtDocumentEnd(chunk);
  try {
    const refused = REFUSED_CHARACTER.exec(read.text);
    if (refused !== null) throw new YamlError("control characters are not allowed", refused.index);
    if (INDENTED_SEPARATOR.test(read.text)) throw new YamlError("no space may stand before ---", 0);
    const tree = readTree(read.text, limits);
    if (tree !== undefined && tree.value !== null) {
      const { line } = positionAt(read, tree.root.start);
      const facts = { value: tree.value, line, hasAliases: tree.hasAliases };
      yield createDocument(read, facts, limits, locateDuplicates(read, tree));
    }
    if (tree?.ignored !== undefined) yield problemAt(read, tree.ignored, IGNORED);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    yield problemAt(read, error.start, error.message);
  }
  if (ignored !== undefined) yield problemAt(ignored, 0, IGNORED);
}

function createDocument(
  chunk: Chunk,
  { value, line, hasAliases }: Pick<YamlDocument, "value" | "line" | "hasAliases">,
  limits: YamlLimits,
  duplicateKeys: readonly DuplicateKey[],
): YamlDocument {
  const { start } = chunk;
  const end = start + chunk.text.length;
  return { value, line, start, end, places: new Places(chunk, limits), hasAliases, duplicateKeys };
}

function locateDuplicates(chunk: Chunk, tree: Tree | undefined): readonly DuplicateKey[] {
  if (tree === undefined || tree.duplicates.length === 0) return NO_DUPLICATES;
  const locate = createLocator(chunk);
  return tree.duplicates.map(({ path, start, isSame }) => ({ path, position: locate(start), isSame }));
}

const NO_DUPLICATES: readonly DuplicateKey[] = [];
const JSON_STRING = /"(?:[^"\\]|\\.)*"(\s*:)?/g;

/** Whether a JSON text has more keys than its value. */
function repeatsKeys(text: string, value: Json): boolean {
  let count = 0;
  for (const [, colon] of text.matchAll(JSON_STRING)) if (colon !== undefined) count++;
  const rest = [value];
  for (let item = rest.pop(); item !== undefined; item = rest.pop()) {
    if (typeof item !== "object" || item === null) continue;
    if (!Array.isArray(item)) count -= Object.keys(item).length;
    for (const child of Object.values(item)) rest.push(child);
  }
  return count > 0;
}

function parseJson(text: string): Json | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** JSON.parse takes any depth, and makes `1e999` infinite. */
function refuseJson(value: Json, maxDepth: number): string | undefined {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    const next: Json[] = [];
    for (const item of level) {
      if (typeof item === "number" && !Number.isFinite(item)) return "a number is too large";
      if (typeof item !== "object" || item === null) continue;
      if (depth === maxDepth) return describeDepth(maxDepth);
      for (const child of Object.values(item)) next.push(child);
    }
    level = next;
  }
  return undefined;
}

function problemAt(chunk: Chunk, offset: number, message: string): YamlProblem {
  return {
    ...positionAt(chunk, offset),
    message: message.replace(/\p{C}+/gu, " ").slice(0, MAX_MESSAGE_LENGTH),
  };
}
