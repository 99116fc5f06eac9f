/** Kubernetes objects out of files, folders and texts, each with its place. */
import { isUtf8 } from "node:buffer";
import { readdir, readFile, realpath, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { ForesailError } from "../errors.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";
import { isObject } from "../kubernetes/json.ts";
import { findKind, groupOf, readObject } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { parseYaml } from "../kubernetes/yaml.ts";
import type { Excerpt, Position, YamlDocument } from "../kubernetes/yaml.ts";

export interface Manifest {
  /** As given on the command line; `-` for standard input. */
  readonly file: string;
  readonly apiVersion: string;
  /** As it stands in the manifest. */
  readonly kindName: string;
  /** Undefined for kinds foresail does not know. */
  readonly kind: Kind | undefined;
  /** `PREFIX*` of an object with generateName. */
  readonly name: string;
  /** As written; undefined if it names none. */
  readonly namespace: string | undefined;
  /** Unread, as it would be sent to the API server. */
  readonly object: unknown;
  /** The index of its document in the text, and the way to it if that is a list. */
  readonly document: number;
  readonly path: FieldPath;
  /** Of a field of the object, or of its nearest parent that is there. */
  position(field: FieldPath): Position;
  /** The line around the position. */
  excerpt(field: FieldPath): Excerpt;
}

export interface ReadProblem extends Position {
  readonly file: string;
  readonly message: string;
}

export interface Manifests {
  readonly manifests: readonly Manifest[];
  /** Documents that could not be read; each file is named at least once. */
  readonly problems: readonly ReadProblem[];
  readonly documents: number;
  /** Files in folders that hold no Kubernetes object. */
  readonly skipped: number;
}

const EXTENSIONS = [".yaml", ".yml", ".json"];
/** V8 ends strings at 512 MiB; no manifest comes near. */
const MAX_FILE_BYTES = 128 * 1024 * 1024;

/** Reading one after the other waits for the disk most of the time; too many at once run out of file descriptors. */
const READ_AT_ONCE = 32;

/**
 * Reads files and folders; `-` is the text of standard input. The order of files is that of their names.
 * @throws ForesailError STATE_UNREADABLE if a path that was named is not there or cannot be opened
 */
export async function readManifests(paths: readonly string[], standardInput?: string): Promise<Manifests> {
  const files: string[] = [];
  for (const path of paths) files.push(...(path === "-" ? [path] : await listFiles(path)));
  const named = new Set(paths);
  const parts = await mapInBatches(await onlyOnce(files), (file) =>
    file === "-" ? parseManifests(file, standardInput ?? "", true) : readFileManifests(file, named.has(file)),
  );
  return {
    manifests: parts.flatMap(({ manifests }) => manifests),
    problems: parts.flatMap(({ problems }) => problems),
    documents: sum(parts.map(({ documents }) => documents)),
    skipped: sum(parts.map(({ skipped }) => skipped)),
  };
}

/** A file that is reached twice, as one of a folder and by its own name, holds its objects only once. */
async function onlyOnce(files: readonly string[]): Promise<string[]> {
  // A pipe, as of `<(helm template .)`, has no real path.
  const real = await mapInBatches(files, (file) => realpath(file).catch(() => file));
  const first = new Map<string | undefined, string>();
  for (const [index, file] of files.entries()) if (!first.has(real[index])) first.set(real[index], file);
  return [...first.values()];
}

async function mapInBatches<T, R>(items: readonly T[], map: (item: T) => R | Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += READ_AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + READ_AT_ONCE).map(map))));
  }
  return results;
}

/** The file itself, or the manifests below a folder, in order of name. Hidden folders and node_modules are left out. */
export async function listFiles(path: string): Promise<readonly string[]> {
  const facts = await stat(path).catch((cause: unknown) => refuse(path, cause));
  return facts.isDirectory() ? listFolder(path, new Set([await realpath(path)])) : [path];
}

function refuse(path: string, cause: unknown): never {
  throw new ForesailError({
    code: "STATE_UNREADABLE",
    message: `cannot read ${path}: ${reasonOf(cause)}`,
    hint: "Name a file, a folder, or - for standard input.",
    cause,
  });
}

