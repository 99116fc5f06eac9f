import assert from "node:assert/strict";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { check } from "../../src/commands/check.ts";
import type { CheckContext } from "../../src/commands/check.ts";
import type { CheckOptions } from "../../src/commands/options.ts";
import { ForesailError } from "../../src/errors.ts";
import { isObject } from "../../src/kubernetes/json.ts";
import { PLAIN } from "../../src/report/terminal.ts";
import { folderWith } from "../foresail.ts";
import { namespaceThrows, SMALL_RULES } from "./small-rules.ts";

const SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n";
const POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\n";
const CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n";
const OWNED = `${SERVICE}  labels: {owner: shop}\n`;

const DEFAULTS: CheckOptions = {
  namespace: "default",
  meshState: [],
  assume: [],
  format: "json",
  failOn: "warn",
  rule: [],
  skip: [],
};

const CONTEXT: CheckContext = { rules: SMALL_RULES, version: "1.2.3", terminal: PLAIN, progress: undefined };

interface Checked {
  readonly exitCode: number;
  readonly problems: readonly string[];
  /** `FILE:LINE:COLUMN ACTION RULE`, with files relative to the folder. */
  readonly findings: readonly string[];
  readonly summary: unknown;
}

async function checked(
  folder: string,
  options: Partial<CheckOptions> = {},
  paths: readonly string[] = [""],
): Promise<Checked> {
  const inFolder = paths.map((path) => (path === "" ? folder : join(folder, path)));
  const { report, problems, exitCode } = await check(inFolder, { ...DEFAULTS, ...options }, CONTEXT);
  const json: unknown = JSON.parse(report);
  assert.ok(isObject(json) && Array.isArray(json["findings"]));
  const strip = (text: string) => text.replaceAll(`${folder}/`, "");
  return {
    exitCode,
    problems: problems.map(strip),
    findings: json["findings"].map(({ file, line, column, action, rule }) =>
      strip(`${file}:${line}:${column} ${action} ${rule}`),
    ),
    summary: json["summary"],
  };
}

async function rejectsWith(promise: Promise<unknown>, message: string | RegExp, hint: string): Promise<void> {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof ForesailError);
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
    assert.equal(error.hint, hint);
    return true;
  });
}

const NO_FINDINGS = { Audit: 0, Warn: 0, Deny: 0, Fix: 0 };

