import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import type { ObjectId } from "../../src/cluster/view.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";
import type { MeshSettings } from "../../src/rules/policy.ts";

type Put = readonly [Kind, object];

function viewOf(objects: readonly Put[], settings: Partial<MeshSettings> = {}, excluded?: ObjectId) {
  const store = new Store("cluster.local");
  for (const [kind, object] of objects) store.put(kind, object);
  return createView(
    { store, settings: { ...DEFAULT_MESH_SETTINGS, ...settings }, isComplete: true },
    excluded,
  );
}

/** The proxies in namespace a, in short. */
function proxiesIn(objects: readonly Put[], settings?: Partial<MeshSettings>): string[] {
  return viewOf(objects, settings)
    .clients.inNamespace("a")
    .map(({ proxy }) => proxy);
}

const namespace = (labels: object = {}): Put => ["Namespace", { metadata: { name: "a", labels } }];
const INJECTED = { "istio-injection": "enabled" };

interface PodParts {
  readonly labels?: object;
  readonly annotations?: object;
  readonly spec?: object;
}

/** A Pod that runs; of one with no spec, only the metadata is seen. */
function pod({ spec = {}, ...metadata }: PodParts = {}): Put {
  return ["Pod", { metadata: { name: "one", namespace: "a", uid: "1", ...metadata }, spec }];
}

function deployment({ spec = {}, ...metadata }: PodParts = {}): Put {
  return [
    "Deployment",
    { metadata: { name: "one", namespace: "a" }, spec: { template: { metadata, spec } } },
  ];
}

const PROXY = { name: "istio-proxy", image: "proxyv2:1.30.0" };

describe("a Pod is a client", () => {
  const sidecars: Readonly<Record<string, PodParts>> = {
    "with a classic sidecar": { spec: { containers: [{ name: "app" }, PROXY] } },
    "with a native sidecar": { spec: { initContainers: [{ ...PROXY, restartPolicy: "Always" }] } },
    "by the annotation that the injector leaves": { annotations: { "sidecar.istio.io/status": "{}" } },
  };
  for (const [what, parts] of Object.entries(sidecars)) {
    test(what, () => assert.deepEqual(proxiesIn([pod(parts)]), ["sidecar"]));
  }

  const gateways: Readonly<Record<string, PodParts>> = {
    "by the template gateway": { annotations: { "inject.istio.io/templates": "gateway" } },
    "by one template of several": { annotations: { "inject.istio.io/templates": "custom, gateway" } },
    "by the name of its Gateway": { labels: { "gateway.networking.k8s.io/gateway-name": "edge" } },
    "by its controller": { labels: { "gateway.istio.io/managed": "istio.io-gateway-controller" } },
    "by istio=ingressgateway": { labels: { istio: "ingressgateway" } },
    "by istio=egressgateway": { labels: { istio: "egressgateway" } },
    "by istio=eastwestgateway": { labels: { istio: "eastwestgateway" } },
  };
  for (const [what, parts] of Object.entries(gateways)) {
    test(`as a gateway, ${what}`, () => {
      assert.deepEqual(proxiesIn([pod(parts)]), ["gateway"]);
      assert.deepEqual(proxiesIn([deployment(parts)]), ["gateway"]);
    });
  }

  const waypoints: Readonly<Record<string, PodParts>> = {
    "by the template": { annotations: { "inject.istio.io/templates": "waypoint" } },
    "by its controller": {
      labels: {
        "gateway.istio.io/managed": "istio.io-mesh-controller",
        "gateway.networking.k8s.io/gateway-name": "waypoint",
      },
    },
  };
  for (const [what, parts] of Object.entries(waypoints)) {
    test(`as a waypoint, ${what}`, () => assert.deepEqual(proxiesIn([pod(parts)]), ["waypoint"]));
  }

  const none: Readonly<Record<string, PodParts>> = {
    "without a proxy": { spec: { containers: [{ name: "app" }] } },
    "that waits for its proxy": { spec: { containers: [{ name: "istio-proxy", image: "auto" }] } },
    "whose proxy ends before the app starts": { spec: { initContainers: [PROXY] } },
    "that is ztunnel": { labels: { app: "ztunnel" }, spec: { containers: [PROXY] } },
    "that is istiod": { labels: { app: "istiod", istio: "pilot" } },
    "that asked for injection and runs without": { labels: { "sidecar.istio.io/inject": "true" } },
  };
  for (const [what, parts] of Object.entries(none)) {
    test(`not ${what}`, () => assert.deepEqual(proxiesIn([pod(parts)]), []));
  }

  test("with its own labels, without those of a single Pod", () => {
    const labels = { app: "x", "pod-template-hash": "12ab" };
    const [client] = viewOf([pod({ labels, spec: { containers: [PROXY] } })]).clients.inNamespace("a");
    assert.deepEqual(client?.labels, { app: "x" });
  });
});

