import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findInjectedProxy, gatewayKindOf, injectionOf, isProxyless } from "../../src/istio/injection.ts";
import type { InjectionQuery, Injector } from "../../src/istio/injection.ts";

const INJECT = "sidecar.istio.io/inject";
const REV = "istio.io/rev";

function query(rest: Partial<InjectionQuery> = {}): InjectionQuery {
  const empty = { namespaceLabels: {}, podLabels: {}, podAnnotations: {}, hostNetwork: false };
  return { namespace: "shop", ...empty, ...rest };
}
const injection = (rest: Partial<InjectionQuery>, injectors: readonly Injector[] = []) => {
  const { takesEffect, revision } = injectionOf(query(rest), injectors);
  return takesEffect ? `by "${revision}"` : "no";
};

describe("without an injector, labels decide:", () => {
  const pod = { [INJECT]: "true" };
  const cases: readonly (readonly [string, object, object, string])[] = [
    ["nothing", {}, {}, "no"],
    ["the namespace is enabled", { "istio-injection": "enabled" }, {}, 'by ""'],
    ["enabled wins over a revision", { "istio-injection": "enabled", [REV]: "x" }, { [REV]: "y" }, 'by ""'],
    ["another value blocks", { "istio-injection": "yes" }, { ...pod, [REV]: "y" }, "no"],
    ["an empty value blocks", { "istio-injection": "" }, pod, "no"],
    ["a blocking value wins over a revision", { "istio-injection": "disabled", [REV]: "x" }, pod, "no"],
    ["the namespace's revision", { [REV]: "x" }, {}, 'by "x"'],
    ["the namespace's revision wins over the Pod's", { [REV]: "x" }, { [REV]: "y" }, 'by "x"'],
    ["the revision default", { [REV]: "default" }, {}, 'by ""'],
    ["an empty revision is none", { [REV]: "" }, {}, "no"],
    ["the Pod's label", {}, pod, 'by ""'],
    ["the Pod's revision", {}, { [REV]: "y" }, 'by "y"'],
    ["the Pod's label in other words", {}, { [INJECT]: "yes" }, "no"],
  ];
  for (const [name, namespaceLabels, podLabels, expected] of cases) {
    test(name, () =>
      assert.equal(
        injection({ namespaceLabels: { ...namespaceLabels }, podLabels: { ...podLabels } }),
        expected,
      ),
    );
  }
});

describe("whatever the labels of the namespace, none is injected", () => {
  const namespaceLabels = { "istio-injection": "enabled" };
  const everything: Injector = { revision: "x", namespaceSelector: {}, objectSelector: {} };
  const out: readonly (readonly [string, Partial<InjectionQuery>])[] = [
    ["on the host network", { hostNetwork: true }],
    ["by the Pod's label", { podLabels: { [INJECT]: "false" } }],
    ["by the Pod's annotation", { podAnnotations: { [INJECT]: "false" } }],
    [
      "by the label against the annotation",
      { podLabels: { [INJECT]: "false" }, podAnnotations: { [INJECT]: "true" } },
    ],
    ...["kube-system", "kube-public", "kube-node-lease", "local-path-storage"].map(
      (namespace) => [`in ${namespace}`, { namespace }] as const,
    ),
  ];
  for (const [name, parts] of out) {
    test(name, () => {
      assert.equal(injection({ namespaceLabels, ...parts }), "no");
      assert.equal(injection({ namespaceLabels, ...parts }, [everything]), "no");
    });
  }

  test("except where the Pod says yes, or nothing that counts", () => {
    for (const wish of ["true", "True", "yes", "no", "disabled", "False", ""]) {
      assert.equal(injection({ namespaceLabels, podLabels: { [INJECT]: wish } }), 'by ""', wish);
      assert.equal(injection({ namespaceLabels, podAnnotations: { [INJECT]: wish } }), 'by ""', wish);
    }
    const podAnnotations = { [INJECT]: "false" };
    assert.equal(injection({ namespaceLabels, podLabels: { [INJECT]: "true" }, podAnnotations }), 'by ""');
  });
});

