/**
 * Runs the tests and ends with a line `N passed, N failed, N skipped`.
 * `--unit` leaves out those that start other programs; further arguments are files.
 */
import { globSync } from "node:fs";
import { join } from "node:path";
import { run } from "node:test";
import { spec } from "node:test/reporters";
import { findIstioTools, findOracle } from "../test/harness/istio-tools.ts";
import { findControllerManager, findControlPlaneTools } from "../test/harness/tools.ts";

const ROOT = join(import.meta.dirname, "..");
/** Real API servers, processes that come and go, thousands of random reviews: not for every commit. */
const SLOW = [
  "test/e2e/**/*.test.ts",
  "test/harness/**/*.test.ts",
  "test/commands/serve.test.ts",
  "test/istio/drain-hook.test.ts",
  "test/istio/lookup/differential.test.ts",
  "test/istio/port-collisions.oracle.test.ts",
  "test/webhook/hostile.test.ts",
];
const CONCURRENCY = 2;
/** A test that hangs fails, and is named. */
const TIMEOUT_MS = 300_000;

const [isUnit, named] = [
  process.argv.includes("--unit"),
  process.argv.slice(2).filter((one) => !one.startsWith("--")),
];
const all = named.length > 0 ? named : globSync("test/**/*.test.ts", { cwd: ROOT }).toSorted();
const slow = new Set(globSync(SLOW, { cwd: ROOT }));
const files = isUnit ? all.filter((file) => !slow.has(file)) : all;
// Builds what the slow tests need, with its progress on this terminal and not in a test's output.
if (files.some((file) => slow.has(file))) {
  await findControlPlaneTools();
  await findControllerManager();
  await findIstioTools();
  await findOracle();
}

const counts = { passed: 0, failed: 0, skipped: 0 };
const skippedFor = new Map<string, number>();
const events = run({
  files: files.map((file) => join(ROOT, file)),
  concurrency: CONCURRENCY,
  timeout: TIMEOUT_MS,
});
events.on("test:pass", ({ details, skip }) => {
  if (details.type === "suite") return;
  if (skip === undefined) counts.passed++;
  else {
    counts.skipped++;
    skippedFor.set(String(skip), (skippedFor.get(String(skip)) ?? 0) + 1);
  }
});
events.on("test:fail", ({ details }) => {
  if (details.type !== "suite") counts.failed++;
  process.exitCode = 1;
});
// In a terminal every test is a line; elsewhere only what failed, and what was skipped and why.
const isTerminal = process.stdout.isTTY;
if (isTerminal) events.compose(spec).pipe(process.stdout, { end: false });
else {
  events.on("test:fail", ({ name, file, details }) => {
    process.stdout.write(`FAILED ${file ?? ""} ${name}\n${String(details.error.cause ?? details.error)}\n`);
  });
}
await new Promise((resolve) => events.on("end", resolve).on("close", resolve).resume());
for (const [reason, count] of skippedFor) process.stdout.write(`SKIPPED (${count} tests): ${reason}\n`);
process.stdout.write(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped\n`);
