import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import { coversHost, hostsOverlap } from "../../src/istio/hosts.ts";
import { withoutRule, withRule } from "../../src/istio/lookup/mesh.ts";
import type { LookupMesh } from "../../src/istio/lookup/mesh.ts";
import { lookupRule } from "../../src/istio/lookup/rule.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";

const HOSTS = [
  "web.a.svc.cluster.local",
  "*.a.svc.cluster.local",
  "*b.a.svc.cluster.local",
  "*.local",
  "*",
  "a.org",
  "*.org",
];
const namespace = fc.constantFrom("a", "b");
const name = fc.constantFrom("x", "y");
const host = fc.constantFrom(...HOSTS);

const step = fc.record({
  kind: fc.constantFrom("DestinationRule" as const, "ServiceEntry" as const, "VirtualService" as const),
  namespace,
  name,
  host,
  isDeleted: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const SPECS = {
  DestinationRule: (of: string) => ({ host: of }),
  ServiceEntry: (of: string) => ({ hosts: [of] }),
  VirtualService: (of: string) => ({
    hosts: [of],
    http: [{ route: [{ destination: { host: of, subset: "v1" } }, { destination: { host: of } }] }],
  }),
};

/** What is there at the end, by kind and place. */
function after(steps: readonly Step[]): readonly Step[] {
  const there = new Map<string, Step>();
  for (const one of steps) {
    const key = `${one.kind}/${one.namespace}/${one.name}`;
    if (one.isDeleted) there.delete(key);
    else there.set(key, one);
  }
  return [...there.values()];
}

function meshAfter(steps: readonly Step[]): LookupMesh {
  const store = new Store("cluster.local");
  for (const { kind, namespace: of, name: called, host: written, isDeleted } of steps) {
    if (isDeleted) store.delete(kind, of, called);
    else store.put(kind, { metadata: { namespace: of, name: called }, spec: SPECS[kind](written) });
  }
  return createView({ store, settings: DEFAULT_MESH_SETTINGS, isComplete: true }).lookup;
}

function assertMeets(mesh: LookupMesh, rules: readonly { namespace: string; host: string }[]): void {
  for (const asked of HOSTS) {
    const found = [...mesh.rulesMeeting(asked)].map((one) => `${one.namespace} ${one.host}`).toSorted();
    const expected = rules
      .filter((one) => hostsOverlap(one.host, asked))
      .map((one) => `${one.namespace} ${one.host}`);
    assert.deepEqual(found, [...new Set(expected)].toSorted());
  }
}

describe("after any changes", () => {
  const steps = fc.array(step, { maxLength: 20 });

  test("rules are found by every host that theirs meets", () => {
    fc.assert(
      fc.property(steps, step, (before, added) => {
        const mesh = meshAfter(before);
        const rules = after(before).filter(({ kind }) => kind === "DestinationRule");
        assertMeets(mesh, rules);
        const others = rules.filter((one) => one.namespace !== added.namespace || one.name !== added.name);
        assertMeets(withoutRule(mesh, added.namespace, added.name), others);
        assertMeets(withRule(mesh, lookupRule(added, { spec: { host: added.host } }, mesh.settings)), [
          ...others,
          added,
        ]);
      }),
    );
  });

  test("hostnames and routes to subsets are found by every host that covers them", () => {
    fc.assert(
      fc.property(steps, (changes) => {
        const mesh = meshAfter(changes);
        const of = (kind: Step["kind"]) => after(changes).filter((one) => one.kind === kind);
        for (const asked of HOSTS) {
          const covered = (one: { host: string }) => coversHost(asked, one.host);
          assert.deepEqual(
            [...mesh.hostnamesCoveredBy(asked)].toSorted(),
            [
              ...new Set(
                of("ServiceEntry")
                  .filter(covered)
                  .map((one) => one.host),
              ),
            ].toSorted(),
          );
          assert.deepEqual(
            [...mesh.subsetRoutesTo(asked)]
              .map((one) => `${one.namespace}/${one.name} ${one.host}`)
              .toSorted(),
            of("VirtualService")
              .filter(covered)
              .map((one) => `${one.namespace}/${one.name} ${one.host}`)
              .toSorted(),
          );
        }
      }),
    );
  });
});
