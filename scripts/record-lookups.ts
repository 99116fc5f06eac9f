/** Writes anew what Istio's own lookup answers on some random meshes: see test/istio/lookup/recorded-answers.ts. */
import { findOracle } from "../test/harness/istio-tools.ts";
import { createOracle } from "../test/harness/oracle.ts";
import { record } from "../test/istio/lookup/recorded-answers.ts";

const MESHES = 400;

const program = await findOracle();
if (typeof program !== "string") throw new Error(`needs ${program.needs}: ${program.remedy}`);
const oracle = createOracle(program);
try {
  await record(oracle, MESHES);
} finally {
  await oracle.stop();
}