describe("a Pod or template that stands in a file is a client", () => {
  const asked = { "sidecar.istio.io/inject": "true" };

  test("if its own label asks for injection", () => {
    assert.deepEqual(proxiesIn([deployment({ labels: asked })]), ["sidecar"]);
    assert.deepEqual(proxiesIn([["Pod", { metadata: { name: "one", namespace: "a", labels: asked } }]]), [
      "sidecar",
    ]);
  });

  test("whatever the kind of its workload", () => {
    const template = { metadata: { labels: asked } };
    const metadata = { name: "one", namespace: "a" };
    for (const kind of ["DaemonSet", "Job", "ReplicaSet", "StatefulSet"] as const) {
      assert.deepEqual(proxiesIn([[kind, { metadata, spec: { template } }]]), ["sidecar"], kind);
    }
    const spec = { jobTemplate: { spec: { template } } };
    assert.deepEqual(proxiesIn([["CronJob", { metadata, spec }]]), ["sidecar"]);
  });

  test("unless the annotation, the label or the host network keeps the proxy away", () => {
    const revision = { "istio.io/rev": "canary" };
    assert.deepEqual(proxiesIn([deployment({ labels: revision })]), ["sidecar"]);
    const out: PodParts[] = [
      { labels: revision, annotations: { "sidecar.istio.io/inject": "false" } },
      { labels: { ...revision, "sidecar.istio.io/inject": "false" } },
      { labels: { ...revision, "sidecar.istio.io/inject": "false" }, annotations: asked },
      { labels: revision, spec: { hostNetwork: true } },
    ];
    for (const parts of out) assert.deepEqual(proxiesIn([deployment(parts)]), []);
    const allowed = {
      labels: { ...revision, ...asked },
      annotations: { "sidecar.istio.io/inject": "false" },
    };
    assert.deepEqual(proxiesIn([deployment(allowed)]), ["sidecar"]);
  });

  test("not by the annotation alone, which cannot cause injection", () => {
    assert.deepEqual(proxiesIn([deployment({ annotations: asked })]), []);
  });

  test("and in an injected namespace beside those that may still come", () => {
    assert.deepEqual(proxiesIn([namespace(INJECTED), deployment()]), ["sidecar", "sidecar"]);
    const optedOut = deployment({ annotations: { "sidecar.istio.io/inject": "false" } });
    assert.deepEqual(proxiesIn([namespace(INJECTED), optedOut]), ["sidecar"]);
  });
});

