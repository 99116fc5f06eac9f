/** What random objects are made of. */
import type { JsonObject } from "../../../src/kubernetes/json.ts";
import type { Random } from "./random.ts";

/** What the parts of one mesh have in common. */
export interface Surroundings {
  readonly random: Random;
  readonly rootNamespace: string;
  readonly clusterDomain: string;
  readonly namespaces: readonly [string, ...string[]];
  /** Those that somebody owns; none while the owners are made. */
  readonly hostnames: readonly string[];
  /** Few, so that they are often the same; none in a mesh of files. */
  readonly times: readonly string[];
}

export const SERVICE_NAMES = ["web", "api", "ab"] as const;
export const EXTERNAL_HOSTS = [
  "api.example.com",
  "*.example.com",
  "*.com",
  "*",
  "x.api.example.com",
  "web.a",
  "web",
] as const;
export const LABELS = [{}, { app: "x" }, { app: "y" }, { app: "x", tier: "z" }] as const;

/** Optional parts: nothing in place of the key. */
export function maybe(isThere: boolean, key: string, make: () => JsonObject[string]): JsonObject {
  return isThere ? { [key]: make() } : {};
}

export function istioObject(
  { random, namespaces, times }: Surroundings,
  kind: string,
  name: string,
  spec: JsonObject,
): JsonObject {
  const [time] = random.some(times, 1);
  const metadata = {
    name,
    namespace: random.one(namespaces),
    ...(time && { creationTimestamp: time }),
    ...maybe(random.chance(0.03), "labels", () => ({
      "istio.io/rev": random.one(["default", "canary", ""]),
    })),
  };
  return { apiVersion: "networking.istio.io/v1", kind, metadata, spec };
}

/** Short ones and wrong ones, and sometimes none. */
export function randomExportTo({ random, namespaces }: Surroundings): string[] {
  if (random.chance(0.4)) return [];
  const choices = [".", "*", "~", "~", "other", ...namespaces];
  const exportTo = random.some(choices, random.one([1, 1, 1, 2, 2, 3]));
  return random.chance(0.05) ? [...exportTo, ...exportTo] : exportTo;
}

export function randomServiceHost({ random, namespaces, clusterDomain }: Surroundings): string {
  return `${random.one(SERVICE_NAMES)}.${random.one(namespaces)}.svc.${clusterDomain}`;
}

/** What a DestinationRule, a VirtualService or a Sidecar may name: mostly something that is there. */
export function randomHost(around: Surroundings): string {
  const { random, hostnames } = around;
  const [hostname] = random.some(hostnames, 1);
  if (hostname === undefined || random.chance(0.35)) return strangeHost(around);
  return random.chance(0.4) ? `*${hostname.slice(1 + random.below(hostname.length))}` : hostname;
}

function strangeHost(around: Surroundings): string {
  const { random, namespaces, clusterDomain } = around;
  const namespace = random.one(namespaces);
  const name = random.one(SERVICE_NAMES);
  const full = `${name}.${namespace}.svc.${clusterDomain}`;
  return random.one([
    full,
    name,
    name,
    name,
    `*.${namespace}.svc.${clusterDomain}`,
    `*.svc.${clusterDomain}`,
    "*",
    `${name}.${namespace}`,
    `${name}.${namespace}.svc`,
    full.toUpperCase(),
    `${full}.`,
    "10.96.0.1",
    random.one(EXTERNAL_HOSTS),
    random.one(EXTERNAL_HOSTS),
    "",
  ]);
}
