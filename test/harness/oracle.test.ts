import assert from "node:assert/strict";
import { test } from "node:test";
import { startOracle } from "./oracle.ts";

const SERVICE = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "shop" },
  spec: { ports: [{ name: "http", port: 80 }] },
};
const RULE = {
  apiVersion: "networking.istio.io/v1",
  kind: "DestinationRule",
  metadata: { name: "web", namespace: "shop" },
  spec: {
    host: "web",
    exportTo: ["front"],
    trafficPolicy: { tls: { mode: "ISTIO_MUTUAL" } },
    subsets: [{ name: "v1", labels: { version: "v1" } }],
  },
};

const query = (clientNamespace: string, host: string) =>
  ({ clientNamespace, clientLabels: {}, proxy: "sidecar", host }) as const;

test("Istio's own code tells what a client sees, and which rule it gets", async (t) => {
  const oracle = await startOracle(t);
  if (!oracle) return;
  const host = "web.shop.svc.cluster.local";
  const answers = await oracle.ask({ objects: [SERVICE, RULE] }, [
    query("front", host),
    query("shop", host),
    query("front", "web"),
  ]);
  const service = { kind: "Service", namespace: "shop", name: "web" };
  const { subsets, trafficPolicy } = RULE.spec;
  assert.deepEqual(answers, [
    {
      visible: true,
      service,
      destinationRules: ["shop/web"],
      rule: { exportTo: ["front"], subsets, trafficPolicy },
    },
    { visible: true, service },
    { visible: false },
  ]);
});

test("a mesh that Istio cannot read is an error, and the next one is answered", async (t) => {
  const oracle = await startOracle(t);
  if (!oracle) return;
  const broken = { ...RULE, spec: { host: 1 } };
  await assert.rejects(oracle.ask({ objects: [broken] }, []), /proto|unmarshal|string/);
  assert.deepEqual(await oracle.ask({ objects: [] }, [query("a", "b")]), [{ visible: false }]);
});
