/** action.yml, its steps run as a runner runs them: bash with the files and variables that it gives. */
import assert from "node:assert/strict";
import { cp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import type { TestContext } from "node:test";
import { isObject } from "../../src/kubernetes/json.ts";
import { parseYaml } from "../../src/kubernetes/yaml/yaml.ts";
import { CHECKOUT, folderWith } from "../foresail.ts";
import { isOffline, runIn, scratchCheckout } from "./scratch-checkout.ts";

type Texts = Readonly<Record<string, string>>;

interface Step {
  readonly run: string;
  /** With expressions of inputs. */
  readonly env: Texts;
}

interface Action {
  readonly defaults: Texts;
  readonly steps: readonly Step[];
}

async function readAction(): Promise<Action> {
  const { documents, problems } = parseYaml(await readFile(join(CHECKOUT, "action.yml"), "utf8"));
  assert.deepEqual(problems, []);
  const action = documents[0]?.value;
  assert.ok(isObject(action) && isObject(action["inputs"]) && isObject(action["runs"]));
  const { using, steps } = action["runs"];
  assert.equal(using, "composite");
  assert.ok(Array.isArray(steps));
  const inputs = Object.entries(action["inputs"]);
  return {
    defaults: Object.fromEntries(inputs.map(([name, input]) => [name, textIn(input, "default")])),
    steps: steps.map((step: unknown) => {
      assert.equal(textIn(step, "shell"), "bash");
      const env = isObject(step) && isObject(step["env"]) ? step["env"] : {};
      return {
        run: textIn(step, "run"),
        env: Object.fromEntries(Object.entries(env).map(([k, v]) => [k, String(v)])),
      };
    }),
  };
}

function textIn(value: unknown, key: string): string {
  assert.ok(isObject(value) && typeof value[key] === "string", key);
  return value[key];
}

/** As the documentation of GitHub's runners has it. */
function runStep({ run, env }: Step, cwd: string, actionPath: string, inputs: Texts) {
  const values = Object.entries(env).map(([name, text]) => {
    const filled = text.replaceAll(/\$\{\{ inputs\.([-\w]+) \}\}/g, (_, input: string) => {
      assert.ok(Object.hasOwn(inputs, input), `no input ${input}`);
      return inputs[input] ?? "";
    });
    return [name, filled] as const;
  });
  assert.doesNotMatch(run, /\$\{\{/);
  const given = { GITHUB_ACTION_PATH: actionPath, GITHUB_ACTIONS: "true", CI: "true" };
  const args = ["--noprofile", "--norc", "-eo", "pipefail", "-c", run];
  return runIn(cwd, "bash", args, { ...given, ...Object.fromEntries(values) });
}

/** A user's repository. */
function repository(t: TestContext): Promise<string> {
  return folderWith(t, {
    "deploy it/.keep": "",
    "compose.yaml": "services: {}\n",
  });
}

describe("the GitHub Action", () => {
  let action: Action = { defaults: {}, steps: [] };
  before(async () => {
    action = await readAction();
  });

  test("installs itself, annotates what it finds, writes SARIF, and runs nothing that stands in its inputs", async (t) => {
    const [install, check] = action.steps;
    assert.ok(install && check && action.steps.length === 2);
    const actionPath = await scratchCheckout(t);
    const cwd = await repository(t);
    const installed = await runStep(install, cwd, actionPath, action.defaults);
    if (installed.code !== 0 && isOffline(t, installed)) return;
    assert.equal(installed.code, 0, installed.stderr);
    assert.ok(!(await readdir(join(actionPath, "node_modules"))).includes("typescript"));

    await cp(join(CHECKOUT, "examples/faq/7-destination-rule/broken.yaml"), join(cwd, "deploy it/rule.yaml"));
    const inputs = {
      ...action.defaults,
      paths: "deploy it\n",
      "sarif-file": "foresail.sarif",
      flags: "--skip=pod-probes-reach-the-app\n--namespace=$(touch pwned)\n",
    };
    const refused = await runStep(check, cwd, actionPath, inputs);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^foresail: -n "\$\(touch pwned\)" is no name of a namespace/);
    const found = await runStep(check, cwd, actionPath, { ...inputs, flags: "--audit\n" });
    assert.equal(found.code, 1, found.stderr);
    assert.match(found.stdout, /^::error .*file=deploy it\/rule\.yaml,line=10,/m);
    const sarif: unknown = JSON.parse(await readFile(join(cwd, "foresail.sarif"), "utf8"));
    assert.ok(isObject(sarif) && sarif["version"] === "2.1.0");
    assert.deepEqual((await readdir(cwd)).toSorted(), ["compose.yaml", "deploy it", "foresail.sarif"]);

    const relaxed = { ...inputs, flags: "--skip=destination-rule-is-looked-up" };
    const passed = await runStep(check, cwd, actionPath, relaxed);
    assert.equal(passed.code, 0, passed.stdout + passed.stderr);
  });
});
