/** Everything that can be checked in seconds, side by side; the output of each that fails. */
import { spawn } from "node:child_process";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");
const CHECKS: Readonly<Record<string, readonly string[]>> = {
  format: ["oxfmt", "--check", "."],
  lint: ["oxlint", "--deny-warnings"],
  types: ["tsc", "-p", "."],
  "dead code": ["knip", "--no-progress"],
  generated: ["node", "scripts/generate.ts", "--check"],
  tests: ["node", "scripts/test.ts", "--unit"],
};

interface Result {
  readonly name: string;
  readonly code: number;
  readonly output: string;
  readonly seconds: number;
}

function runCheck(name: string, [command = "", ...args]: readonly string[]): Promise<Result> {
  const start = performance.now();
  const PATH = `${join(ROOT, "node_modules/.bin")}:${process.env["PATH"] ?? ""}`;
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, PATH },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => {
    const end = (code: number | null) =>
      resolve({ name, code: code ?? 1, output, seconds: (performance.now() - start) / 1000 });
    child.on("close", end);
    child.on("error", (error) => {
      output += String(error);
      end(1);
    });
  });
}

const results = await Promise.all(
  Object.entries(CHECKS).map(async ([name, command]) => {
    const result = await runCheck(name, command);
    process.stdout.write(
      `${result.code === 0 ? "ok    " : "FAILED"} ${name} (${result.seconds.toFixed(1)} s)\n`,
    );
    return result;
  }),
);
const failed = results.filter(({ code }) => code !== 0);
for (const { name, output } of failed) process.stdout.write(`\n--- ${name}\n${output}`);
if (failed.length > 0) process.exitCode = 1;
