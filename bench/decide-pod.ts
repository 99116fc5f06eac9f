/**
 * `npm run bench`: the CPU that the engine takes to decide a Pod, beside that of JSON.parse on the same review. Rounds alternate,
 * and medians are shown: the ratio is what survives a noisy machine.
 */
import { createView } from "../src/cluster/view.ts";
import { evaluate } from "../src/engine/evaluate.ts";
import type { Moment } from "../src/engine/verdict.ts";
import { isObject } from "../src/kubernetes/json.ts";
import { DEFAULT_POLICY } from "../src/rules/policy.ts";
import { RULES } from "../src/rules/index.ts";
import { podCluster, podReview } from "./pod-review.ts";

const ROUNDS = 15;
const REVIEWS_A_ROUND = 1000;
const GOAL_MICROSECONDS = 150;

const text = podReview();
const state = podCluster();
const parsed: unknown = JSON.parse(text);
const request = isObject(parsed) && isObject(parsed["request"]) ? parsed["request"] : {};

function decide(moment: Moment, object: unknown) {
  const id = { kind: "Pod", namespace: "shop", name: "web-6d4cf56db6-*" } as const;
  return evaluate(
    { ...id, operation: "CREATE", object, oldObject: undefined },
    {
      moment,
      rules: RULES,
      cluster: createView(state, id),
      policy: DEFAULT_POLICY,
      today: "2027-01-01",
      expired: () => false,
    },
  );
}

const { patch, patched } = decide("mutate", request["object"]);
const subjects = {
  "JSON.parse": () => JSON.parse(text),
  mutate: () => decide("mutate", request["object"]),
  validate: () => decide("validate", patched),
} as const;

/** CPU of this process, in microseconds a call. */
function measure(work: () => unknown): number {
  const before = process.cpuUsage();
  for (let call = 0; call < REVIEWS_A_ROUND; call++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / REVIEWS_A_ROUND;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

const measured = Object.entries(subjects).map(([name, work]) => ({ name, work, costs: new Array<number>() }));
for (const { work } of measured) measure(work);
for (let round = 0; round < ROUNDS; round++)
  for (const { work, costs } of measured) costs.push(measure(work));

const parse = median(measured[0]?.costs ?? []);
process.stdout.write(
  `a Pod of ${text.length} bytes with 3 probes; ${RULES.length} rules; operations in the patch: ${patch.length}, ${JSON.stringify(patch).length} bytes\n`,
);
for (const { name, costs } of measured) {
  const cost = median(costs);
  const goal = name === "JSON.parse" ? "" : `, goal ${GOAL_MICROSECONDS}`;
  process.stdout.write(
    `${name.padEnd(12)}${cost.toFixed(1).padStart(8)} us of CPU${goal}; ${(cost / parse).toFixed(2)} x JSON.parse\n`,
  );
}
