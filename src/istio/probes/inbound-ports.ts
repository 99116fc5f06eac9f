/** Which inbound ports a sidecar intercepts, and what excludes one more. */
import type { FieldPath } from "../../kubernetes/field-path.ts";
import type { Change } from "../../kubernetes/json-patch.ts";
import type { PodSpec } from "../../kubernetes/objects.ts";
import type { PodTemplate } from "../../kubernetes/pod-template.ts";
import { findInjectedProxy } from "../injection.ts";
import { parseProxyConfig, PROXY_CONFIG_ANNOTATION } from "../proxy-config.ts";
import { proxyPortsOf } from "./probes.ts";

export const EXCLUDE_INBOUND = "traffic.sidecar.istio.io/excludeInboundPorts";
const INCLUDE_INBOUND = "traffic.sidecar.istio.io/includeInboundPorts";
const EXCLUDE_OUTBOUND = "traffic.sidecar.istio.io/excludeOutboundPorts";
const INTERCEPTION_MODE = "sidecar.istio.io/interceptionMode";

/** The ports in a list that Istio reads, `"8087, 9000"`. */
export function portsIn(list: string): readonly number[] {
  return wordsOf(list).filter(isNumber).map(Number);
}

/** All that is in the lists, whatever it is, then the ports: each once, in this order. */
export function joinPorts(lists: readonly string[], ports: readonly number[]): string {
  const words = new Map<string, string>();
  for (const word of [...lists.flatMap(wordsOf), ...ports.map(String)]) {
    if (!words.has(keyOf(word))) words.set(keyOf(word), word);
  }
  return [...words.values()].join(",");
}

