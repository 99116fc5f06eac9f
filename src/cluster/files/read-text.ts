/** Texts in UTF-8 of bounded length, or one line on why there is none. */
import { isUtf8 } from "node:buffer";
import { open } from "node:fs/promises";
import { readFailure } from "./read-failure.ts";

/** A file's objects take many times its size in memory, and some seconds. */
const MAX_MIB = 32;
const MAX_BYTES = MAX_MIB * 1024 * 1024;

export type ReadText = { readonly text: string } | UnreadableText;

interface UnreadableText {
  /** From 1. */
  readonly line: number;
  readonly column: number;
  readonly reason: string;
}

/** Of a file, a pipe or a device. */
export async function readTextFile(file: string): Promise<ReadText> {
  try {
    await using handle = await open(file);
    const facts = await handle.stat();
    if (!facts.isFile()) return await readTextStream(handle.createReadStream({ autoClose: false }));
    return facts.size > MAX_BYTES ? TOO_LARGE : decode(await handle.readFile());
  } catch (error) {
    return unreadable(readFailure(error));
  }
}

/** Reads no further than it needs to know that there is too much. */
export async function readTextStream(stream: AsyncIterable<unknown>): Promise<ReadText> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) continue;
    chunks.push(chunk);
    length += chunk.length;
    if (length > MAX_BYTES) return TOO_LARGE;
  }
  return decode(Buffer.concat(chunks, length));
}

const TOO_LARGE = unreadable(`larger than ${MAX_MIB} MiB: split it`);
const UTF16 = unreadable("in UTF-16, and kubectl reads UTF-8: save it as UTF-8");
const REPLACEMENT = "\uFFFD";

function decode(bytes: Buffer): ReadText {
  if (isUtf16(bytes)) return UTF16;
  if (bytes.includes(0)) return unreadable("not a text file");
  const text = bytes.toString("utf8");
  if (isUtf8(bytes)) return { text };
  const before = text.slice(0, text.indexOf(REPLACEMENT)).split("\n");
  return {
    line: before.length,
    column: Array.from(before.at(-1) ?? "").length + 1,
    reason: "not in UTF-8: save it as UTF-8",
  };
}

/** Enough for a line. */
const SAMPLE_BYTES = 64;

/** By its mark, or because every other byte is 0. */
function isUtf16(bytes: Buffer): boolean {
  if (bytes.length < 2 || bytes.length % 2 === 1) return false;
  const mark = bytes.readUInt16BE(0);
  if (mark === 0xfeff || mark === 0xfffe) return true;
  const sample = bytes.subarray(0, SAMPLE_BYTES);
  return [0, 1].some((side) => sample.every((byte, index) => (byte === 0) === (index % 2 === side)));
}

function unreadable(reason: string): UnreadableText {
  return { line: 1, column: 1, reason };
}
