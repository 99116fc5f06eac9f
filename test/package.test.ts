import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cp, mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { isObject } from "../src/kubernetes/json.ts";
import { CHECKOUT, cleanEnvironment, folderWith } from "./foresail.ts";
import { runTool } from "./harness/run-tool.ts";

/** A program that hangs ends here. */
const TIMEOUT_MS = 120_000;

/** As `npm install` would leave it: the files of the package, and a link for each of its programs. */
async function installed(t: TestContext): Promise<string> {
  const folder = await folderWith(t, { "bin/.keep": "" });
  const home = join(folder, "lib/node_modules/foresail");
  await mkdir(home, { recursive: true });
  const packed: unknown = JSON.parse(
    execFileSync("npm", ["pack", "--dry-run", "--json", "--ignore-scripts"], {
      cwd: CHECKOUT,
      encoding: "utf8",
    }),
  );
  assert.ok(Array.isArray(packed));
  for (const { path } of packed[0].files)
    await cp(join(CHECKOUT, path), join(home, path), { recursive: true });
  await symlink(join(CHECKOUT, "node_modules"), join(home, "node_modules"));
  const manifest: unknown = JSON.parse(await readFile(join(home, "package.json"), "utf8"));
  assert.ok(isObject(manifest) && isObject(manifest["bin"]));
  for (const [name, path] of Object.entries(manifest["bin"]))
    await symlink(join(home, String(path)), join(folder, "bin", name));
  return folder;
}

test("an installed package runs as foresail and as kubectl foresail, and prints no warnings", async (t) => {
  const folder = await installed(t);
  const run = (program: string, ...args: string[]) =>
    runTool(process.execPath, [join(folder, "bin", program), ...args], {
      cwd: folder,
      env: cleanEnvironment(),
      timeoutMs: TIMEOUT_MS,
    });
  assert.match((await run("foresail", "--version")).stdout, /^\d+\.\d+\.\d+\n$/);
  const text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
  const checked = await runTool(process.execPath, [join(folder, "bin/foresail"), "check", "-"], {
    env: cleanEnvironment(),
    stdin: text,
    timeoutMs: TIMEOUT_MS,
  });
  assert.deepEqual(checked, { code: 0, stdout: "checked 1 object: no findings\n", stderr: "" });
  const { stdout } = await run("kubectl-foresail", "help", "check");
  assert.match(stdout, /^Usage: kubectl foresail check \[options\] <PATH\.\.\.>/);
  assert.equal(
    (await run("kubectl-foresail", "check")).stderr,
    "foresail: missing required argument 'PATH'\n`kubectl foresail help check` shows what there is.\n",
  );
});