describe("check reads", () => {
  test("a folder, and skips files without Kubernetes objects", async (t) => {
    const folder = await folderWith(t, {
      "deep/service.yml": SERVICE,
      "values.yaml": "replicas: 2\n",
      "note.txt": "kind: nothing",
      ".git/config.yaml": SERVICE,
    });
    assert.deepEqual(await checked(folder), {
      exitCode: 1,
      problems: [],
      findings: ["deep/service.yml:3:1 Warn service-has-owner"],
      summary: { documents: 2, objects: 1, findings: { ...NO_FINDINGS, Warn: 1 }, skipped: 1, unreadable: 0 },
    });
  });

  test("line breaks and a byte order mark of Windows, and JSON", async (t) => {
    const folder = await folderWith(t, {
      "crlf.yaml": `\uFEFF${SERVICE.replaceAll("\n", "\r\n")}---\r\n${POD.replaceAll("\n", "\r\n")}`,
      "object.json": `{"apiVersion": "v1", "kind": "Service", "metadata": {\n"name": "api"}}`,
    });
    const { exitCode, findings } = await checked(folder);
    assert.equal(exitCode, 1);
    assert.deepEqual(findings, [
      "crlf.yaml:3:1 Warn service-has-owner",
      "crlf.yaml:8:1 Fix pod-is-greeted",
      "crlf.yaml:9:3 Fix pod-is-greeted",
      "object.json:1:41 Warn service-has-owner",
    ]);
  });

  test("what it can read beside what it cannot, and fails", async (t) => {
    const folder = await folderWith(t, {
      "bad.yaml": "apiVersion: v1\nkind: [Service\n",
      "binary.yaml": new Uint8Array([0, 1, 2, 255]),
      "good.yaml": SERVICE,
    });
    const { exitCode, problems, findings, summary } = await checked(folder);
    assert.equal(exitCode, 2);
    assert.deepEqual(findings, ["good.yaml:3:1 Warn service-has-owner"]);
    assert.partialDeepStrictEqual(summary, { objects: 1, unreadable: 2 });
    assert.equal(problems.length, 2);
    assert.match(problems[0] ?? "", /^bad\.yaml:\d+:\d+: \S/);
    assert.equal(problems[1], "binary.yaml:1:1: not a text file");
  });

  test("each file once, however often and in whatever way it is named", async (t) => {
    const folder = await folderWith(t, { "a/one.yaml": SERVICE });
    await symlink(join(folder, "a/one.yaml"), join(folder, "a/two.yaml"));
    await symlink(folder, join(folder, "a/up"));
    const { findings, summary } = await checked(folder, {}, ["", "a/one.yaml", "a/../a/one.yaml"]);
    assert.deepEqual(findings, ["a/one.yaml:3:1 Warn service-has-owner"]);
    assert.partialDeepStrictEqual(summary, { documents: 1, objects: 1 });
  });

  test("nothing, and says so", async (t) => {
    const folder = await folderWith(t, { "values.yaml": "a: 1\n", "empty.yaml": "" });
    for (const path of ["", "empty.yaml"]) {
      const { exitCode, problems } = await checked(folder, {}, [path]);
      assert.equal(exitCode, 2);
      assert.deepEqual(problems, [
        `foresail: nothing to check: no Kubernetes objects in ${path === "" ? folder : path}`,
      ]);
    }
  });

  test("no Kubernetes object in a file that was named, which is a problem", async (t) => {
    const folder = await folderWith(t, { "values.yaml": "a: 1\n", "good.yaml": OWNED });
    const { exitCode, problems } = await checked(folder, {}, ["values.yaml", "good.yaml"]);
    assert.equal(exitCode, 2);
    assert.deepEqual(problems, ["values.yaml:1:1: no Kubernetes object: apiVersion or kind is missing"]);
  });

  test("no path that is missing", async (t) => {
    const folder = await folderWith(t, { "good.yaml": OWNED });
    await rejectsWith(
      checked(folder, {}, ["good.yaml", "gone.yaml"]),
      `cannot read ${folder}/gone.yaml: no such file or folder`,
      "Name a file, a folder, or - for standard input.",
    );
  });

  test("the mesh state besides, without reviewing it", async (t) => {
    const folder = await folderWith(t, {
      "files/a.yaml": CONFIG_MAP,
      "state/b.yaml": `${CONFIG_MAP.replace("settings", "more")}---\n${SERVICE}`,
    });
    const { findings, summary } = await checked(folder, { meshState: [join(folder, "state")] }, ["files"]);
    assert.deepEqual(findings, ["files/a.yaml:4:3 Deny config-map-is-alone"]);
    assert.partialDeepStrictEqual(summary, { objects: 1 });
  });

  test("no mesh state that is broken", async (t) => {
    const folder = await folderWith(t, { "a.yaml": OWNED, "state.yaml": "a: [" });
    await rejectsWith(
      checked(folder, { meshState: [join(folder, "state.yaml")] }, ["a.yaml"]),
      /^the mesh state cannot be read: /,
      "Repair the file; nothing can be said about a cluster that is known in part.",
    );
  });
});

