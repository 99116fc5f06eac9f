/** The annotation `proxy.istio.io/config`: a ProxyConfig as YAML, which Istio merges over the mesh's defaultConfig. */
import { parseDuration } from "./duration.ts";
import { isObject } from "../kubernetes/json.ts";
import type { Json, JsonObject } from "../kubernetes/json.ts";
import type { Change } from "../kubernetes/json-patch.ts";
import { editYaml } from "../kubernetes/yaml/edit.ts";
import { emitYaml, parseYaml } from "../kubernetes/yaml/yaml.ts";

export const PROXY_CONFIG_ANNOTATION = "proxy.istio.io/config";

/** What rules look at. Durations are as written, the metadata as it gets into the proxy's environment. */
export interface ProxySettings {
  readonly drainDuration?: string;
  readonly interceptionMode?: string;
  readonly terminationDrainDuration?: string;
  readonly proxyMetadata: Readonly<Record<string, string>>;
}

export interface ProxyConfig {
  /** Everything that the text says, whether it is about stopping or not. */
  readonly value: JsonObject;
  readonly settings: ProxySettings;
  /** Why Istio refuses it all the same, and with it the Pod; undefined if it does not. */
  readonly refusal: string | undefined;
  /** As written. Of several documents Istio reads the first. */
  readonly text: string;
}

/** Why a text is no ProxyConfig, on one line: completes "cannot be read: ...". */
interface ProxyConfigProblem {
  readonly problem: string;
}

/** An empty text is an empty ProxyConfig. A key without a value is as if it were not there. */
export function parseProxyConfig(text: string): ProxyConfig | ProxyConfigProblem {
  const { documents, problems } = parseYaml(text);
  const [problem] = problems;
  if (problem) return { problem: `line ${problem.line}: ${problem.message}` };
  const value = documents[0]?.value ?? {};
  if (!isMap(value)) return { problem: "it is no map" };
  const metadata = value[writtenKey(value, "proxyMetadata")] ?? {};
  if (!isMap(metadata)) return { problem: "proxyMetadata is no map" };
  const proxyMetadata = Object.fromEntries(
    Object.entries(metadata).map(([name, one]) => [name, textOf(one)]),
  );
  return {
    value,
    settings: {
      ...textUnder(value, "drainDuration"),
      ...textUnder(value, "interceptionMode"),
      ...textUnder(value, "terminationDrainDuration"),
      proxyMetadata,
    },
    refusal: refusalOf(metadata, value[writtenKey(value, "terminationDrainDuration")] ?? null),
    text,
  };
}

/** Protobuf's JSON has two names for a field, and takes the first one where both are there. */
function writtenKey(map: JsonObject, name: string): string {
  const inProtobuf = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return !Object.hasOwn(map, name) && Object.hasOwn(map, inProtobuf) ? inProtobuf : name;
}

/** Istio reads the map as protobuf's JSON (pkg/util/protomarshal), which is strict about types. */
function refusalOf(proxyMetadata: JsonObject, drain: Json): string | undefined {
  const stray = Object.entries(proxyMetadata).find(([, one]) => one !== null && typeof one !== "string");
  if (stray) return `proxyMetadata.${stray[0]} is not in quotes`;
  const isDuration = typeof drain === "string" && parseDuration(drain.replace(/^[+-]/, "")) !== undefined;
  if (drain === null || isDuration) return undefined;
  return `terminationDrainDuration ${textOf(drain)} is no duration such as 30s`;
}

/** The text with these settings added where it has none; all else in it stays as it is, comments too. */
export function mergeProxyConfig({ text, value }: ProxyConfig, additions: ProxySettings): string {
  const { proxyMetadata, ...rest } = additions;
  const key = writtenKey(value, "proxyMetadata");
  const present = value[key] ?? {};
  const metadata = isMap(present) ? present : {};
  const [settings, entries] = [missingIn(value, rest), missingIn(metadata, proxyMetadata)];
  const changes = [...changesFor(settings, []), ...changesFor(entries, [key])];
  if (changes.length === 0) return text;
  if (Object.keys(value).length > 0) {
    const { text: edited, refusals } = editYaml(text, [{ document: 0, changes }]);
    if (refusals.size === 0) return edited;
  }
  const filled = Object.keys(entries).length > 0 ? { [key]: { ...metadata, ...entries } } : {};
  return emitYaml({ ...value, ...settings, ...filled });
}

/** What has no value counts as missing. */
function missingIn(present: JsonObject, additions: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(additions).filter(([name]) => (present[name] ?? null) === null));
}

function changesFor(additions: JsonObject, path: readonly string[]): readonly Change[] {
  return Object.entries(additions).map(([name, value]) => ({ path: [...path, name], value }));
}

function isMap(value: Json): value is JsonObject {
  return isObject(value);
}

function textUnder<const K extends string>(map: JsonObject, key: K): { readonly [Key in K]?: string } {
  const value = map[writtenKey(map, key)] ?? null;
  const found: { [Key in K]?: string } = {};
  if (value !== null) found[key] = textOf(value);
  return found;
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
