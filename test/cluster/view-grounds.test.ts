import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import type { ObjectId } from "../../src/cluster/view.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import type { ClusterView, Ground } from "../../src/rules/cluster-view.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";

/** In namespace shop: hosts of the mesh, a Gateway of another class than Istio's, no clients. */
const OBJECTS: readonly (readonly [Kind, object])[] = [
  ["Namespace", { metadata: { name: "shop" } }],
  ["Namespace", { metadata: { name: "injected", labels: { "istio-injection": "enabled" } } }],
  ["Service", { metadata: { name: "known", namespace: "b" } }],
  ["Service", { metadata: { name: "hidden", namespace: "b", annotations: exportedTo("c") } }],
  ["Service", { metadata: { name: "hidden", namespace: "secret", annotations: exportedTo("c") } }],
  ["Service", { metadata: { name: "external", namespace: "ext" }, spec: { type: "ExternalName" } }],
  ["ServiceEntry", entry("outside", ["outside.example.com"])],
  ["ServiceEntry", entry("private", ["private.example.com"], ["."])],
  [
    "KubernetesGateway",
    { metadata: { name: "edge", namespace: "shop" }, spec: { gatewayClassName: "nginx" } },
  ],
  ["Service", { metadata: { name: "reviewed", namespace: "shop" } }],
];
const REVIEWED: ObjectId = { kind: "Service", namespace: "shop", name: "reviewed" };
const MISSING = { isMissing: true } as const;

function exportedTo(namespaces: string) {
  return { "networking.istio.io/exportTo": namespaces };
}
function entry(name: string, hosts: readonly string[], exportTo?: readonly string[]) {
  return { metadata: { name, namespace: "entries" }, spec: { hosts, exportTo } };
}
function object(
  kind: Kind,
  namespace: string,
  name: string,
  more: { readonly isMissing?: true } = {},
): Ground {
  return { kind, namespace, name, ...more };
}
const all = (kind: Kind, namespace: string): Ground => ({ kind, namespace, name: "" });

type Ask = (view: ClusterView<Kind>) => unknown;

function groundsOf(ask: Ask, more: readonly (readonly [Kind, object])[] = []): readonly Ground[] {
  const store = new Store("cluster.local");
  for (const [kind, value] of [...OBJECTS, ...more]) store.put(kind, value);
  const grounds: Ground[] = [];
  const state = { store, settings: DEFAULT_MESH_SETTINGS, isComplete: true };
  ask(createView(state, REVIEWED, (ground) => grounds.push(ground)));
  return grounds;
}

function check(cases: Readonly<Record<string, readonly [ask: Ask, grounds: readonly Ground[]]>>): void {
  for (const [name, [ask, grounds]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(groundsOf(ask), grounds));
  }
}

describe("an answer about objects rests on", () => {
  check({
    "the one that is not there": [
      (view) => view.get("Namespace", "", "later"),
      [object("Namespace", "", "later", MISSING)],
    ],
    "the one that is there": [(view) => view.get("Namespace", "", "shop"), [object("Namespace", "", "shop")]],
    "the one whose plane is asked for": [
      (view) => view.planeOf("Namespace", "", "shop"),
      [object("Namespace", "", "shop")],
    ],
    "all of a namespace": [
      (view) => view.list("PeerAuthentication", "shop"),
      [all("PeerAuthentication", "shop")],
    ],
    "all Services of a namespace, where some may select": [
      (view) => view.services.selecting("shop", { app: "web" }),
      [all("Service", "shop")],
    ],
    "Pods that a selector finds none of": [
      (view) => view.pods.selectedBy("shop", { app: "web", tier: "front" }),
      [{ ...all("Pod", "shop"), labelSelector: "app=web,tier=front" }],
    ],
    "the ConfigMaps of the mesh and its injectors": [
      (view) => view.mesh,
      [all("ConfigMap", "istio-system"), all("MutatingWebhookConfiguration", "")],
    ],
    "nothing of the object under review, and nothing without a name": [
      (view) => [view.get("Service", "shop", "reviewed"), view.get("Namespace", "", "")],
      [],
    ],
  });

  test("the mesh's own ConfigMap alone, where it is there", () =>
    assert.deepEqual(
      groundsOf(
        (view) => view.mesh,
        [["ConfigMap", { metadata: { name: "istio", namespace: "istio-system" }, data: { mesh: "" } }]],
      ),
      [object("ConfigMap", "istio-system", "istio"), all("MutatingWebhookConfiguration", "")],
    ));
});