/** `above` holds the real paths on the way here, so that a link that leads back up is not followed. */
async function listFolder(folder: string, above: ReadonlySet<string>): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) =>
    refuse(folder, cause),
  );
  const files: string[] = [];
  for (const entry of entries.toSorted((one, other) => (one.name < other.name ? -1 : 1))) {
    const { name } = entry;
    if (name.startsWith(".") || name === "node_modules") continue;
    const path = join(folder, name);
    const facts = entry.isSymbolicLink() ? await stat(path).catch(() => undefined) : entry;
    if (facts?.isDirectory()) {
      const real = await realpath(path).catch((cause: unknown) => refuse(path, cause));
      if (!above.has(real)) files.push(...(await listFolder(path, new Set([...above, real]))));
    } else if (EXTENSIONS.includes(extname(name).toLowerCase()) && (facts?.isFile() ?? true)) {
      // A link to nothing is among them: it shall be reported when it is read.
      files.push(path);
    }
  }
  return files;
}

async function readFileManifests(file: string, isNamed: boolean): Promise<Manifests> {
  const unreadable = (message: string): Manifests => ({
    manifests: [],
    problems: [{ file, line: 1, column: 1, message }],
    documents: 0,
    skipped: 0,
  });
  try {
    const { size } = await stat(file);
    if (size > MAX_FILE_BYTES) return unreadable(`larger than ${MAX_FILE_BYTES / 1024 / 1024} MiB`);
    const bytes = await readFile(file);
    if (bytes.includes(0)) return unreadable("not a text file");
    if (!isUtf8(bytes)) return unreadable("not in UTF-8");
    return parseManifests(file, bytes.toString("utf8"), isNamed);
  } catch (error) {
    return unreadable(reasonOf(error));
  }
}

/** `isNamed`: the user named this text, so a document that is no Kubernetes object is a problem and not passed over. */
export function parseManifests(file: string, text: string, isNamed: boolean): Manifests {
  const { documents, problems } = parseYaml(text);
  const parts = documents.flatMap((document, index) => [...partsOf({ document, index }, document.value, [])]);
  const strangers = parts.filter(({ resource }) => resource === undefined);
  const strange = strangers.map(({ document, path }) => ({
    file,
    ...(path.length === 0 ? { line: document.line, column: 1 } : document.position(path)),
    message: "no Kubernetes object: apiVersion or kind is missing",
  }));
  const hasObjects = strangers.filter(({ path }) => path.length === 0).length < documents.length;
  return {
    manifests: parts.flatMap((part) => manifestOf(file, part) ?? []),
    problems: [
      ...problems.map((problem) => ({ file, ...problem })),
      ...(isNamed || hasObjects ? strange : []),
    ],
    documents: documents.length,
    skipped: !isNamed && !hasObjects && problems.length === 0 ? 1 : 0,
  };
}

interface Source {
  readonly document: YamlDocument;
  readonly index: number;
}

/** A document, or one item of a list. */
interface Part extends Source {
  readonly path: FieldPath;
  /** Undefined if it is no Kubernetes object. */
  readonly resource:
    | { readonly apiVersion: string; readonly kindName: string; readonly object: object }
    | undefined;
}

/** The items of a list of one kind, as the API server sends it, leave their kind to the list. */
function* partsOf(
  source: Source,
  value: unknown,
  path: FieldPath,
  kindOfItems: { readonly apiVersion?: string; readonly kind?: string } = {},
): Generator<Part> {
  const object: { readonly [key: string]: unknown } = isObject(value) ? { ...kindOfItems, ...value } : {};
  const { apiVersion, kind: kindName, items } = object;
  if (typeof apiVersion !== "string" || typeof kindName !== "string" || kindName === "") {
    yield { ...source, path, resource: undefined };
  } else if (kindName.endsWith("List") && Array.isArray(items)) {
    const inherited = kindName === "List" ? {} : { apiVersion, kind: kindName.slice(0, -"List".length) };
    for (const [index, item] of items.entries()) {
      yield* partsOf(source, item, [...path, "items", index], inherited);
    }
  } else yield { ...source, path, resource: { apiVersion, kindName, object } };
}

function manifestOf(file: string, { document, index, path, resource }: Part): Manifest | undefined {
  if (resource === undefined) return undefined;
  const { apiVersion, kindName, object } = resource;
  const { name, generateName = "", namespace } = readObject("Namespace", object).metadata ?? {};
  return {
    file,
    apiVersion,
    kindName,
    kind: findKind(groupOf(apiVersion), kindName),
    name: name || `${generateName}*`,
    namespace,
    object,
    document: index,
    path,
    position: (field) => document.position([...path, ...field]),
    excerpt: (field) => document.excerpt([...path, ...field]),
  };
}

const REASONS = new Map([
  ["ENOENT", "no such file or folder"],
  ["EACCES", "no permission"],
  ["EISDIR", "it is a folder"],
  ["ELOOP", "too many symbolic links"],
]);

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return REASONS.get(code) ?? (error instanceof Error ? error.message : String(error));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}