describe("a namespace has clients by its labels", () => {
  const cases: readonly (readonly [object, boolean])[] = [
    [{ "istio-injection": "enabled" }, true],
    [{ "istio-injection": "enabled", "istio.io/rev": "canary" }, true],
    [{ "istio.io/rev": "canary" }, true],
    [{ "istio.io/rev": "" }, false],
    [{ "istio-injection": "disabled" }, false],
    [{ "istio-injection": "disabled", "istio.io/rev": "canary" }, false],
    [{ "istio-injection": "true" }, false],
    [{ "istio-injection": "Enabled" }, false],
    [{ "istio-injection": "" }, false],
    [{ "istio.io/dataplane-mode": "ambient" }, false],
    [{}, false],
  ];
  for (const [labels, isClient] of cases) {
    test(`${JSON.stringify(labels)}: ${isClient}`, () =>
      assert.deepEqual(proxiesIn([namespace(labels)]), isClient ? ["sidecar"] : []));
  }

  test("never in the namespaces that istiod leaves out", () => {
    for (const name of ["kube-system", "kube-public", "kube-node-lease", "local-path-storage"]) {
      const view = viewOf([["Namespace", { metadata: { name, labels: INJECTED } }]]);
      assert.deepEqual(view.clients.inNamespace(name), []);
    }
  });

  test("and a blocked one has none, whatever its Pods say", () => {
    const labels = { "sidecar.istio.io/inject": "true", "istio.io/rev": "canary" };
    assert.deepEqual(proxiesIn([namespace({ "istio-injection": "no" }), deployment({ labels })]), []);
  });
});

describe("with an injector, its selectors decide:", () => {
  const injector = (labels: object, ...webhooks: object[]): Put => [
    "MutatingWebhookConfiguration",
    { metadata: { name: "injector", labels }, webhooks },
  ];
  const exists = (key: string) => ({ key, operator: "Exists" });
  const missing = (key: string) => ({ key, operator: "DoesNotExist" });
  /** As istiod's chart writes them. */
  const UPSTREAM = injector(
    { app: "sidecar-injector", "istio.io/rev": "default" },
    {
      name: "rev.namespace.sidecar-injector.istio.io",
      namespaceSelector: {
        matchExpressions: [
          { key: "istio.io/rev", operator: "In", values: ["default"] },
          missing("istio-injection"),
        ],
      },
      objectSelector: {
        matchExpressions: [{ key: "sidecar.istio.io/inject", operator: "NotIn", values: ["false"] }],
      },
    },
    {
      name: "namespace.sidecar-injector.istio.io",
      namespaceSelector: {
        matchExpressions: [{ key: "istio-injection", operator: "In", values: ["enabled"] }],
      },
      objectSelector: {
        matchExpressions: [{ key: "sidecar.istio.io/inject", operator: "NotIn", values: ["false"] }],
      },
    },
    {
      name: "object.sidecar-injector.istio.io",
      namespaceSelector: { matchExpressions: [missing("istio-injection"), missing("istio.io/rev")] },
      objectSelector: {
        matchExpressions: [
          { key: "sidecar.istio.io/inject", operator: "In", values: ["true"] },
          missing("istio.io/rev"),
        ],
      },
    },
  );

  test("a namespace that one of them selects has clients, one of another revision has none", () => {
    assert.deepEqual(proxiesIn([UPSTREAM, namespace(INJECTED)]), ["sidecar"]);
    assert.deepEqual(proxiesIn([UPSTREAM, namespace({ "istio.io/rev": "default" })]), ["sidecar"]);
    assert.deepEqual(proxiesIn([UPSTREAM, namespace({ "istio.io/rev": "other" })]), []);
    assert.deepEqual(proxiesIn([UPSTREAM, namespace({ "istio-injection": "disabled" })]), []);
    assert.deepEqual(proxiesIn([UPSTREAM, namespace()]), []);
  });

  test("a Pod's own label counts where the namespace says nothing", () => {
    const asking = deployment({ labels: { "sidecar.istio.io/inject": "true" } });
    assert.deepEqual(proxiesIn([UPSTREAM, namespace(), asking]), ["sidecar"]);
    assert.deepEqual(proxiesIn([UPSTREAM, namespace({ "istio.io/rev": "other" }), asking]), []);
  });

  test("a tag is served by the configuration that selects it", () => {
    const tag = injector(
      { app: "sidecar-injector", "istio.io/tag": "prod", "istio.io/rev": "1-30" },
      {
        name: "rev.namespace.sidecar-injector.istio.io",
        namespaceSelector: {
          matchLabels: { "istio.io/rev": "prod" },
          matchExpressions: [exists("istio.io/rev")],
        },
      },
    );
    assert.deepEqual(proxiesIn([tag, namespace({ "istio.io/rev": "prod" })]), ["sidecar"]);
    assert.deepEqual(proxiesIn([tag, namespace({ "istio.io/rev": "1-30" })]), []);
  });

  test("no default revision injects where only another one is installed", () => {
    const canary = injector(
      { app: "sidecar-injector", "istio.io/rev": "canary" },
      {
        name: "rev.namespace.sidecar-injector.istio.io",
        namespaceSelector: { matchLabels: { "istio.io/rev": "canary" } },
      },
    );
    assert.deepEqual(proxiesIn([canary, namespace(INJECTED)]), []);
  });

  test("it is told by the names of its webhooks, too, and other configurations are none", () => {
    const byName = injector(
      {},
      { name: "x.sidecar-injector.istio.io", namespaceSelector: { matchLabels: { mesh: "on" } } },
    );
    assert.deepEqual(proxiesIn([byName, namespace({ mesh: "on" })]), ["sidecar"]);
    const stranger = injector({ app: "other" }, { name: "mutate.example.com" });
    assert.deepEqual(proxiesIn([stranger, namespace()]), []);
    assert.deepEqual(
      proxiesIn([stranger, namespace(INJECTED)]),
      ["sidecar"],
      "labels count: there is no injector",
    );
  });

  test("a namespace is selected by its name where nobody has seen its labels", () => {
    const byName = injector(
      { app: "sidecar-injector" },
      { name: "x", namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "a" } } },
    );
    assert.deepEqual(proxiesIn([byName]), ["sidecar"]);
    assert.deepEqual(viewOf([byName]).clients.inNamespace("b"), []);
  });

  test("an operator that nobody knows selects nothing", () => {
    const broken = injector(
      { app: "sidecar-injector" },
      { name: "x", namespaceSelector: { matchExpressions: [{ key: "a", operator: "Like" }] } },
    );
    assert.deepEqual(proxiesIn([broken, namespace(INJECTED)]), []);
  });
});