function wordsOf(list: string): readonly string[] {
  return list
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function isNumber(word: string): boolean {
  return /^\d+$/.test(word);
}

function keyOf(word: string): string {
  return isNumber(word) ? String(Number(word)) : word;
}

/** What happens to a connection to a port: `asListed` if includeInboundPorts names it, which no exclusion undoes. */
export type Interception = "none" | "byDefault" | "asListed";

/** What the mesh says where a Pod says nothing, as far as it can be read. */
export interface MeshInterception {
  /** global.proxy.includeInboundPorts and excludeInboundPorts of the injector. */
  readonly includeInboundPorts?: string;
  readonly excludeInboundPorts?: string;
  /** Of meshConfig.defaultConfig. */
  readonly interceptionMode?: string;
}

export function interceptionOf(pod: PodTemplate, mesh: MeshInterception): (port: number) => Interception {
  const annotations = pod.metadata.annotations ?? {};
  const included =
    findArgument(pod.spec, INCLUDE_FLAGS)?.value ??
    annotations[INCLUDE_INBOUND] ??
    mesh.includeInboundPorts ??
    EVERY_PORT;
  const excluded =
    findArgument(pod.spec, EXCLUDE_FLAGS)?.value ??
    annotations[EXCLUDE_INBOUND] ??
    mesh.excludeInboundPorts ??
    "";
  const mode = interceptionModeOf(pod) ?? mesh.interceptionMode;
  return (port) => {
    if (mode === "NONE") return "none";
    if (included.trim() !== EVERY_PORT) return portsIn(included).includes(port) ? "asListed" : "none";
    return portsIn(excluded).includes(port) ? "none" : "byDefault";
  };
}

const EVERY_PORT = "*";

function interceptionModeOf({ metadata, spec }: PodTemplate): string | undefined {
  const environment = findInjectedProxy(spec)?.container.env ?? [];
  const seen = environment.find(({ name }) => name === "ISTIO_META_INTERCEPTION_MODE")?.value;
  const { [INTERCEPTION_MODE]: annotation, [PROXY_CONFIG_ANNOTATION]: config = "" } =
    metadata.annotations ?? {};
  return seen ?? annotation ?? modeIn(config);
}

/** Looked for first: reading YAML costs more than everything else here. */
function modeIn(config: string): string | undefined {
  if (!config.includes("interceptionMode")) return undefined;
  const parsed = parseProxyConfig(config);
  return "problem" in parsed ? undefined : parsed.settings.interceptionMode;
}

/**
 * Excludes the ports, at the Pod's root. The annotation replaces the mesh's list and, once injected, no longer counts
 * where istio-init does the work: so it becomes the union, and istio-init's own argument is changed as well.
 * `outboundMeshList` is the same list for outbound traffic; undefined leaves outbound traffic alone.
 */
export function exclusionOf(
  pod: PodTemplate,
  ports: readonly number[],
  meshList: string,
  outboundMeshList: string | undefined,
): readonly Change[] {
  const inbound = findArgument(pod.spec, EXCLUDE_FLAGS);
  const seenList = inbound ? withoutProxyPorts(inbound.value, pod) : meshList;
  return [
    ...extend(inbound, ports),
    annotate(pod, EXCLUDE_INBOUND, [seenList], ports),
    ...(outboundMeshList === undefined ? [] : outboundExclusion(pod, ports, outboundMeshList)),
  ];
}

function outboundExclusion(pod: PodTemplate, ports: readonly number[], meshList: string): readonly Change[] {
  const argument = findArgument(pod.spec, EXCLUDE_OUTBOUND_FLAGS);
  const inbound = findArgument(pod.spec, EXCLUDE_FLAGS);
  const annotation = annotate(pod, EXCLUDE_OUTBOUND, [argument?.value ?? (inbound ? "" : meshList)], ports);
  if (argument || !inbound) return [...extend(argument, ports), annotation];
  // Istio leaves the flag out where there is nothing to exclude.
  const end = [...inbound.list, inbound.length];
  const next = [...inbound.list, inbound.length + 1];
  return [{ path: end, value: "-o" }, { path: next, value: joinPorts([], ports) }, annotation];
}

function annotate(
  { metadata: { annotations = {} } }: PodTemplate,
  key: string,
  lists: readonly string[],
  ports: readonly number[],
): Change {
  return {
    path: ["metadata", "annotations", key],
    value: joinPorts([annotations[key] ?? "", ...lists], ports),
  };
}

function extend(argument: Argument | undefined, ports: readonly number[]): readonly Change[] {
  if (!argument) return [];
  return [{ path: argument.path, value: argument.prefix + joinPorts([argument.value], ports) }];
}

/** The injector adds them to the argument by itself. */
function withoutProxyPorts(list: string, { metadata }: PodTemplate): string {
  const own = proxyPortsOf(metadata.annotations ?? {});
  return wordsOf(list)
    .filter((word) => !own.includes(Number(word)))
    .join(",");
}

/** Short and long spelling (tools/istio-iptables/pkg/cmd/root.go). */
const INCLUDE_FLAGS = ["-b", "--istio-inbound-ports"];
const EXCLUDE_FLAGS = ["-d", "--istio-local-exclude-ports"];
const EXCLUDE_OUTBOUND_FLAGS = ["-o", "--istio-local-outbound-ports-exclude"];

/** A flag's value in the command line of istio-init. */
interface Argument {
  readonly path: FieldPath;
  /** Stands in the same word before the value. */
  readonly prefix: string;
  readonly value: string;
  /** Where the command line stands, and how many words it has. */
  readonly list: FieldPath;
  readonly length: number;
}

/** Undefined with the CNI plugin as well: there, the annotations count. */
function findArgument({ initContainers = [] }: PodSpec, flags: readonly string[]): Argument | undefined {
  const index = initContainers.findIndex(({ name }) => name === "istio-init");
  for (const part of ["args", "command"] as const) {
    const words = initContainers[index]?.[part] ?? [];
    const place = { list: ["spec", "initContainers", index, part], length: words.length };
    for (const [at, word] of words.entries()) {
      const value = words[at + 1];
      if (flags.includes(word) && value !== undefined)
        return { ...place, path: [...place.list, at + 1], prefix: "", value };
      const prefix = flags.map((flag) => `${flag}=`).find((start) => word.startsWith(start));
      if (prefix) return { ...place, path: [...place.list, at], prefix, value: word.slice(prefix.length) };
    }
  }
  return undefined;
}
