/**
 * Writes everything that is made from the rules: their index and pages, the page of versions, the README's table, webhook rules,
 * the ClusterRole, the default ConfigMap and the configuration's JSON Schema; and the table of finalizers. With `--check` it
 * writes nothing and fails if a file is not as it would be written.
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { AnyRule } from "../src/rules/rule.ts";
import { configurationJsonSchema } from "../src/config/json-schema.ts";
import { architectureWithArrows } from "./generators/architecture.ts";
import { pageWithFinalizers } from "./generators/finalizers.ts";
import { clusterRole, configMap, meshPlaneRoles, webhookConfigurations } from "./generators/manifests.ts";
import { readmeWithRules } from "./generators/readme.ts";
import { ruleIndex } from "./generators/rule-index.ts";
import { ownPages, rulePages } from "./generators/rule-page.ts";
import { versionsPage } from "./generators/versions-page.ts";

const ROOT = join(import.meta.dirname, "..");
/** Files of src/rules that are no rule: the contract. */
const CONTRACT = ["cluster-view.ts", "index.ts", "policy.ts", "rule.ts"];
const PAGE_FOLDERS = ["docs/en/rules", "docs/zh/rules"];

async function generatedFiles(): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(join(ROOT, "src/rules"));
  const ids = names
    .filter((name) => !CONTRACT.includes(name))
    .map((name) => name.replace(/\.ts$/, ""))
    .toSorted();
  const rules: AnyRule[] = [];
  for (const id of ids) rules.push(await loadRule(id));
  const readme = await readFile(join(ROOT, "README.md"), "utf8");
  const namespaces = await readFile(join(ROOT, "docs/en/namespaces.md"), "utf8");
  const architecture = await readFile(join(ROOT, "docs/architecture.md"), "utf8");
  return new Map([
    ["src/rules/index.ts", ruleIndex(ids)],
    ["README.md", readmeWithRules(readme, rules)],
    ["docs/architecture.md", architectureWithArrows(architecture)],
    ["docs/en/namespaces.md", pageWithFinalizers(namespaces)],
    ["manifests/base/webhooks.yaml", webhookConfigurations(rules)],
    ["manifests/base/cluster-role.yaml", clusterRole(rules)],
    ["manifests/mesh-plane/roles.yaml", meshPlaneRoles(rules)],
    ["manifests/base/config-map.yaml", configMap(rules)],
    ["schemas/configuration.json", `${JSON.stringify(configurationJsonSchema(rules), null, 2)}\n`],
    ["docs/en/versions.md", versionsPage(rules)],
    ...ownPages(),
    ...rules.flatMap(rulePages),
  ]);
}

async function loadRule(id: string): Promise<AnyRule> {
  const module: { readonly default: AnyRule } = await import(`../src/rules/${id}.ts`);
  if (module.default.id !== id) throw new Error(`src/rules/${id}.ts holds the rule ${module.default.id}`);
  return module.default;
}

/** Pages of rules that are gone. */
async function strayPages(files: ReadonlyMap<string, string>): Promise<string[]> {
  const pages: string[] = [];
  for (const folder of PAGE_FOLDERS) {
    await mkdir(join(ROOT, folder), { recursive: true });
    for (const name of await readdir(join(ROOT, folder))) pages.push(`${folder}/${name}`);
  }
  return pages.filter((page) => !files.has(page));
}

const isCheck = process.argv.includes("--check");
const files = await generatedFiles();
const stale: string[] = await strayPages(files);
for (const page of isCheck ? [] : stale) await rm(join(ROOT, page));
for (const [path, content] of files) {
  const file = join(ROOT, path);
  const current = await readFile(file, "utf8").catch(() => undefined);
  if (current === content) continue;
  stale.push(path);
  if (isCheck) continue;
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}
if (isCheck && stale.length > 0) {
  process.stderr.write(`not as generated (npm run generate writes them): ${stale.join(", ")}\n`);
  process.exitCode = 1;
}