describe("clients without Pods are", () => {
  const metadata = { name: "one", namespace: "a" };

  test("a WorkloadEntry and a WorkloadGroup, with the labels of their workloads", () => {
    const view = viewOf([
      ["WorkloadEntry", { metadata, spec: { labels: { app: "x" } } }],
      ["WorkloadGroup", { metadata, spec: { metadata: { labels: { app: "y" } } } }],
    ]);
    assert.deepEqual(
      view.clients.inNamespace("a").map(({ labels, proxy }) => ({ labels, proxy })),
      [
        { labels: { app: "x" }, proxy: "sidecar" },
        { labels: { app: "y" }, proxy: "sidecar" },
      ],
    );
  });

  const gateway = (gatewayClassName?: string): Put => [
    "KubernetesGateway",
    { metadata, spec: { gatewayClassName } },
  ];
  const gatewayClass = (name: string, controllerName?: string): Put => [
    "GatewayClass",
    { metadata: { name }, spec: { controllerName } },
  ];

  test("a Gateway of a class that istiod makes by itself", () => {
    assert.deepEqual(proxiesIn([gateway("istio")]), ["gateway"]);
    assert.deepEqual(proxiesIn([gateway("istio-waypoint")]), ["waypoint"]);
  });

  test("a Gateway whose class names istiod's controller", () => {
    const [mesh, edge] = ["istio.io/mesh-controller", "istio.io/gateway-controller"];
    assert.deepEqual(proxiesIn([gateway("own"), gatewayClass("own", edge)]), ["gateway"]);
    assert.deepEqual(proxiesIn([gateway("own"), gatewayClass("own", mesh)]), ["waypoint"]);
  });

  test("no Gateway of another controller, of an unknown class, or of none", () => {
    assert.deepEqual(proxiesIn([gateway("own"), gatewayClass("own", "example.com/gateway")]), []);
    assert.deepEqual(proxiesIn([gateway("istio"), gatewayClass("istio", "example.com/gateway")]), []);
    assert.deepEqual(proxiesIn([gateway("istio"), gatewayClass("istio")]), []);
    for (const name of ["own", "istio-remote", "constructor", undefined]) {
      assert.deepEqual(proxiesIn([gateway(name)]), []);
    }
  });

  test("what the configuration says, by name and by labels", () => {
    const declared = (names: string[], matchLabels?: Record<string, string>) => ({
      clientNamespaces: { names, selector: matchLabels && { matchLabels } },
    });
    assert.deepEqual(proxiesIn([], declared(["a"])), ["sidecar"]);
    assert.deepEqual(viewOf([], declared(["a"])).clients.namespaces(), ["a"]);
    assert.deepEqual(proxiesIn([namespace({ team: "x" })], declared([], { team: "x" })), ["sidecar"]);
    assert.deepEqual(proxiesIn([namespace({ team: "y" })], declared([], { team: "x" })), []);
    assert.deepEqual(proxiesIn([], declared([], { "kubernetes.io/metadata.name": "a" })), ["sidecar"]);
    assert.deepEqual(proxiesIn([namespace()], declared(["b"])), []);
  });
});

