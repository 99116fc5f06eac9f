import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { explain } from "../../src/commands/explain.ts";
import type { ExplainOptions } from "../../src/commands/options.ts";
import { ForesailError } from "../../src/errors.ts";
import { PLAIN } from "../../src/report/terminal.ts";
import { RULES } from "../../src/rules/index.ts";
import { folderWith } from "../foresail.ts";
import { SMALL_RULES } from "./small-rules.ts";

async function textOf(question: string, lang: "en" | "zh" = "en"): Promise<string> {
  const options = { lang, meshState: [], assume: [] };
  const context = { rules: SMALL_RULES, terminal: PLAIN };
  const { report, problems, exitCode } = await explain(question, options, context);
  assert.deepEqual({ problems, exitCode }, { problems: [], exitCode: 0 });
  return report;
}

function useKubeconfig(t: TestContext, file: string): void {
  const before = process.env["KUBECONFIG"];
  process.env["KUBECONFIG"] = file;
  t.after(() => {
    if (before === undefined) delete process.env["KUBECONFIG"];
    else process.env["KUBECONFIG"] = before;
  });
}

describe("explain", () => {
  test("without a question is a table of the rules", async () => {
    assert.equal(
      await textOf(""),
      [
        "config-map-is-alone  Deny  A ConfigMap is alone in its namespace",
        "pod-is-greeted       Fix   A Pod is greeted",
        "service-has-owner    Warn  A Service says who owns it",
        "",
      ].join("\n"),
    );
    assert.match(await textOf(" ", "zh"), /^config-map-is-alone  Deny  标题\n/);
  });

  test("of a rule is its page, with what the rule says about its bad example", async () => {
    const page = await textOf("service-has-owner");
    assert.match(page, /^A Service says who owns it\n\n  Rule  +service-has-owner\n/);
    assert.match(page, /\n    metadata:\n    # \^ Service web has no owner\n      name: web\n/);
    assert.match(await textOf("service-has-owner", "zh"), /^标题\n\n  规则/);
  });

  test("of foresail's own id is what it says about its own input", async () => {
    assert.match(await textOf("foresail"), /^What foresail says about its own input\n/);
  });

  test("of a symptom is the rules that speak of it", async () => {
    assert.equal(
      await textOf("nobody ANSWERS the pager"),
      [
        "service-has-owner: A Service says who owns it",
        "  - nobody answers the pager",
        "  fix: Set the label owner.",
        "  docs: foresail explain service-has-owner",
        "",
        "pod-is-greeted: A Pod is greeted",
        "  - Pods are lonely",
        "  fix: Set the annotation hello.",
        "  docs: foresail explain pod-is-greeted",
        "",
      ].join("\n"),
    );
  });

  test("of a message is its rule's page", async () => {
    assert.equal(await textOf("guessed"), await textOf("service-has-owner"));
  });

  for (const { question, hint } of [
    {
      question: "service-has",
      hint: "Did you mean service-has-owner? `foresail explain` lists the rules.",
    },
    {
      question: "service-has-owners",
      hint: "Did you mean service-has-owner? `foresail explain` lists the rules.",
    },
    { question: "pod-pod-pod-pod-pod-pod", hint: "`foresail explain` lists the rules." },
    { question: "kangaroo", hint: "`foresail explain` lists the rules." },
  ]) {
    test(`of ${question} is an error`, async () => {
      await assert.rejects(
        () => textOf(question),
        new ForesailError({
          code: "USAGE",
          message: `no rule is called "${question}" or speaks of it`,
          hint,
        }),
      );
    });
  }
});

describe("explain of a rule that versions matter to", () => {
  const rule = RULES.find(({ id }) => id === "namespace-injection-takes-effect");
  const pageWith = async (options: Partial<ExplainOptions>) => {
    assert.ok(rule);
    const all = { lang: "en", meshState: [], assume: [], ...options } as const;
    const { report } = await explain(rule.id, all, { rules: RULES, terminal: PLAIN });
    return report;
  };
  /** Without the lines' breaks. */
  const versionsIn = (page: string) =>
    (/\nVersions here\n([^]*?)\n\n[A-Z]/.exec(page)?.[1] ?? "").replaceAll(/\s+/g, " ").trim();

  test("says in which versions its facts hold", async (t) => {
    useKubeconfig(t, "/nowhere/config");
    const page = await pageWith({});
    assert.match(page, /\nVersions\n {2}Istio since 1\.27\n/);
    assert.doesNotMatch(page, /here, with/);
  });

  test("says why no cluster was asked, and is no error", async (t) => {
    useKubeconfig(t, "/nowhere/config");
    assert.equal(
      versionsIn(await pageWith({})),
      "No cluster was asked: there is no kubeconfig: /nowhere/config does not exist. Name one with --kubeconfig, its files with --mesh-state, or versions with --assume.",
    );
  });

  test("says which hold in the versions that are assumed", async (t) => {
    useKubeconfig(t, "/nowhere/config");
    const page = await pageWith({ assume: ["istio=1.20"] });
    assert.match(
      page,
      /\n {4}does not hold here, with Istio 1\.20\n[^]*\n {4}holds here, with Istio 1\.20\n/,
    );
    assert.match(versionsIn(page), /^Istio 1\.20, by assume Kubernetes not known: /);
  });

  test("finds the versions in the files of a cluster", async (t) => {
    const values = JSON.stringify({ global: { tag: "v1.14.3.47-ga31201346f-aliyun" } });
    const metadata = { name: "istio-sidecar-injector", namespace: "istio-system" };
    const configMap = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { values } };
    const folder = await folderWith(t, { "state.json": JSON.stringify(configMap) });
    const file = `${folder}/state.json`;
    const from = "1.14.3, by the tag in ConfigMap istio-system/istio-sidecar-injector";
    const unknown = "not known: findings take it for the newest, repairs never rest on it";
    assert.equal(
      versionsIn(await pageWith({ meshState: [file] })),
      `Istio ${from} Kubernetes ${unknown} CCM ${unknown} ASM ${from} Found in ${file}; --assume overrides it.`,
    );
  });

  test("needs what is named to be there", async () => {
    await assert.rejects(pageWith({ kubeconfig: "/nowhere/config" }), { code: "KUBECONFIG_UNREADABLE" });
    await assert.rejects(pageWith({ meshState: ["a"], kubeconfig: "b" }), { code: "USAGE" });
    await assert.rejects(pageWith({ assume: ["istoi=1"] }), { code: "USAGE" });
  });

  test("gives up on an API server that does not answer", async (t) => {
    const silent = createServer(() => {});
    silent.listen(0, "127.0.0.1");
    t.after(() => silent.close());
    await once(silent, "listening");
    const address = silent.address();
    assert.ok(address !== null && typeof address === "object");
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "a", cluster: { server: `https://127.0.0.1:${address.port}` } }],
      users: [{ name: "a", user: { token: "a" } }],
      contexts: [{ name: "a", context: { cluster: "a", user: "a" } }],
      "current-context": "a",
    };
    const folder = await folderWith(t, { config: JSON.stringify(config) });
    useKubeconfig(t, `${folder}/config`);
    assert.match(
      versionsIn(await pageWith({})),
      new RegExp(`^No cluster was asked: the API server https://127.0.0.1:${address.port} does not answer`),
    );
  });
});
