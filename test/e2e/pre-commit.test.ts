/** .pre-commit-hooks.yaml with the real pre-commit, in a repository that uses it. */
import assert from "node:assert/strict";
import { cp, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CHECKOUT, folderWith } from "../foresail.ts";
import { skipOrFail } from "../harness/missing-tool.ts";
import { findOnPath } from "../harness/run-tool.ts";
import { commitAll, git, isOffline, runIn, scratchCheckout } from "./scratch-checkout.ts";

test("pre-commit installs the hooks, repairs what is staged, and stops a commit with findings", async (t) => {
  const program = await findOnPath("pre-commit");
  if (program === undefined) {
    const remedy = "install it: pip install pre-commit";
    skipOrFail(t, { tool: "pre-commit", needs: "pre-commit on PATH", remedy });
    return;
  }
  const hooks = await scratchCheckout(t);
  const revision = await commitAll(hooks);
  const example = (name: string) => readFile(join(CHECKOUT, "examples/faq", name), "utf8");
  const cwd = await folderWith(t, {
    ".pre-commit-config.yaml": `repos:
- repo: ${hooks}
  rev: ${revision}
  hooks:
  - id: foresail-fix
    args: [deploy]
  - id: foresail
    args: [deploy]
`,
    "compose.yaml": "services: {}\n",
    "deploy/values.json": "{}\n",
    "deploy/web.yaml": await example("9-health-checks/broken.yaml"),
  });
  await git(cwd, "init", "--quiet");
  await git(cwd, "add", "--all");
  const home = await folderWith(t, {});
  const run = () => runIn(cwd, program, ["run", "--color=never"], { PRE_COMMIT_HOME: home });

  const repaired = await run();
  if (repaired.code !== 0 && isOffline(t, repaired)) return;
  assert.match(
    repaired.stdout,
    /^foresail check --fix\.+Failed\n- hook id: foresail-fix\n- files were modified by this hook/m,
  );
  assert.match(repaired.stdout, /^foresail check\.+Passed$/m);
  assert.match(await git(cwd, "diff", "--stat"), /deploy\/web\.yaml/);

  await git(cwd, "add", "--all");
  const passed = await run();
  assert.equal(passed.code, 0, passed.stdout);

  await cp(join(CHECKOUT, "examples/faq/7-destination-rule/broken.yaml"), join(cwd, "deploy/rule.yaml"));
  await git(cwd, "add", "--all");
  const stopped = await run();
  assert.equal(stopped.code, 1);
  assert.match(stopped.stdout, /^deploy\/rule\.yaml:10:3: Deny destination-rule-is-looked-up: /m);
});
