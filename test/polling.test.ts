import assert from "node:assert/strict";
import { test } from "node:test";
import { LastSaid, startPolling } from "../src/polling.ts";

/** A task whose next outcomes are given, and what became of it. */
function scripted(...outcomes: ("good" | Error)[]) {
  const problems: string[] = [];
  let runs = 0;
  const task = () => {
    const outcome = outcomes[runs++] ?? "good";
    return outcome === "good" ? Promise.resolve() : Promise.reject(outcome);
  };
  const onProblem = (problem: Error) => void problems.push(problem.message);
  return { task, onProblem, problems, runs: () => runs };
}

test("the task runs once every interval until it is closed", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { task, onProblem, runs } = scripted();
  const polling = startPolling(1000, task, onProblem);
  for (const expected of [1, 2, 3]) {
    t.mock.timers.tick(1000);
    await polling.check();
    assert.equal(runs(), 2 * expected, "one by the timer, one by hand");
  }
  polling.close();
  t.mock.timers.tick(10_000);
  await polling.check();
  assert.equal(runs(), 6);
});

test("a slow task is not begun again meanwhile", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const { promise, resolve } = Promise.withResolvers<void>();
  let runs = 0;
  const slow = () => {
    runs++;
    return promise;
  };
  const polling = startPolling(1000, slow, assert.fail);
  t.after(polling.close);
  t.mock.timers.tick(1000);
  await Promise.resolve();
  t.mock.timers.tick(5000);
  assert.equal(runs, 1);
  resolve();
  await polling.check();
  assert.equal(runs, 2);
});

test("a problem is reported once, and again after a success or another problem", async (t) => {
  const [a, b] = [new Error("a"), new Error("b")];
  const { task, onProblem, problems } = scripted(a, a, b, b, a, "good", a);
  const polling = startPolling(1000, task, onProblem);
  t.after(polling.close);
  for (let run = 0; run < 7; run++) await polling.check();
  assert.deepEqual(problems, ["a", "b", "a", "a"]);
});

test("a task that fails after the end reports nothing and sees its signal aborted", async () => {
  const { promise, reject } = Promise.withResolvers<void>();
  let seen: AbortSignal | undefined;
  const task = (signal: AbortSignal) => {
    seen = signal;
    return promise;
  };
  const polling = startPolling(1000, task, assert.fail);
  const checked = polling.check();
  await Promise.resolve();
  polling.close();
  reject(new Error("too late"));
  await checked;
  assert.equal(seen?.aborted, true);
});

test("what lasts is said again, but rarely", (t) => {
  let now = 0;
  t.mock.method(performance, "now", () => now);
  const said = new LastSaid(1000);
  const saidAt: number[] = [];
  for (now = 0; now < 2500; now += 100) if (said.isNews("a")) saidAt.push(now);
  assert.deepEqual(saidAt, [0, 1000, 2000]);
  assert.equal(said.isNews("b"), true);
  assert.equal(said.isNews("b"), false);
  said.forget();
  assert.equal(said.isNews("b"), true);
});
