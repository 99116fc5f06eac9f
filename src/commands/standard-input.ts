import { readTextStream } from "../cluster/files/read-text.ts";
import type { ReadText } from "../cluster/files/read-text.ts";

/** What the path `-` stands for, if it is among the paths. */
export async function standardInputFor(
  paths: readonly string[],
): Promise<{ readonly standardInput?: ReadText }> {
  return paths.includes("-") ? { standardInput: await readTextStream(process.stdin) } : {};
}
