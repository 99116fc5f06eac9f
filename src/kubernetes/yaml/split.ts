/** A stretch of a text, where it begins, the number of its first line, and how many characters stand before it on that line. */
export interface Chunk {
  readonly text: string;
  readonly start: number;
  readonly line: number;
  readonly column: number;
}

/** A chunk between separators, or a separator line that kubectl refuses. */
export interface Split {
  readonly chunk: Chunk;
  readonly isBadSeparator: boolean;
}

/** Lines and columns count from 1; columns count characters (code points), a tab is one. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The line around an offset, or of a long line what is near. */
export interface Excerpt {
  readonly before: string;
  readonly after: string;
  /** The line goes on behind it. */
  readonly isCut: boolean;
}

/** More than a terminal shows of a line; a file may have all it holds in one. */
const MAX_EXCERPT = 200;

/** Any line that begins so ends a document; kubectl reads on only if nothing but a comment follows. */
const SEPARATOR = /(?<=^|\n)---([^\n]*)\n?/g;
const GOOD_SEPARATOR = /^\s*(?:#|$)/;
/** After such a line kubectl reads nothing more, up to the next separator. */
const DOCUMENT_END = /(?<=^|\n)\.\.\.(?=\s|$)[^\n]*/;
const SPACE = /\s*/y;
const SPACE_AND_COMMENTS = /(?:\s|#[^\n]*)*/y;

/**
 * Cuts a text where kubectl does (apimachinery, util/yaml, `YAMLReader`). A bad separator, at which kubectl stops,
 * separates here too, so that the other documents can be looked at. `offset` is where the text begins.
 */
export function* splitDocuments(text: string, offset = 0): Generator<Split> {
  let rest: Chunk = { text, start: offset, line: 1, column: 0 };
  let start = 0;
  for (const { 0: separator, 1: remark = "", index } of text.matchAll(SEPARATOR)) {
    yield { chunk: { ...rest, text: text.slice(start, index) }, isBadSeparator: false };
    rest = after(rest, index - start);
    if (!GOOD_SEPARATOR.test(remark)) yield { chunk: { ...rest, text: separator }, isBadSeparator: true };
    rest = after(rest, separator.length);
    start = index + separator.length;
  }
  yield { chunk: rest, isBadSeparator: false };
}

/** The part of a chunk that kubectl reads, and what follows a line `...` if that is more than comments. */
export function splitAtDocumentEnd(chunk: Chunk): {
  readonly read: Chunk;
  readonly ignored: Chunk | undefined;
} {
  const end = DOCUMENT_END.exec(chunk.text);
  if (end === null) return { read: chunk, ignored: undefined };
  const ignored = after(chunk, skip(SPACE_AND_COMMENTS, chunk.text, end.index + end[0].length));
  return {
    read: { ...chunk, text: chunk.text.slice(0, end.index) },
    ignored: ignored.text === "" ? undefined : ignored,
  };
}

/** Cuts off what can be the first of several JSON objects one after the other; that it is JSON is not certain. */
export function splitJson(chunk: Chunk): { readonly object: Chunk; readonly rest: Chunk } {
  const start = after(chunk, skip(SPACE, chunk.text, 0));
  const end = endOfJson(start.text);
  return {
    object: { ...start, text: start.text.slice(0, end) },
    rest: after(start, skip(SPACE, start.text, end)),
  };
}

export function positionAt(chunk: Chunk, offset: number): Position {
  const { line, column } = after(chunk, offset);
  return { line, column: column + 1 };
}

/** Looks no further than it shows: a text may be one long line. */
export function excerptAt(text: string, offset: number): Excerpt {
  const left = text.slice(Math.max(0, offset - MAX_EXCERPT), offset);
  const right = text.slice(offset, offset + MAX_EXCERPT);
  const lineEnd = right.indexOf("\n");
  return {
    before: left.slice(left.lastIndexOf("\n") + 1),
    after: (lineEnd === -1 ? right : right.slice(0, lineEnd)).trimEnd(),
    isCut: lineEnd === -1 && offset + MAX_EXCERPT < text.length,
  };
}

const SURROGATE = /[\ud800-\udfff]/;

/** Positions of many offsets: looks for the line breaks once. */
export function createLocator({ text, line, column }: Chunk): (offset: number) => Position {
  const starts = [0];
  for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", end + 1)) starts.push(end + 1);
  const hasPairs = SURROGATE.test(text);
  return (offset) => {
    const index = lastUpTo(starts, offset);
    const start = starts[index] ?? 0;
    const before = hasPairs ? Array.from(text.slice(start, offset)).length : offset - start;
    return { line: line + index, column: (index === 0 ? column : 0) + before + 1 };
  };
}

/** The index of the last of some rising numbers that is not above a number; the first is not. */
function lastUpTo(numbers: readonly number[], limit: number): number {
  let [low, high] = [0, numbers.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) <= limit) low = middle;
    else high = middle;
  }
  return low;
}

/** What follows an offset in a chunk. */
function after(chunk: Chunk, offset: number): Chunk {
  const passed = chunk.text.slice(0, offset);
  let { line, column } = chunk;
  let lineStart = 0;
  for (let end = passed.indexOf("\n"); end !== -1; end = passed.indexOf("\n", lineStart)) {
    line++;
    column = 0;
    lineStart = end + 1;
  }
  for (const _ of passed.slice(lineStart)) column++;
  return { text: chunk.text.slice(offset), start: chunk.start + offset, line, column };
}

/** Where a sticky pattern that begins at an offset ends. */
export function skip(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  pattern.test(text);
  return pattern.lastIndex;
}

/** The offset after the bracket that closes the first one, or the end of the text. */
function endOfJson(text: string): number {
  let depth = 0;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '"') index = endOfString(text, index);
    else if (character === "{" || character === "[") depth++;
    else if ((character === "}" || character === "]") && --depth === 0) return index + 1;
  }
  return text.length;
}

/** The offset of the quote that closes the one at `start`. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    if (text[index] === "\\") index++;
    else if (text[index] === '"') return index;
  }
  return text.length;
}
