import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import type { ObjectId } from "../../src/cluster/view.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import type { ClusterView, Miss } from "../../src/rules/cluster-view.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";

const WEB = "web.shop.svc.cluster.local";
const REVIEWED: ObjectId = { kind: "Service", namespace: "shop", name: "reviewed" };
const SERVICE: Miss = { kind: "Service", namespace: "shop", name: "web" };

type Ask = (view: ClusterView<Kind>) => unknown;

function missesOf(ask: Ask): readonly Miss[] {
  const store = new Store("cluster.local");
  store.put("Namespace", { metadata: { name: "shop" } });
  store.put("Namespace", { metadata: { name: "injected", labels: { "istio-injection": "enabled" } } });
  store.put("Service", { metadata: { name: "known", namespace: "shop" } });
  store.put("Service", { metadata: REVIEWED });
  const misses: Miss[] = [];
  const state = { store, settings: DEFAULT_MESH_SETTINGS, isComplete: true };
  ask(createView(state, REVIEWED, (miss) => misses.push(miss)));
  return misses;
}

describe("a view tells of", () => {
  const cases: Readonly<Record<string, readonly [ask: Ask, misses: readonly Miss[]]>> = {
    "an object that is not there": [
      (view) => view.get("Namespace", "", "later"),
      [{ kind: "Namespace", namespace: "", name: "later" }],
    ],
    "no object that is there": [(view) => view.get("Namespace", "", "shop"), []],
    "a Service by its hostname": [(view) => view.hosts.named(WEB), [SERVICE]],
    "a Service by the host of a DestinationRule": [(view) => [...view.hosts.coveredBy(WEB)], [SERVICE]],
    "no Service for another host": [(view) => [...view.hosts.coveredBy("example.com")], []],
    "no Service for a wildcard": [(view) => [...view.hosts.coveredBy("*.svc.cluster.local")], []],
    "no Service that is there": [(view) => view.hosts.named("known.shop.svc.cluster.local"), []],
    "nothing of the object under review": [
      (view) => [
        view.get("Service", "shop", "reviewed"),
        view.hosts.named("reviewed.shop.svc.cluster.local"),
        [...view.hosts.coveredBy("reviewed.shop.svc.cluster.local")],
      ],
      [],
    ],
    "a namespace without clients, and its Pods": [
      (view) => view.clients.inNamespace("shop"),
      [
        { kind: "Namespace", namespace: "", name: "shop" },
        { kind: "Pod", namespace: "shop", name: "" },
      ],
    ],
    "no namespace with clients": [(view) => view.clients.inNamespace("injected"), []],
    "no namespace that was only looked through": [(view) => view.clients.namespaces(), []],
  };
  for (const [name, [ask, misses]] of Object.entries(cases)) {
    test(name, () => assert.deepEqual(missesOf(ask), misses));
  }
});
