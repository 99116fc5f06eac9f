/** Which hosts a sidecar has no way to, by Istio's own listeners, and which objects the rule reports. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifests } from "../../src/cluster/files/manifests.ts";
import { Store } from "../../src/cluster/store.ts";
import { checkManifests } from "../../src/commands/check/check-manifests.ts";
import type { Json, JsonObject } from "../../src/kubernetes/json.ts";
import { readObject } from "../../src/kubernetes/objects.ts";
import { emitYaml, parseYaml } from "../../src/kubernetes/yaml/yaml.ts";
import type { ReportedFinding } from "../../src/report/finding.ts";
import rule from "../../src/rules/tcp-port-not-shared.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../../src/rules/policy.ts";
import { startOracle } from "../harness/oracle.ts";
import type { Oracle } from "../harness/oracle.ts";

const PORT = 3306;
const CLIENTS: JsonObject = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: "client", labels: { "istio-injection": "enabled" } },
};
const DNS_CAPTURE: JsonObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "istio", namespace: "istio-system" },
  data: { mesh: 'defaultConfig: { proxyMetadata: { ISTIO_META_DNS_CAPTURE: "true" } }' },
};

/** `a` is older than `b`, and has the host `a.example.com`. */
function entry(name: "a" | "b", spec: JsonObject = {}, rest: JsonObject = {}): JsonObject {
  const creationTimestamp = `2026-01-0${name === "a" ? 1 : 2}T00:00:00Z`;
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name, namespace: `of-${name}`, creationTimestamp },
    spec: {
      hosts: [`${name}.example.com`],
      location: "MESH_EXTERNAL",
      ports: [{ number: PORT, name: "tcp-mysql", protocol: "TCP" }],
      resolution: "DNS",
      ...spec,
    },
    ...rest,
  };
}

function speaking(protocol: string | undefined): JsonObject {
  return { ports: [{ number: PORT, name: "db", ...(protocol === undefined ? {} : { protocol }) }] };
}

function allocated(name: "a" | "b", spec: JsonObject = {}): JsonObject {
  const value = name === "a" ? "240.240.0.1" : "240.240.0.2";
  const addresses = [{ value, host: `${name}.example.com` }];
  return entry(name, spec, { status: { addresses } });
}

function sidecar(hosts: readonly string[], egress: JsonObject = {}): JsonObject {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "Sidecar",
    metadata: { name: "default", namespace: "client" },
    spec: { egress: [{ hosts, ...egress }] },
  };
}

function service(name: "a" | "b", spec: JsonObject): JsonObject {
  const creationTimestamp = `2026-01-0${name === "a" ? 1 : 2}T00:00:00Z`;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: `of-${name}`, creationTimestamp },
    spec: { ports: [{ port: PORT, name: "tcp" }], ...spec },
  };
}

interface PortCase {
  readonly name: string;
  readonly objects: readonly JsonObject[];
  /** The hosts of ServiceEntries to which no connection of the client goes. */
  readonly lost: readonly string[];
  /** What is told of it: `NAMESPACE ACTION MESSAGE`. */
  readonly told: readonly string[];
}

const SHARED = { lost: ["b.example.com"], told: ["of-b Warn portShared"] };
const APART = { lost: [], told: [] };
const STATIC = { resolution: "STATIC" };

