import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { withoutRule, withRule } from "../../../src/istio/lookup/mesh.ts";
import { lookupRule } from "../../../src/istio/lookup/rule.ts";
import { applied, ask, meshOf, reason, rule, service, WEB } from "./meshes.ts";

describe("a client's lookup goes", () => {
  const three = [rule("client/own", WEB), rule("shop/service", WEB), rule("istio-system/root", WEB)];
  const without = (path: string) =>
    meshOf([service("shop/web"), ...three.filter(([, object]) => !JSON.stringify(object).includes(path))]);

  test("to its own namespace first", () => {
    const mesh = without("none");
    assert.deepEqual(applied(mesh, "client"), ["client/own"]);
    assert.equal(reason(mesh, "client", "client/own"), "applied");
    assert.equal(reason(mesh, "client", "shop/service"), "step not reached: client has a match");
    assert.equal(reason(mesh, "client", "istio-system/root"), "step not reached: client has a match");
  });

  test("to the service's namespace next", () => {
    assert.deepEqual(applied(without("own"), "client"), ["shop/service"]);
    assert.deepEqual(applied(without("none"), "other"), ["shop/service"]);
  });

  test("to the root namespace last", () => {
    const mesh = meshOf([service("shop/web"), rule("istio-system/root", WEB), rule("third/lost", WEB)]);
    assert.deepEqual(applied(mesh, "client"), ["istio-system/root"]);
    assert.deepEqual(
      ask(mesh, "client").steps.map(({ step, namespace, outcome }) => [step, namespace, outcome]),
      [
        ["client", "client", "none"],
        ["service", "shop", "none"],
        ["root", "istio-system", "match"],
      ],
    );
  });

  test("nowhere for a host that nobody has", () => {
    const answer = ask(meshOf(three), "client");
    assert.equal(answer.isVisible, false);
    assert.equal(answer.owner, undefined);
    assert.equal(answer.chosen, undefined);
    assert.deepEqual(
      answer.steps.map(({ step, outcome }) => [step, outcome]),
      [
        ["client", "skipped"],
        ["root", "skipped"],
      ],
    );
  });
});

describe("a review sees the mesh", () => {
  const before = meshOf([service("shop/web"), rule("shop/old", WEB)]);
  const added = (name: string, host: string) =>
    lookupRule({ namespace: "client", name }, { spec: { host } }, before.settings, Infinity);

  test("with the rule that is about to be created", () => {
    const after = withRule(before, added("new", "*.local"));
    assert.deepEqual(applied(after, "client"), ["client/new"]);
    assert.deepEqual(applied(after, "other"), ["shop/old"]);
    assert.deepEqual(applied(before, "client"), ["shop/old"]);
  });

  test("with the new form of a rule instead of the old one", () => {
    const first = withRule(before, added("new", WEB));
    assert.deepEqual(applied(withRule(first, added("new", "*.example.com")), "client"), ["shop/old"]);
  });

  test("without a rule that is about to be deleted", () => {
    assert.deepEqual(applied(withoutRule(before, "shop", "old"), "client"), []);
    assert.deepEqual(applied(withoutRule(before, "client", "old"), "client"), ["shop/old"]);
  });
});
