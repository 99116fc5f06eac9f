/** What widens and narrows the scope of sidecars. */
import type { JsonObject } from "../../../src/kubernetes/json.ts";
import { istioObject, LABELS, maybe, randomExportTo, randomHost, randomServiceHost } from "./random-parts.ts";
import type { Surroundings } from "./random-parts.ts";

export function randomSidecar(around: Surroundings, name: string): JsonObject {
  const { random } = around;
  const listener = () => ({
    hosts: Array.from({ length: random.one([1, 1, 2, 3]) }, () => egressHost(around)),
    ...maybe(random.chance(0.2), "port", () => ({
      number: random.one([80, 8080]),
      name: "out",
      protocol: random.one(["HTTP", "HTTP", "HTTP_PROXY"]),
    })),
  });
  const count = random.one([0, 1, 1, 1, 2]);
  return istioObject(around, "Sidecar", name, {
    ...maybe(random.chance(0.4), "workloadSelector", () =>
      random.one<JsonObject>([{}, { labels: random.one(LABELS) }, { labels: random.one(LABELS) }]),
    ),
    ...maybe(random.chance(0.9), "egress", () => Array.from({ length: count }, listener)),
  });
}

function egressHost(around: Surroundings): string {
  const { random, namespaces } = around;
  const host = random.one(["*", "*", randomHost(around), randomHost(around), randomServiceHost(around)]);
  const place = random.one([
    ".",
    ".",
    "*",
    "*",
    random.one(namespaces),
    random.one(namespaces),
    "~",
    "other",
  ]);
  const excluded = random.chance(0.15) ? `~${random.one(["", "*", ".", random.one(namespaces)])}` : place;
  return random.chance(0.03) ? random.one([host, `a/${host}/b`, "", "/"]) : `${excluded}/${host}`;
}

export function randomVirtualService(around: Surroundings, name: string): JsonObject {
  const { random } = around;
  const kinds = random.one([["http"], ["http"], ["http", "http"], ["tcp"], ["tls"]]);
  const hosts = Array.from({ length: random.one([1, 1, 2]) }, () => randomHost(around));
  const gateways = () => random.one([["mesh"], ["gateway"], ["gateway", "mesh"]]);
  return istioObject(around, "VirtualService", name, {
    hosts,
    ...maybe(random.chance(0.3), "gateways", gateways),
    ...exported(around),
    ...maybe(kinds.includes("http"), "http", () => kinds.map(() => httpRoute(around))),
    ...maybe(kinds.includes("tcp"), "tcp", () => [{ route: routes(around) }]),
    ...maybe(kinds.includes("tls"), "tls", () => [{ match: [{ sniHosts: hosts }], route: routes(around) }]),
  });
}

/** One VirtualService without hosts, and some that delegate to it, or nearly. */
export function randomDelegates(around: Surroundings): JsonObject[] {
  const { random, namespaces } = around;
  const namespace = random.one(namespaces);
  const there = { ...around, namespaces: [namespace] } as const;
  const name = "delegate";
  const routesOf = (count: number) => Array.from({ length: count }, () => httpRoute(around));
  const toIt = () => ({
    ...matches(around),
    delegate: { name, ...maybe(random.chance(0.8), "namespace", () => namespace) },
    ...maybe(random.chance(0.2), "mirror", () => destination(around)),
  });
  return [
    istioObject(there, "VirtualService", name, {
      ...exported(around),
      http: routesOf(random.one([1, 1, 2])),
    }),
    ...["r0", "r1"].map((root) =>
      istioObject(around, "VirtualService", root, {
        hosts: [randomHost(around)],
        ...exported(around),
        http: random.chance(0.3) ? [toIt(), ...routesOf(1)] : [toIt()],
      }),
    ),
  ];
}

function exported(around: Surroundings): JsonObject {
  const exportTo = randomExportTo(around);
  return maybe(exportTo.length > 0, "exportTo", () => exportTo);
}

function httpRoute(around: Surroundings): JsonObject {
  const { random } = around;
  return {
    ...matches(around),
    route: routes(around),
    ...maybe(random.chance(0.15), "mirror", () => destination(around)),
    ...maybe(random.chance(0.15), "mirrors", () => routes(around)),
  };
}

function matches({ random, namespaces }: Surroundings): JsonObject {
  const match = () =>
    random.one<JsonObject>([
      {},
      { sourceNamespace: random.one(namespaces) },
      { sourceNamespace: random.one(namespaces) },
      { port: random.one([80, 8080]) },
      { uri: { prefix: random.one(["/", "/a", "/b"]) } },
      { uri: { exact: random.one(["/a", "/b"]) } },
      { uri: { regex: "/a.*" }, ignoreUriCase: random.chance(0.5) },
      { headers: { h: random.one<JsonObject>([{ exact: "x" }, { prefix: "x" }, {}]) } },
      { sourceLabels: random.one(LABELS) },
      {
        gateways: random.one([["mesh"], ["mesh", "gateway"]]),
        method: { exact: random.one(["GET", "PUT"]) },
      },
    ]);
  return maybe(random.chance(0.4), "match", () => Array.from({ length: random.one([1, 2]) }, match));
}

function routes(around: Surroundings): JsonObject[] {
  return Array.from({ length: around.random.one([1, 1, 2]) }, () => ({ destination: destination(around) }));
}

function destination(around: Surroundings): JsonObject {
  const { random } = around;
  return {
    host: random.one([randomServiceHost(around), randomServiceHost(around), randomHost(around)]),
    ...maybe(random.chance(0.4), "port", () => ({ number: random.one([80, 8080]) })),
  };
}
