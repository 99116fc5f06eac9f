import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { startOracle } from "../../harness/oracle.ts";
import { objectsOf } from "./answers.ts";
import { CASES } from "./cases.ts";
import { compareOnRandomMeshes, findDifference } from "./differences.ts";

const PARTS = 4;
const MESHES_PER_PART = 500;
/** Seeds are below this, so that they are easily typed. */
const SEEDS = 1_000_000_000;

test("the known answers are Istio's, and foresail's are the same in every detail", async (t) => {
  const oracle = await startOracle(t);
  if (!oracle) return;
  for (const { name, mesh, answers } of CASES) {
    const objects = objectsOf(mesh);
    const queries = answers.map(({ query }) => query);
    const given = await oracle.ask({ objects }, queries);
    const rules = given.map(({ visible, destinationRules = [] }) =>
      visible === true ? destinationRules : "invisible",
    );
    assert.deepEqual(
      rules,
      answers.map((one) => one.rules),
      name,
    );
    assert.equal(
      await findDifference(oracle, { objects, clusterDomain: "cluster.local" }, queries),
      undefined,
      name,
    );
  }
});

describe("on thousands of random meshes every lookup is Istio's", () => {
  const seed = Math.floor(Math.random() * SEEDS);
  for (let part = 0; part < PARTS; part++) {
    const first = seed + part * MESHES_PER_PART;
    test(`from seed ${first} on`, async (t) => {
      const oracle = await startOracle(t);
      if (!oracle) return;
      const difference = await compareOnRandomMeshes(oracle, { seed: first, meshes: MESHES_PER_PART });
      if (difference !== undefined) assert.fail(difference);
    });
  }
});
