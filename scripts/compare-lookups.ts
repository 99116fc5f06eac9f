/**
 * Compares foresail's lookups with Istio's own on many random meshes: `node scripts/compare-lookups.ts --meshes 20000 --seed 1`.
 * A difference is printed on the smallest mesh that shows it, ready to become a case of test/istio/lookup/cases.ts.
 */
import { parseArgs } from "node:util";
import { findOracle } from "../test/harness/istio-tools.ts";
import { createOracle } from "../test/harness/oracle.ts";
import { compareOnRandomMeshes } from "../test/istio/lookup/differences.ts";

const { values } = parseArgs({
  options: { meshes: { type: "string", default: "20000" }, seed: { type: "string", default: "1" } },
});
const [meshes, seed] = [Number(values.meshes), Number(values.seed)];
const program = await findOracle();
if (typeof program !== "string") throw new Error(`needs ${program.needs}: ${program.remedy}`);
const oracle = createOracle(program);
const difference = await compareOnRandomMeshes(oracle, {
  seed,
  meshes,
  onProgress(done) {
    if (done % 500 === 0) process.stderr.write(`${done} of ${meshes} meshes\n`);
  },
});
await oracle.stop();
process.stdout.write(difference ?? `no difference on ${meshes} meshes from seed ${seed} on\n`);
process.exitCode = difference === undefined ? 0 : 1;
