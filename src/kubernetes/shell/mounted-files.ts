/** Which key of which ConfigMap a container sees as a file. */
import type { Container, PodSpec } from "../objects.ts";

export interface ConfigMapKey {
  readonly configMap: string;
  readonly key: string;
}

type Volume = NonNullable<PodSpec["volumes"]>[number];
type Mount = NonNullable<Container["volumeMounts"]>[number];

/** Those that can be the file at this path; a path that is not absolute begins in the container's folder. */
export function configMapKeysAt(
  path: string,
  { volumeMounts = [], workingDir = "/" }: Container,
  volumes: readonly Volume[] = [],
): readonly ConfigMapKey[] {
  const parts = partsOf(path.startsWith("/") ? path : `${workingDir}/${path}`);
  const [inner] = volumeMounts
    .map((mount) => ({ mount, at: partsOf(mount.mountPath ?? "") }))
    .filter(({ at }) => at.every((part, index) => parts[index] === part))
    .toSorted((one, other) => other.at.length - one.at.length);
  if (inner === undefined) return [];
  const volume = volumes.find(({ name }) => name === inner.mount.name);
  const inVolume = pathInVolume(inner.mount, parts.slice(inner.at.length));
  return volume === undefined || inVolume === undefined ? [] : keysAt(inVolume, volume);
}

/** What stands in every path of such a file; "" where paths can be relative to its folder. */
export function configMapFolders(
  { volumeMounts = [], workingDir = "" }: Container,
  volumes: readonly Volume[] = [],
): readonly string[] {
  const names = volumes
    .filter(({ configMap, projected }) => configMap !== undefined || projected !== undefined)
    .map(({ name }) => name);
  return volumeMounts
    .filter(({ name }) => names.includes(name))
    .map(({ mountPath = "" }) => (workingDir === "" ? (partsOf(mountPath).at(-1) ?? "") : ""));
}

function pathInVolume(
  { subPath = "", subPathExpr = "" }: Mount,
  rest: readonly string[],
): string | undefined {
  if (subPathExpr !== "") return undefined;
  return [...partsOf(subPath), ...rest].join("/");
}

function keysAt(path: string, { configMap, projected }: Volume): readonly ConfigMapKey[] {
  const sources = [configMap, ...(projected?.sources ?? []).map((source) => source.configMap)];
  return sources.flatMap((source) => {
    const { name = "", items } = source ?? {};
    if (name === "") return [];
    if (items === undefined) return [{ configMap: name, key: path }];
    return items
      .filter((item) => partsOf(item.path ?? "").join("/") === path)
      .map(({ key = "" }) => ({ configMap: name, key }));
  });
}

function partsOf(path: string): readonly string[] {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}
