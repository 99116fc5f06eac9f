/** `.foresailignore`: which files of a folder are not looked at, in gitignore's words. */
import { readFile } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Ignore } from "ignore";

export const IGNORE_FILE = ".foresailignore";

interface IgnoreFile {
  /** Absolute; its patterns are relative to it. */
  readonly folder: string;
  readonly patterns: Ignore;
}

/** The ignore files that count in a folder. As for git, the one that is nearest to a file has the last word. */
export class IgnoreFiles {
  readonly #files: readonly IgnoreFile[];

  private constructor(files: readonly IgnoreFile[]) {
    this.#files = files;
  }

  /**
   * Those above a folder that was named, from the working folder on. One that leaves out the folder itself does not count:
   * whoever names it wants it.
   */
  static async above(folder: string): Promise<IgnoreFiles> {
    const start = resolve(".");
    const named = resolve(folder);
    const files: IgnoreFile[] = [];
    for (const parent of parentsWithin(start, named)) {
      const file = await readIgnoreFile(parent);
      if (file !== undefined && verdictOf(file, named, true) !== "ignored") files.push(file);
    }
    return new IgnoreFiles(files);
  }

  /** With the one that stands in a folder below. */
  async and(folder: string): Promise<IgnoreFiles> {
    const file = await readIgnoreFile(resolve(folder));
    return file === undefined ? this : new IgnoreFiles([...this.#files, file]);
  }

  leavesOut(path: string, isFolder: boolean): boolean {
    if (this.#files.length === 0) return false;
    const absolute = resolve(path);
    for (const file of this.#files.toReversed()) {
      const verdict = verdictOf(file, absolute, isFolder);
      if (verdict !== undefined) return verdict === "ignored";
    }
    return false;
  }
}

/** The folders from `start` down to the one above `folder`; none if it lies elsewhere. */
function parentsWithin(start: string, folder: string): string[] {
  const prefix = start.endsWith(sep) ? start : start + sep;
  const parents: string[] = [];
  for (let at = folder; at.startsWith(prefix); at = dirname(at)) parents.unshift(dirname(at));
  return parents;
}

async function readIgnoreFile(folder: string): Promise<IgnoreFile | undefined> {
  const text = await readFile(join(folder, IGNORE_FILE), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const { default: ignore } = await import("ignore");
  return { folder, patterns: ignore({ ignorecase: false }).add(text.replace(/^\uFEFF/, "")) };
}

function verdictOf(
  { folder, patterns }: IgnoreFile,
  path: string,
  isFolder: boolean,
): "ignored" | "unignored" | undefined {
  const name = relative(folder, path).replaceAll(sep, "/");
  const { ignored, unignored } = patterns.test(isFolder ? `${name}/` : name);
  if (ignored) return "ignored";
  return unignored ? "unignored" : undefined;
}
