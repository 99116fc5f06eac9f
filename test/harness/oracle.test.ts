import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../src/kubernetes/json.ts";
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

test("Istio makes a cluster for each subset of the rule, and none for an ExternalName Service", async (t) => {
  const oracle = await startOracle(t);
  if (!oracle) return;
  const host = "web.shop.svc.cluster.local";
  const named = "named.shop.svc.cluster.local";
  const alias = {
    ...SERVICE,
    metadata: { name: "named", namespace: "shop" },
    spec: { ...SERVICE.spec, type: "ExternalName", externalName: "api.example.com" },
  };
  const aliasRule = { ...RULE, metadata: { name: "named", namespace: "shop" }, spec: { host: named } };
  const mesh = { objects: [SERVICE, RULE, alias, aliasRule] };
  const queries = [query("front", host), query("shop", host), query("front", named)];
  const { answers } = await oracle.askAll(mesh, queries);
  assert.deepEqual(
    answers.map(({ destinationRules, clusters }) => ({ destinationRules, clusters })),
    [
      { destinationRules: ["shop/web"], clusters: [`outbound|80|v1|${host}`, `outbound|80||${host}`] },
      { destinationRules: undefined, clusters: [`outbound|80||${host}`] },
      { destinationRules: ["shop/named"], clusters: undefined },
    ],
  );
});

test("Istio's validation refuses some rules that it would keep, and takes some that are dead", async (t) => {
  const oracle = await startOracle(t);
  if (!oracle) return;
  const rule = (name: string, spec: JsonObject) => ({ ...RULE, metadata: { name, namespace: "shop" }, spec });
  const objects = [
    rule("none", { host: "web", exportTo: ["~"] }),
    rule("twice", { host: "web", exportTo: [".", "shop"] }),
    rule("star", { host: "web", exportTo: ["*", "front"] }),
    rule("address", { host: "10.96.0.1" }),
    rule("upper", { host: "WEB.shop.svc.cluster.local" }),
    rule("dot", { host: "web.shop.svc.cluster.local." }),
  ];
  const { refused } = await oracle.askAll({ objects }, []);
  assert.deepEqual(
    refused.map((text) => /shop\/(\w+):/.exec(text)?.[1]),
    ["none", "twice", "star", "address"],
  );
});

test("a mesh that Istio cannot read is an error, and the next one is answered", async (t) => {
  const oracle = await startOracle(t);
  if (!oracle) return;
  const broken = { ...RULE, spec: { host: 1 } };
  await assert.rejects(oracle.ask({ objects: [broken] }, []), /proto|unmarshal|string/);
  assert.deepEqual(await oracle.ask({ objects: [] }, [query("a", "b")]), [{ visible: false }]);
});
