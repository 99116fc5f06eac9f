/** The annotations and labels that Istio reads on Pods, and what a misspelt one was meant to be. */
import { editDistance } from "../errors.ts";
import { ANNOTATIONS, LABELS } from "./registry.ts";

/**
 * Known to some Istio since 1.8, but not in the registry: what was removed from it, and what Istio reads or writes without an
 * entry (istio/istio, by a search for the domain).
 */
const UNREGISTERED = [
  "alpha.istio.io/identity",
  "ambient.istio.io/xfcc-include-client-identity",
  "install.operator.istio.io/chart-owner",
  "install.operator.istio.io/owner-generation",
  "install.operator.istio.io/owning-resource",
  "install.operator.istio.io/owning-resource-namespace",
  "install.operator.istio.io/version",
  "istio.io/connect-strategy",
  "istio.io/gateway-name",
  "istio.io/persistent-session",
  "istio.io/persistent-session-header",
  "networking.istio.io/tunnel",
  "policy.istio.io/check",
  "policy.istio.io/checkBaseRetryWaitTime",
  "policy.istio.io/checkMaxRetryWaitTime",
  "policy.istio.io/checkRetries",
  "policy.istio.io/driver",
  "policy.istio.io/lang",
  "prometheus.istio.io/scrape-targets",
  "prometheus.istio.io/secure-port",
  "proxy.istio.io/health-checks-enabled",
  "sidecar.istio.io/capNetBindService",
  "sidecar.istio.io/controlPlaneAuthPolicy",
  "sidecar.istio.io/enableCoreDump",
];

/** Read as annotations by some Istio, and as labels by others. */
const EARLIER_ANNOTATIONS = ["istio.io/use-waypoint", "security.istio.io/tlsMode"];

/** Written by Istio itself, on its own workloads and on Pods: nobody puts them somewhere by mistake. */
const WRITTEN_BY_ISTIO = new Set([
  "ambient.istio.io/redirection",
  "istio.io/rev",
  "proxy.istio.io/overrides",
  "sidecar.istio.io/status",
]);

const KNOWN = new Set([...Object.keys(ANNOTATIONS), ...Object.keys(LABELS), ...UNREGISTERED]);

export type KeyKind = "annotations" | "labels";

const READ_ON_PODS: { readonly [K in KeyKind]: ReadonlySet<string> } = {
  annotations: new Set([...keysForPods(ANNOTATIONS), ...EARLIER_ANNOTATIONS]),
  labels: new Set(keysForPods(LABELS)),
};

function keysForPods(registry: typeof ANNOTATIONS): readonly string[] {
  return Object.keys(registry).filter((key) => registry[key]?.includes("Pod"));
}

export function isReadOnPods(key: string, kind: KeyKind): boolean {
  return READ_ON_PODS[kind].has(key);
}

/** Whether a person puts the key on a Pod to tell Istio something. */
export function isForPeople(key: string, kind: KeyKind): boolean {
  return isReadOnPods(key, kind) && !WRITTEN_BY_ISTIO.has(key);
}

interface Candidate {
  readonly key: string;
  readonly plain: string;
  readonly domain: string;
  readonly name: string;
}

const CANDIDATES: readonly Candidate[] = [
  ...new Set([...READ_ON_PODS.annotations, ...READ_ON_PODS.labels]),
].map(candidateOf);

/** Without what is easily taken for each other: case, hyphens and underscores. */
function candidateOf(key: string): Candidate {
  const [domain = "", name = ""] = key.toLowerCase().replace(/[-_]/g, "").split("/");
  return { key, plain: `${domain}/${name}`, domain, name };
}

const MAX_DISTANCE = 2;
/** A word of three or four letters is soon another one. */
const MAX_DISTANCE_OF_SHORT = 1;
const SHORT_NAME = 4;
/** Of a name that was cut off, this share at least is there. */
const LEAST_SHARE = 0.75;
/** A name of so many letters is not in two domains by chance. */
const TELLING_NAME = 8;

/** What an unknown key was meant to be; undefined if it is known, or like none. */
export function meantKey(key: string): string | undefined {
  if (KNOWN.has(key) || !key.includes("/")) return undefined;
  const written = candidateOf(key);
  let best: Candidate | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of CANDIDATES) {
    const distance = distanceBetween(written, candidate);
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return (best ?? CANDIDATES.find((candidate) => isCutOff(written, candidate) || isMoved(written, candidate)))
    ?.key;
}

/** Infinite if they are further apart than a slip of the pen. */
function distanceBetween(written: Candidate, { plain, name }: Candidate): number {
  const limit = name.length > SHORT_NAME ? MAX_DISTANCE : MAX_DISTANCE_OF_SHORT;
  if (Math.abs(written.plain.length - plain.length) > limit) return Number.POSITIVE_INFINITY;
  const distance = editDistance(written.plain, plain, limit);
  return distance > limit ? Number.POSITIVE_INFINITY : distance;
}

function isCutOff(written: Candidate, { domain, name }: Candidate): boolean {
  const isLongEnough = written.name.length >= name.length * LEAST_SHARE;
  return written.domain === domain && isLongEnough && name.startsWith(written.name);
}

/** `sidecar.istio.io/excludeInboundPorts`: the name is right, and the domain another one of Istio's. */
function isMoved(written: Candidate, { name }: Candidate): boolean {
  return name.length >= TELLING_NAME && written.name === name && /(^|\.)istio\.io$/.test(written.domain);
}
