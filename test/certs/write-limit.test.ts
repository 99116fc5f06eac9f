import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_WRITES, planWrite } from "../../src/certs/write-limit.ts";

const LIMIT = { writes: 3, withinMs: 10_000, pauseMs: 60_000 };

/** What is decided at each of these times, one after the other. */
function decisions(...times: readonly number[]): readonly string[] {
  let history = NO_WRITES;
  return times.map((now) => {
    const plan = planWrite(history, LIMIT, now);
    ({ history } = plan);
    if (plan.isFight) return "fight";
    return plan.mayWrite ? "write" : "wait";
  });
}

test("writes as often as it takes, if there is time between", () => {
  const rare = [0, 4000, 8000, 12_000, 16_000, 20_000];
  assert.deepEqual(new Set(decisions(...rare)), new Set(["write"]));
});

test("gives way after too many writes in a short time, and begins anew after a pause", () => {
  const told = decisions(0, 1000, 2000, 3000, 4000, 62_999, 63_000, 64_000, 65_000, 66_000).join(" ");
  assert.equal(told, "write write write fight wait wait write write write fight");
});
