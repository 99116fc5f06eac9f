/** What widens and narrows the scope of sidecars. */
import type { JsonObject } from "../../../src/kubernetes/json.ts";
import { istioObject, LABELS, maybe, randomExportTo, randomHost, randomServiceHost } from "./random-parts.ts";
import type { Surroundings } from "./random-parts.ts";

export function randomSidecar(around: Surroundings, name: string): JsonObject {
  const { random } = around;
  // Istio takes another way for a listener without any wildcard.
  const hostOf = (isExact: boolean) => (isExact ? exactEgressHost(around) : egressHost(around));
  const hosts = (isExact: boolean) => Array.from({ length: random.one([1, 1, 2, 3]) }, () => hostOf(isExact));
  const listener = () => ({
    hosts: hosts(random.chance(0.3)),
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

function exactEgressHost({ random, namespaces, hostnames }: Surroundings): string {
  const [hostname = ""] = random.some(hostnames, 1);
  return `${random.one([".", random.one(namespaces), random.one(namespaces)])}/${hostname}`;
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
/** Each has a route of its own, so that it shows whether that one's match goes with the root's. */
const MATCHED_SERVICES = ["s0", "s1", "s2", "s3", "s4", "s5"] as const;

/** Sidecars see nothing but what routes lead to: those of VirtualServices, and those that these delegate. */
export function randomRoutesOnly(around: Surroundings): JsonObject[] {
  const { random, rootNamespace } = around;
  const inRoot = { ...around, namespaces: [rootNamespace] } as const;
  // Few things, so that matches often meet.
  const about = random.some(MATCHES, random.one([1, 1, 2]));
  const delegates = DELEGATED_IN.map((namespace) => {
    const there = { ...around, namespaces: [namespace] } as const;
    const matched = MATCHED_SERVICES.map((host) => ({
      ...matches(around),
      route: [{ destination: { host } }],
    }));
    const http = namespace === "a" ? matched : [httpRoute(around), httpRoute(around)];
    return istioObject(there, "VirtualService", "delegate", {
      ...maybe(random.chance(0.3), "exportTo", () => randomExportTo(around)),
      http,
    });
  });
  const services = MATCHED_SERVICES.map((name) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "a" },
    spec: {},
  }));
  const toDelegate = () => ({
    ...matches(around, about),
    delegate: {
      name: "delegate",
      ...maybe(random.chance(0.9), "namespace", () => random.one(["a", "a", "b"])),
    },
    ...maybe(random.chance(0.2), "mirror", () => destination(around)),
    ...maybe(random.chance(0.1), "mirrors", () => routes(around)),
  });
  const roots = ["r0", "r1"].map((root) =>
    istioObject(around, "VirtualService", root, {
      hosts: [ROUTED_HOST],
      ...maybe(random.chance(0.1), "exportTo", () => randomExportTo(around)),
      http: random.chance(0.3) ? [toDelegate(), httpRoute(around)] : [toDelegate()],
    }),
  );
  const egress = [{ hosts: [`*/${ROUTED_HOST}`] }];
  return [istioObject(inRoot, "Sidecar", "routes-only", { egress }), ...services, ...delegates, ...roots];
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

const TEXTS = [
  { exact: "/a" },
  { exact: "/ab" },
  { prefix: "/a" },
  { prefix: "/" },
  { regex: "/a.*" },
  {},
] as const;

const GATEWAYS = ["mesh", "g", "./g", "a/g", "g.a", "g.a.svc.cluster.local"] as const;

const MATCHES: readonly ((around: Surroundings) => JsonObject)[] = [
  ({ random, namespaces }) => ({ sourceNamespace: random.one(namespaces) }),
  ({ random }) => ({ port: random.one([0, 80, 8080]) }),
  ({ random }) => ({ uri: random.one(TEXTS) }),
  ({ random }) => ({ uri: random.one(TEXTS), ignoreUriCase: random.chance(0.5) }),
  ({ random }) => ({ headers: { [random.one(["x-h", "x-i"])]: random.one(TEXTS) } }),
  ({ random }) => ({ withoutHeaders: { "x-h": random.one(TEXTS) } }),
  ({ random }) => ({ queryParams: { q: random.one(TEXTS) } }),
  ({ random }) => ({ sourceLabels: random.one(LABELS) }),
  ({ random }) => ({ gateways: random.some(GATEWAYS, random.one([1, 1, 2])) }),
  ({ random }) => ({ method: random.one(TEXTS), authority: random.one(TEXTS) }),
];

/** `about`: what they may say something about. */
function matches(around: Surroundings, about = MATCHES): JsonObject {
  const { random } = around;
  const match = (): JsonObject =>
    Object.assign({}, ...random.some(about, random.one([0, 1, 1, 1, 2, 3])).map((part) => part(around)));
  return maybe(random.chance(0.7), "match", () => Array.from({ length: random.one([1, 1, 2]) }, match));
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