describe("with injectors, the first whose selectors match injects", () => {
  const injector = (revision: string, namespaceSelector: object, objectSelector: object = {}): Injector => ({
    revision,
    namespaceSelector,
    objectSelector,
  });
  const injectors = [
    injector("default", { matchLabels: { "istio-injection": "enabled" } }),
    injector(
      "canary",
      { matchExpressions: [{ key: REV, operator: "In", values: ["canary", "prod"] }] },
      { matchExpressions: [{ key: INJECT, operator: "NotIn", values: ["false"] }] },
    ),
    injector("", { matchExpressions: [{ key: "none", operator: "Exists" }] }),
  ];

  test("with its own revision, whatever the tag was called", () => {
    assert.equal(injection({ namespaceLabels: { "istio-injection": "enabled" } }, injectors), 'by ""');
    assert.equal(injection({ namespaceLabels: { [REV]: "prod" } }, injectors), 'by "canary"');
    assert.equal(injection({ namespaceLabels: { [REV]: "other" } }, injectors), "no");
    assert.equal(injection({ namespaceLabels: {} }, injectors), "no");
  });

  test("by the namespace's name too, which every namespace has as a label", () => {
    const byName = injector("x", { matchLabels: { "kubernetes.io/metadata.name": "shop" } });
    assert.equal(injection({}, [byName]), 'by "x"');
    assert.equal(injection({ namespace: "other" }, [byName]), "no");
  });

  test("and labels that no injector selects count for nothing", () => {
    assert.equal(injection({ podLabels: { [INJECT]: "true" } }, injectors), "no");
  });
});

describe("the injected proxy", () => {
  const proxy = { name: "istio-proxy", image: "proxyv2" };

  test("is classic among the containers", () => {
    assert.deepEqual(findInjectedProxy({ containers: [{ name: "app" }, proxy] }), {
      container: proxy,
      isNative: false,
      list: "containers",
      index: 1,
    });
  });

  test("is native among the init containers that keep running", () => {
    const native = { ...proxy, restartPolicy: "Always" };
    const found = findInjectedProxy({
      containers: [{ name: "app" }],
      initContainers: [{ name: "init" }, native],
    });
    assert.deepEqual(found, { container: native, isNative: true, list: "initContainers", index: 1 });
  });

  test("is not there before injection", () => {
    assert.equal(findInjectedProxy({}), undefined);
    assert.equal(findInjectedProxy({ containers: [{ ...proxy, image: "auto" }] }), undefined);
    assert.equal(findInjectedProxy({ initContainers: [proxy] }), undefined);
    assert.equal(findInjectedProxy({ containers: [{ name: "istio-proxy-2", image: "x" }] }), undefined);
  });

  test("is found behind a customisation that waits for it", () => {
    const native = { ...proxy, restartPolicy: "Always" };
    const found = findInjectedProxy({ containers: [{ ...proxy, image: "auto" }], initContainers: [native] });
    assert.equal(found?.isNative, true);
  });
});

test("a gateway's kind is told by its labels and its templates", () => {
  const templates = (value: string) => gatewayKindOf({}, { "inject.istio.io/templates": value });
  assert.equal(templates("gateway"), "gateway");
  assert.equal(templates("sidecar, gateway"), "gateway");
  assert.equal(templates("waypoint"), "waypoint");
  assert.equal(templates("sidecar"), undefined);
  assert.equal(templates("my-gateway"), undefined);
  assert.equal(gatewayKindOf({ istio: "ingressgateway" }, {}), "gateway");
  assert.equal(gatewayKindOf({ istio: "ingress" }, {}), undefined);
  assert.equal(gatewayKindOf({ "gateway.istio.io/managed": "istio.io-mesh-controller" }, {}), "waypoint");
  assert.equal(gatewayKindOf({ "gateway.istio.io/managed": "istio.io-gateway-controller" }, {}), "gateway");
  assert.equal(gatewayKindOf({ "gateway.networking.k8s.io/gateway-name": "edge" }, {}), "gateway");
  assert.equal(gatewayKindOf({}, {}), undefined);
});

test("tells proxyless gRPC by its injection template", () => {
  assert.equal(isProxyless({ "inject.istio.io/templates": "grpc-agent" }), true);
  assert.equal(isProxyless({ "inject.istio.io/templates": "custom, grpc-simple" }), true);
  assert.equal(isProxyless({ "inject.istio.io/templates": "sidecar,custom" }), false);
  assert.equal(isProxyless({ "inject.istio.io/templates": "sidecar,grpc-agent" }), false);
  assert.equal(isProxyless({}), false);
});
