import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { lookUp } from "../../../src/istio/lookup/lookup.ts";
import { ClientClasses } from "../../../src/istio/lookup/client-classes.ts";
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

const CLIENTS = NAMESPACES.flatMap((one) =>
  (["sidecar", "gateway", "waypoint"] as const).flatMap((proxy) =>
    [undefined, { app: "x" }].map((labels) => ({ namespace: one, labels, proxy })),
  ),
);

describe("clients of a class", () => {
  test("get the same answer, and every client is in one", () => {
    fc.assert(
      fc.property(fc.array(put, { maxLength: 8 }), fc.boolean(), (puts, hasRevisions) => {
        const mesh = meshOf([service("shop/web"), ...(hasRevisions ? REVISIONS : []), ...puts]);
        const classes = new ClientClasses(CLIENTS, [mesh]);
        for (const asked of [WEB, "api.example.com", "nobody.example.com"]) {
          const seen = new Set<string>();
          for (const { query, namespaces } of classes.forHost(asked, [mesh])) {
            const { chosen, owner, isVisible } = lookUp(query, mesh);
            for (const clientNamespace of namespaces()) {
              seen.add(`${clientNamespace} ${query.proxy}`);
              const answer = lookUp({ ...query, clientNamespace }, mesh);
              const got = { chosen: answer.chosen, owner: answer.owner, isVisible: answer.isVisible };
              assert.deepEqual(got, { chosen, owner, isVisible });
            }
          }
          assert.equal(seen.size, NAMESPACES.length * 3);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("with labels that a rule asks for are a class of their own", () => {
    const mesh = meshOf([
      service("shop/web"),
      rule("client/x", WEB, { workloadSelector: { matchLabels: { app: "x" } } }),
    ]);
    const clients = [{ app: "x" }, { app: "y" }].map((labels) => ({
      namespace: "client",
      labels,
      proxy: "sidecar" as const,
    }));
    const classes = [...new ClientClasses(clients, [mesh]).forHost(WEB, [mesh])];
    assert.deepEqual(
      classes.map(({ query }) => lookUp(query, mesh).chosen?.from.map(({ name }) => name)),
      [["x"], undefined],
    );
  });

  test("are many, and looked up once", () => {
    const mesh = meshOf([service("shop/web"), rule("client/own", WEB)]);
    const clients = Array.from({ length: 500 }, (_, index) => ({
      namespace: `ns${index}`,
      labels: undefined,
      proxy: "sidecar" as const,
    }));
    const [only, ...others] = new ClientClasses(clients, [mesh]).forHost(WEB, [mesh]);
    assert.equal(only?.namespaces().length, 500);
    assert.deepEqual(others, []);
    assert.equal([...new ClientClasses(clients, [mesh]).forHost(WEB, [mesh], ["ns7"])].length, 2);
  });
});
