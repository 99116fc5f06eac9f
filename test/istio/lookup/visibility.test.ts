import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  applied,
  ask,
  meshConfig,
  meshOf,
  rule,
  service,
  serviceEntry,
  sidecar,
  virtualService,
  WEB,
} from "./meshes.ts";
import type { Put } from "./meshes.ts";

const sees = (client: string, ...objects: Put[]) => ask(meshOf(objects), client).isVisible;

describe("a Service is known to", () => {
  test("everyone without exportTo, and with a star beside anything", () => {
    assert.ok(sees("client", service("shop/web")));
    assert.ok(sees("client", service("shop/web", "*")));
    assert.ok(sees("client", service("shop/web", "~,*")));
  });

  test("nobody with a tilde, whatever else is there", () => {
    assert.ok(!sees("shop", service("shop/web", "~")));
    assert.ok(!sees("client", service("shop/web", "~,client")));
  });

  test("its own namespace with a dot, and to the namespaces that are named", () => {
    assert.ok(sees("shop", service("shop/web", ".")));
    assert.ok(!sees("client", service("shop/web", ".")));
    assert.ok(sees("client", service("shop/web", "., client")));
    assert.ok(!sees("shop", service("shop/web", "client")));
  });

  test("those of the mesh's default if it says nothing itself", () => {
    const mesh = meshConfig({ defaultServiceExportTo: ["."] });
    assert.ok(!sees("client", mesh, service("shop/web")));
    assert.ok(sees("shop", mesh, service("shop/web")));
    assert.ok(sees("client", mesh, service("shop/web", "*")));
  });
});

describe("with a Sidecar a client knows", () => {
  const web = service("shop/web", undefined, { ports: [{ port: 80 }] });
  const entry = serviceEntry("edge/api", ["api.example.com"]);
  const knows = (hosts: readonly string[], host = WEB, spec: object = {}) =>
    ask(meshOf([web, entry, service("client/web"), sidecar("client/only", hosts, spec)]), "client", { host })
      .isVisible;

  test("what a listener imports, exactly or by wildcard", () => {
    assert.ok(knows([`shop/${WEB}`]));
    assert.ok(knows(["shop/*"]));
    assert.ok(knows(["*/*"]));
    assert.ok(knows([`*/${WEB}`]));
    assert.ok(knows(["shop/*.shop.svc.cluster.local"]));
    assert.ok(!knows(["other/*"]));
    assert.ok(!knows(["shop/other.shop.svc.cluster.local"]));
    assert.ok(knows(["edge/*.example.com"], "api.example.com"));
  });

  test("its own namespace by a dot", () => {
    assert.ok(!knows(["./*"]));
    assert.ok(knows(["./*"], "web.client.svc.cluster.local"));
  });

  test("nothing by a tilde, and nothing by what is no egress host", () => {
    assert.ok(!knows(["~/*"]));
    assert.ok(!knows(["shop"]));
    assert.ok(!knows(["a/b/c"]));
  });

  test("not what is excluded, since 1.31", () => {
    const hosts = ["*/*", `~shop/${WEB}`];
    assert.ok(!knows(hosts));
    assert.ok(knows(hosts, "web.client.svc.cluster.local"));
    assert.ok(!knows(["*/*", "~/*.shop.svc.cluster.local"]));
    const old = meshOf([web, sidecar("client/only", hosts)], { assume: { istio: "1.30.0" } });
    assert.ok(ask(old, "client").isVisible);
  });

  test("everything without an egress", () => assert.ok(knows([], WEB, { egress: [] })));

  test("of a listener with a port what has this port", () => {
    const listener = (port: object) => ({ egress: [{ hosts: ["*/*"], port }] });
    assert.ok(knows([], WEB, listener({ number: 80 })));
    assert.ok(!knows([], WEB, listener({ number: 81 })));
    assert.ok(knows([], WEB, listener({ number: 81, protocol: "HTTP_PROXY" })));
  });

  test("what any of several listeners imports", () => {
    const egress = [{ hosts: ["other/*"] }, { hosts: ["shop/*"] }];
    assert.ok(knows([], WEB, { egress }));
  });

  test("what the route of a VirtualService that it knows leads to", () => {
    const only = sidecar("client/only", ["client/*"]);
    const route = (spec: object = {}) => virtualService("client/route", ["web"], WEB, spec);
    assert.ok(sees("client", web, only, route()));
    assert.ok(!sees("client", web, only, virtualService("other/route", ["web"], WEB)));
    assert.ok(!sees("client", web, only, route({ gateways: ["edge"] })));
    assert.ok(sees("client", web, only, route({ gateways: ["edge", "mesh"] })));
    assert.ok(!sees("client", web, only, route({ exportTo: ["other"] })));
    const http = [{ match: [{ sourceNamespace: "other" }], route: [{ destination: { host: WEB } }] }];
    assert.ok(!sees("client", web, only, route({ http })));
    const ports = (number: number) => [{ route: [{ destination: { host: WEB, port: { number } } }] }];
    assert.ok(sees("client", web, only, route({ http: [], tcp: ports(80) })));
    assert.ok(!sees("client", web, only, route({ http: [], tls: ports(81) })));
    assert.ok(sees("client", web, only, route({ http: [], tcp: ports(0) })));
    assert.ok(sees("client", service("shop/web"), only, route({ http: [], tls: ports(81) })));
  });
});

describe("meshConfig.serviceEntryVisibility", () => {
  const HOST = "api.example.com";
  const objects = [
    serviceEntry("shop/api", [HOST]),
    rule("shop/api", HOST),
    service("shop/web"),
    rule("shop/web", WEB),
  ];
  const seenBy = (visibility: object, settings = {}) => {
    const mesh = meshOf([meshConfig({ serviceEntryVisibility: visibility }), ...objects], settings);
    return ["shop", "client"].filter((client) => ask(mesh, client, { host: HOST }).isVisible);
  };

  test("narrows what sidecars see of ServiceEntries, if it says so", () => {
    assert.deepEqual(seenBy({ defaultVisibility: "NAMESPACE" }), ["shop", "client"]);
    assert.deepEqual(seenBy({ defaultVisibility: "NAMESPACE", applyToSidecars: true }), ["shop"]);
    assert.deepEqual(seenBy({ defaultVisibility: "NONE", applyToSidecars: true }), []);
  });

  test("takes the first policy that matches", () => {
    const policies = [
      { visibility: "NONE", matchingRules: [{ namespaceSelector: { matchLabels: { mesh: "x" } } }] },
      { visibility: "NAMESPACE" },
    ];
    assert.deepEqual(seenBy({ policies, applyToSidecars: true }), ["shop"]);
  });

  test("is nothing to Services, and to Istio before 1.31", () => {
    const none = { defaultVisibility: "NONE", applyToSidecars: true };
    const mesh = meshOf([meshConfig({ serviceEntryVisibility: none }), ...objects]);
    assert.deepEqual(applied(mesh, "client"), ["shop/web"]);
    assert.deepEqual(seenBy(none, { assume: { istio: "1.30.0" } }), ["shop", "client"]);
  });
});
