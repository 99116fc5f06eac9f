import type { FieldPath } from "./field-path.ts";
import type { Json } from "./json.ts";
import { describeDepth, YamlError } from "./yaml-events.ts";
import { findEntry } from "./yaml-node.ts";
import {
  createLocator,
  excerptAt,
  positionAt,
  splitAtDocumentEnd,
  splitDocuments,
  splitJson,
} from "./yaml-split.ts";
import type { Chunk, Excerpt, Position } from "./yaml-split.ts";
import { readTree } from "./yaml-tree.ts";
import type { Tree, YamlLimits } from "./yaml-tree.ts";

export { emitYaml } from "./yaml-emit.ts";
export type { Excerpt, Position } from "./yaml-split.ts";
export type { YamlLimits } from "./yaml-tree.ts";

export interface YamlDocument {
  /** What kubectl would send; integers beyond 2^53 as the nearest number. Aliased parts are shared, not copied. */
  readonly value: Json;
  /** Of the document's first content. */
  readonly line: number;
  /** The stretch of the text that holds the document and nothing of others. */
  readonly start: number;
  readonly end: number;
  /** Of the field's key, or of the list's item; of the nearest parent that is there if the field is not. */
  position(path: FieldPath): Position;
  /** The line around the position. */
  excerpt(path: FieldPath): Excerpt;
  /** A scalar as written (`1.10`, `Off`), without quotes; undefined if there is no scalar at the path. */
  source(path: FieldPath): string | undefined;
  /** Keys that their mapping had already; `position` is that of the repetition, which wins. */
  readonly duplicateKeys: readonly DuplicateKey[];
}

interface DuplicateKey {
  readonly path: FieldPath;
  readonly position: Position;
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

/**
 * All documents of a YAML or JSON text, in order, as kubectl reads them. A broken document becomes a problem and does
 * not stop the others; documents that are empty or null are left out. Never throws.
 */
export function parseYaml(text: string, limits: Partial<YamlLimits> = {}): YamlText {
  const documents: YamlDocument[] = [];
  const problems: YamlProblem[] = [];
  const allLimits = { ...YAML_LIMITS, ...limits };
  const content = text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  let isFirst = true;
  for (const { chunk, isBadSeparator } of splitDocuments(content, text.length - content.length)) {
    const readings = isBadSeparator
      ? [problemAt(chunk, 0, "only a comment may follow --- on its line")]
      : readChunk(chunk, isFirst, allLimits);
    for (const reading of readings) {
      if ("message" in reading) problems.push(reading);
      else documents.push(reading);
    }
    isFirst = false;
  }
  return { documents, problems };
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
    else yield createDocument(json.object, value, json.object.line, limits);
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
      yield createDocument(read, tree.value, line, limits, locateDuplicates(read, tree));
    }
    if (tree?.ignored !== undefined) yield problemAt(read, tree.ignored, IGNORED);
  } catch (error) {
    if (!(error instanceof YamlError)) throw error;
    yield problemAt(read, error.start, error.message);
  }
  if (ignored !== undefined) yield problemAt(ignored, 0, IGNORED);
}

/** The tree is made again, once, when it is first asked for: most documents are never asked. */
function createDocument(
  chunk: Chunk,
  value: Json,
  line: number,
  limits: YamlLimits,
  knownDuplicates?: readonly DuplicateKey[],
): YamlDocument {
  let tree: Tree | undefined;
  let duplicates = knownDuplicates;
  const find = (path: FieldPath) => {
    tree ??= readTree(chunk.text, limits);
    return tree && findEntry(tree.root, path);
  };
  return {
    value,
    line,
    start: chunk.start,
    end: chunk.start + chunk.text.length,
    position: (path) => positionAt(chunk, find(path)?.entry.start ?? 0),
    excerpt: (path) => excerptAt(chunk.text, find(path)?.entry.start ?? 0),
    source(path) {
      const found = find(path);
      return found?.isExact === true && found.entry.node.kind === "scalar"
        ? found.entry.node.text
        : undefined;
    },
    get duplicateKeys() {
      return (duplicates ??= locateDuplicates(chunk, readTree(chunk.text, limits)));
    },
  };
}

function locateDuplicates(chunk: Chunk, tree: Tree | undefined): DuplicateKey[] {
  const locate = createLocator(chunk);
  return (tree?.duplicates ?? []).map(({ path, start }) => ({ path, position: locate(start) }));
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
