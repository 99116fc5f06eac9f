import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { findStrictPolicy } from "../../src/istio/peer-authentication.ts";
import { readObject } from "../../src/kubernetes/objects.ts";

const LABELS = { app: "web" };

function policy(name: string, spec: object, creationTimestamp = "2024-01-01T00:00:00Z") {
  return readObject("PeerAuthentication", { metadata: { name, creationTimestamp }, spec });
}
const strict = policy("strict", { mtls: { mode: "STRICT" } });
const permissive = policy("permissive", { mtls: { mode: "PERMISSIVE" } });
const forWeb = { selector: { matchLabels: LABELS } };

function strictOn(port: number, own: readonly (typeof strict)[], root: readonly (typeof strict)[] = []) {
  return findStrictPolicy(port, LABELS, own, root)?.metadata?.name;
}

describe("mTLS is STRICT", () => {
  test("by the mesh's policy, unless the namespace has its own", () => {
    assert.equal(strictOn(80, [], [strict]), "strict");
    assert.equal(strictOn(80, [permissive], [strict]), undefined);
    assert.equal(strictOn(80, [strict], [permissive]), "strict");
    assert.equal(strictOn(80, []), undefined);
  });

  test("by a policy that selects the workload, before that of the namespace", () => {
    assert.equal(strictOn(80, [strict, policy("web", { ...forWeb, mtls: { mode: "DISABLE" } })]), undefined);
    const forOther = policy("other", { selector: { matchLabels: { app: "db" } }, mtls: { mode: "STRICT" } });
    assert.equal(strictOn(80, [permissive, forOther]), undefined);
    assert.equal(strictOn(80, [], [policy("web", { ...forWeb, mtls: { mode: "STRICT" } })]), undefined);
  });

  test("on one port only, where the policy says so and selects", () => {
    const portLevelMtls = { 8080: { mode: "STRICT" }, 9090: { mode: "UNSET" } };
    const web = policy("web", { ...forWeb, mtls: { mode: "PERMISSIVE" }, portLevelMtls });
    assert.equal(strictOn(8080, [web]), "web");
    assert.equal(strictOn(9090, [web]), undefined);
    assert.equal(strictOn(80, [web]), undefined);
    assert.equal(strictOn(8080, [policy("all", { portLevelMtls })]), undefined);
  });

  test("by inheritance where a policy leaves it open", () => {
    assert.equal(strictOn(80, [policy("web", forWeb), policy("ns", {})], [strict]), "strict");
  });

  test("as the oldest of several says", () => {
    const older = policy("older", { mtls: { mode: "PERMISSIVE" } }, "2023-01-01T00:00:00Z");
    assert.equal(strictOn(80, [strict, older]), undefined);
    assert.equal(strictOn(80, [permissive, strict]), undefined);
  });
});
