/** The configuration in a file. */
import { open } from "node:fs/promises";

import { ForesailError } from "../errors.ts";
import type { AnyRule } from "../rules/rule.ts";
import { MAX_CONFIGURATION_BYTES } from "./configuration.ts";
import type { Configuration } from "./configuration.ts";

/** What the file holds, or CONFIG_INVALID. */
export type Reading = Buffer | ForesailError;

/** Throws a ForesailError, CONFIG_INVALID, whose message has a line for each problem. */
export async function loadConfiguration(file: string, rules: readonly AnyRule[]): Promise<Configuration> {
  const result = await parseReading(file, await readConfigurationFile(file), rules);
  if (result instanceof ForesailError) throw result;
  return result;
}

/** Of a file that is too long only so much that it is known to be. */
export async function readConfigurationFile(file: string): Promise<Reading> {
  try {
    await using handle = await open(file);
    const bytes = Buffer.alloc(MAX_CONFIGURATION_BYTES + 1);
    let length = 0;
    // A pipe gives its content in pieces.
    for (let count = 1; count > 0 && length < bytes.length; length += count) {
      ({ bytesRead: count } = await handle.read(bytes, length, bytes.length - length, null));
    }
    return bytes.subarray(0, length);
  } catch (error) {
    return unreadable(file, error);
  }
}

export async function parseReading(
  file: string,
  reading: Reading,
  rules: readonly AnyRule[],
): Promise<Configuration | ForesailError> {
  if (reading instanceof ForesailError) return reading;
  // zod takes some 50 ms to load, which commands without a configuration need not pay.
  const { parseConfiguration } = await import("./parse.ts");
  const text = decode(reading);
  const result =
    text === undefined
      ? { problems: [{ line: 1, column: 1, message: "expected a text in UTF-8" }] }
      : parseConfiguration(text, rules);
  if ("configuration" in result) return result.configuration;
  const lines = result.problems.map(({ line, column, message }) => `${file}:${line}:${column}: ${message}`);
  return new ForesailError({
    code: "CONFIG_INVALID",
    message: lines.join("\n"),
    hint: "Correct these lines; `foresail explain` lists the rules, and whatever is left out has its default",
  });
}

function decode(bytes: Buffer): string | undefined {
  // What is too long may have been cut inside of a character; it is refused for its length.
  if (bytes.length > MAX_CONFIGURATION_BYTES) return bytes.toString();
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function unreadable(file: string, error: unknown): ForesailError {
  const failure = error instanceof Error && "code" in error ? error.code : undefined;
  const [what, hint] = explainFailure(file, failure) ?? [
    `cannot be read: ${String(error)}`,
    "Check the file",
  ];
  return new ForesailError({ code: "CONFIG_INVALID", message: `${file} ${what}`, hint, cause: error });
}

function explainFailure(file: string, failure: unknown): readonly [what: string, hint: string] | undefined {
  switch (failure) {
    case "ENOENT":
    case "ENOTDIR":
      return ["does not exist", "Check the path; without --config the defaults apply"];
    case "EISDIR":
      return ["is a directory", `Name the file in it, such as ${file.replace(/\/+$/, "")}/config.yaml`];
    case "EACCES":
    case "EPERM":
      return [
        "may not be read by this user",
        "Give this user the right to read the file and to enter its folders",
      ];
    default:
      return undefined;
  }
}