describe("the exit code", () => {
  for (const { manifest, expected } of [
    { manifest: OWNED, expected: { warn: 0, deny: 0, fix: 0 } },
    { manifest: `${SERVICE}  labels: {owner: "shop?"}\n`, expected: { warn: 0, deny: 0, fix: 0 } },
    { manifest: POD, expected: { warn: 0, deny: 0, fix: 1 } },
    { manifest: SERVICE, expected: { warn: 1, deny: 0, fix: 1 } },
    {
      manifest: `${CONFIG_MAP}---\n${CONFIG_MAP.replace("settings", "more")}`,
      expected: { warn: 1, deny: 1, fix: 1 },
    },
  ]) {
    test(`is ${JSON.stringify(expected)} for ${JSON.stringify(manifest)}`, async (t) => {
      const folder = await folderWith(t, { "a.yaml": manifest });
      for (const failOn of ["warn", "deny", "fix"] as const) {
        assert.equal((await checked(folder, { failOn })).exitCode, expected[failOn], failOn);
      }
    });
  }
});

describe("rules", () => {
  const FILES = {
    "a.yaml": `${CONFIG_MAP}---\n${CONFIG_MAP.replace("settings", "more")}`,
    "b.yaml": `${SERVICE}  annotations: {foresail.io/exempt: "nonsense; reason"}\n`,
  };
  const rulesOf = async (t: TestContext, options: Partial<CheckOptions>) => {
    const { findings } = await checked(await folderWith(t, FILES), options);
    return [...new Set(findings.map((line) => line.replace(/^.* /, "")))].toSorted();
  };

  test("are all of them unless said otherwise", async (t) => {
    assert.deepEqual(await rulesOf(t, {}), ["config-map-is-alone", "foresail", "service-has-owner"]);
  });

  test("are those that --rule names, foresail's own among them", async (t) => {
    assert.deepEqual(await rulesOf(t, { rule: ["service-has-owner"] }), ["service-has-owner"]);
    assert.deepEqual(await rulesOf(t, { rule: ["foresail", "config-map-is-alone"] }), [
      "config-map-is-alone",
      "foresail",
    ]);
  });

  test("are those that --skip does not name", async (t) => {
    assert.deepEqual(await rulesOf(t, { skip: ["foresail", "config-map-is-alone"] }), ["service-has-owner"]);
    assert.deepEqual(await rulesOf(t, { rule: ["foresail"], skip: ["foresail"] }), []);
  });

  test("that are left out are still known to exemptions", async (t) => {
    const manifest = `${SERVICE}  annotations: {foresail.io/exempt: "service-has-owner; reason"}\n`;
    const folder = await folderWith(t, { "a.yaml": manifest });
    const { findings } = await checked(folder, { skip: ["config-map-is-alone"] });
    assert.deepEqual(findings, []);
  });

  test("must have the names that they have", async (t) => {
    const folder = await folderWith(t, FILES);
    await rejectsWith(
      checked(folder, { skip: ["service-has-a-owner"] }),
      'there is no rule "service-has-a-owner"',
      "Did you mean service-has-owner?",
    );
    await rejectsWith(
      checked(folder, { rule: ["kangaroo"] }),
      'there is no rule "kangaroo"',
      "`foresail explain` lists the rules.",
    );
  });

  test("that throw cost their own findings, and are told", async (t) => {
    const folder = await folderWith(t, {
      "a.yaml": `${SERVICE}---\napiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n`,
    });
    const rules = [namespaceThrows, ...SMALL_RULES];
    const { problems, exitCode } = await check([folder], DEFAULTS, { ...CONTEXT, rules });
    assert.equal(exitCode, 1);
    assert.deepEqual(problems, [
      `foresail: namespace-throws failed on ${folder}/a.yaml:6: Error: out of luck; this is a bug in foresail`,
    ]);
  });
});

