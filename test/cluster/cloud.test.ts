import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import type { ClusterState } from "../../src/cluster/view.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";

function isOnAlibabaCloud(state: Partial<ClusterState>, providerIDs: readonly unknown[] = []): boolean {
  const { store = new Store("cluster.local") } = state;
  for (const [index, providerID] of providerIDs.entries())
    store.put("Node", { metadata: { name: `n${index}` }, spec: { providerID } });
  return createView({ settings: DEFAULT_MESH_SETTINGS, isComplete: true, ...state, store }).isOnAlibabaCloud;
}

function detecting(providerId: string): Store {
  const store = new Store("cluster.local");
  store.setDetected({ versions: {}, istiods: new Map(), providerId });
  return store;
}

describe("a Node is on Alibaba Cloud", () => {
  for (const providerID of [
    "cn-hangzhou.i-bp1abc",
    "alicloud://cn-hangzhou.i-bp1abc",
    "ap-southeast-1.i-t4n0abc",
    "cn-beijing.eci-2ze0abc",
  ])
    test(`by ${providerID}`, () => {
      assert.equal(isOnAlibabaCloud({}, [undefined, "", providerID]), true);
      assert.equal(isOnAlibabaCloud({ store: detecting(providerID) }), true);
    });

  for (const providerID of [
    "aws:///us-east-1a/i-0abc",
    "gce://project/europe-west1-b/node-1",
    "azure:///subscriptions/1/vm-0",
    "kind://docker/kind/kind-control-plane",
    "digitalocean://1234",
    "openstack:///0a1b",
    "192.0.2.7",
    "",
  ])
    test(`not by ${JSON.stringify(providerID)}`, () => {
      assert.equal(isOnAlibabaCloud({}, [providerID]), false);
      assert.equal(isOnAlibabaCloud({ store: detecting(providerID) }), false);
    });
});

test("a cluster of which nothing is known is not on Alibaba Cloud", () => {
  assert.equal(isOnAlibabaCloud({}), false);
});

test("a cluster that serves IstioGateways is on Alibaba Cloud", () => {
  assert.equal(isOnAlibabaCloud({ serves: (kind) => kind === "IstioGateway" }), true);
  assert.equal(isOnAlibabaCloud({ serves: (kind) => kind !== "IstioGateway" }), false);
});
