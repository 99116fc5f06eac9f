/** The annotation `proxy.istio.io/config`: a ProxyConfig as YAML, which Istio merges over the mesh's defaultConfig. */
import { isObject } from "../kubernetes/json.ts";
import type { Json, JsonObject } from "../kubernetes/json.ts";
import { emitYaml, parseYaml } from "../kubernetes/yaml.ts";

export const PROXY_CONFIG_ANNOTATION = "proxy.istio.io/config";

/** What decides how a proxy stops. The duration is as written, the metadata as it gets into the proxy's environment. */
export interface ProxySettings {
  readonly terminationDrainDuration?: string;
  readonly proxyMetadata: Readonly<Record<string, string>>;
}

export interface ProxyConfig {
  /** Everything that the text says, whether it is about stopping or not. */
  readonly value: JsonObject;
  readonly settings: ProxySettings;
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
  if (documents.length > 1) return { problem: "it holds more than one document" };
  const value = documents[0]?.value ?? {};
  if (!isMap(value)) return { problem: "it is no map" };
  const metadata = value["proxyMetadata"] ?? {};
  if (!isMap(metadata)) return { problem: "proxyMetadata is no map" };
  const drain = value["terminationDrainDuration"] ?? null;
  const proxyMetadata = Object.fromEntries(
    Object.entries(metadata).map(([name, one]) => [name, textOf(one)]),
  );
  return {
    value,
    settings: drain === null ? { proxyMetadata } : { proxyMetadata, terminationDrainDuration: textOf(drain) },
  };
}

/** YAML with these settings added; what is there stays as it is. */
export function mergeProxyConfig({ value }: ProxyConfig, additions: ProxySettings): string {
  const { proxyMetadata, ...rest } = additions;
  const merged = withAdded(value, rest);
  if (Object.keys(proxyMetadata).length === 0) return emitYaml(merged);
  const present = value["proxyMetadata"] ?? {};
  return emitYaml({ ...merged, proxyMetadata: withAdded(isMap(present) ? present : {}, proxyMetadata) });
}

/** The user's keys first, in their order. */
function withAdded(present: JsonObject, additions: JsonObject): JsonObject {
  const missing = Object.entries(additions).filter(([name]) => (present[name] ?? null) === null);
  return { ...present, ...Object.fromEntries(missing) };
}

function isMap(value: Json): value is JsonObject {
  return isObject(value);
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
