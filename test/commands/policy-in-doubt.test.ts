import assert from "node:assert/strict";
import { test } from "node:test";
import { policyInDoubt, rulesThatNeedMesh } from "../../src/commands/serve/policy-in-doubt.ts";
import type { Knowledge } from "../../src/commands/serve/policy-in-doubt.ts";
import { RULES } from "../../src/rules/index.ts";
import { DEFAULT_POLICY } from "../../src/rules/policy.ts";
import type { Policy } from "../../src/rules/policy.ts";

const LOOKED_UP = "destination-rule-is-looked-up";
const PROBES = "pod-probes-reach-the-app";
const DRAINS = "pod-drains-before-stop";
const optionsOf = (id: string) => RULES.find((rule) => rule.id === id)?.options ?? {};

function actionsIn(knowledge: Knowledge, policy: Policy = DEFAULT_POLICY) {
  const { rules, denyIsWeakened } = policyInDoubt(policy, RULES, knowledge);
  const actionOf = (id: string) =>
    rules.get(id)?.action ?? RULES.find((rule) => rule.id === id)?.action ?? "none";
  return { actions: [LOOKED_UP, PROBES, DRAINS].map(actionOf), denyIsWeakened };
}

test("with one API server the policy stays as it is, or refuses nothing", () => {
  const certain = { isTrustworthy: true, meshPlane: undefined };
  assert.equal(policyInDoubt(DEFAULT_POLICY, RULES, certain), DEFAULT_POLICY);
  assert.deepEqual(actionsIn({ ...certain, isTrustworthy: false }), {
    actions: ["Deny", "Fix", "Fix"],
    denyIsWeakened: true,
  });
});

test("rules that need the mesh's objects refuse nothing while these may be old", () => {
  const stale = { isTrustworthy: true, meshPlane: "stale" } as const;
  assert.deepEqual(actionsIn(stale), { actions: ["Warn", "Fix", "Fix"], denyIsWeakened: false });
  assert.deepEqual(actionsIn({ ...stale, isTrustworthy: false }), {
    actions: ["Warn", "Fix", "Fix"],
    denyIsWeakened: true,
  });
  const denied = { action: "Deny", options: {} } as const;
  const policy = {
    ...DEFAULT_POLICY,
    rules: new Map([
      [DRAINS, denied],
      [PROBES, denied],
    ]),
  };
  assert.deepEqual(actionsIn(stale, policy).actions, ["Warn", "Deny", "Deny"]);
});

test("and say nothing while these are not known, with what the configuration says of them kept", () => {
  const unknown = { isTrustworthy: true, meshPlane: "unknown" } as const;
  assert.deepEqual(actionsIn(unknown).actions, ["Off", "Fix", "Fix"]);
  const options = { some: "value" };
  const policy = { ...DEFAULT_POLICY, rules: new Map([[LOOKED_UP, { action: "Warn", options } as const]]) };
  const changed = policyInDoubt(policy, RULES, unknown);
  assert.deepEqual(changed.rules.get(LOOKED_UP), { action: "Off", options });
  assert.deepEqual(
    Object.keys(policyInDoubt(DEFAULT_POLICY, RULES, unknown).rules.get(PROBES)?.options ?? {}),
    [],
  );
  assert.deepEqual(policy.rules.get(LOOKED_UP)?.action, "Warn");
});

test("a rule needs the mesh's objects unless it names their kinds as ones without which it goes on", () => {
  const ids = rulesThatNeedMesh(RULES).map(({ id }) => id);
  assert.ok(ids.includes(LOOKED_UP) && ids.includes("virtual-service-subset-exists"));
  for (const id of [PROBES, DRAINS, "gateway-load-balancer-survives", "namespace-can-terminate"])
    assert.ok(!ids.includes(id), id);
  assert.ok(Object.keys(optionsOf(PROBES)).length > 0);
});
