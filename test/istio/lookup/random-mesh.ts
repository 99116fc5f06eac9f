/**
 * Meshes in which everything gets in the way of everything: few namespaces, few names, hosts of every form, and lists, selectors
 * and times that are often equal and often nearly so.
 */
import { isObject } from "../../../src/kubernetes/json.ts";
import type { JsonObject } from "../../../src/kubernetes/json.ts";
import type { OracleMesh, OracleQuery } from "../../harness/oracle.ts";
import { createRandom } from "./random.ts";
import {
  EXTERNAL_HOSTS,
  istioObject,
  LABELS,
  maybe,
  randomExportTo,
  randomHost,
  randomServiceHost,
  SERVICE_NAMES,
} from "./random-parts.ts";
import type { Surroundings } from "./random-parts.ts";
import { randomRoutesOnly, randomSidecar, randomVirtualService } from "./random-scope.ts";
import { hostnamesOf } from "./answers.ts";

const CLUSTER_DOMAINS = ["cluster.local", "cluster.local", "cluster.local", "corp.example"] as const;
const TIMES = ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2026-02-01T00:00:00Z"];
export interface RandomMesh extends OracleMesh {
  readonly objects: readonly JsonObject[];
  readonly clusterDomain: string;
  readonly queries: readonly OracleQuery[];
}

export function randomMesh(seed: number): RandomMesh {
  const random = createRandom(seed);
  const rootNamespace = random.one(["root", "root", "istio-system"]);
  const around: Surroundings = {
    random,
    rootNamespace,
    clusterDomain: random.one(CLUSTER_DOMAINS),
    namespaces: ["a", "b", "c", rootNamespace],
    hostnames: [],
    times: random.one([TIMES, TIMES, TIMES, TIMES, [], ["", ...TIMES]]),
  };
  const many = (most: number, make: (name: string) => JsonObject): JsonObject[] =>
    Array.from({ length: random.below(most + 1) }, (_, index) => make(`n${index}`));
  const owners = [
    service(around),
    ...many(3, () => service(around)),
    ...many(3, (name) => serviceEntry(around, name)),
  ];
  const hostnames = hostnamesOf(owners, around.clusterDomain);
  const among = { ...around, hostnames };
  const objects = unique([
    meshConfig(around),
    ...around.namespaces.map((name) => labelledNamespace(around, name)),
    ...owners,
    ...destinationRules(among),
    ...(random.chance(0.15) ? randomRoutesOnly(among) : randomScopes(among)),
  ]);
  return { objects, clusterDomain: around.clusterDomain, queries: queriesFor(objects, around) };
}

function randomScopes(around: Surroundings): JsonObject[] {
  const { random } = around;
  const some = (make: (among: Surroundings, name: string) => JsonObject) =>
    Array.from({ length: random.chance(0.45) ? random.one([1, 1, 2, 3]) : 0 }, (_, index) =>
      make(around, `n${index}`),
    );
  return [...some(randomSidecar), ...some(randomVirtualService)];
}

/** The first of those that have the same name. */
function unique(objects: readonly JsonObject[]): JsonObject[] {
  const identity = ({ kind, metadata }: JsonObject) => {
    const { name, namespace } = isObject(metadata) ? metadata : {};
    return JSON.stringify([kind, namespace, name]);
  };
  return [...new Map(objects.toReversed().map((one) => [identity(one), one])).values()].toReversed();
}

/** With a label by which istiod may be told to leave it out. */
function labelledNamespace({ random }: Surroundings, name: string): JsonObject {
  const label = () => ({ mesh: random.one(["in", "in", "out"]) });
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, ...maybe(random.chance(0.8), "labels", label) },
  };
}

function meshConfig(around: Surroundings): JsonObject {
  const { random, rootNamespace } = around;
  const rarely = (key: string) => maybe(random.chance(0.15), key, () => randomExportTo(around));
  const mesh = {
    rootNamespace,
    ...rarely("defaultDestinationRuleExportTo"),
    ...rarely("defaultServiceExportTo"),
    ...rarely("defaultVirtualServiceExportTo"),
    ...maybe(random.chance(0.05), "discoverySelectors", () => [
      random.one<JsonObject>([
        { matchLabels: { mesh: "in" } },
        { matchExpressions: [{ key: "mesh", operator: "NotIn", values: ["out"] }] },
        { matchExpressions: [{ key: "mesh", operator: "Exists" }] },
      ]),
    ]),
  };
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "istio", namespace: "istio-system" },
    data: { mesh: JSON.stringify(mesh) },
  };
}

