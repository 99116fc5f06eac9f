/** Which files may hold manifests: those that are named, and those below folders that are named. */
import { readdir, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { ForesailError } from "../../errors.ts";
import { IGNORE_FILE, IgnoreFiles } from "./ignore-files.ts";
import { readFailure } from "./read-failure.ts";

export interface FoundFile {
  /** As the user would write it. */
  readonly path: string;
  /** Named itself, not found in a folder. */
  readonly isNamed: boolean;
}

export interface FoundFiles {
  /** Each file once, in the order of the paths, and of names within a folder. */
  readonly files: readonly FoundFile[];
  /** Folders that cannot be opened. */
  readonly closed: readonly { readonly path: string; readonly reason: string }[];
}

const EXTENSIONS = [".yaml", ".yml", ".json"];

/**
 * `-` is no file. Hidden folders and node_modules are left out, and, on request, what `.foresailignore` says.
 * @throws ForesailError STATE_UNREADABLE if a path that was named is not there or cannot be opened
 */
export async function findFiles(
  paths: readonly string[],
  { heedIgnoreFiles = false }: { readonly heedIgnoreFiles?: boolean } = {},
): Promise<FoundFiles> {
  const search = new Search(heedIgnoreFiles);
  for (const path of paths) {
    await search.start(path).catch((cause: unknown) => {
      throw new ForesailError({
        code: "STATE_UNREADABLE",
        message: `cannot read ${path}: ${readFailure(cause)}`,
        hint: "Name a file, a folder, or - for standard input.",
        cause,
      });
    });
  }
  return { files: [...search.files.values()], closed: search.closed };
}

interface Folder {
  readonly path: string;
  readonly real: string;
  /** Real paths on the way here, so that a link that leads back up is not followed. */
  readonly above: ReadonlySet<string>;
  readonly ignored: IgnoreFiles | undefined;
}

class Search {
  /** By real path: a file that is reached twice, as one of a folder and by its own name, counts once. */
  readonly files = new Map<string, FoundFile>();
  readonly closed: { path: string; reason: string }[] = [];
  readonly #heedIgnoreFiles: boolean;

  constructor(heedIgnoreFiles: boolean) {
    this.#heedIgnoreFiles = heedIgnoreFiles;
  }

  async start(path: string): Promise<void> {
    if (path === "-") return this.#add(path, path, true);
    const facts = await stat(path);
    // A pipe, as of `<(helm template .)`, has no real path.
    const real = await realpath(path).catch(() => path);
    if (!facts.isDirectory()) return this.#add(path, real, true);
    const ignored = this.#heedIgnoreFiles ? await IgnoreFiles.above(path) : undefined;
    await this.#walk({ path, real, above: new Set([real]), ignored });
  }

  async #walk(folder: Folder): Promise<void> {
    const entries = await readdir(folder.path, { withFileTypes: true });
    const hasIgnoreFile = entries.some(({ name }) => name === IGNORE_FILE);
    const ignored = hasIgnoreFile ? await folder.ignored?.and(folder.path) : folder.ignored;
    for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
      const { name } = entry;
      if (name.startsWith(".") || name === "node_modules") continue;
      const path = join(folder.path, name);
      const isLink = entry.isSymbolicLink();
      const facts = isLink ? await stat(path).catch(() => undefined) : entry;
      const isFolder = facts?.isDirectory() ?? false;
      if (ignored?.leavesOut(path, isFolder) === true) continue;
      // A link to nothing is a file: that shall be reported when it is read.
      const isFile = EXTENSIONS.includes(extname(name).toLowerCase()) && (facts?.isFile() ?? true);
      if (!isFolder && !isFile) continue;
      const real = isLink ? await realpath(path).catch(() => path) : join(folder.real, name);
      if (isFolder) await this.#enter(path, real, { ...folder, ignored });
      else this.#add(path, real, false);
    }
  }

  async #enter(path: string, real: string, from: Folder): Promise<void> {
    if (from.above.has(real)) return;
    try {
      await this.#walk({ ...from, path, real, above: new Set([...from.above, real]) });
    } catch (error) {
      this.closed.push({ path, reason: readFailure(error) });
    }
  }

  #add(path: string, real: string, isNamed: boolean): void {
    const known = this.files.get(real);
    this.files.set(real, { path: known?.path ?? path, isNamed: isNamed || known?.isNamed === true });
  }
}
