/** The manifests that are shipped with foresail, as `kubectl kustomize` renders them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { FieldPath } from "../../kubernetes/field-path.ts";
import { isObject } from "../../kubernetes/json.ts";
import type { Json, JsonObject } from "../../kubernetes/json.ts";
import { boolean, list, mapOf, object, string } from "../../kubernetes/shape.ts";
import type { Shaped } from "../../kubernetes/shape.ts";
import { parseYaml } from "../../kubernetes/yaml/yaml.ts";

const FOLDER = join(import.meta.dirname, "../../../manifests/base");

/** What our kustomization says; a test holds this reading of it to kubectl's. */
const kustomizationShape = object({
  resources: list(string),
  labels: list(object({ pairs: mapOf(string), includeTemplates: boolean })),
  images: list(object({ name: string, newTag: string })),
});
type Kustomization = Shaped<typeof kustomizationShape>;

const labelsShape = object({ metadata: object({ labels: mapOf(string) }) });
const containersShape = object({
  spec: object({ template: object({ spec: object({ containers: list(object({ image: string })) }) }) }),
});

export const POD_TEMPLATE: FieldPath = ["spec", "template"];
export const CONTAINER: FieldPath = [...POD_TEMPLATE, "spec", "containers", 0];
export const IMAGE: FieldPath = [...CONTAINER, "image"];

/** In the order of the kustomization, which is one in which they can be installed. */
export async function readShippedManifests(): Promise<readonly JsonObject[]> {
  const [kustomization = {}] = (await readObjects("kustomization.yaml")).map((one) =>
    kustomizationShape.read(one),
  );
  const objects: JsonObject[] = [];
  for (const file of kustomization.resources ?? []) objects.push(...(await readObjects(file)));
  return objects.map((one) => withImageTag(withCommonLabels(one, kustomization), kustomization));
}

async function readObjects(file: string): Promise<JsonObject[]> {
  const { documents } = parseYaml(await readFile(join(FOLDER, file), "utf8"));
  return documents.map(({ value }) => value).filter(isJsonObject);
}

function withCommonLabels(manifest: JsonObject, { labels = [] }: Kustomization): JsonObject {
  return labels.reduce((current, { pairs = {}, includeTemplates = false }) => {
    const labelled = withLabels(current, [], pairs);
    return includeTemplates && manifest["kind"] === "Deployment"
      ? withLabels(labelled, POD_TEMPLATE, pairs)
      : labelled;
  }, manifest);
}

function withLabels(
  manifest: JsonObject,
  path: FieldPath,
  pairs: Readonly<Record<string, string>>,
): JsonObject {
  const { labels = {} } = labelsShape.read(valueAt(manifest, path))?.metadata ?? {};
  return withField(manifest, [...path, "metadata", "labels"], { ...labels, ...pairs });
}

function withImageTag(manifest: JsonObject, { images = [] }: Kustomization): JsonObject {
  const [container] = containersShape.read(manifest)?.spec?.template?.spec?.containers ?? [];
  const found = images.find(({ name }) => name === container?.image);
  return found ? withField(manifest, IMAGE, `${found.name}:${found.newTag}`) : manifest;
}

/** With `value` at `path`. Keys that are not there are made, and so are their parents; an index must be there. */
export function withField(manifest: JsonObject, path: FieldPath, value: Json): JsonObject {
  const [key, ...rest] = path;
  return key === undefined ? manifest : { ...manifest, [key]: replaced(manifest[key], rest, value) };
}

function replaced(node: Json | undefined, path: FieldPath, value: Json): Json {
  const [segment] = path;
  if (segment === undefined) return value;
  if (!isJsonList(node)) return withField(isJsonObject(node) ? node : {}, path, value);
  return node.map((item, index) => (index === segment ? replaced(item, path.slice(1), value) : item));
}

/** Undefined if nothing is there. */
export function valueAt(manifest: Json, path: FieldPath): Json | undefined {
  return path.reduce<Json | undefined>((node, segment) => {
    if (isJsonList(node)) return typeof segment === "number" ? node[segment] : undefined;
    return isJsonObject(node) ? node[segment] : undefined;
  }, manifest);
}

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return isObject(value);
}

export function isJsonList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