function service(around: Surroundings): JsonObject {
  const { random, times, namespaces } = around;
  const [time] = random.some(times, 1);
  const ports = random.one([[80], [80], [8080], [80, 8080], []]);
  const exportTo = randomExportTo(around).join(random.one([",", ", "]));
  const kind = random.one(["plain", "plain", "plain", "headless", "alias"]);
  const externalName = () => random.one([randomServiceHost(around), "api.example.com"]);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: random.one(SERVICE_NAMES),
      namespace: random.one(namespaces),
      ...(time && { creationTimestamp: time }),
      ...maybe(exportTo !== "", "annotations", () => ({ "networking.istio.io/exportTo": exportTo })),
    },
    spec: {
      ...maybe(kind === "headless", "clusterIP", () => "None"),
      ...(kind === "alias" && { type: "ExternalName", externalName: externalName() }),
      ports: ports.map((port) => ({ name: `http-${port}`, port })),
    },
  };
}

function serviceEntry(around: Surroundings, name: string): JsonObject {
  const { random } = around;
  const host = () => (random.chance(0.4) ? randomServiceHost(around) : random.one(EXTERNAL_HOSTS));
  const hosts = Array.from({ length: random.one([1, 1, 2, 3]) }, host);
  const exportTo = randomExportTo(around);
  const ports = random.one([[80], [80], [8080], [80, 8080]]);
  return istioObject(around, "ServiceEntry", name, {
    hosts,
    ...maybe(random.chance(0.1), "addresses", () => ["10.1.0.1", "10.1.0.2"]),
    ...maybe(exportTo.length > 0, "exportTo", () => exportTo),
    ports: ports.map((number) => ({ number, name: `http-${number}`, protocol: "HTTP" })),
    resolution: random.one(["NONE", "STATIC", "DNS"]),
    location: random.one(["MESH_INTERNAL", "MESH_EXTERNAL"]),
  });
}

/** Often several for one host in one namespace. */
function destinationRules(around: Surroundings): JsonObject[] {
  const { random, namespaces } = around;
  const rules: JsonObject[] = [];
  let [namespace, host] = ["", ""];
  for (let count = random.below(9); count > 0; count--) {
    if (namespace === "" || random.chance(0.6))
      [namespace, host] = [random.one(namespaces), randomHost(around)];
    rules.push(destinationRule({ ...around, namespaces: [namespace] }, `n${count}`, host));
  }
  return rules;
}

function destinationRule(around: Surroundings, name: string, host: string): JsonObject {
  const { random } = around;
  const exportTo = randomExportTo(around);
  const policy = () => ({ connectionPool: { tcp: { maxConnections: 1 + random.below(1000) } } });
  const subset = (of: string) => ({
    name: of,
    labels: { version: of },
    ...maybe(random.chance(0.3), "trafficPolicy", policy),
  });
  const selector = () =>
    random.one<JsonObject>([{}, { matchLabels: random.one(LABELS) }, { matchLabels: random.one(LABELS) }]);
  return istioObject(around, "DestinationRule", name, {
    host,
    ...maybe(exportTo.length > 0, "exportTo", () => exportTo),
    ...maybe(random.chance(0.25), "workloadSelector", selector),
    ...maybe(random.chance(0.6), "subsets", () => random.some(["v1", "v1", "v2", "v3"], 2).map(subset)),
    ...maybe(random.chance(0.6), "trafficPolicy", () => (random.chance(0.1) ? {} : policy())),
  });
}

/** Every hostname and one that nobody owns, asked by proxies of every kind in every namespace and in one that nothing names. */
function queriesFor(
  objects: readonly JsonObject[],
  { random, namespaces, clusterDomain }: Surroundings,
): OracleQuery[] {
  const hosts = [...hostnamesOf(objects, clusterDomain), "nobody.example.com"];
  const proxies = [
    { proxy: "sidecar", clientLabels: {} },
    { proxy: "sidecar", clientLabels: random.one(LABELS) },
    { proxy: "gateway", clientLabels: random.one(LABELS) },
    { proxy: "waypoint", clientLabels: random.one(LABELS) },
  ] as const;
  return [...namespaces, "other"].flatMap((clientNamespace) =>
    proxies.flatMap((proxy) => hosts.map((host) => ({ clientNamespace, ...proxy, host }))),
  );
}