const CASES: readonly PortCase[] = [
  { name: "two hosts that are resolved by name", objects: [entry("b"), entry("a")], ...SHARED },
  {
    name: "two hosts with endpoints",
    objects: [
      entry("a", { ...STATIC, endpoints: [{ address: "10.0.0.1" }] }),
      entry("b", { ...STATIC, endpoints: [{ address: "10.0.0.2" }] }),
    ],
    ...SHARED,
  },
  {
    name: "two hosts with the same endpoints: it makes no difference",
    objects: [
      entry("a", { ...STATIC, endpoints: [{ address: "10.0.0.1" }] }),
      entry("b", { ...STATIC, endpoints: [{ address: "10.0.0.1" }] }),
    ],
    lost: ["b.example.com"],
    told: [],
  },
  {
    name: "addresses of their own",
    objects: [entry("a", { addresses: ["10.0.0.1"] }), entry("b", { addresses: ["10.0.0.2"] })],
    ...APART,
  },
  {
    name: "an address of one alone",
    objects: [entry("a"), entry("b", { addresses: ["10.0.0.2", "10.0.0.3"] })],
    ...APART,
  },
  {
    name: "a block of addresses",
    objects: [entry("a"), entry("b", { ...STATIC, addresses: ["10.0.0.0/24"] })],
    ...APART,
  },
  { name: "MySQL and TCP", objects: [entry("a", speaking("MySQL")), entry("b")], ...SHARED },
  {
    name: "Mongo and Redis",
    objects: [entry("a", speaking("MONGO")), entry("b", speaking("REDIS"))],
    ...SHARED,
  },
  {
    name: "no protocol",
    objects: [entry("a", speaking(undefined)), entry("b", speaking(undefined))],
    lost: ["b.example.com"],
    told: ["of-b Warn unsetPortShared"],
  },
  {
    name: "no protocol of the older one",
    objects: [entry("a", speaking(undefined)), entry("b")],
    lost: ["b.example.com"],
    told: ["of-b Warn unsetPortShared"],
  },
  { name: "TLS and TCP", objects: [entry("a", speaking("TLS")), entry("b")], ...APART },
  { name: "TLS twice", objects: [entry("a", speaking("TLS")), entry("b", speaking("HTTPS"))], ...APART },
  { name: "HTTP before TCP", objects: [entry("a", speaking("HTTP")), entry("b")], ...APART },
  {
    name: "no resolution: all go where they want to",
    objects: [entry("a", { resolution: "NONE" }), entry("b", { resolution: "NONE" })],
    lost: ["b.example.com"],
    told: ["of-b Audit portCounted"],
  },
  {
    name: "no resolution of the older one",
    objects: [entry("a", { resolution: "NONE" }), entry("b")],
    lost: ["b.example.com"],
    told: ["of-b Audit portCounted"],
  },
  {
    name: "no resolution of the younger one",
    objects: [entry("a"), entry("b", { resolution: "NONE" })],
    ...SHARED,
  },
  {
    name: "a selector without resolution",
    objects: [entry("a"), entry("b", { resolution: "NONE", workloadSelector: { labels: { app: "db" } } })],
    lost: ["b.example.com"],
    told: [],
  },
  {
    name: "a selector with static endpoints",
    objects: [
      entry("a"),
      entry("b", { ...STATIC, location: "MESH_INTERNAL", workloadSelector: { labels: { app: "db" } } }),
    ],
    ...SHARED,
  },
  {
    name: "wildcard hosts",
    objects: [
      entry("a", { hosts: ["*.a.example.com"], endpoints: [{ address: "a.example.com" }] }),
      entry("b", { hosts: ["*.b.example.com"], endpoints: [{ address: "b.example.com" }] }),
    ],
    lost: ["*.b.example.com"],
    told: ["of-b Warn portShared"],
  },
  {
    name: "one of them for its own namespace",
    objects: [entry("a", { exportTo: ["."] }), entry("b")],
    lost: ["a.example.com"],
    told: [],
  },
  {
    name: "one of them for the client and others",
    objects: [entry("a", { exportTo: ["client", "other"] }), entry("b", { exportTo: ["client"] })],
    ...SHARED,
  },
  {
    name: "a Sidecar that knows one of them",
    objects: [entry("a"), entry("b"), sidecar(["of-b/*"])],
    lost: ["a.example.com"],
    told: [],
  },
  { name: "a Sidecar that knows both", objects: [entry("a"), entry("b"), sidecar(["*/*"])], ...SHARED },
  {
    name: "addresses that the client's sidecar does not answer with",
    objects: [allocated("a"), allocated("b")],
    ...SHARED,
  },
  {
    name: "addresses that the client's sidecar answers with",
    objects: [allocated("a"), allocated("b"), DNS_CAPTURE],
    ...APART,
  },
  {
    name: "no address for what is not resolved",
    objects: [allocated("a", { resolution: "NONE" }), allocated("b", { resolution: "NONE" }), DNS_CAPTURE],
    lost: ["b.example.com"],
    told: ["of-b Audit portCounted"],
  },
  {
    name: "a Service of the cluster",
    objects: [service("a", { clusterIP: "10.96.0.1", selector: { app: "db" } }), entry("b")],
    ...APART,
  },
  {
    name: "a headless Service",
    objects: [service("a", { clusterIP: "None", selector: { app: "db" } }), entry("b")],
    ...APART,
  },
  {
    name: "an ExternalName Service, which is an alias",
    objects: [
      service("a", { type: "ExternalName", externalName: "a.example.com" }),
      service("b", { type: "ExternalName", externalName: "b.example.com" }),
      entry("b"),
    ],
    lost: [],
    told: ["of-a Audit portsIgnored", "of-b Audit portsIgnored"],
  },
];

