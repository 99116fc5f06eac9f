import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ask, labelled, meshConfig, meshOf, service, sidecar, virtualService, WEB } from "./meshes.ts";
import type { Put } from "./meshes.ts";

const web = service("shop/web", undefined, { ports: [{ port: 80 }] });
const only = sidecar("client/only", ["client/*"]);
const to = (host: string, more: object = {}) => ({ route: [{ destination: { host } }], ...more });
const knows = (...objects: Put[]) => ask(meshOf([web, only, ...objects]), "client").isVisible;

/** One that delegates, and its delegate. */
function pair(root: object, delegate: object, exportTo: readonly string[] = [], path = "client/part"): Put[] {
  const [namespace, name] = path.split("/");
  return [
    virtualService("client/root", ["route"], "", { http: [{ delegate: { namespace, name }, ...root }] }),
    virtualService(path, [], "", { http: [to(WEB, delegate)], exportTo }),
  ];
}

describe("where a VirtualService delegates", () => {
  test("its delegate's routes are its own", () => {
    assert.ok(knows(...pair({}, {})));
    assert.ok(knows(...pair({}, {}, [], "other/part")));
  });

  test("the delegate alone leads nowhere", () => assert.ok(!knows(...pair({}, {}).slice(1))));

  test("its namespace is the delegate's unless another is named", () => {
    const [, part] = pair({}, {});
    const root = virtualService("client/root", ["route"], "", { http: [{ delegate: { name: "part" } }] });
    assert.ok(part && knows(root, part));
  });

  test("the root's namespace must see the delegate", () => {
    assert.ok(!knows(...pair({}, {}, ["."], "other/part")));
    assert.ok(!knows(...pair({}, {}, ["third"], "other/part")));
    assert.ok(knows(...pair({}, {}, ["client"], "other/part")));
    assert.ok(knows(...pair({}, {}, ["."])));
    const byDefault = meshConfig({ defaultVirtualServiceExportTo: ["."] });
    assert.ok(!knows(byDefault, ...pair({}, {}, [], "other/part")));
    assert.ok(knows(byDefault, ...pair({}, {})));
  });

  test("a delegate of another revision is not there", () => {
    const [root, [kind, part]] = [pair({}, {})[0], pair({}, {})[1] ?? only];
    const metadata = { name: "part", namespace: "client", labels: { "istio.io/rev": "canary" } };
    assert.ok(root && !knows(root, [kind, { ...part, metadata }]));
    assert.ok(
      root && knows(root, [kind, { ...part, metadata }], labelled("client", { "istio.io/rev": "canary" })),
    );
  });

  test("the root's mirrors are for routes without mirrors of their own", () => {
    const mirrored = { mirror: { host: WEB }, mirrors: [{ destination: { host: WEB } }] };
    const [root, part] = pair(mirrored, { route: [{ destination: { host: "other" } }] });
    assert.ok(root && part && knows(root, part));
    const own = { mirror: { host: "a" }, mirrors: [{ destination: { host: "b" } }], route: [] };
    assert.ok(!knows(...pair(mirrored, own)));
  });

  test("the root's own routes beside a delegate count for nothing", () => {
    const root = virtualService("client/root", ["route"], "", {
      http: [to(WEB, { delegate: { name: "no" } })],
    });
    assert.ok(!knows(root));
  });

  test("what a VirtualService with hosts of its own has is not delegated to", () => {
    const [root] = pair({}, {});
    assert.ok(root && !knows(root, virtualService("client/part", ["own"], WEB, { gateways: ["edge"] })));
  });
});

describe("matches of a delegate and its root", () => {
  const agree = (root: object, own: object) => knows(...pair({ match: [root] }, { match: [own] }));
  const exact = (text: string) => ({ exact: text });
  const prefix = (text: string) => ({ prefix: text });
  const regex = (text: string) => ({ regex: text });

  test("agree where the delegate's is narrower", () => {
    assert.ok(agree({}, { uri: exact("/a") }));
    assert.ok(agree({ uri: prefix("/a") }, {}));
    assert.ok(agree({ uri: prefix("/a") }, { uri: prefix("/a/b") }));
    assert.ok(agree({ uri: prefix("/a") }, { uri: exact("/a") }));
    assert.ok(agree({ method: exact("GET") }, { method: exact("GET") }));
    assert.ok(agree({ headers: { a: exact("1") } }, { headers: { b: exact("2") } }));
    assert.ok(agree({ port: 80 }, { port: 80 }));
    assert.ok(agree({ sourceLabels: { a: "1" } }, { sourceLabels: { b: "2" } }));
    assert.ok(agree({ gateways: ["mesh", "edge"] }, { gateways: ["mesh"] }));
  });

  test("exclude each other where it is not", () => {
    assert.ok(!agree({ uri: prefix("/a/b") }, { uri: prefix("/a") }));
    assert.ok(!agree({ uri: exact("/a") }, { uri: prefix("/a") }));
    assert.ok(!agree({ uri: exact("/a") }, { uri: exact("/b") }));
    assert.ok(!agree({ uri: regex("a") }, { uri: regex("a") }));
    assert.ok(!agree({ uri: prefix("/a") }, { uri: regex("a") }));
    assert.ok(!agree({ headers: { a: exact("1") } }, { headers: { a: exact("2") } }));
    assert.ok(!agree({ queryParams: { a: exact("1") } }, { queryParams: { a: exact("2") } }));
    assert.ok(!agree({ withoutHeaders: { a: exact("1") } }, { withoutHeaders: { a: exact("2") } }));
    assert.ok(!agree({ ignoreUriCase: true }, {}));
    assert.ok(!agree({ port: 80 }, { port: 81 }));
    assert.ok(!agree({ sourceNamespace: "client" }, {}));
    assert.ok(!agree({ sourceLabels: { a: "1" } }, { sourceLabels: { a: "2" } }));
    assert.ok(!agree({ gateways: ["mesh"] }, { gateways: ["mesh", "edge"] }));
    assert.ok(!agree({ gateways: ["mesh"] }, { gateways: ["edge"] }));
  });

  test("mean gateways by their namespaces", () => {
    const across = (root: string, own: string) =>
      knows(...pair({ match: [{ gateways: [root] }] }, { match: [{ gateways: [own] }] }, [], "other/part"));
    assert.ok(!across("edge", "edge"));
    assert.ok(across("other/edge", "edge"));
    assert.ok(across("edge.other", "./edge"));
    assert.ok(across("edge.other.svc.cluster.local", "other/edge"));
    assert.ok(across("mesh", "mesh"));
  });

  test("leave the client's namespace in or out together", () => {
    const client = { sourceNamespace: "client" };
    assert.ok(agree(client, client));
    assert.ok(agree({}, client));
    assert.ok(!agree({}, { sourceNamespace: "other" }));
    assert.ok(knows(...pair({ match: [client] }, {})));
    assert.ok(!knows(...pair({ match: [{ sourceNamespace: "other" }] }, {})));
  });

  test("agree if one of several does, for each of the delegate's", () => {
    const [a, b, c] = [{ uri: exact("/a") }, { uri: exact("/b") }, { uri: exact("/c") }];
    assert.ok(knows(...pair({ match: [a, b] }, { match: [b] })));
    assert.ok(!knows(...pair({ match: [a, b] }, { match: [b, c] })));
  });
});
