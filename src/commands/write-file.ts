/** Files that are whole or as they were before, whatever happens while they are written. */
import { randomUUID } from "node:crypto";
import { chmod, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { ForesailError } from "../errors.ts";

/**
 * Takes the place of the file; a link stays one, and so do permissions. What is no file, such as /dev/null or a pipe, is
 * written to.
 * @throws ForesailError USAGE if that cannot be done
 */
export async function writeWhole(file: string, content: string): Promise<void> {
  try {
    const target = await realpath(file).catch(() => file);
    const facts = await stat(target).catch(() => undefined);
    if (facts !== undefined && !facts.isFile()) await writeFile(target, content);
    else await replaceFile(target, content, facts?.mode);
  } catch (cause) {
    throw new ForesailError({
      code: "USAGE",
      message: `cannot write ${file}: ${await reasonOf(file, cause)}`,
      hint: "Name a file in a folder that is there and may be written.",
      cause,
    });
  }
}

async function replaceFile(target: string, content: string, mode: number | undefined): Promise<void> {
  // In the same folder: only within one file system does a file take another's place in one step.
  const whole = `${target}.${randomUUID()}.tmp`;
  try {
    await writeFile(whole, content, { flag: "wx" });
    if (mode !== undefined) await chmod(whole, mode);
    await rename(whole, target);
  } catch (error) {
    await rm(whole, { force: true });
    throw error;
  }
}

const REASONS = new Map([
  ["EACCES", "no permission"],
  ["EISDIR", "it is a folder"],
  ["ENOSPC", "no space is left"],
  ["ENOTDIR", "its folder is a file"],
  ["EPERM", "no permission"],
  ["EROFS", "its file system is read-only"],
]);

async function reasonOf(file: string, error: unknown): Promise<string> {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT") {
    const folder = dirname(file);
    return (await stat(folder).catch(() => undefined)) ? "no such file" : `there is no folder ${folder}`;
  }
  return REASONS.get(code) ?? (error instanceof Error ? error.message : String(error));
}