describe("options", () => {
  test("-n is the namespace of objects that name none, default if it is empty", async (t) => {
    const folder = await folderWith(t, {
      "a.yaml": CONFIG_MAP,
      "b.yaml": `${CONFIG_MAP.replace("settings", "more")}  namespace: shop\n`,
      "c.yaml": `${CONFIG_MAP.replace("settings", "less")}  namespace: default\n`,
    });
    const filesOf = async (namespace: string) =>
      (await checked(folder, { namespace })).findings.map((line) => line.slice(0, "a.yaml".length));
    assert.deepEqual(await filesOf("shop"), ["a.yaml", "b.yaml"]);
    assert.deepEqual(await filesOf(""), ["a.yaml", "c.yaml"]);
  });

  test("--config changes actions, and its warnings are told", async (t) => {
    const folder = await folderWith(t, {
      "a.yaml": SERVICE,
      "config.yaml": "rules: {service-has-owner: Deny, unheard-of-rule: Warn}\n",
    });
    const config = join(folder, "config.yaml");
    const { findings, problems } = await checked(folder, { config }, ["a.yaml"]);
    assert.deepEqual(findings, ["a.yaml:3:1 Deny service-has-owner"]);
    assert.equal(problems.length, 1);
    assert.match(problems[0] ?? "", /^config\.yaml:1:\d+: .*unheard-of-rule/);
  });

  test("--config that is invalid is an error", async (t) => {
    const folder = await folderWith(t, { "a.yaml": SERVICE, "config.yaml": "rulez: {}\n" });
    await assert.rejects(checked(folder, { config: join(folder, "config.yaml") }, ["a.yaml"]), {
      code: "CONFIG_INVALID",
    });
  });

  for (const { assume, message, hint } of [
    { assume: "istoi=1.10", message: '--assume knows no component "istoi"', hint: "Did you mean istio?" },
    {
      assume: "istio=1.10,",
      message: '--assume knows no component ""',
      hint: "Write one of istio, kubernetes, ccm, asm.",
    },
    { assume: "istio", message: '--assume istio: "" is no version', hint: "Write for example istio=1.10." },
    { assume: "ccm=new", message: '--assume ccm: "new" is no version', hint: "Write for example ccm=1.10." },
    { assume: "asm=1", message: '--assume asm: "1" is no version', hint: "Write for example asm=1.10." },
  ]) {
    test(`--assume ${assume} is an error`, async (t) => {
      await rejectsWith(checked(await folderWith(t, {}), { assume: [assume] }), message, hint);
    });
  }

  test("--assume takes versions of all components", async (t) => {
    const folder = await folderWith(t, { "a.yaml": OWNED });
    const assume = ["istio=1.10,kubernetes=v1.22.3-aliyun.1", "ccm=2.9, asm=1.10.5"];
    assert.equal((await checked(folder, { assume })).exitCode, 0);
  });

  test("-o takes the report, without colours", async (t) => {
    const folder = await folderWith(t, { "a.yaml": SERVICE });
    const output = join(folder, "report.txt");
    const coloured = { columns: 80, paint: (_: string, text: string) => `<${text}>` };
    const options = { ...DEFAULTS, format: "text", output } as const;
    const { report, exitCode } = await check([folder], options, { ...CONTEXT, terminal: coloured });
    assert.deepEqual({ report, exitCode }, { report: "", exitCode: 1 });
    assert.match(await readFile(output, "utf8"), /a\.yaml:3:1: Warn service-has-owner: /);
  });

  test("-o in a folder that is not there is an error", async (t) => {
    const folder = await folderWith(t, { "a.yaml": SERVICE });
    await rejectsWith(
      checked(folder, { output: join(folder, "gone/report.txt") }),
      `cannot write ${folder}/gone/report.txt: there is no folder ${folder}/gone`,
      "Name a file in a folder that is there and may be written.",
    );
  });
});

test("200 folders with links to each other's parents are read once each", async (t) => {
  const folder = await folderWith(t, {});
  await Promise.all(
    Array.from({ length: 200 }, async (_, index) => {
      await mkdir(join(folder, `${index}`));
      await writeFile(join(folder, `${index}/a.yaml`), OWNED.replace("web", `web-${index}`));
      await symlink(folder, join(folder, `${index}/up`));
    }),
  );
  assert.partialDeepStrictEqual((await checked(folder)).summary, { objects: 200 });
});