describe("an answer about clients rests on", () => {
  check({
    "everything that could make one, where none is": [
      (view) => view.clients.inNamespace("shop"),
      [
        object("Namespace", "", "shop"),
        { ...all("Pod", "shop"), labelSelector: "service.istio.io/canonical-name" },
        all("WorkloadEntry", "shop"),
        all("WorkloadGroup", "shop"),
        all("KubernetesGateway", "shop"),
        object("GatewayClass", "", "nginx", MISSING),
      ],
    ],
    "nothing more where some are": [(view) => view.clients.inNamespace("injected"), []],
    "nothing where namespaces were only looked through": [(view) => view.clients.namespaces(), []],
  });
});

describe("an answer about hosts rests on", () => {
  const known = "known.b.svc.cluster.local";
  const covered =
    (host: string): Ask =>
    (view) => [...view.hosts.coveredBy(host)];
  check({
    "the owners of a name": [(view) => view.hosts.named(known), [object("Service", "b", "known")]],
    "everything that could own a name which nothing has": [
      (view) => view.hosts.named("later.b.svc.cluster.local"),
      [object("Service", "b", "later", MISSING), all("ServiceEntry", "")],
    ],
    "the Service, and what else could have its host beside the object under review": [
      covered(known),
      [object("Service", "b", "known"), all("ServiceEntry", "shop")],
    ],
    "a Service that does not exist yet": [
      covered("later.b.svc.cluster.local"),
      [object("Service", "b", "later", MISSING), all("ServiceEntry", "shop")],
    ],
    "all that could have the host of a Service that is hidden": [
      covered("hidden.b.svc.cluster.local"),
      [object("Service", "b", "hidden"), all("ServiceEntry", "")],
    ],
    "a ServiceEntry that everybody sees": [
      covered("outside.example.com"),
      [object("ServiceEntry", "entries", "outside"), all("ServiceEntry", "shop")],
    ],
    "all that could have the host of a ServiceEntry that is hidden": [
      covered("private.example.com"),
      [object("ServiceEntry", "entries", "private"), all("ServiceEntry", "")],
    ],
    "all that could have a host which nothing has": [covered("example.org"), [all("ServiceEntry", "")]],
    "all that could have the host of an ExternalName Service": [
      covered("external.ext.svc.cluster.local"),
      [object("Service", "ext", "external"), all("ServiceEntry", "")],
    ],
    "one host that everybody sees, for a wildcard, and what could lie beside the object under review": [
      covered("*.local"),
      [object("Service", "b", "known"), all("Service", "shop"), all("ServiceEntry", "shop")],
    ],
    "the Services of a namespace, for a wildcard of its own": [
      covered("*.b.svc.cluster.local"),
      [object("Service", "b", "known"), all("Service", "b"), all("ServiceEntry", "shop")],
    ],
    "everything that a wildcard could cover, where all is hidden": [
      covered("*.secret.svc.cluster.local"),
      [all("Service", "secret"), all("ServiceEntry", "")],
    ],
    "the same where nobody looks at the rest": [
      (view) => {
        for (const _ of view.hosts.coveredBy("*.local")) break;
      },
      [object("Service", "b", "known"), all("Service", "shop"), all("ServiceEntry", "shop")],
    ],
  });
});

