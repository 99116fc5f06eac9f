import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { applied, ask, meshOf, reason, rule, service, WEB } from "./meshes.ts";
import type { Put } from "./meshes.ts";

const subset = (name: string) => ({ subsets: [{ name }] });
const shop = (...rules: Put[]) => meshOf([service("shop/web"), ...rules]);
const chosen = (mesh: ReturnType<typeof shop>, client = "client") => ask(mesh, client).chosen;
const subsetsOf = (mesh: ReturnType<typeof shop>) => chosen(mesh)?.subsets.map(({ name }) => name);

describe("two rules of one host", () => {
  test("with the same exportTo become one, the older first", () => {
    const mesh = shop(rule("shop/young", WEB, subset("b"), 2), rule("shop/old", WEB, subset("a"), 1));
    assert.deepEqual(applied(mesh, "client"), ["shop/old", "shop/young"]);
    assert.deepEqual(subsetsOf(mesh), ["a", "b"]);
    assert.equal(reason(mesh, "client", "shop/old"), "applied, with shop/young merged into it");
    assert.equal(reason(mesh, "client", "shop/young"), "merged into shop/old (same host)");
  });

  test("of the same age are merged in the order of their names", () =>
    assert.deepEqual(applied(shop(rule("shop/b", WEB), rule("shop/a", WEB)), "client"), [
      "shop/a",
      "shop/b",
    ]));

  test("keep the first subset of a name, with its settings", () => {
    const policy = (mode: string) => ({
      subsets: [{ name: "v1", trafficPolicy: { tls: { mode } } }],
    });
    const mesh = shop(rule("shop/a", WEB, policy("DISABLE")), rule("shop/b", WEB, policy("SIMPLE")));
    assert.deepEqual(chosen(mesh)?.subsets, [{ name: "v1", trafficPolicy: { tls: { mode: "DISABLE" } } }]);
  });

  test("take over a trafficPolicy whole, and only if the first has none", () => {
    const [tls, pool] = [{ tls: { mode: "SIMPLE" } }, { connectionPool: { tcp: {} } }];
    const policyOf = (...policies: object[]) =>
      chosen(shop(...policies.map((spec, index) => rule(`shop/${index}`, WEB, spec))))?.trafficPolicy;
    assert.deepEqual(policyOf({}, { trafficPolicy: tls }), tls);
    assert.deepEqual(policyOf({ trafficPolicy: pool }, { trafficPolicy: tls }), pool);
    assert.deepEqual(policyOf({ trafficPolicy: {} }, { trafficPolicy: tls }), {});
  });

  test("without exportTo and for all are apart, and the younger wins whole", () => {
    const mesh = shop(rule("shop/old", WEB, subset("a"), 1), rule("shop/young", WEB, { exportTo: ["*"] }, 2));
    assert.deepEqual(applied(mesh, "client"), ["shop/young"]);
    assert.deepEqual(subsetsOf(mesh), []);
    assert.equal(
      reason(mesh, "client", "shop/old"),
      "shop/young, of the same host with another exportTo, is younger and wins whole",
    );
  });

  test("of which the younger exports further are one, and the namespaces that it adds get nothing", () => {
    const mesh = shop(
      rule("shop/old", WEB, { exportTo: ["a"] }, 1),
      rule("shop/young", WEB, { exportTo: ["a", "b"] }, 2),
    );
    assert.deepEqual(applied(mesh, "a"), ["shop/old", "shop/young"]);
    assert.deepEqual(applied(mesh, "b"), []);
    assert.equal(reason(mesh, "b", "shop/young"), "absorbed by shop/old (same host): exported to a only");
  });

  test("that name different namespaces are each for its own", () => {
    const mesh = shop(rule("shop/a", WEB, { exportTo: ["a"] }), rule("shop/b", WEB, { exportTo: ["b"] }));
    assert.deepEqual(applied(mesh, "a"), ["shop/a"]);
    assert.deepEqual(applied(mesh, "b"), ["shop/b"]);
    assert.equal(reason(mesh, "a", "shop/b"), "exported to b only");
  });

  test("written differently are one if they name the same Service", () => {
    assert.deepEqual(applied(shop(rule("shop/a", "web"), rule("shop/b", WEB)), "client"), [
      "shop/a",
      "shop/b",
    ]);
  });

  test("of different hosts are never one, and the narrower wins", () => {
    const mesh = shop(rule("shop/a", "*.local", subset("a")), rule("shop/b", WEB, subset("b"), 2));
    assert.deepEqual(applied(mesh, "client"), ["shop/b"]);
    assert.equal(reason(mesh, "client", "shop/a"), `the host *.local is wider than ${WEB} of shop/b`);
  });
});

