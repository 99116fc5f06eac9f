import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findKind, groupOf, isKind, KIND_FACTS, KINDS, readObject } from "../../src/kubernetes/objects.ts";

describe("a kind", () => {
  test("is found by its group and name, and by no other group", () => {
    assert.equal(findKind("", "Pod"), "Pod");
    assert.equal(findKind("apps", "Deployment"), "Deployment");
    assert.equal(findKind("networking.istio.io", "DestinationRule"), "DestinationRule");
    assert.equal(findKind("gateway.networking.k8s.io", "Gateway"), "KubernetesGateway");
    assert.equal(findKind("istio.alibabacloud.com", "IstioGateway"), "IstioGateway");
    for (const [group, kind] of [
      ["", "Deployment"],
      ["apps", "Pod"],
      ["example.org", "Gateway"],
      ["gateway.networking.k8s.io", "KubernetesGateway"],
      ["", "pod"],
      ["", ""],
      ["", "constructor"],
    ] as const)
      assert.equal(findKind(group, kind), undefined, `${group}/${kind}`);
  });

  test("is found whatever it is, by what its facts say", () => {
    for (const kind of KINDS) {
      assert.equal(findKind(KIND_FACTS[kind].group, KIND_FACTS[kind].kind), kind);
      assert.ok(KIND_FACTS[kind].versions.length > 0);
    }
    assert.deepEqual(Object.keys(KIND_FACTS).toSorted(), KINDS.toSorted());
  });

  test("is none of what objects inherit", () => {
    for (const name of ["constructor", "__proto__", "toString", "", "pod"]) assert.ok(!isKind(name), name);
  });

  test("has the group that stands before the slash", () => {
    assert.equal(groupOf("v1"), "");
    assert.equal(groupOf("apps/v1"), "apps");
    assert.equal(groupOf("networking.istio.io/v1alpha3"), "networking.istio.io");
    assert.equal(groupOf(""), "");
  });
});

describe("an object", () => {
  test("of any kind reads as empty if it is none", () => {
    for (const kind of KINDS)
      for (const value of [undefined, null, 7, "text", [], true])
        assert.deepEqual(readObject(kind, value), {});
  });

  test("of any kind has its metadata", () => {
    const metadata = {
      name: "web",
      namespace: "shop",
      labels: { app: "web" },
      annotations: { note: "x" },
      deletionTimestamp: "2026-01-01T00:00:00Z",
      ownerReferences: [{ kind: "ReplicaSet", name: "web-1", controller: true }],
    };
    for (const kind of KINDS) assert.deepEqual(readObject(kind, { metadata }).metadata, metadata);
  });
});