describe("an answer about the lookup rests on", () => {
  const host = "known.b.svc.cluster.local";
  const route = {
    metadata: { name: "route", namespace: "b" },
    spec: { hosts: [host], http: [{ route: [{ destination: { host, subset: "v1" } }] }] },
  };
  const mesh = [all("ConfigMap", "istio-system"), all("MutatingWebhookConfiguration", "")];
  check({
    "the DestinationRules of a namespace": [
      (view) => [view.lookup.destinationRules("b", host), view.lookup.hostsCovering("c", host)],
      [all("DestinationRule", "b"), all("DestinationRule", "c")],
    ],
    "the owners of a hostname": [(view) => view.lookup.owners(host), [object("Service", "b", "known")]],
    "the one hostname that is covered": [
      (view) => [...view.lookup.hostnamesCoveredBy(host)],
      [object("Service", "b", "known")],
    ],
    "all hostnames that a wildcard could cover": [
      (view) => [...view.lookup.hostnamesCoveredBy("*.local")],
      [all("Service", ""), all("ServiceEntry", "")],
    ],
    "Sidecars, and the VirtualServices that could be anywhere": [
      (view) => [view.lookup.sidecars("b"), view.lookup.virtualServicesTo(host)],
      [all("Sidecar", "b"), all("VirtualService", "")],
    ],
    "the client's control plane, and what it reads": [
      (view) => view.lookup.servedTo("c", {}).reads("b", undefined),
      [...mesh, object("Namespace", "", "c", MISSING), object("Namespace", "", "b", MISSING)],
    ],
    "nothing where it only tells where rules are": [(view) => [...view.lookup.rulesMeeting(host)], []],
  });

  test("the VirtualServices that lead there", () =>
    assert.deepEqual(
      groundsOf(
        (view) => [...view.lookup.subsetRoutesTo(host), ...view.lookup.virtualServicesTo(host)],
        [["VirtualService", route]],
      ),
      [object("VirtualService", "b", "route"), object("VirtualService", "b", "route")],
    ));
});

describe("with an API server of the mesh's own, an answer rests on", () => {
  const DISCOVERING = 'rootNamespace: root\ndiscoverySelectors: [{ matchLabels: { mesh: "yes" } }]';
  const configMap = { metadata: { name: "istio", namespace: "istio-system" }, data: { mesh: DISCOVERING } };
  const inMesh = (ground: Ground): Ground => ({ ...ground, plane: "mesh" });

  function groundsOfBoth(ask: Ask, meshObjects: readonly (readonly [Kind, object])[]): readonly Ground[] {
    const store = new Store("cluster.local");
    for (const [kind, value] of OBJECTS) store.put(kind, value);
    for (const [kind, value] of meshObjects) store.put(kind, value, "mesh");
    const grounds: Ground[] = [];
    const state = { store, settings: DEFAULT_MESH_SETTINGS, isComplete: true, meshPlane: "known" } as const;
    ask(createView(state, REVIEWED, (ground) => grounds.push(ground)));
    return grounds;
  }

  test("its ConfigMaps, and those of the cluster only where it has none", () => {
    assert.deepEqual(
      groundsOfBoth((view) => view.mesh, [["ConfigMap", configMap]]),
      [inMesh(object("ConfigMap", "istio-system", "istio")), all("MutatingWebhookConfiguration", "")],
    );
    assert.deepEqual(
      groundsOfBoth((view) => view.mesh, []),
      [
        inMesh(all("ConfigMap", "istio-system")),
        all("ConfigMap", "istio-system"),
        all("MutatingWebhookConfiguration", ""),
      ],
    );
  });

  test("the labels of its Namespaces, too, where discoverySelectors ask for them", () => {
    const reads: Ask = (view) => view.lookup.reads("shop", undefined);
    assert.deepEqual(groundsOfBoth(reads, []), [object("Namespace", "", "shop")]);
    assert.deepEqual(groundsOfBoth(reads, [["ConfigMap", configMap]]), [
      object("Namespace", "", "shop"),
      inMesh(object("Namespace", "", "shop", MISSING)),
    ]);
  });

  test("the Namespaces of a name in both", () => {
    const ask: Ask = (view) => view.planes.counterpartOf({ metadata: { name: "shop" } });
    assert.deepEqual(groundsOfBoth(ask, []), [
      inMesh(object("Namespace", "", "shop", MISSING)),
      object("Namespace", "", "shop"),
    ]);
  });
});

test("discoverySelectors are met by the labels of either Namespace", () => {
  const labels = { mesh: "yes" };
  const reads = (inData: object, inMesh: object) => {
    const store = new Store("cluster.local");
    const data = { mesh: "discoverySelectors: [{ matchLabels: { mesh: 'yes' } }]" };
    store.put("ConfigMap", { metadata: { name: "istio", namespace: "istio-system" }, data });
    store.put("Namespace", { metadata: { name: "a", labels: inData } });
    store.put("Namespace", { metadata: { name: "a", labels: inMesh } }, "mesh");
    const state = { store, settings: DEFAULT_MESH_SETTINGS, isComplete: true, meshPlane: "known" } as const;
    return createView(state).lookup.reads("a", undefined);
  };
  assert.deepEqual([reads(labels, {}), reads({}, labels), reads({}, {})], [true, true, false]);
});
