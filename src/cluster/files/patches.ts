/** Kustomize's patches, which hold only parts of objects until they are built. */
import { basename, dirname, relative, resolve } from "node:path";
import { list, object, string } from "../../kubernetes/shape.ts";
import { parseYaml } from "../../kubernetes/yaml/yaml.ts";
import type { FoundFile } from "./files.ts";
import { readTextFile } from "./read-text.ts";

/** https://kubectl.docs.kubernetes.io/references/kustomize/glossary/#kustomization-root */
const NAMES = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

const kustomizationShape = object({
  resources: list(string),
  patches: list(object({ path: string })),
  patchesJson6902: list(object({ path: string })),
  patchesStrategicMerge: list(string),
});

/** Patches that were passed over. */
export interface SkippedPatches {
  /** The folder that is built. */
  readonly root: string;
  readonly count: number;
}

export interface SortedFiles {
  readonly files: readonly FoundFile[];
  readonly patches: readonly SkippedPatches[];
}

/**
 * The files without those that a kustomization among them, or in a folder above one of them, names as patches and none as a
 * resource.
 */
export async function withoutPatches(files: readonly FoundFile[]): Promise<SortedFiles> {
  const roots = await rootsOf(await kustomizationsAround(files));
  if (roots.size === 0) return { files, patches: [] };
  const counts = new Map<string, number>();
  const others = files.filter(({ path }) => {
    const root = path === "-" ? undefined : roots.get(resolve(path));
    if (root !== undefined) counts.set(root, (counts.get(root) ?? 0) + 1);
    return root === undefined;
  });
  return {
    files: others,
    patches: [...counts].map(([root, count]) => ({ root: relative(".", root) || ".", count })),
  };
}

/** Reading one after the other waits for the disk most of the time; too many at once run out of file descriptors. */
const READ_AT_ONCE = 32;

/** All that may be one: most of these names lead to no file. */
async function kustomizationsAround(files: readonly FoundFile[]): Promise<readonly string[]> {
  const paths = new Set<string>();
  const folders = new Set<string>();
  for (const { path } of files) {
    if (path === "-") continue;
    if (NAMES.includes(basename(path))) paths.add(resolve(path));
    for (let folder = dirname(resolve(path)); !folders.has(folder); folder = dirname(folder)) {
      folders.add(folder);
      for (const name of NAMES) paths.add(resolve(folder, name));
    }
  }
  return [...paths];
}

/** Of each patch the folder of its kustomization, both as absolute paths. */
async function rootsOf(kustomizations: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const roots = new Map<string, string>();
  const resources = new Set<string>();
  for (let start = 0; start < kustomizations.length; start += READ_AT_ONCE) {
    const batch = kustomizations.slice(start, start + READ_AT_ONCE);
    const read = await Promise.all(batch.map(async (path) => [path, await readTextFile(path)] as const));
    for (const [path, content] of read) {
      if (!("text" in content)) continue;
      const root = dirname(path);
      const { documents } = parseYaml(content.text);
      for (const { value } of documents) {
        const named = kustomizationShape.read(value) ?? {};
        for (const resource of named.resources ?? []) resources.add(resolve(root, resource));
        for (const patch of patchesOf(named)) roots.set(resolve(root, patch), root);
      }
    }
  }
  return new Map([...roots].filter(([patch]) => !resources.has(patch)));
}

/** Those that stand in the kustomization itself lead to no file. */
function patchesOf({
  patches = [],
  patchesJson6902 = [],
  patchesStrategicMerge = [],
}: NonNullable<ReturnType<typeof kustomizationShape.read>>): readonly string[] {
  const paths = [...patches, ...patchesJson6902].map(({ path = "" }) => path);
  return [...paths, ...patchesStrategicMerge].filter((path) => path !== "" && !path.includes("\n"));
}
