/** What a Pod and its mesh say about how the proxy stops, and where they say it. */
import type { FieldPath } from "../../kubernetes/field-path.ts";
import type { Container } from "../../kubernetes/objects.ts";
import type { PodTemplate } from "../../kubernetes/pod-template.ts";
import { DEFAULT_DRAIN_SECONDS, EXIT_ON_ZERO, isTrue } from "./drain.ts";
import { parseDuration } from "../duration.ts";
import { parseProxyConfig, PROXY_CONFIG_ANNOTATION } from "../proxy-config.ts";
import type { ProxyConfig, ProxySettings } from "../proxy-config.ts";

interface DrainSetting {
  /** As written. */
  readonly value: string;
  /** From the Pod's root; undefined where the mesh says it, not the Pod. */
  readonly field?: FieldPath;
}

export interface DrainSettings {
  /** The Pod's annotation; undefined if it cannot be read. */
  readonly config: ProxyConfig | undefined;
  /** Why the annotation cannot be read, or why Istio refuses it; undefined if all is well with it. */
  readonly problem: string | undefined;
  readonly exitOnZero: DrainSetting | undefined;
  readonly drainDuration: DrainSetting | undefined;
  /** ProxyConfig's drainDuration, not to be confused: how long Envoy's listeners stay open once it drains. */
  readonly listenersCloseSeconds: number;
}

/** drainDuration where nothing sets it (istio.io/api, mesh/v1alpha1/proxy.proto). */
const DEFAULT_LISTENERS_CLOSE_SECONDS = 45;

/** Where the annotation stands in a Pod. */
export const PROXY_CONFIG_FIELD: FieldPath = ["metadata", "annotations", PROXY_CONFIG_ANNOTATION];

/** The Pod's own settings win over the mesh's. */
export function drainSettingsOf({ metadata, spec }: PodTemplate, mesh: ProxySettings): DrainSettings {
  const parsed = parseProxyConfig(metadata.annotations?.[PROXY_CONFIG_ANNOTATION] ?? "");
  const config = "problem" in parsed ? undefined : parsed;
  const proxy = findProxyContainer(spec);
  const inherited = inheritedSettings(proxy?.container, mesh);
  const fromMesh = inherited.proxyMetadata[EXIT_ON_ZERO];
  return {
    config,
    problem: "problem" in parsed ? parsed.problem : parsed.refusal,
    exitOnZero:
      settingOf(config?.settings.proxyMetadata[EXIT_ON_ZERO], PROXY_CONFIG_FIELD) ??
      settingOf(fromMesh) ??
      environmentSetting(proxy),
    drainDuration:
      settingOf(config?.settings.terminationDrainDuration, PROXY_CONFIG_FIELD) ??
      settingOf(inherited.terminationDrainDuration),
    listenersCloseSeconds:
      parseDuration(config?.settings.drainDuration ?? inherited.drainDuration ?? "") ??
      DEFAULT_LISTENERS_CLOSE_SECONDS,
  };
}

/** How long the proxy goes on after SIGTERM; EXIT_ON_ZERO_ACTIVE_CONNECTIONS takes the duration's place. */
export function drainSecondsOf({ exitOnZero, drainDuration }: DrainSettings): number {
  if (isTrue(exitOnZero?.value)) return DEFAULT_DRAIN_SECONDS;
  return parseDuration(drainDuration?.value ?? "") ?? DEFAULT_DRAIN_SECONDS;
}

function settingOf(value: string | undefined, field?: FieldPath): DrainSetting | undefined {
  if (value === undefined) return undefined;
  return field ? { value, field } : { value };
}

interface ProxyContainer {
  readonly container: Container;
  readonly path: FieldPath;
}

/** Injected or not: the injector merges a container istio-proxy that is there with its own. */
function findProxyContainer(spec: PodTemplate["spec"]): ProxyContainer | undefined {
  for (const list of ["containers", "initContainers"] as const) {
    const index = (spec[list] ?? []).findIndex(({ name }) => name === "istio-proxy");
    const container = spec[list]?.[index];
    if (container) return { container, path: ["spec", list, index] };
  }
  return undefined;
}

/** The injector writes what it merged from mesh and annotation into the environment; that is nearer than the mesh's own. */
function inheritedSettings(proxy: Container | undefined, mesh: ProxySettings): ProxySettings {
  const text = proxy?.env?.find(({ name }) => name === "PROXY_CONFIG")?.value;
  if (text === undefined) return mesh;
  const parsed = parseProxyConfig(text);
  return "problem" in parsed ? mesh : parsed.settings;
}

function environmentSetting(proxy: ProxyContainer | undefined): DrainSetting | undefined {
  const env = proxy?.container.env ?? [];
  const index = env.findLastIndex(({ name }) => name === EXIT_ON_ZERO);
  return index < 0 ? undefined : settingOf(env[index]?.value ?? "", [...(proxy?.path ?? []), "env", index]);
}
