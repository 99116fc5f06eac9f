/** The probes that the kubelet sends to a Pod's ports, and what the injector made of them. */
import type { FieldPath } from "../../kubernetes/field-path.ts";
import { isObject } from "../../kubernetes/json.ts";
import type { Container, Labels, Probe } from "../../kubernetes/objects.ts";
import type { PodTemplate } from "../../kubernetes/pod-template.ts";
import { findInjectedProxy } from "../injection.ts";

export const REWRITE_PROBERS = "sidecar.istio.io/rewriteAppHTTPProbers";

const KINDS = ["httpGet", "tcpSocket", "grpc"] as const;
export type ProbeKind = (typeof KINDS)[number];

/** A probe of the app's own containers, as the app wrote it. */
export interface AppProbe {
  /** From the Pod's root to the port as it stands. */
  readonly field: FieldPath;
  readonly kind: ProbeKind;
  /** Undefined if it is a name that its container has no port of. */
  readonly port: number | undefined;
  /** Undefined where the injector lost it, because it was such a name. */
  readonly writtenPort: number | string | undefined;
  /** The kubelet asks the sidecar's agent, which asks the app. */
  readonly isRewritten: boolean;
}

export const PROBE_NAMES = ["livenessProbe", "readinessProbe", "startupProbe"] as const;
export type ProbeName = (typeof PROBE_NAMES)[number];

/**
 * Left out are probes that no sidecar can come between: exec, those of the proxy, those to its own ports,
 * and those with a `host`, which the kubelet does not send to the Pod.
 */
export function appProbesOf(pod: PodTemplate): readonly AppProbe[] {
  const agent = agentOf(pod);
  const probes: AppProbe[] = [];
  for (const list of ["containers", "initContainers"] as const) {
    for (const [index, container] of (pod.spec[list] ?? []).entries()) {
      if (container.name === PROXY || (list === "initContainers" && container.restartPolicy !== "Always"))
        continue;
      for (const name of PROBE_NAMES) {
        const probe = readProbe(container, name, ["spec", list, index, name], agent);
        if (probe) probes.push(probe);
      }
    }
  }
  return probes;
}

const PROXY = "istio-proxy";

/** Where the app's probes should have a port and have none that could be one; the API server refuses them. */
export function portlessProbesOf({ spec }: PodTemplate): readonly FieldPath[] {
  const fields: FieldPath[] = [];
  for (const list of ["containers", "initContainers"] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      if (container.name === PROXY) continue;
      for (const name of PROBE_NAMES) {
        const kind = KINDS.find((one) => container[name]?.[one] !== undefined);
        const port = kind && (container[name]?.[kind]?.port ?? "");
        const isPortless = port === "" || (typeof port === "number" && !isPort(port));
        if (kind && isPortless) fields.push(["spec", list, index, name, kind, "port"]);
      }
    }
  }
  return fields;
}

function readProbe(
  container: Container,
  name: ProbeName,
  path: FieldPath,
  agent: Agent,
): AppProbe | undefined {
  const probe = container[name];
  const kind = KINDS.find((one) => probe?.[one] !== undefined);
  if (!probe || !kind || hostOf(probe) !== "") return undefined;
  const field = [...path, kind, "port"];
  if (isRewritten(probe, agent)) {
    const original = originalOf(probe, agent);
    if (original) return { field, ...original, isRewritten: true };
    if (!isUnknownTo(agent, probe)) return undefined;
    return { field, kind, port: undefined, writtenPort: undefined, isRewritten: true };
  }

  const writtenPort = probe[kind]?.port ?? "";
  const port = resolvePort(writtenPort, container);
  if (writtenPort === "" || (port !== undefined && (!isPort(port) || agent.ports.includes(port))))
    return undefined;
  return { field, kind, port, writtenPort, isRewritten: false };
}

function hostOf({ httpGet, tcpSocket }: Probe): string {
  return (httpGet ?? tcpSocket)?.host ?? "";
}

/** By its name in the same container, else as a number, as the kubelet does (k8s.io/kubernetes/pkg/probe/util.go). */
function resolvePort(port: number | string, { ports = [] }: Container): number | undefined {
  if (typeof port === "number") return port;
  const named = ports.find(({ name }) => name === port)?.containerPort;
  return named ?? (/^\d+$/.test(port) ? Number(port) : undefined);
}

export function isPort(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value < 65_536;
}

/** The ports of the sidecar itself. https://istio.io/latest/docs/ops/deployment/application-requirements/ */
const PROXY_PORTS = [15_000, 15_001, 15_002, 15_004, 15_006, 15_008, 15_009, 15_020, 15_021, 15_053, 15_090];
const STATUS_PORT = 15_020;
const STATUS_PORT_ANNOTATION = "status.sidecar.istio.io/port";

/** Ports that are the sidecar's own and are never excluded for an app. */
export function proxyPortsOf(annotations: Labels): readonly number[] {
  return [...PROXY_PORTS, statusPortOf(annotations)];
}

export function statusPortOf(annotations: Labels): number {
  const port = Number(annotations[STATUS_PORT_ANNOTATION] ?? "");
  return isPort(port) ? port : STATUS_PORT;
}

/** What the sidecar's agent answers for the app. */
interface Agent {
  readonly ports: readonly number[];
  readonly statusPort: number;
  /** ISTIO_KUBE_APP_PROBERS: the probes as they were, by their new path. */
  readonly originals: { readonly [path: string]: unknown };
}

function agentOf({ metadata: { annotations = {} }, spec }: PodTemplate): Agent {
  const environment = findInjectedProxy(spec)?.container.env ?? [];
  const probers = environment.find(({ name }) => name === "ISTIO_KUBE_APP_PROBERS")?.value;
  return {
    ports: proxyPortsOf(annotations),
    statusPort: statusPortOf(annotations),
    originals: parseObject(probers ?? "{}"),
  };
}

function isRewritten({ httpGet }: Probe, { statusPort, originals }: Agent): boolean {
  const path = httpGet?.path ?? "";
  return path.startsWith("/app-health/") && (httpGet?.port === statusPort || Object.hasOwn(originals, path));
}

/** What a rewritten probe asks the app; undefined if that cannot be read. */
function originalOf(
  { httpGet }: Probe,
  { originals }: Agent,
): Pick<AppProbe, "kind" | "port" | "writtenPort"> | undefined {
  const path = httpGet?.path ?? "";
  const original = Object.hasOwn(originals, path) ? originals[path] : undefined;
  for (const kind of KINDS) {
    const action = isObject(original) ? original[kind] : undefined;
    const port = isObject(action) ? action["port"] : undefined;
    if (typeof port === "number" && isPort(port)) return { kind, port, writtenPort: port };
  }
  return undefined;
}

/** The injector leaves out what has no port of that name, and the agent answers such a probe with an error (handleAppProbe). */
function isUnknownTo({ originals }: Agent, { httpGet }: Probe): boolean {
  return Object.keys(originals).length > 0 && !Object.hasOwn(originals, httpGet?.path ?? "");
}

function parseObject(text: string): { readonly [key: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

const TRUE = ["1", "t", "T", "TRUE", "true", "True"];
const FALSE = ["0", "f", "F", "FALSE", "false", "False"];

/** What the Pod itself says about rewriting; undefined if nothing that Go's strconv.ParseBool reads. */
export function rewritingWishOf(annotations: Labels): boolean | undefined {
  const wish = annotations[REWRITE_PROBERS] ?? "";
  if (TRUE.includes(wish)) return true;
  return FALSE.includes(wish) ? false : undefined;
}
