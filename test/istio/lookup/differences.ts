/** Where foresail looks a DestinationRule up otherwise than Istio does. */
import { isDeepStrictEqual } from "node:util";
import { emitYaml } from "../../../src/kubernetes/yaml/yaml.ts";
import type { JsonObject } from "../../../src/kubernetes/json.ts";
import type { Oracle, OracleAnswer, OracleQuery } from "../../harness/oracle.ts";
import { answerOf, lookupMeshOf } from "./answers.ts";
import { randomMesh } from "./random-mesh.ts";
import { shrink } from "./shrink.ts";

export interface LookupMeshText {
  readonly objects: readonly JsonObject[];
  readonly clusterDomain: string;
}

interface Difference<Mesh extends LookupMeshText> {
  readonly mesh: Mesh;
  readonly query: OracleQuery;
  readonly istio: OracleAnswer;
  readonly foresail: OracleAnswer;
}

/**
 * Where two owners of a hostname are equal in all that Istio sorts by, it takes now one and now the other: any of its answers is
 * right then. So often it is asked again before an answer counts as wrong.
 */
const ASKED_AGAIN = 12;
/** So many meshes wait for Istio at once, which answers some of them side by side. */
const MESHES_AT_ONCE = 8;

/** The first query that is answered otherwise than Istio answers it. Rejects when Istio cannot read the mesh. */
export async function findDifference<Mesh extends LookupMeshText>(
  oracle: Oracle,
  mesh: Mesh,
  queries: readonly OracleQuery[],
): Promise<Difference<Mesh> | undefined> {
  const answers = await oracle.ask(mesh, queries);
  const lookup = lookupMeshOf(mesh);
  for (const [index, query] of queries.entries()) {
    const istio = answers[index] ?? {};
    const foresail = answerOf(query, lookup);
    if (isDeepStrictEqual(istio, foresail)) continue;
    if (await isUndecided(oracle, mesh, query, foresail)) continue;
    return { mesh, query, istio, foresail };
  }
  return undefined;
}

async function isUndecided(
  oracle: Oracle,
  mesh: LookupMeshText,
  query: OracleQuery,
  foresail: OracleAnswer,
): Promise<boolean> {
  const again = await Promise.all(Array.from({ length: ASKED_AGAIN }, () => oracle.ask(mesh, [query])));
  return again.some(([answer]) => isDeepStrictEqual(answer, foresail));
}

export interface Comparison {
  readonly seed: number;
  readonly meshes: number;
  readonly onProgress?: (done: number) => void;
}

/** Compares on random meshes, and describes the first difference on the smallest mesh that shows it; undefined: there is none. */
export async function compareOnRandomMeshes(
  oracle: Oracle,
  { seed, meshes, onProgress = () => {} }: Comparison,
): Promise<string | undefined> {
  let [next, done] = [seed, 0];
  let found: string | undefined;
  const work = async (): Promise<void> => {
    while (next < seed + meshes && found === undefined) {
      const one = next++;
      const mesh = randomMesh(one);
      const difference = await findDifference(oracle, mesh, mesh.queries);
      if (difference) found ??= await describeSmallest(oracle, one, difference);
      onProgress(++done);
    }
  };
  await Promise.all(Array.from({ length: MESHES_AT_ONCE }, work));
  return found;
}

async function describeSmallest(
  oracle: Oracle,
  seed: number,
  difference: Difference<LookupMeshText>,
): Promise<string> {
  const { clusterDomain } = difference.mesh;
  let smallest = difference;
  await shrink(difference.mesh.objects, async (objects) => {
    const smaller = await findDifference(oracle, { objects, clusterDomain }, [difference.query]).catch(
      () => undefined,
    );
    smallest = smaller ?? smallest;
    return smaller !== undefined;
  });
  const { mesh, query, istio, foresail } = smallest;
  return [
    `seed ${seed}, cluster domain ${clusterDomain}`,
    `query    ${JSON.stringify(query)}`,
    `Istio    ${JSON.stringify(istio)}`,
    `foresail ${JSON.stringify(foresail)}`,
    mesh.objects.map((one) => emitYaml(one)).join("---\n"),
  ].join("\n");
}
