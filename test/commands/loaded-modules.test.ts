import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { folderWith, runForesail } from "../foresail.ts";

/** Writes down what was loaded, once it ends: paths in the checkout, packages by their names. */
const SPY = `
import { writeFileSync } from "node:fs";
import { registerHooks } from "node:module";
const loaded = new Set();
registerHooks({ load: (url, context, next) => (loaded.add(url), next(url, context)) });
process.on("exit", () => writeFileSync(process.env.LOADED, [...loaded].join("\\n")));`;
const NAMES = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/|\/(src\/.*)$/;

async function loadedBy(t: TestContext, ...args: string[]): Promise<ReadonlySet<string>> {
  const LOADED = join(await folderWith(t, {}), "loaded");
  const NODE_OPTIONS = `--import="data:text/javascript,${encodeURIComponent(SPY)}"`;
  await runForesail(args, { env: { NODE_OPTIONS, LOADED } });
  const urls = (await readFile(LOADED, "utf8")).split("\n");
  return new Set(
    urls.flatMap((url) => {
      const [, packageName, source] = NAMES.exec(url) ?? [];
      return packageName ?? source ?? [];
    }),
  );
}

const packagesIn = (loaded: ReadonlySet<string>) =>
  [...loaded].filter((name) => !name.startsWith("src/")).toSorted();

describe("what is slow to load is loaded only by what needs it", () => {
  test("the version needs nothing", async (t) => {
    assert.deepEqual([...(await loadedBy(t, "--version"))], []);
  });

  test("check needs three packages, and no report but its own", async (t) => {
    const folder = await folderWith(t, { "a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\n" });
    const loaded = await loadedBy(t, "check", folder);
    assert.deepEqual(packagesIn(loaded), ["commander", "js-yaml", "unbash"]);
    for (const name of ["src/commands/check.ts", "src/report/text.ts"]) assert.ok(loaded.has(name), name);
    for (const name of loaded) {
      assert.doesNotMatch(
        name,
        /^src\/(?:webhook|certs|api-server|cluster\/live|report\/(?:sarif|junit|github))/,
      );
    }
  });

  test("a configuration needs its schema, an ignore file its patterns, SARIF its pages", async (t) => {
    const folder = await folderWith(t, {
      ".foresailignore": "b.yaml\n",
      "a.yaml": "apiVersion: v1\nkind: Pod\nmetadata: { name: a }\n",
      "b.yaml": "rules: {}\n",
    });
    const loaded = await loadedBy(t, "check", folder, "--config", `${folder}/b.yaml`, "--format", "sarif");
    assert.deepEqual(packagesIn(loaded), ["commander", "ignore", "js-yaml", "unbash", "zod"]);
  });
});
