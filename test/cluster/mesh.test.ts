import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { meshOf } from "../../src/cluster/mesh.ts";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";
import type { MeshSettings } from "../../src/rules/policy.ts";

type Put = readonly [Kind, object];

function storeOf(objects: readonly Put[]): Store {
  const store = new Store("cluster.local");
  for (const [kind, object] of objects) store.put(kind, object);
  return store;
}

function meshIn(objects: readonly Put[], settings: Partial<MeshSettings> = {}) {
  return meshOf(storeOf(objects), { ...DEFAULT_MESH_SETTINGS, ...settings });
}

function configMap(name: string, data: object, namespace = "istio-system"): Put {
  return ["ConfigMap", { metadata: { name, namespace }, data }];
}

const rootOf = (objects: readonly Put[], settings?: Partial<MeshSettings>) =>
  meshIn(objects, settings).rootNamespace;
const named = (root: string) => ({ mesh: `rootNamespace: ${root}` });

describe("the mesh configuration", () => {
  test("has Istio's defaults where there is none", () => {
    const mesh = meshIn([]);
    assert.equal(mesh.rootNamespace, "istio-system");
    assert.equal(mesh.clusterDomain, "cluster.local");
    assert.deepEqual(mesh.defaultDestinationRuleExportTo, []);
    assert.deepEqual(mesh.defaultServiceExportTo, []);
    assert.deepEqual(mesh.injectors, []);
    assert.deepEqual(mesh.defaultProxyConfig, { proxyMetadata: {} });
  });

  test("is read from the ConfigMap istio", () => {
    const mesh = [
      "rootNamespace: root",
      'defaultDestinationRuleExportTo: ["."]',
      "defaultServiceExportTo: [a, b]",
      "defaultConfig:",
      "  interceptionMode: TPROXY",
      "  terminationDrainDuration: 15s",
      '  proxyMetadata: { EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true" }',
      "trustDomain: cluster.local",
    ].join("\n");
    const read = meshIn([configMap("istio", { mesh, meshNetworks: "networks: {}" })]);
    assert.equal(read.rootNamespace, "root");
    assert.deepEqual(read.defaultDestinationRuleExportTo, ["."]);
    assert.deepEqual(read.defaultServiceExportTo, ["a", "b"]);
    assert.deepEqual(read.defaultProxyConfig, {
      interceptionMode: "TPROXY",
      terminationDrainDuration: "15s",
      proxyMetadata: { EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true" },
    });
  });

  test("may be written as JSON", () =>
    assert.equal(rootOf([configMap("istio", { mesh: '{"rootNamespace":"root"}' })]), "root"));

  test("is that of istio before that of a revision, and that of a revision before any other", () => {
    const [istio, canary, other] = [named("one"), named("two"), named("three")];
    const all = [configMap("istio-canary", canary), configMap("istio", istio), configMap("mesh", other)];
    assert.equal(rootOf(all), "one");
    assert.equal(rootOf(all.toReversed()), "one");
    assert.equal(rootOf([configMap("mesh", other), configMap("istio-canary", canary)]), "two");
    assert.equal(rootOf([configMap("istio-b", canary), configMap("istio-a", istio)]), "one");
  });

  test("is that of another namespace only if no second one has the key", () => {
    const elsewhere = configMap("istio", named("root"), "control-plane");
    assert.equal(rootOf([elsewhere]), "root");
    assert.equal(rootOf([elsewhere, configMap("mesh", named("two"), "other")]), "istio-system");
    assert.equal(rootOf([elsewhere, configMap("istio", { other: "" })]), "root");
    assert.equal(rootOf([elsewhere, configMap("istio", named("one"))]), "one");
  });

  test("is looked for where the configuration says that Istio is", () => {
    const both = [configMap("istio", named("one")), configMap("istio", named("two"), "control-plane")];
    assert.equal(rootOf(both, { istioNamespace: "control-plane" }), "two");
  });

  test("yields to the configuration", () => {
    assert.equal(rootOf([configMap("istio", named("one"))], { rootNamespace: "own" }), "own");
    assert.equal(meshIn([], { clusterDomain: "corp.example" }).clusterDomain, "corp.example");
    assert.equal(meshIn([], { multiCluster: true }).multiCluster, true);
  });

  test("is as if it were not there where it cannot be read", () => {
    const broken = ["rootNamespace: [", "- a", "", "rootNamespace: 7", "rootNamespace:", 'rootNamespace: ""'];
    for (const mesh of [...broken, "text", "\u0000"]) {
      assert.equal(rootOf([configMap("istio", { mesh })]), "istio-system", mesh);
    }
    const wrong = meshIn([
      configMap("istio", { mesh: "defaultServiceExportTo: a\ndefaultConfig: []\nrootNamespace: root" }),
    ]);
    assert.deepEqual(wrong.defaultServiceExportTo, []);
    assert.equal(wrong.rootNamespace, "root");
    assert.equal(
      rootOf([["ConfigMap", { metadata: { name: "istio", namespace: "istio-system" }, data: { mesh: 7 } }]]),
      "istio-system",
    );
  });
});

describe("with an API server of the mesh's own", () => {
  const of = (inMesh: readonly Put[], inData: readonly Put[]) => {
    const store = storeOf(inData);
    for (const [kind, object] of inMesh) store.put(kind, object, "mesh");
    return meshOf(store, DEFAULT_MESH_SETTINGS);
  };

  test("its ConfigMaps go before those of the cluster, and these count where it has none", () => {
    const [one, two] = [configMap("istio-one", named("one")), configMap("istio", named("two"))];
    assert.equal(of([one], [two]).rootNamespace, "one");
    assert.equal(of([], [two]).rootNamespace, "two");
    assert.equal(of([configMap("istio", {})], [two]).rootNamespace, "two");
    const values = (excludeInboundPorts: string) =>
      configMap("istio-sidecar-injector", {
        values: JSON.stringify({ global: { proxy: { excludeInboundPorts } } }),
      });
    assert.equal(of([values("1")], [values("2")]).injectorSettings("")?.excludeInboundPorts, "1");
    assert.equal(of([], [values("2")]).injectorSettings("")?.excludeInboundPorts, "2");
  });
});

describe("an injector's settings", () => {
  const values = (text: object) => ({ values: JSON.stringify(text) });

  test("are unknown without its ConfigMap, without the key, and where it cannot be read", () => {
    assert.equal(meshIn([]).injectorSettings(""), undefined);
    for (const data of [{}, { config: "" }, { values: "" }, { values: "a: [" }, { values: "[]" }]) {
      assert.equal(meshIn([configMap("istio-sidecar-injector", data)]).injectorSettings(""), undefined);
    }
  });

  test("are those of the revision that injects", () => {
    const rewriting = (rewriteAppHTTPProbe: boolean) =>
      values({ sidecarInjectorWebhook: { rewriteAppHTTPProbe } });
    const mesh = meshIn([
      configMap("istio-sidecar-injector", rewriting(true)),
      configMap("istio-sidecar-injector-canary", rewriting(false)),
    ]);
    assert.equal(mesh.injectorSettings("")?.rewriteAppHTTPProbe, true);
    assert.equal(mesh.injectorSettings("canary")?.rewriteAppHTTPProbe, false);
    assert.equal(mesh.injectorSettings("other"), undefined);
  });

  test("are off and empty where the values say nothing or something else", () => {
    const off = {
      rewriteAppHTTPProbe: false,
      includeInboundPorts: "*",
      excludeInboundPorts: "",
      excludeOutboundPorts: "",
      usesCni: false,
    };
    const wrong = { sidecarInjectorWebhook: { rewriteAppHTTPProbe: "true" }, global: { proxy: [] } };
    for (const text of [{}, wrong]) {
      assert.deepEqual(meshIn([configMap("istio-sidecar-injector", values(text))]).injectorSettings(""), off);
    }
  });

  test("have ports as text or as one number", () => {
    const proxy = { includeInboundPorts: "80,443", excludeInboundPorts: 8087, excludeOutboundPorts: "33,63" };
    const mesh = meshIn([configMap("istio-sidecar-injector", values({ global: { proxy } }))]);
    assert.deepEqual(mesh.injectorSettings(""), {
      rewriteAppHTTPProbe: false,
      includeInboundPorts: "80,443",
      excludeInboundPorts: "8087",
      excludeOutboundPorts: "33,63",
      usesCni: false,
    });
  });
});

test("an injector is each webhook of a labelled configuration, and each with the name of one", () => {
  const webhook = (name: string) => ({ name, namespaceSelector: { matchLabels: { of: name } } });
  const mesh = meshIn([
    [
      "MutatingWebhookConfiguration",
      {
        metadata: { name: "a", labels: { app: "sidecar-injector", "istio.io/rev": "canary" } },
        webhooks: [webhook("one"), webhook("two")],
      },
    ],
    [
      "MutatingWebhookConfiguration",
      { metadata: { name: "b" }, webhooks: [webhook("x.sidecar-injector.istio.io"), webhook("other")] },
    ],
    ["MutatingWebhookConfiguration", { metadata: { name: "c" } }],
  ]);
  assert.deepEqual(
    mesh.injectors.map(({ revision, namespaceSelector }) => [
      revision,
      namespaceSelector.matchLabels?.["of"],
    ]),
    [
      ["canary", "one"],
      ["canary", "two"],
      ["", "x.sidecar-injector.istio.io"],
    ],
  );
});

function deployment(name: string, image: string, labels: object = {}, namespace = "istio-system"): Put {
  const template = { spec: { containers: [{ name: "main", image }] } };
  return ["Deployment", { metadata: { name, namespace, labels }, spec: { template } }];
}

test("what a view says of the mesh follows its ConfigMaps, Deployments and injectors", () => {
  const store = storeOf([]);
  const state = { store, settings: DEFAULT_MESH_SETTINGS, isComplete: true };
  const facts = () => {
    const { mesh, versions } = createView(state);
    const { excludeInboundPorts } = mesh.injectorSettings("") ?? {};
    return [mesh.rootNamespace, versions.istio?.value, mesh.injectors.length, excludeInboundPorts];
  };
  assert.deepEqual(facts(), ["istio-system", undefined, 0, undefined]);
  const values = (port: number) => ({ values: `global: { proxy: { excludeInboundPorts: ${port} } }` });
  const changes: Put[] = [
    configMap("istio", named("root")),
    deployment("istiod", "pilot:1.29.0"),
    [
      "MutatingWebhookConfiguration",
      { metadata: { name: "a", labels: { app: "sidecar-injector" } }, webhooks: [{}] },
    ],
    configMap("istio-sidecar-injector", values(1)),
  ];
  for (const [kind, object] of changes) store.put(kind, object);
  assert.deepEqual(facts(), ["root", "1.29.0", 1, "1"]);
  store.put(...configMap("istio-sidecar-injector", values(2)));
  store.put(...deployment("istiod", "pilot:1.30.0"));
  assert.deepEqual(facts(), ["root", "1.30.0", 1, "2"]);
  store.delete("ConfigMap", "istio-system", "istio");
  store.delete("Deployment", "istio-system", "istiod");
  store.delete("MutatingWebhookConfiguration", "", "a");
  assert.deepEqual(facts(), ["istio-system", undefined, 0, "2"]);
});
