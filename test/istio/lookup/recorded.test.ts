import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { answerOf, lookupMeshOf, objectsOf } from "./answers.ts";
import { CASES } from "./cases.ts";
import { briefly, readRecorded } from "./recorded-answers.ts";

describe("a lookup, as Istio does it", () => {
  for (const { name, mesh, answers } of CASES) {
    test(name, () => {
      const lookup = lookupMeshOf({ objects: objectsOf(mesh) });
      for (const { query, rules } of answers) {
        const { visible, destinationRules = [] } = answerOf(query, lookup);
        const expected = rules === "invisible" ? { visible: false, rules: [] } : { visible: true, rules };
        assert.deepEqual({ visible, rules: destinationRules }, expected, JSON.stringify(query));
      }
    });
  }
});

test("lookups on recorded meshes are Istio's", async () => {
  for (const { seed, mesh, isSame, answers } of await readRecorded()) {
    assert.ok(isSame, `seed ${seed} makes another mesh now: run scripts/record-lookups.ts`);
    const lookup = lookupMeshOf(mesh);
    for (const [index, query] of mesh.queries.entries()) {
      const what = `seed ${seed}, ${JSON.stringify(query)}`;
      assert.equal(briefly(answerOf(query, lookup)), answers[index], what);
    }
  }
});
