import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";

const NAMESPACES = ["a", "b"];
const namespace = fc.constantFrom(...NAMESPACES);
const labels = fc.constantFrom({}, { "istio-injection": "enabled" });
const step = fc.oneof(
  fc.record({ kind: fc.constant("Namespace" as const), name: namespace, labels }),
  fc.record({
    kind: fc.constant("Pod" as const),
    namespace,
    name: fc.constantFrom("x", "y"),
    labels: fc.constantFrom({}, { app: "web" }),
    annotations: fc.constantFrom({}, { "sidecar.istio.io/status": "{}" }),
    uid: fc.constant("1"),
  }),
  fc.record({
    kind: fc.constantFrom("WorkloadEntry" as const, "WorkloadGroup" as const, "KubernetesGateway" as const),
    namespace,
    name: fc.constant("x"),
  }),
  fc.record({ kind: fc.constant("GatewayClass" as const), name: fc.constant("istio") }),
);

function clientsAfter(store: Store) {
  const { clients } = createView({ store, settings: DEFAULT_MESH_SETTINGS, isComplete: true });
  return {
    namespaces: clients.namespaces(),
    clients: NAMESPACES.map((one) => clients.inNamespace(one)),
  };
}

test("clients that are remembered are those that are there, after every change", () => {
  const changes = fc.array(fc.tuple(step, fc.boolean()), { minLength: 1, maxLength: 15 });
  fc.assert(
    fc.property(changes, (steps) => {
      const store = new Store("cluster.local");
      const put = ([{ kind, ...metadata }]: (typeof steps)[number], into: Store) =>
        into.put(kind, {
          metadata,
          spec: { gatewayClassName: "istio", controllerName: "example.com/other" },
        });
      const there = new Map<string, (typeof steps)[number]>();
      for (const one of steps) {
        const [{ kind, name }, isDeleted] = one;
        const place = "namespace" in one[0] ? one[0].namespace : "";
        if (isDeleted) store.delete(kind, place, name);
        else put(one, store);
        if (isDeleted) there.delete(`${kind}/${place}/${name}`);
        else there.set(`${kind}/${place}/${name}`, one);
        const fresh = new Store("cluster.local");
        for (const other of there.values()) put(other, fresh);
        assert.deepEqual(sorted(clientsAfter(store)), sorted(clientsAfter(fresh)));
      }
    }),
  );
});

/** The order in which Pods came may differ. */
function sorted({ namespaces, clients }: ReturnType<typeof clientsAfter>) {
  return { namespaces, clients: clients.map((some) => some.map((one) => JSON.stringify(one)).toSorted()) };
}
