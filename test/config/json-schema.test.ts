import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Ajv } from "ajv";
import { configurationJsonSchema } from "../../src/config/json-schema.ts";
import { parseYaml } from "../../src/kubernetes/yaml/yaml.ts";
import { RULES as ALL_RULES } from "../../src/rules/index.ts";
import { CHECKOUT } from "../foresail.ts";
import { BAD } from "./bad.ts";
import { problemsOf, RULES } from "./rules.ts";

/** What only those see who read the text: a key that is there twice, a second document. */
const ONLY_IN_THE_TEXT = ["a key twice", "a rule twice", "two documents"];

/** As it is stored: JSON. */
const isValid = new Ajv({ strictTypes: false }).compile(
  JSON.parse(JSON.stringify(configurationJsonSchema(RULES))),
);

function accepts(text: string): boolean {
  return isValid(parseYaml(text).documents[0]?.value ?? null);
}

describe("an editor marks", () => {
  for (const [name, text] of BAD) {
    if (ONLY_IN_THE_TEXT.includes(name)) continue;
    test(name, () => assert.equal(accepts(text), false));
  }
});

describe("an editor does not mark", () => {
  for (const text of [
    "{}",
    "rules:\nassume:\nexemptions:\nclientNamespaces:\n",
    "rules: { destination-rule-is-looked-up: warn, gateway-reachable-in-cluster: OFF, pod-drains-before-stop: no }",
    "rules: { pod-drains-before-stop: false, pod-probes-reach-the-app: { action: dEnY, outbound: yes } }",
    'rules: { pod-drains-before-stop: { drainDuration: 1m30.5s, mode: "off", ignoredPorts: [] } }',
    "rules: { a-rule-of-another-version: { whatever: 1 } }",
    "assume: { istio: 1.10, kubernetes: v1.22.3-aliyun.1, ccm: 2.0 }",
    "clientNamespaces: { names: [a], matchExpressions: [{ key: a/b, operator: Exists }] }",
    "clientNamespaces: [batch]",
    "clientNamespaces: { names: [batch] }",
    "docsUrl: https://docs.example.org/foresail/{rule}",
    'docsUrl: ""',
    "exemptionAnnotations: [a, b]",
    'exemptions: [{ rules: [x], objectSelector: { matchLabels: { a: "" } }, reason: r, until: 2027-03-31 }]',
  ]) {
    test(text.split("\n").join(" "), () => {
      assert.deepEqual(problemsOf(text), []);
      assert.ok(accepts(text), JSON.stringify(isValid.errors));
    });
  }

  test("the configuration in the README", async () => {
    const readme = await readFile(join(CHECKOUT, "README.md"), "utf8");
    const text = /```yaml\n(rules:[^`]*)```/.exec(readme)?.[1] ?? "";
    const shown: unknown = JSON.parse(JSON.stringify(configurationJsonSchema(ALL_RULES)));
    assert.ok(typeof shown === "object" && shown !== null);
    const check = new Ajv({ strictTypes: false }).compile(shown);
    assert.ok(text !== "" && check(parseYaml(text).documents[0]?.value), JSON.stringify(check.errors));
  });
});

test("an editor shows what rules and settings are for", () => {
  const text = JSON.stringify(configurationJsonSchema(ALL_RULES));
  for (const { title, options } of ALL_RULES) {
    assert.ok(text.includes(JSON.stringify(title)));
    for (const { about } of Object.values(options)) assert.ok(text.includes(JSON.stringify(about)));
  }
});