describe("the object under review is no client:", () => {
  const metadata = { name: "one", namespace: "a" };
  const cases: readonly (readonly [Put, ObjectId])[] = [
    [pod({ spec: { containers: [PROXY] } }), { kind: "Pod", ...metadata }],
    [deployment({ labels: { istio: "ingressgateway" } }), { kind: "Deployment", ...metadata }],
    [["WorkloadEntry", { metadata }], { kind: "WorkloadEntry", ...metadata }],
    [["WorkloadGroup", { metadata }], { kind: "WorkloadGroup", ...metadata }],
    [
      ["KubernetesGateway", { metadata, spec: { gatewayClassName: "istio" } }],
      { kind: "KubernetesGateway", ...metadata },
    ],
    [namespace(INJECTED), { kind: "Namespace", namespace: "", name: "a" }],
  ];
  for (const [put, id] of cases) {
    test(id.kind, () => {
      assert.equal(viewOf([put]).clients.inNamespace("a").length, 1);
      assert.deepEqual(viewOf([put]).clients.namespaces(), ["a"]);
      const view = viewOf([put], {}, id);
      assert.deepEqual(view.clients.inNamespace("a"), []);
      assert.deepEqual(view.clients.namespaces(), []);
      const another = viewOf([put], {}, { ...id, name: "another" });
      assert.equal(another.clients.inNamespace("a").length, 1);
    });
  }

  test("one of two alike Pods is, and the other stays", () => {
    const parts = { spec: { containers: [PROXY] } };
    const second: Put = ["Pod", { metadata: { name: "two", namespace: "a", uid: "2" }, ...parts }];
    const view = viewOf([pod(parts), second], {}, { kind: "Pod", ...metadata });
    assert.equal(view.clients.inNamespace("a").length, 1);
  });
});

describe("a namespace is known", () => {
  const known = (objects: readonly Put[], isComplete = false, excluded?: ObjectId) => {
    const store = new Store("cluster.local");
    for (const [kind, object] of objects) store.put(kind, object);
    const view = createView({ store, settings: DEFAULT_MESH_SETTINGS, isComplete }, excluded);
    return view.clients.isKnown("a");
  };

  test("in a complete cluster", () => assert.equal(known([], true), true));

  test("in files by its Namespace or a workload in it, and by nothing else", () => {
    assert.equal(known([namespace()]), true);
    assert.equal(known([deployment()]), true);
    assert.equal(known([pod()]), true);
    assert.equal(known([["Service", { metadata: { name: "web", namespace: "a" } }]]), false);
    assert.equal(known([]), false);
  });

  test("not by the object under review", () => {
    assert.equal(known([namespace()], false, { kind: "Namespace", namespace: "", name: "a" }), false);
    assert.equal(known([pod()], false, { kind: "Pod", namespace: "a", name: "one" }), false);
  });
});
