/** What people write, and what Istio makes of it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { applied, ask, meshConfig, meshOf, reason, rule, service, serviceEntry, WEB } from "./meshes.ts";
import type { Put } from "./meshes.ts";

const ROOT = "istio-system";
const shop = (...rules: Put[]) => meshOf([service("shop/web"), ...rules]);

describe("exportTo", () => {
  test("adds nothing in a third namespace", () => {
    for (const exportTo of [["*"], ["third", "client"], []]) {
      const mesh = shop(rule("third/web", WEB, { exportTo }));
      assert.deepEqual(applied(mesh, "client"), []);
      assert.deepEqual(applied(mesh, "third"), ["third/web"]);
    }
  });

  test("that names a client takes the rule from its own namespace", () => {
    const mesh = shop(rule("shop/web", WEB, { exportTo: ["client"] }));
    assert.deepEqual(applied(mesh, "client"), ["shop/web"]);
    assert.deepEqual(applied(mesh, "shop"), []);
    assert.equal(
      ask(mesh, "shop").steps[0]?.candidates[0]?.reason,
      "exported to client only, not to its own namespace",
    );
    assert.deepEqual(applied(mesh, "other"), []);
    assert.equal(reason(mesh, "other", "shop/web"), "exported to client only");
  });

  test("with a dot and a name in the root namespace loses the root's own gateways, with its name it does not", () => {
    const gateway = { proxy: "gateway" } as const;
    const dot = shop(rule(`${ROOT}/web`, WEB, { exportTo: [".", "x"] }));
    assert.deepEqual(applied(dot, ROOT, gateway), []);
    assert.deepEqual(applied(dot, "x"), [`${ROOT}/web`]);
    const named = shop(rule(`${ROOT}/web`, WEB, { exportTo: [ROOT, "x"] }));
    assert.deepEqual(applied(named, ROOT, gateway), [`${ROOT}/web`]);
    assert.deepEqual(applied(named, "x"), [`${ROOT}/web`]);
  });

  test("with a dot in the root namespace is for its own proxies, not for the mesh", () => {
    const mesh = shop(rule(`${ROOT}/web`, WEB, { exportTo: ["."] }));
    assert.deepEqual(applied(mesh, ROOT, { proxy: "gateway" }), [`${ROOT}/web`]);
    assert.deepEqual(applied(mesh, "client"), []);
    assert.equal(reason(mesh, "client", `${ROOT}/web`), `private to ${ROOT} (exportTo .)`);
  });

  test("with a dot in the service's namespace is for clients there, its waypoint included", () => {
    const mesh = shop(rule("shop/web", WEB, { exportTo: ["."] }));
    assert.deepEqual(applied(mesh, "shop"), ["shop/web"]);
    assert.deepEqual(applied(mesh, "shop", { proxy: "waypoint" }), ["shop/web"]);
    assert.deepEqual(applied(mesh, "client"), []);
    assert.equal(reason(mesh, "client", "shop/web"), "private to shop (exportTo .)");
  });

  test("with a tilde is dead, and hides wider hosts of its namespace from others", () => {
    const mesh = shop(rule("shop/dead", WEB, { exportTo: ["~"] }), rule("shop/wide", "*.local"));
    assert.deepEqual(applied(mesh, "client"), []);
    assert.equal(
      reason(mesh, "client", "shop/wide"),
      `the host *.local is wider than ${WEB} of shop/dead, which hides it though it is exported elsewhere`,
    );
    assert.deepEqual(applied(mesh, "shop"), ["shop/wide"]);
  });

  test("by the mesh's default is private if that holds a dot, and by nothing else in it", () => {
    const withDefault = (...defaultDestinationRuleExportTo: string[]) =>
      meshOf([service("shop/web"), rule("shop/web", WEB), meshConfig({ defaultDestinationRuleExportTo })]);
    assert.deepEqual(applied(withDefault("."), "client"), []);
    assert.equal(
      reason(withDefault("."), "client", "shop/web"),
      "private to shop (the mesh's default exportTo)",
    );
    assert.deepEqual(applied(withDefault(".", "client"), "client"), []);
    assert.deepEqual(applied(withDefault("a"), "client"), ["shop/web"]);
    assert.deepEqual(applied(withDefault("~"), "client"), ["shop/web"]);
  });
});

describe("a host", () => {
  test("that is short means the rule's own namespace", () => {
    const mesh = meshOf([service("shop/web"), service("client/web"), rule("client/web", "web")]);
    assert.deepEqual(applied(mesh, "client"), []);
    assert.deepEqual(applied(mesh, "client", { host: "web.client.svc.cluster.local" }), ["client/web"]);
  });

  test("with some dots is literal, and only a ServiceEntry can have it", () => {
    for (const host of ["web.shop", "web.shop.svc"]) {
      assert.deepEqual(applied(shop(rule("shop/web", host)), "client"), []);
      const entry = serviceEntry("shop/literal", [host]);
      assert.deepEqual(applied(meshOf([entry, rule("shop/web", host)]), "client", { host }), ["shop/web"]);
    }
  });

  test("that is a wildcard is looked up like any other", () => {
    for (const host of ["*.local", "*.shop.svc.cluster.local", "*", "*b.shop.svc.cluster.local"]) {
      assert.deepEqual(applied(shop(rule("shop/wide", host)), "client"), ["shop/wide"], host);
      assert.deepEqual(applied(shop(rule("third/wide", host)), "client"), [], host);
      assert.deepEqual(applied(shop(rule("third/wide", host)), "third"), ["third/wide"], host);
    }
  });

  test("that is wide in the client's namespace silences the service's and the root's rules", () => {
    const mesh = shop(rule("client/wide", "*.local"), rule("shop/web", WEB), rule(`${ROOT}/web`, WEB));
    assert.deepEqual(applied(mesh, "client"), ["client/wide"]);
  });

  test("that is wide in the service's namespace comes before an exact one in the root namespace", () => {
    const mesh = shop(rule("shop/wide", "*"), rule(`${ROOT}/web`, WEB));
    assert.deepEqual(applied(mesh, "client"), ["shop/wide"]);
  });

  test("that is exact and exported elsewhere hides a wide one of its namespace", () => {
    const mesh = shop(rule("shop/web", WEB, { exportTo: ["other"] }), rule("shop/wide", "*"));
    assert.deepEqual(applied(mesh, "client"), []);
    assert.deepEqual(applied(mesh, "shop"), ["shop/wide"]);
  });

  test("of several wildcards is the longest, of whatever age", () => {
    const mesh = shop(
      rule("shop/a", "*"),
      rule("shop/b", "*.local"),
      rule("shop/c", "*.shop.svc.cluster.local", {}, 9),
    );
    assert.deepEqual(applied(mesh, "client"), ["shop/c"]);
  });

  test("below a wildcard ServiceEntry is dead, the same and a wider wildcard are not", () => {
    const entry = serviceEntry("edge/api", ["*.example.com"]);
    const query = { host: "*.example.com" };
    for (const host of ["a.example.com", "*.a.example.com"]) {
      assert.deepEqual(applied(meshOf([entry, rule("edge/rule", host)]), "client", query), [], host);
    }
    for (const host of ["*.example.com", "*.com", "*", "*e.com"]) {
      assert.deepEqual(
        applied(meshOf([entry, rule("edge/rule", host)]), "client", query),
        ["edge/rule"],
        host,
      );
    }
  });

  test("with upper case or a dot at its end is dead", () => {
    for (const host of ["Web.shop.svc.cluster.local", `${WEB}.`]) {
      assert.deepEqual(applied(shop(rule("shop/web", host)), "client"), []);
    }
  });

  test("that is missing or empty applies to nothing", () => {
    assert.deepEqual(applied(shop(rule("shop/web", "")), "shop"), []);
    const broken: Put = ["DestinationRule", { metadata: { name: "web", namespace: "shop" } }];
    assert.deepEqual(applied(shop(broken), "shop"), []);
  });

  test("of a ServiceEntry in another namespace is looked up there, if it is exported", () => {
    const query = { host: "api.example.com" };
    const mesh = (spec: object) =>
      meshOf([serviceEntry("edge/api", ["api.example.com"], spec), rule("edge/api", "api.example.com")]);
    assert.deepEqual(applied(mesh({}), "client", query), ["edge/api"]);
    assert.deepEqual(applied(mesh({ exportTo: ["."] }), "client", query), []);
    assert.equal(ask(mesh({ exportTo: ["."] }), "client", query).isVisible, false);
    assert.deepEqual(applied(mesh({ exportTo: ["."] }), "edge", query), ["edge/api"]);
  });

  test("of an ExternalName Service finds its rule, which applies to nothing", () => {
    const alias = service("shop/web", undefined, { type: "ExternalName", externalName: "api.example.com" });
    const answer = ask(meshOf([alias, rule("shop/web", WEB)]), "client");
    assert.equal(answer.isAlias, true);
    assert.deepEqual(
      answer.chosen?.from.map(({ name }) => name),
      ["web"],
    );
  });
});

describe("the root namespace", () => {
  test("has its own proxies find rules for all in the last step, after the service's", () => {
    const mesh = shop(rule(`${ROOT}/web`, WEB), rule("shop/web", WEB));
    assert.deepEqual(applied(mesh, ROOT), ["shop/web"]);
    assert.deepEqual(applied(shop(rule(`${ROOT}/web`, WEB)), ROOT), [`${ROOT}/web`]);
  });

  test("keeps its private rules before the service's", () => {
    const mesh = shop(rule(`${ROOT}/web`, "*", { exportTo: [ROOT] }), rule("shop/web", WEB));
    assert.deepEqual(applied(mesh, ROOT), [`${ROOT}/web`]);
  });

  test("is the one of the mesh configuration", () => {
    const mesh = meshOf([service("shop/web"), rule("root/web", WEB), meshConfig({ rootNamespace: "root" })]);
    assert.deepEqual(applied(mesh, "client"), ["root/web"]);
  });
});

test("what an ambient client asks is its waypoint's question, in the waypoint's namespace", () => {
  const mesh = shop(rule("client/web", WEB), rule("shop/private", WEB, { exportTo: ["."] }));
  const waypoint = { proxy: "waypoint" } as const;
  assert.deepEqual(applied(mesh, "shop", waypoint), ["shop/private"]);
  assert.deepEqual(applied(mesh, "waypoints", waypoint), []);
});

describe("a wrongly typed field makes Istio drop the object, so that", () => {
  test("a rule matches nothing", () => {
    const wrong = [
      { host: 7 },
      { exportTo: "." },
      { exportTo: [7] },
      { workloadSelector: { matchLabels: { version: 1 } } },
      { workloadSelector: "app" },
      { subsets: {} },
      { trafficPolicy: [] },
    ];
    for (const spec of wrong) {
      assert.deepEqual(applied(shop(rule("shop/web", WEB, spec)), "shop"), [], JSON.stringify(spec));
    }
    for (const spec of ["web", [], null, 7]) {
      const broken: Put = ["DestinationRule", { metadata: { name: "web", namespace: "shop" }, spec }];
      assert.deepEqual(applied(shop(broken), "shop"), []);
    }
  });

  test("a ServiceEntry owns nothing", () => {
    const query = { host: "api.example.com" };
    const visible = (spec: object) =>
      ask(meshOf([serviceEntry("shop/api", [query.host], spec)]), "shop", query).isVisible;
    assert.ok(visible({}));
    assert.ok(!visible({ exportTo: "*" }));
    assert.ok(!visible({ ports: [{ number: "80" }] }));
  });
});
