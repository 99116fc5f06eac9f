/** Texts from outside, line by line, however long the whole is. */
import { createReadStream } from "node:fs";
import { ForesailError } from "../../errors.ts";

/**
 * Without their line breaks; what follows the last one is a line if it is not empty. `-` is standard input.
 * @throws ForesailError USAGE if the file cannot be read
 */
export async function* linesOf(path: string, flag: string): AsyncIterable<string> {
  const stream = path === "-" ? process.stdin : createReadStream(path);
  // Not readline: it breaks lines at characters, too, that JSON may hold.
  stream.setEncoding("utf8");
  let parts: string[] = [];
  try {
    for await (const chunk of stream) {
      const [end = "", ...others] = String(chunk).split("\n");
      parts.push(end);
      for (const other of others) {
        yield parts.join("");
        parts = [other];
      }
    }
  } catch (cause) {
    throw isFailure(cause) ? unreadable(path, flag, cause) : cause;
  }
  const rest = parts.join("");
  if (rest !== "") yield rest;
}

const REASONS = new Map([
  ["ENOENT", "no such file"],
  ["EACCES", "no permission"],
  ["EISDIR", "it is a folder"],
]);

function isFailure(cause: unknown): cause is Error & { readonly code: string; readonly syscall: string } {
  return cause instanceof Error && "code" in cause && "syscall" in cause;
}

function unreadable(path: string, flag: string, cause: Error & { readonly code: string }): ForesailError {
  return new ForesailError({
    code: "USAGE",
    message: `cannot read ${path}: ${REASONS.get(cause.code) ?? cause.message}`,
    hint: `Name a file with ${flag}, or - for standard input.`,
    cause,
  });
}