test("a third rule joins the first and still wins", () => {
  const mesh = shop(
    rule("shop/a", WEB, {}, 1),
    rule("shop/b", WEB, { exportTo: ["*"] }, 2),
    rule("shop/c", WEB, {}, 3),
  );
  // The last entry that it meets keeps it apart, although the first has absorbed it.
  assert.deepEqual(applied(mesh, "client"), ["shop/c"]);
});

test("of many rules of one host five are named", () => {
  const rules = Array.from({ length: 8 }, (_, index) => rule(`shop/r${index}`, WEB));
  assert.equal(
    reason(shop(...rules), "client", "shop/r0"),
    "applied, with shop/r1, shop/r2, shop/r3, shop/r4, shop/r5 and 2 more merged into it",
  );
});

describe("a rule with a selector", () => {
  const selecting = (app: string, at = 1): Put =>
    rule(`client/${app}`, WEB, { workloadSelector: { matchLabels: { app } } }, at);
  const client = (app: string) => ({ clientLabels: { app, version: "1" } });

  test("applies to the proxies of its namespace that it selects", () => {
    const mesh = shop(selecting("x"), selecting("y", 2));
    assert.deepEqual(applied(mesh, "client", client("x")), ["client/x"]);
    assert.deepEqual(applied(mesh, "client", client("y")), ["client/y"]);
    assert.equal(reason(mesh, "client", "client/y", client("x")), "selector app=y does not match the client");
  });

  test("ends the lookup for the others, which get nothing", () => {
    const mesh = shop(selecting("x"), rule("shop/web", WEB));
    const answer = ask(mesh, "client", client("z"));
    assert.equal(answer.chosen, undefined);
    assert.deepEqual(
      answer.steps.map(({ outcome }) => outcome),
      ["match", "skipped", "skipped"],
    );
    assert.equal(reason(mesh, "client", "shop/web", client("z")), "step not reached: client has a match");
  });

  test("leaves one for all of another exportTo to the others", () => {
    const mesh = shop(selecting("x"), rule("client/all", WEB, {}, 0));
    assert.deepEqual(applied(mesh, "client", client("x")), ["client/x"]);
    assert.deepEqual(applied(mesh, "client", client("z")), ["client/all"]);
    assert.equal(
      reason(mesh, "client", "client/all", client("x")),
      "the selector of client/x matches the client",
    );
  });

  test('swallows one for all with exportTo ["."]', () => {
    const mesh = shop(selecting("x"), rule("client/all", WEB, { exportTo: ["."], ...subset("v1") }));
    assert.deepEqual(applied(mesh, "client", client("z")), []);
    assert.deepEqual(applied(mesh, "client", client("x")), ["client/x", "client/all"]);
    assert.equal(
      reason(mesh, "client", "client/all", client("z")),
      "swallowed: absorbed by client/x (same host): its selector app=x does not match the client",
    );
  });

  test("is merged with one of the same selector", () => {
    const twin = rule("client/twin", WEB, { workloadSelector: { matchLabels: { app: "x" } } }, 2);
    assert.deepEqual(applied(shop(selecting("x"), twin), "client", client("x")), ["client/x", "client/twin"]);
  });

  test("that is empty takes every proxy of its namespace", () => {
    const mesh = shop(rule("client/any", WEB, { workloadSelector: {} }), rule("shop/web", WEB));
    assert.deepEqual(applied(mesh, "client", client("z")), ["client/any"]);
    assert.deepEqual(applied(mesh, "other", client("z")), ["shop/web"]);
  });

  test("does not count for waypoints, and counts for gateways", () => {
    const mesh = shop(selecting("x"), rule("client/all", WEB, {}, 2));
    const of = (proxy: "gateway" | "waypoint") => ({ ...client("x"), proxy });
    assert.deepEqual(applied(mesh, "client", of("waypoint")), ["client/all"]);
    assert.equal(
      reason(mesh, "client", "client/x", of("waypoint")),
      "workloadSelector does not count for waypoints",
    );
    assert.deepEqual(applied(mesh, "client", of("gateway")), ["client/x"]);
  });
});
