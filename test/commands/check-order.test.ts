import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseManifests } from "../../src/cluster/files/manifests.ts";
import { Store } from "../../src/cluster/store.ts";
import { checkManifests } from "../../src/commands/check/check-manifests.ts";
import { fingerprintOf } from "../../src/report/fingerprint.ts";
import { RULES } from "../../src/rules/index.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../../src/rules/policy.ts";

/** Objects that rules look at together; every one has another name, for of two with the same name the last counts. */
const EXAMPLES = RULES.flatMap(({ example }) => [example.bad, example.good]).flatMap((text) =>
  text.split(/^---\n/m),
);

function findingsOf(documents: readonly string[]): readonly string[] {
  const { manifests } = parseManifests("all.yaml", documents.join("---\n"), true);
  const { findings, failures } = checkManifests({
    manifests,
    state: { store: new Store("cluster.local"), settings: DEFAULT_MESH_SETTINGS, isComplete: false },
    namespace: "default",
    rules: RULES,
    policy: DEFAULT_POLICY,
    today: "2026-08-01",
  });
  assert.deepEqual(failures, []);
  return findings
    .map(({ verdict, ...finding }) =>
      JSON.stringify([
        fingerprintOf({ verdict, ...finding }),
        verdict.action,
        verdict.message,
        verdict.patch,
      ]),
    )
    .toSorted();
}

function withoutRepeated(documents: readonly string[]): string[] {
  const byIdentity = new Map(
    parseManifests("all.yaml", documents.join("---\n"), true).manifests.map(
      ({ kindName, namespace = "default", name, document }) => [`${kindName} ${namespace}/${name}`, document],
    ),
  );
  return [...byIdentity.values()].flatMap((index) => documents[index] ?? []);
}

function isDefinition(document: string): boolean {
  return document.includes("kind: CustomResourceDefinition");
}

test("the findings do not depend on the order of files and documents", () => {
  const some = fc.subarray(EXAMPLES, { minLength: 2 }).map(withoutRepeated);
  const orders = some.chain((documents) => {
    const others = documents.filter((document) => !isDefinition(document));
    return fc.tuple(
      fc.constant(documents),
      fc
        .shuffledSubarray(others, { minLength: others.length, maxLength: others.length })
        .map((shuffled) => [...shuffled, ...documents.filter(isDefinition)]),
    );
  });
  fc.assert(
    fc.property(orders, ([documents, shuffled]) => {
      assert.deepEqual(findingsOf(shuffled), findingsOf(documents));
    }),
    { numRuns: 100 },
  );
});

test("of two definitions of kinds with one name, the later one is the second", () => {
  const definition = (group: string) => `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: { name: gateways.${group} }
spec: { group: ${group}, names: { kind: Gateway, plural: gateways } }
`;
  const both = ["networking.istio.io", "gateway.networking.k8s.io"].map(definition);
  for (const documents of [both, both.toReversed()]) {
    const [found = "", ...more] = findingsOf(documents);
    assert.deepEqual(more, []);
    assert.match(found, documents === both ? /with gateways\.networking\.istio/ : /with gateways\.gateway\./);
  }
});
