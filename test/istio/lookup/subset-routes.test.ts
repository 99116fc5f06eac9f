import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isRouteOf, subsetRoutesOf } from "../../../src/istio/lookup/subset-routes.ts";

const PLACE = { namespace: "shop", name: "web" };

function routesOf(spec: object) {
  return subsetRoutesOf({ spec: { hosts: ["web"], ...spec } }, PLACE, "cluster.local");
}

describe("a route to a subset", () => {
  const to = (host: string, subset: string) => ({ destination: { host, subset } });

  test("is found wherever a VirtualService can name a destination", () => {
    const spec = {
      http: [
        { route: [{ destination: { host: "web" } }, to("web", "v1")], mirror: { host: "web", subset: "v2" } },
        { mirrors: [to("api.b.svc.cluster.local", "v3")] },
      ],
      tcp: [{ route: [to("web", "v4")] }],
      tls: [{ route: [to("*.example.com", "v5")] }],
    };
    assert.deepEqual(
      routesOf(spec).map(({ host, subset, field }) => [host, subset, field.join(".")]),
      [
        ["web.shop.svc.cluster.local", "v1", "spec.http.0.route.1.destination.subset"],
        ["web.shop.svc.cluster.local", "v2", "spec.http.0.mirror.subset"],
        ["api.b.svc.cluster.local", "v3", "spec.http.1.mirrors.0.destination.subset"],
        ["web.shop.svc.cluster.local", "v4", "spec.tcp.0.route.0.destination.subset"],
        ["*.example.com", "v5", "spec.tls.0.route.0.destination.subset"],
      ],
    );
  });

  test("is none without a host or with an empty subset", () => {
    assert.deepEqual(routesOf({ http: [{ route: [to("", "v1"), to("web", ""), {}] }] }), []);
    assert.deepEqual(routesOf({}), []);
  });

  test("is taken by sidecars unless gateways are named", () => {
    const http = [{ route: [to("web", "v1")] }];
    assert.deepEqual(
      routesOf({ http }).map(({ gateways }) => gateways),
      [["mesh"]],
    );
    assert.deepEqual(
      routesOf({ http, gateways: ["edge"] }).map(({ gateways }) => gateways),
      [["edge"]],
    );
  });

  test("is taken by the clients of those who delegate to a VirtualService without hosts", () => {
    const http = [{ route: [to("web", "v1")] }];
    assert.deepEqual(
      routesOf({ http, hosts: [] }).map(({ gateways }) => gateways),
      [[]],
    );
  });

  test("is there for those to whom the VirtualService is exported", () => {
    const isThereFor = (spec: object, client: string, defaults: readonly string[] = []) =>
      routesOf({ http: [{ match: [{ sourceNamespace: "a" }], route: [to("web", "v1")] }], ...spec }).some(
        (route) => isRouteOf(route, client, { defaultVirtualServiceExportTo: defaults }),
      );
    assert.ok(isThereFor({}, "a"));
    assert.ok(!isThereFor({}, "b"));
    assert.ok(!isThereFor({ exportTo: ["."] }, "a"));
    assert.ok(isThereFor({ exportTo: ["a"] }, "a"));
    assert.ok(!isThereFor({}, "a", ["."]));
  });

  test("is for the namespaces of its match only if each alternative names one", () => {
    const sources = (match: object[]) =>
      routesOf({ http: [{ match, route: [to("web", "v1")] }] }).map(
        ({ sourceNamespaces }) => sourceNamespaces,
      );
    assert.deepEqual(sources([{ sourceNamespace: "a" }, { sourceNamespace: "b" }]), [["a", "b"]]);
    assert.deepEqual(sources([{ sourceNamespace: "a" }, {}]), [undefined]);
    assert.deepEqual(sources([]), [undefined]);
  });
});
