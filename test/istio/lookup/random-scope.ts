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

/** The only host that sidecars import in `randomRoutesOnly`. */
const ROUTED_HOST = "routes.example.com";
const DELEGATED_IN = ["a", "b"] as const;

/** Sidecars see nothing but what routes lead to: those of VirtualServices, and those that these delegate. */
export function randomRoutesOnly(around: Surroundings): JsonObject[] {
  const { random, rootNamespace } = around;
  const inRoot = { ...around, namespaces: [rootNamespace] } as const;
  const delegates = DELEGATED_IN.map((namespace) => {
    const http = Array.from({ length: random.one([1, 2, 3]) }, () => httpRoute(around));
    const there = { ...around, namespaces: [namespace] } as const;
    return istioObject(there, "VirtualService", "delegate", { ...exported(around), http });
  });
  const toDelegate = () => ({
    ...matches(around),
    delegate: {
      name: "delegate",
      ...maybe(random.chance(0.8), "namespace", () => random.one(DELEGATED_IN)),
    },
    ...maybe(random.chance(0.2), "mirror", () => destination(around)),
    ...maybe(random.chance(0.1), "mirrors", () => routes(around)),
  });
  const roots = ["r0", "r1"].map((root) =>
    istioObject(around, "VirtualService", root, {
      hosts: [ROUTED_HOST],
      ...maybe(random.chance(0.2), "exportTo", () => randomExportTo(around)),
      http: random.chance(0.3) ? [toDelegate(), httpRoute(around)] : [toDelegate()],
    }),
  );
  const egress = [{ hosts: [`*/${ROUTED_HOST}`] }];
  return [istioObject(inRoot, "Sidecar", "routes-only", { egress }), ...delegates, ...roots];
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
  const texts = [
    { exact: "/a" },
    { exact: "/ab" },
    { prefix: "/a" },
    { prefix: "/" },
    { regex: "/a.*" },
    {},
  ] as const;
  const parts = (): readonly JsonObject[] => [
    { sourceNamespace: random.one(namespaces) },
    { port: random.one([0, 80, 8080]) },
    { uri: random.one(texts) },
    { uri: random.one(texts), ignoreUriCase: random.chance(0.5) },
    { headers: { "x-h": random.one(texts) } },
    { withoutHeaders: { "x-h": random.one(texts) } },
    { queryParams: { q: random.one(texts) } },
    { sourceLabels: random.one(LABELS) },
    { gateways: random.one([["mesh"], ["mesh", "gateway"], ["gateway"]]) },
    { method: { exact: random.one(["GET", "PUT"]) } },
  ];
  const match = (): JsonObject => Object.assign({}, ...random.some(parts(), random.one([0, 1, 1, 2, 3])));
  return maybe(random.chance(0.6), "match", () => Array.from({ length: random.one([1, 1, 2]) }, match));
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
