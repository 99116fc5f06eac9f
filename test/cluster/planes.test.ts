import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { counterpartOf, isOneCluster } from "../../src/cluster/planes.ts";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import { isInPlane, planeOfKind } from "../../src/istio/planes.ts";
import type { Plane } from "../../src/istio/planes.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";

const namespace = (uid: string, rest: object = {}) => ({ metadata: { name: "shop", uid, ...rest } });

function storeWith(...namespaces: readonly (readonly [Plane, object])[]): Store {
  const store = new Store("cluster.local");
  for (const [plane, object] of namespaces) store.put("Namespace", object, plane);
  return store;
}

describe("of which plane a Namespace under review is", () => {
  const both = storeWith(["data", namespace("1")], ["mesh", namespace("2")]);
  const planeIn = (store: Store, uid: string) => counterpartOf(namespace(uid), store)?.plane;

  test("its uid says, once it is known", () => {
    assert.equal(planeIn(both, "1"), "data");
    assert.equal(planeIn(both, "2"), "mesh");
    assert.equal(counterpartOf(namespace("1"), both)?.other?.metadata?.uid, "2");
    assert.equal(counterpartOf(namespace("1"), storeWith(["data", namespace("1")]))?.other, undefined);
  });

  test("a new one is of the plane that has none of its name", () => {
    assert.equal(planeIn(storeWith(["data", namespace("1")]), "3"), "mesh");
    assert.equal(planeIn(storeWith(["mesh", namespace("2")]), "3"), "data");
    assert.equal(
      counterpartOf({ metadata: { name: "shop" } }, storeWith(["mesh", namespace("2")]))?.plane,
      "data",
    );
  });

  test("nobody knows where both have one, or none, or the one that is known goes", () => {
    assert.equal(planeIn(both, "3"), undefined);
    assert.equal(planeIn(storeWith(), "3"), undefined);
    const leaving = namespace("1", { deletionTimestamp: "2026-01-01T00:00:00Z" });
    assert.equal(planeIn(storeWith(["data", leaving]), "3"), undefined);
    assert.equal(planeIn(storeWith(["mesh", leaving]), "3"), undefined);
    assert.equal(counterpartOf({}, both), undefined);
  });
});

describe("the planes are split", () => {
  const settings = DEFAULT_MESH_SETTINGS;
  const system = (uid?: string) => ({ metadata: { name: "kube-system", uid } });

  test("only where all is known of the mesh's own API server", () => {
    const store = storeWith(["data", system("1")], ["mesh", system("2")]);
    const isSplit = (meshPlane?: "known" | "unknown") =>
      createView({ store, settings, isComplete: true, ...(meshPlane ? { meshPlane } : {}) }).planes.isSplit;
    assert.equal(isSplit(), false);
    assert.equal(isSplit("unknown"), false);
    assert.equal(isSplit("known"), true);
  });

  test("not where both kubeconfigs lead to the same API server", () => {
    assert.equal(isOneCluster(storeWith(["data", system("1")], ["mesh", system("1")])), true);
    assert.equal(isOneCluster(storeWith(["data", system("1")], ["mesh", system("2")])), false);
    assert.equal(isOneCluster(storeWith(["data", system()], ["mesh", system()])), false);
    assert.equal(isOneCluster(storeWith()), false);
  });
});

test("Istio's kinds and ASM's are the mesh's, Namespaces and ConfigMaps are of both, all else is the cluster's", () => {
  for (const kind of ["DestinationRule", "IstioGateway", "PeerAuthentication", "Gateway"] as const) {
    assert.equal(planeOfKind(kind), "mesh");
    assert.deepEqual([isInPlane(kind, "data"), isInPlane(kind, "mesh")], [false, true]);
  }
  for (const kind of ["Pod", "Service", "KubernetesGateway", "MutatingWebhookConfiguration"] as const) {
    assert.equal(planeOfKind(kind), "data");
    assert.deepEqual([isInPlane(kind, "data"), isInPlane(kind, "mesh")], [true, false]);
  }
  for (const kind of ["ConfigMap", "Namespace"] as const) {
    assert.equal(planeOfKind(kind), "data");
    assert.deepEqual([isInPlane(kind, "data"), isInPlane(kind, "mesh")], [true, true]);
  }
});
