/**
 * `node scripts/record-istio-registry.ts FOLDER`: writes src/istio/registry.ts from the registry of annotations and labels in a
 * checkout or module of istio.io/api. Its version is the one in the folder's name, `api@v1.31.1`.
 */
import { readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { isObject } from "../src/kubernetes/json.ts";
import { parseYaml } from "../src/kubernetes/yaml/yaml.ts";

const [folder = ""] = process.argv.slice(2);
const version = basename(folder).split("@")[1];
if (version === undefined) {
  process.stderr.write("usage: node scripts/record-istio-registry.ts .../istio.io/api@VERSION\n");
  process.exit(2);
}

/** The names, in order, and the kinds of objects that each is for. */
async function entriesIn(file: string, list: string): Promise<readonly string[]> {
  const value = parseYaml(await readFile(join(folder, file), "utf8")).documents[0]?.value;
  const entries: unknown = isObject(value) ? value[list] : undefined;
  if (!Array.isArray(entries)) throw new Error(`${file} has no ${list}`);
  return entries
    .flatMap((entry: unknown): string[] => {
      if (!isObject(entry) || typeof entry["name"] !== "string" || !Array.isArray(entry["resources"]))
        return [];
      return [`  ${JSON.stringify(entry["name"])}: ${JSON.stringify(entry["resources"].map(String))},`];
    })
    .toSorted();
}

const annotations = await entriesIn("annotation/annotations.yaml", "annotations");
const labels = await entriesIn("label/labels.yaml", "labels");
const text = `// Recorded by scripts/record-istio-registry.ts from istio.io/api ${version}; do not edit.
type Registry = Readonly<Record<string, readonly string[]>>;

/** Annotations, and the kinds of objects that each is for. */
export const ANNOTATIONS: Registry = {
${annotations.join("\n")}
};

/** Labels, and the kinds of objects that each is for. */
export const LABELS: Registry = {
${labels.join("\n")}
};
`;
await writeFile(join(import.meta.dirname, "../src/istio/registry.ts"), text);
