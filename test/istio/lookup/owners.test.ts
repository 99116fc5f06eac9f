import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ask, meshOf, service, serviceEntry, sidecar, virtualService, WEB } from "./meshes.ts";
import type { Put } from "./meshes.ts";

const API = "api.example.com";
const owner = (client: string, objects: readonly Put[], query: object = {}, settings: object = {}) => {
  const found = ask(meshOf(objects, settings), client, query).owner;
  return found && `${found.kind} ${found.namespace}`;
};
const api = { host: API };
const gateway = { proxy: "gateway" };

describe("of several owners of one hostname", () => {
  const entries = [
    serviceEntry("a/api", [API], {}, 3),
    serviceEntry("b/api", [API], {}, 2),
    serviceEntry("client/api", [API], {}, 4),
  ];
  const taken = [serviceEntry("a/web", [WEB], {}, 1), service("shop/web", undefined, {}, 9)];

  test("a sidecar takes its own namespace's", () => {
    assert.equal(owner("client", entries, api), "ServiceEntry client");
    assert.equal(owner("a", taken), "ServiceEntry a");
  });

  test("a sidecar elsewhere takes a Kubernetes Service, whatever its age", () =>
    assert.equal(owner("other", taken), "Service shop"));

  test("a sidecar elsewhere takes the oldest of the others", () => {
    assert.equal(owner("other", entries, api), "ServiceEntry b");
    assert.equal(owner("other", entries.toReversed(), api), "ServiceEntry b");
  });

  test("what is exported to the client by name comes before what is for all", () => {
    const named = serviceEntry("z/api", [API], { exportTo: ["other"] }, 9);
    assert.equal(owner("other", [...entries, named], api), "ServiceEntry z");
  });

  test("a gateway or waypoint does not prefer its own namespace", () => {
    assert.equal(owner("client", entries, { ...api, ...gateway }), "ServiceEntry b");
    assert.equal(owner("client", entries, { ...api, proxy: "waypoint" }), "ServiceEntry b");
    assert.equal(owner("a", taken, gateway), "Service shop");
  });

  test("equally old ones go by their namespaces", () => {
    const equal = [serviceEntry("b/one", [API]), serviceEntry("a/two", [API])];
    assert.equal(owner("other", equal, api), "ServiceEntry a");
  });

  test("those that are not visible do not count", () => {
    const hidden = serviceEntry("a/api", [API], { exportTo: ["."] }, 1);
    assert.equal(owner("other", [hidden, serviceEntry("b/api", [API], {}, 2)], api), "ServiceEntry b");
  });

  test("a Sidecar's own choice counts", () => {
    const only = (hosts: string[]) => owner("client", [...entries, sidecar("client/only", hosts)], api);
    assert.equal(only(["a/*"]), "ServiceEntry a");
    assert.equal(only([`a/${API}`]), "ServiceEntry a");
    assert.equal(only(["a/*", "b/*"]), "ServiceEntry b");
    assert.equal(only(["*/*"]), "ServiceEntry client");
  });

  test("the first listener that imports one counts, unless a later one imports a Kubernetes Service", () => {
    const listeners = (...namespaces: string[]) => ({
      egress: namespaces.map((namespace) => ({ hosts: [`${namespace}/*`] })),
    });
    const choose = (spec: object, ...objects: Put[]) =>
      owner("client", [...objects, sidecar("client/only", [], spec)], objects === taken ? {} : api);
    assert.equal(choose(listeners("a", "b"), ...entries), "ServiceEntry a");
    assert.equal(
      owner("client", [...taken, sidecar("client/s", [], listeners("a", "shop"))]),
      "Service shop",
    );
  });

  test("a route's destination does not replace what the listener imports, unless by a Kubernetes Service", () => {
    const route = virtualService("client/route", ["web"], WEB);
    const only = sidecar("client/only", ["a/*", "client/*"]);
    assert.equal(owner("client", [...taken, only, route]), "Service shop");
    const toApi = virtualService("client/route", ["web"], API);
    assert.equal(owner("client", [...entries.slice(0, 2), only, toApi], api), "ServiceEntry a");
  });

  test("a route leads to the client's own, even if it is not exported to it", () => {
    const hidden = service("client/web", "~");
    const query = { host: "web.client.svc.cluster.local" };
    assert.equal(owner("client", [hidden], query), undefined);
    const route = virtualService("client/route", ["web.client.svc.cluster.local"], "web");
    assert.equal(owner("client", [hidden, route], query), "Service client");
  });
});

describe("the Sidecar of a client is", () => {
  const imports = (namespace: string) => [`${namespace}/*`];
  const sees = (objects: readonly Put[], clientLabels: object = {}) =>
    owner("client", [service("shop/web"), ...objects], { clientLabels }) !== undefined;
  const selecting = (path: string, hosts: readonly string[], app: string, at = 1): Put =>
    sidecar(path, hosts, { workloadSelector: { labels: { app } } }, at);

  test("one whose selector matches before one for all", () => {
    const objects = [
      sidecar("client/all", imports("other"), {}, 1),
      selecting("client/x", imports("shop"), "x", 2),
    ];
    assert.ok(sees(objects, { app: "x" }));
    assert.ok(!sees(objects, { app: "y" }));
  });

  test("the oldest of those that match", () => {
    const objects = [
      sidecar("client/young", imports("shop"), {}, 2),
      sidecar("client/old", imports("other"), {}, 1),
    ];
    assert.ok(!sees(objects));
    assert.ok(!sees(objects.toReversed()));
  });

  test("the root namespace's one for all if the namespace has none that matches", () => {
    const root = sidecar("istio-system/default", imports("other"));
    assert.ok(!sees([root]));
    assert.ok(sees([root, sidecar("client/own", imports("shop"))]));
    assert.ok(!sees([root, selecting("client/x", imports("shop"), "x")], { app: "y" }));
    assert.ok(sees([selecting("istio-system/x", imports("other"), "x")], { app: "x" }));
  });

  test("none for gateways and waypoints", () => {
    const only = sidecar("client/own", imports("other"));
    assert.equal(owner("client", [service("shop/web"), only], gateway), "Service shop");
  });
});
