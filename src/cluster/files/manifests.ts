/** Kubernetes objects out of files, folders and texts, each with its place. */
import { yamlDocuments } from "../../kubernetes/yaml/yaml.ts";
import type { YamlDocument, YamlProblem } from "../../kubernetes/yaml/yaml.ts";
import { findFiles } from "./files.ts";
import type { FoundFile } from "./files.ts";
import { duplicatesOf, manifestOf, partsOf } from "./manifest.ts";
import type { Manifest, Part } from "./manifest.ts";
import { withoutPatches } from "./patches.ts";
import type { SkippedPatches } from "./patches.ts";
import { readTextFile } from "./read-text.ts";
import type { ReadText } from "./read-text.ts";
import { chartOf, countTemplates, looksLikeTemplate } from "./templates.ts";
import type { SkippedTemplates } from "./templates.ts";

export type { Manifest } from "./manifest.ts";

export interface ReadProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
  /** One line. */
  readonly message: string;
}

export interface Manifests {
  readonly manifests: readonly Manifest[];
  /** Documents and folders that could not be read; each file is named at least once. */
  readonly problems: readonly ReadProblem[];
  readonly documents: number;
  /** Files in folders that hold no Kubernetes object, and all templates and patches. */
  readonly skipped: number;
  readonly templates: readonly SkippedTemplates[];
  readonly patches: readonly SkippedPatches[];
}

export interface ReadOptions {
  /** What the path `-` stands for. */
  readonly standardInput?: ReadText;
  readonly heedIgnoreFiles?: boolean;
  /** Called after every document. */
  readonly onDocument?: (file: string) => void;
}

/** Reading one after the other waits for the disk most of the time; too many at once run out of file descriptors. */
const READ_AT_ONCE = 32;

/**
 * Reads files and folders; the order of files is that of the paths, and of names within a folder.
 * @throws ForesailError STATE_UNREADABLE if a path that was named is not there or cannot be opened
 */
export async function readManifests(
  paths: readonly string[],
  { standardInput = { text: "" }, onDocument, ...search }: ReadOptions = {},
): Promise<Manifests> {
  const { files: found, closed } = await findFiles(paths, search);
  const { files, patches } = await withoutPatches(found);
  const contents: FileContent[] = [];
  for (let start = 0; start < files.length; start += READ_AT_ONCE) {
    const batch = files.slice(start, start + READ_AT_ONCE).map(async (file) => {
      const read = file.path === "-" ? standardInput : await readTextFile(file.path);
      return contentOf(file, read, onDocument);
    });
    contents.push(...(await Promise.all(batch)));
  }
  return {
    manifests: contents.flatMap(({ manifests }) => manifests),
    problems: [
      ...contents.flatMap(({ problems }) => problems),
      ...closed.map(({ path, reason }) => ({ file: path, line: 1, column: 1, message: reason })),
    ],
    documents: contents.reduce((sum, { documents }) => sum + documents, 0),
    skipped: contents.filter(({ isSkipped }) => isSkipped).length + found.length - files.length,
    templates: countTemplates(contents.flatMap(({ template }) => template ?? [])),
    patches,
  };
}

/** What one file holds. */
export interface FileContent {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly ReadProblem[];
  readonly documents: number;
  readonly isSkipped: boolean;
  readonly template?: { readonly file: string; readonly chart: string | undefined };
}

const NOTHING: FileContent = { manifests: [], problems: [], documents: 0, isSkipped: false };

async function contentOf(
  { path: file, isNamed }: FoundFile,
  read: ReadText,
  onDocument: ReadOptions["onDocument"],
): Promise<FileContent> {
  if (!("text" in read)) {
    const { line, column, reason } = read;
    return { ...NOTHING, problems: [{ file, line, column, message: reason }] };
  }
  const { text } = read;
  const content = parseManifests(file, text, isNamed, onDocument);
  const chart = file === "-" ? undefined : await chartOf(file, text);
  const signs = {
    text,
    problemLines: content.problems.map(({ line }) => line),
    names: content.manifests.flatMap(({ name, namespace = "" }) => [name, namespace]),
  };
  if (chart === undefined && !looksLikeTemplate(signs)) return content;
  return { ...NOTHING, documents: content.documents, isSkipped: true, template: { file, chart } };
}

/** `isNamed`: the user named this text, so a document that is no Kubernetes object is a problem and not passed over. */
export function parseManifests(
  file: string,
  text: string,
  isNamed: boolean,
  onDocument: (file: string) => void = () => {},
): FileContent {
  const manifests: Manifest[] = [];
  const broken: YamlProblem[] = [];
  const strange: ReadProblem[] = [];
  let documents = 0;
  let hasObjects = false;
  for (const reading of yamlDocuments(text)) {
    onDocument(file);
    if ("message" in reading) {
      broken.push(reading);
      continue;
    }
    const index = documents++;
    const parts = [...partsOf(reading)];
    const duplicates = duplicatesOf(reading, parts);
    for (const part of parts) {
      const manifest = manifestOf(file, reading, index, part, duplicates.get(part.path));
      if (manifest === undefined) strange.push(strangeness(file, reading, part));
      else manifests.push(manifest);
    }
    hasObjects ||= parts.every(({ resource, path }) => resource !== undefined || path.length > 0);
  }
  const isOtherJson = !isNamed && documents === 0 && isJsonWithComments(file, text);
  const problems = isOtherJson ? [] : broken.map((problem) => ({ file, ...problem }));
  return {
    manifests,
    problems: [...problems, ...(isNamed || hasObjects ? strange : [])],
    documents,
    isSkipped: !isNamed && !hasObjects && problems.length === 0,
  };
}

function strangeness(file: string, { line, places }: YamlDocument, { path }: Part): ReadProblem {
  const place = path.length === 0 ? { line, column: 1 } : places.position(path);
  return { file, ...place, message: "no Kubernetes object: apiVersion or kind is missing" };
}

/** What editors and compilers are set up with; no manifest, for kubectl refuses comments of this kind. */
function isJsonWithComments(file: string, text: string): boolean {
  return (
    file.toLowerCase().endsWith(".json") &&
    /^\s*(?:\/\/|\/\*)|,\s*[}\]]/m.test(text) &&
    !text.includes('"apiVersion"')
  );
}
