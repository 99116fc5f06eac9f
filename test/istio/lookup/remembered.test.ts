import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { lookUp } from "../../../src/istio/lookup/lookup.ts";
import { rememberingLookUp } from "../../../src/istio/lookup/remembered.ts";
import { meshConfig, meshOf, rule, service, serviceEntry, sidecar, WEB } from "./meshes.ts";
import type { Put } from "./meshes.ts";

const NAMESPACES = ["shop", "client", "other", "third", "istio-system"];
const namespace = fc.constantFrom(...NAMESPACES);
const exportTo = fc.subarray(["*", ".", "client", "shop"]);
const host = fc.constantFrom(WEB, "*.local", "*.shop.svc.cluster.local", "web", "*", "api.example.com");

const put: fc.Arbitrary<Put> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ namespace, host, exportTo, selects: fc.boolean() }).map(ruleOf) },
  fc
    .tuple(namespace, fc.subarray(["./*", "shop/*", "*/*"]))
    .map(([at, hosts]) => sidecar(`${at}/one`, hosts)),
  fc
    .tuple(namespace, exportTo)
    .map(([at, to]) => serviceEntry(`${at}/api`, ["api.example.com"], { exportTo: to })),
  exportTo.map((to) => service("shop/web", to.join(","))),
  exportTo.map((to) => meshConfig({ defaultServiceExportTo: to })),
);

/** The control plane of a revision has a configuration of its own, and serves the namespaces that name it. */
const REVISIONS: readonly Put[] = [
  ["Namespace", { metadata: { name: "other", labels: { "istio.io/rev": "canary" } } }],
  ["Namespace", { metadata: { name: "third", labels: { "istio.io/rev": "canary" } } }],
  [
    "ConfigMap",
    {
      metadata: { name: "istio-canary", namespace: "istio-system" },
      data: { mesh: JSON.stringify({ rootNamespace: "shop" }) },
    },
  ],
];

function ruleOf(made: { namespace: string; host: string; exportTo: string[]; selects: boolean }): Put {
  const selector = made.selects ? { workloadSelector: { matchLabels: { app: "x" } } } : {};
  return rule(`${made.namespace}/${made.host.replace(/\W/g, "-")}`, made.host, {
    exportTo: made.exportTo,
    ...selector,
  });
}

describe("a remembered lookup", () => {
  test("is what each client's own lookup is", () => {
    fc.assert(
      fc.property(fc.array(put, { maxLength: 8 }), fc.boolean(), (puts, hasRevisions) => {
        const mesh = meshOf([service("shop/web"), ...(hasRevisions ? REVISIONS : []), ...puts]);
        const remembering = rememberingLookUp(mesh);
        for (const clientNamespace of [...NAMESPACES, ...NAMESPACES.toReversed()]) {
          for (const asked of [WEB, "api.example.com", "nobody.example.com"]) {
            for (const clientLabels of [{}, { app: "x" }]) {
              for (const proxy of ["sidecar", "gateway", "waypoint"] as const) {
                const query = { clientNamespace, clientLabels, proxy, host: asked };
                const { chosen, owner, isVisible, isAlias } = lookUp(query, mesh);
                const got = remembering(query);
                assert.deepEqual(
                  { chosen: got.chosen, owner: got.owner, isVisible: got.isVisible, isAlias: got.isAlias },
                  { chosen, owner, isVisible, isAlias },
                );
              }
            }
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
