import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { applied, ask, meshOf, rule, service, serviceEntry, WEB } from "./meshes.ts";
import type { Put } from "./meshes.ts";

const ROOT = "istio-system";
const meshAt = (istio: string, ...objects: Put[]) =>
  meshOf([service("shop/web"), ...objects], { assume: { istio } });

describe("up to 1.13", () => {
  test("a selector does not count", () => {
    const selecting = rule("shop/x", WEB, { workloadSelector: { matchLabels: { app: "x" } } });
    assert.deepEqual(applied(meshAt("1.13.9", selecting), "client"), ["shop/x"]);
    assert.deepEqual(applied(meshAt("1.14.0", selecting), "client"), []);
  });

  test("a rule of the root namespace that names only it is found in the last step", () => {
    const rules = [rule(`${ROOT}/web`, WEB, { exportTo: [ROOT] }), rule("shop/web", WEB)];
    assert.deepEqual(applied(meshAt("1.13.0", ...rules), ROOT), ["shop/web"]);
    assert.deepEqual(applied(meshAt("1.14.0", ...rules), ROOT), [`${ROOT}/web`]);
  });
});

test("up to 1.11 the oldest of the root namespace's private wildcards wins, and the exact host before all", () => {
  const privately = { exportTo: ["."] };
  const wide = [rule(`${ROOT}/wide`, "*", privately, 1), rule(`${ROOT}/long`, "*.local", privately, 2)];
  assert.deepEqual(applied(meshAt("1.11.8", ...wide), ROOT), [`${ROOT}/wide`]);
  assert.deepEqual(applied(meshAt("1.12.0", ...wide), ROOT), [`${ROOT}/long`]);
  const exact = rule(`${ROOT}/exact`, WEB, privately, 3);
  assert.deepEqual(applied(meshAt("1.10", ...wide, exact), ROOT), [`${ROOT}/exact`]);
});

describe("up to 1.23", () => {
  test("all rules of a host become one, under the first exportTo that is not empty", () => {
    const rules = [
      rule("shop/a", WEB, {}, 1),
      rule("shop/b", WEB, { exportTo: ["client"] }, 2),
      rule("shop/c", WEB, { exportTo: ["other"] }, 3),
    ];
    for (const istio of ["1.10", "1.23.5"]) {
      assert.deepEqual(applied(meshAt(istio, ...rules), "client"), ["shop/a", "shop/b", "shop/c"]);
      assert.deepEqual(applied(meshAt(istio, ...rules), "other"), []);
    }
    assert.deepEqual(applied(meshAt("1.24", ...rules), "other"), ["shop/c"]);
  });

  test("an empty selector is the same as an earlier rule's missing one", () => {
    const rules = [rule("client/a", WEB, {}, 1), rule("client/b", WEB, { workloadSelector: {} }, 2)];
    assert.deepEqual(applied(meshAt("1.18", ...rules), "client"), ["client/a", "client/b"]);
    assert.deepEqual(applied(meshAt("1.24", ...rules), "client"), ["client/b"]);
  });

  test("a sidecar without a Sidecar prefers a Kubernetes Service to its own namespace's entry", () => {
    const entry = serviceEntry("client/web", [WEB]);
    assert.equal(ask(meshAt("1.23.0", entry), "client").owner?.namespace, "shop");
    assert.equal(ask(meshAt("1.24.0", entry), "client").owner?.namespace, "client");
  });
});

test("up to 1.21 rules with a selector are sorted by age like all others", () => {
  const rules = [
    rule("client/all", WEB, { exportTo: ["."] }, 1),
    rule("client/x", WEB, { workloadSelector: { matchLabels: { app: "x" } } }, 2),
  ];
  assert.deepEqual(applied(meshAt("1.21.0", ...rules), "client"), ["client/all", "client/x"]);
  assert.deepEqual(applied(meshAt("1.22.0", ...rules), "client"), ["client/all"]);
  assert.deepEqual(applied(meshAt("1.24.0", ...rules), "client"), []);
});

test("in 1.20.0 and 1.20.1 a rule is private that names its own namespace beside others", () => {
  const named = rule("shop/web", WEB, { exportTo: ["shop", "client"] });
  assert.deepEqual(applied(meshAt("1.19.9", named), "client"), ["shop/web"]);
  assert.deepEqual(applied(meshAt("1.20.0", named), "client"), []);
  assert.deepEqual(applied(meshAt("1.20.1", named), "client"), []);
  assert.deepEqual(applied(meshAt("1.20.2", named), "client"), ["shop/web"]);
});

test("an ExternalName Service is an alias since 1.21", () => {
  const alias = service("shop/alias", undefined, { type: "ExternalName", externalName: "example.com" });
  const query = { host: "alias.shop.svc.cluster.local" };
  assert.equal(ask(meshAt("1.20.9", alias), "client", query).isAlias, false);
  assert.equal(ask(meshAt("1.21.0", alias), "client", query).isAlias, true);
});

test("an unknown version is the newest", () => {
  const objects: Put[] = [service("shop/web"), rule("shop/a", WEB), rule("shop/b", WEB, { exportTo: ["*"] })];
  assert.deepEqual(applied(meshOf(objects), "client"), ["shop/b"]);
});
