/**
 * Istio's answers on some of the random meshes, so that a wrong lookup shows without Go, and in seconds. The meshes are not in the
 * file, only what they are made from: a change of random-mesh.ts needs `node scripts/record-lookups.ts`.
 */
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { isObject } from "../../../src/kubernetes/json.ts";
import { list, number, object, string } from "../../../src/kubernetes/shape.ts";
import type { Oracle, OracleAnswer } from "../../harness/oracle.ts";
import { answerOf, lookupMeshOf } from "./answers.ts";
import { findDifference } from "./differences.ts";
import { randomMesh } from "./random-mesh.ts";
import type { RandomMesh } from "./random-mesh.ts";

const FILE = join(import.meta.dirname, "recorded-answers.jsonl");
const DIGEST_CHARS = 8;

const lineShape = object({ seed: number, mesh: string, answers: list(string), given: list(number) });

export interface Recorded {
  readonly seed: number;
  readonly mesh: RandomMesh;
  /** False: random-mesh.ts makes another mesh now. */
  readonly isSame: boolean;
  /** Of the mesh's queries, as `briefly` says them. */
  readonly answers: readonly string[];
}

export async function readRecorded(): Promise<readonly Recorded[]> {
  const lines = (await readFile(FILE, "utf8")).trimEnd().split("\n");
  return lines.map((line) => {
    const { seed = 0, mesh: hash, answers = [], given = [] } = lineShape.read(JSON.parse(line)) ?? {};
    const mesh = randomMesh(seed);
    return {
      seed,
      mesh,
      isSame: digest(mesh) === hash,
      answers: given.map((index) => answers[index] ?? "?"),
    };
  });
}

/** Records the first so many meshes from seed 1 on whose answers Istio always gives alike. */
export async function record(oracle: Oracle, meshes: number): Promise<void> {
  const lines: string[] = [];
  for (let seed = 1; lines.length < meshes; seed++) {
    const mesh = randomMesh(seed);
    const difference = await findDifference(oracle, mesh, mesh.queries);
    if (difference) throw new Error(`foresail and Istio differ on the mesh of seed ${seed}`);
    const answers = await oracle.ask(mesh, mesh.queries);
    const lookup = lookupMeshOf(mesh);
    if (mesh.queries.every((query, index) => isDeepStrictEqual(answers[index], answerOf(query, lookup)))) {
      lines.push(JSON.stringify(lineOf(seed, mesh, answers.map(briefly))));
    }
  }
  await writeFile(FILE, `${lines.join("\n")}\n`);
}

function lineOf(seed: number, mesh: RandomMesh, briefs: readonly string[]) {
  const answers = [...new Set(briefs)];
  return { seed, mesh: digest(mesh), answers, given: briefs.map((brief) => answers.indexOf(brief)) };
}

/** `Service a/web: a/old + a/young #1a2b3c4d`; the digest is of what was made of the rules. */
export function briefly({ service, alias, destinationRules = [], rule }: OracleAnswer): string {
  if (!service) return "invisible";
  const owner = `${alias === true ? "alias " : ""}${service.kind} ${service.namespace}/${service.name}`;
  return rule ? `${owner}: ${destinationRules.join(" + ")} #${digest(rule)}` : owner;
}

function digest(value: unknown): string {
  const text = JSON.stringify(value, (_key, member: unknown) => (isObject(member) ? sorted(member) : member));
  return createHash("sha256").update(text).digest("hex").slice(0, DIGEST_CHARS);
}

function sorted(value: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(Object.entries(value).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}
