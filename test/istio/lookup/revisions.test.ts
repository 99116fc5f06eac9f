import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  applied,
  ask,
  meshConfig,
  meshOf,
  labelled,
  reason,
  rule,
  service,
  serviceEntry,
  WEB,
} from "./meshes.ts";
import type { Put } from "./meshes.ts";

const ofRevision = (revision: string, [kind, object]: Put): Put => [
  kind,
  {
    ...object,
    metadata: { ...Object(Reflect.get(object, "metadata")), labels: { "istio.io/rev": revision } },
  },
];

describe("a control plane", () => {
  const canary = ofRevision("canary", rule("client/canary", WEB));
  const mesh = meshOf([
    service("shop/web"),
    canary,
    rule("shop/all", WEB),
    labelled("client", { "istio.io/rev": "canary" }),
    labelled("other", { "istio-injection": "enabled" }),
  ]);

  test("reads the rules of its own revision and those of none", () => {
    assert.deepEqual(applied(mesh, "client"), ["client/canary"]);
    assert.deepEqual(applied(mesh, "other"), ["shop/all"]);
  });

  test("does not read those of another", () => {
    const stable = meshOf([
      service("shop/web"),
      canary,
      labelled("client", { "istio-injection": "enabled" }),
    ]);
    assert.deepEqual(applied(stable, "client"), []);
    assert.equal(reason(stable, "client", "client/canary"), "it is for revision canary (label istio.io/rev)");
  });

  test("is told by the proxy's own label where the namespace says nothing", () => {
    const unlabelled = meshOf([service("shop/web"), canary]);
    assert.deepEqual(applied(unlabelled, "client"), []);
    const clientLabels = { "istio.io/rev": "canary" };
    assert.deepEqual(applied(unlabelled, "client", { clientLabels }), ["client/canary"]);
  });

  test("of the default revision reads what is labelled so", () => {
    const own = ofRevision("default", rule("client/own", WEB));
    assert.deepEqual(applied(meshOf([service("shop/web"), own]), "client"), ["client/own"]);
  });

  test("does not know the ServiceEntries of another", () => {
    const entry = ofRevision("canary", serviceEntry("shop/api", ["api.example.com"]));
    assert.equal(ask(meshOf([entry]), "client", { host: "api.example.com" }).isVisible, false);
  });

  test("has the mesh configuration of its revision", () => {
    const both = meshOf([
      service("shop/web"),
      rule("root-a/a", WEB),
      rule("root-b/b", WEB),
      meshConfig({ rootNamespace: "root-a" }),
      meshConfig({ rootNamespace: "root-b" }, "istio-canary"),
      labelled("client", { "istio.io/rev": "canary" }),
    ]);
    assert.deepEqual(applied(both, "client"), ["root-b/b"]);
    assert.deepEqual(applied(both, "other"), ["root-a/a"]);
  });
});

test("while an upgrade runs, each revision behaves as its own istiod's version", () => {
  const istiod = (name: string, version: string, labels: object): Put => [
    "Deployment",
    {
      metadata: { name, namespace: "istio-system", labels: { app: "istiod", ...labels } },
      spec: { template: { spec: { containers: [{ image: `pilot:${version}` }] } } },
    },
  ];
  const objects = [
    istiod("istiod", "1.23.0", {}),
    istiod("istiod-canary", "1.24.0", { "istio.io/rev": "canary" }),
    labelled("client", { "istio.io/rev": "canary" }),
    service("shop/web"),
    rule("shop/a", WEB, {}, 1),
    rule("shop/b", WEB, { exportTo: ["*"] }, 2),
  ];
  const mesh = meshOf(objects);
  assert.deepEqual(applied(mesh, "client"), ["shop/b"]);
  assert.deepEqual(applied(mesh, "other"), ["shop/a", "shop/b"]);
  assert.deepEqual(applied(meshOf(objects, { assume: { istio: "1.23" } }), "client"), ["shop/a", "shop/b"]);
});

describe("with discoverySelectors", () => {
  const selectors = meshConfig({ discoverySelectors: [{ matchLabels: { mesh: "in" } }] });
  const objects = [selectors, service("shop/web"), rule("shop/web", WEB), rule("client/own", WEB)];
  const known = labelled("shop", { mesh: "in" });

  test("only namespaces that match one are read", () => {
    const mesh = meshOf([...objects, known, labelled("client", {})]);
    assert.deepEqual(applied(mesh, "client"), ["shop/web"]);
    assert.equal(reason(mesh, "client", "client/own"), "discoverySelectors leave out the namespace client");
  });

  test("a Service of another namespace does not exist", () => {
    assert.equal(ask(meshOf([...objects, labelled("client", { mesh: "in" })]), "client").isVisible, false);
  });

  test("that match all, or are none, every namespace is read", () => {
    const rest = objects.slice(1);
    assert.deepEqual(applied(meshOf([meshConfig({ discoverySelectors: [{}] }), ...rest]), "client"), [
      "client/own",
    ]);
    assert.deepEqual(applied(meshOf([meshConfig({ discoverySelectors: [] }), ...rest]), "client"), [
      "client/own",
    ]);
  });

  test("what is not known of a namespace does not leave it out where files are all there is", () => {
    assert.deepEqual(applied(meshOf(objects, {}, false), "client"), ["client/own"]);
    assert.deepEqual(applied(meshOf(objects, {}, true), "client"), []);
  });
});