test("the hosts that Istio leaves out of a port's listener are the ones that are told of", async (t) => {
  const oracle = await startOracle(t);
  if (!oracle) return;
  for (const { name, objects, lost, told } of CASES) {
    const all = [CLIENTS, ...objects];
    assert.deepEqual(await lostHosts(oracle, all), lost, name);
    const findings = findingsOn(all);
    assert.deepEqual(
      findings.map(({ object, verdict }) => `${object.namespace} ${verdict.action} ${verdict.messageId}`),
      told,
      name,
    );
    for (const { verdict } of findings) {
      const suggested = (verdict.suggestion ?? []).map(filledIn);
      if (suggested.length === 0) continue;
      const repaired = all.filter((one) => !suggested.some((other) => isSame(one, other)));
      assert.deepEqual(await lostHosts(oracle, [...repaired, ...suggested]), [], `${name}, repaired`);
    }
  }
});

/** As a person does who knows the address. */
function filledIn(suggestion: JsonObject): JsonObject {
  const text = emitYaml(suggestion).replaceAll(/"<IP address[^>]*>"/g, "192.0.2.1");
  const value = parseYaml(text).documents[0]?.value ?? null;
  assert.ok(isMap(value));
  return value;
}

function isMap(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isSame(one: JsonObject, other: JsonObject): boolean {
  const [mine, theirs] = [one, other].map((object) => readObject("ServiceEntry", object).metadata);
  return (
    one["kind"] === other["kind"] && mine?.name === theirs?.name && mine?.namespace === theirs?.namespace
  );
}

async function lostHosts(oracle: Oracle, objects: readonly JsonObject[]): Promise<readonly string[]> {
  const query = { clientNamespace: "client", clientLabels: {}, proxy: "sidecar", host: "" } as const;
  const { answers, refused } = await oracle.askAll({ objects }, [{ ...query, port: PORT }]);
  assert.deepEqual(refused, []);
  const reached = new Set(
    (answers[0]?.listeners ?? []).flatMap(({ chains = [] }) => chains.map(({ cluster }) => cluster)),
  );
  const isHttp = (object: JsonObject) => JSON.stringify(object).includes('"HTTP"');
  const hosts = objects.filter((one) => one["kind"] === "ServiceEntry" && !isHttp(one)).flatMap(hostsOf);
  return hosts.filter((host) => !reached.has(`outbound|${PORT}||${host}`));
}

function hostsOf(object: JsonObject): readonly string[] {
  return [/"hosts":\["([^"]+)"\]/.exec(JSON.stringify(object))?.[1] ?? ""];
}

function findingsOn(objects: readonly JsonObject[]): readonly ReportedFinding[] {
  const { manifests } = parseManifests("mesh.yaml", objects.map((one) => emitYaml(one)).join("---\n"), true);
  const { findings, failures } = checkManifests({
    manifests,
    state: { store: new Store("cluster.local"), settings: DEFAULT_MESH_SETTINGS, isComplete: true },
    namespace: "default",
    rules: [rule],
    policy: DEFAULT_POLICY,
    today: "2026-08-01",
  });
  assert.deepEqual(failures, []);
  return findings;
}
