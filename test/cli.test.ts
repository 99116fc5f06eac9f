import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { isObject } from "../src/kubernetes/json.ts";
import { CHECKOUT, cleanEnvironment, EXECUTABLE, folderWith, runForesail } from "./foresail.ts";

const CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\n";
/** Names no rule, which is a warning for every kind that rules look at. */
const WARNED = `apiVersion: v1
kind: Pod
metadata:
  name: web
  annotations:
    foresail.io/exempt: no-such-rule; because
spec: {}
`;

describe("wrong usage ends with 2, says what is wrong, and prints no report", () => {
  const LOOK = "`foresail help check` shows what there is.";
  for (const { args, stderr } of [
    { args: ["chekc"], stderr: "foresail: unknown command 'chekc'\nDid you mean check?\n" },
    { args: ["sail"], stderr: "foresail: unknown command 'sail'\n`foresail help` shows what there is.\n" },
    { args: ["--versoin"], stderr: "foresail: unknown option '--versoin'\nDid you mean --version?\n" },
    { args: ["help", "chekc"], stderr: "foresail: unknown command 'chekc'\nDid you mean check?\n" },
    { args: ["check"], stderr: `foresail: missing required argument 'PATH'\n${LOOK}\n` },
    {
      args: ["check", ".", "--fromat", "json"],
      stderr: "foresail: unknown option '--fromat'\nDid you mean --format?\n",
    },
    { args: ["check", ".", "-x"], stderr: `foresail: unknown option '-x'\n${LOOK}\n` },
    {
      args: ["check", ".", "--format", "xml"],
      stderr: `foresail: option '--format <FORMAT>' argument 'xml' is invalid. Allowed choices are text, json, sarif, junit, github.\n${LOOK}\n`,
    },
    {
      args: ["check", ".", "--fail-on", "audit"],
      stderr: `foresail: option '--fail-on <ACTION>' argument 'audit' is invalid. Allowed choices are warn, deny, fix.\n${LOOK}\n`,
    },
    {
      args: ["check", ".", "-n"],
      stderr: `foresail: option '-n, --namespace <NS>' argument missing\n${LOOK}\n`,
    },
    {
      args: ["check", ".", "-n", "Bad_NS"],
      stderr:
        'foresail: -n "Bad_NS" is no name of a namespace\nWrite lower case letters, digits and hyphens.\n',
    },
    {
      args: ["check", "gone.yaml"],
      stderr:
        "foresail: cannot read gone.yaml: no such file or folder\nName a file, a folder, or - for standard input.\n",
    },
    {
      args: ["check", ".", "--rule", "destination-rule-looked-up"],
      stderr:
        'foresail: there is no rule "destination-rule-looked-up"\nDid you mean destination-rule-is-looked-up?\n',
    },
    {
      args: ["check", ".", "--assume", "istio=new"],
      stderr: 'foresail: --assume istio: "new" is no version\nWrite for example istio=1.10.\n',
    },
    {
      args: ["check", ".", "--dry-run"],
      stderr:
        "foresail: --dry-run is only for --fix\nWrite --fix --dry-run to see what --fix would change.\n",
    },
    {
      args: ["check", ".", "--baseline", "a.json", "--write-baseline", "a.json"],
      stderr:
        "foresail: --baseline and --write-baseline rule each other out\nWrite the baseline once with --write-baseline, and check with --baseline from then on.\n",
    },
    {
      args: ["help", "explain", "lookpu"],
      stderr: "foresail: unknown command 'lookpu'\nDid you mean lookup?\n",
    },
    {
      args: ["serve", "--listen", "nowhere"],
      stderr:
        'foresail: --listen "nowhere" is no address\nWrite HOST:PORT, such as 127.0.0.1:8443 or [::1]:8443.\n',
    },
    {
      args: ["explain", "no-such-rule"],
      stderr:
        'foresail: no rule is called "no-such-rule" or speaks of it\n`foresail explain` lists the rules.\n',
    },
    {
      args: ["explain", "--lang", "de"],
      stderr:
        "foresail: option '--lang <LANGUAGE>' argument 'de' is invalid. Allowed choices are en, zh.\n`foresail help explain` shows what there is.\n",
    },
  ]) {
    test(`foresail ${args.join(" ")}`, async (t) => {
      const cwd = await folderWith(t, {});
      assert.deepEqual(await runForesail(args, { cwd }), { exitCode: 2, stdout: "", stderr });
    });
  }

  test("foresail", async () => {
    const { exitCode, stdout, stderr } = await runForesail([]);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: "" });
    assert.match(stderr, /^Usage: foresail /);
  });
});

describe("help goes to standard output", () => {
  for (const args of [["help"], ["--help"], ["-h"]]) {
    test(`foresail ${args.join(" ")}`, async () => {
      const { exitCode, stdout, stderr } = await runForesail(args);
      assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" });
      assert.match(stdout, /^Usage: foresail \[options\] \[command\]\n/);
      assert.match(stdout, /\nExit codes: 0 no finding at Warn or Deny; 1 at least one; 2 /);
    });
  }
  for (const args of [
    ["help", "explain", "lookup"],
    ["explain", "lookup", "--help"],
  ]) {
    test(`foresail ${args.join(" ")}`, async () => {
      const { exitCode, stdout, stderr } = await runForesail(args);
      assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" });
      assert.match(stdout, /^Usage: foresail explain lookup \[options\]\n/);
      assert.doesNotMatch(stdout, /\[\]|undefined/);
    });
  }
  for (const args of [
    ["help", "check"],
    ["check", "--help"],
  ]) {
    test(`foresail ${args.join(" ")}`, async () => {
      const { exitCode, stdout, stderr } = await runForesail(args);
      assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" });
      assert.match(stdout, /^Usage: foresail check \[options\] <PATH\.\.\.>\n/);
      assert.doesNotMatch(stdout, /\[\]|undefined/);
    });
  }
});

test("the version is that of package.json", async () => {
  const manifest: unknown = JSON.parse(await readFile(join(CHECKOUT, "package.json"), "utf8"));
  assert.ok(isObject(manifest));
  for (const flag of ["--version", "-V"]) {
    assert.deepEqual(await runForesail([flag]), {
      exitCode: 0,
      stdout: `${String(manifest["version"])}\n`,
      stderr: "",
    });
  }
});

describe("check", () => {
  test("of clean manifests is one line and 0", async (t) => {
    const cwd = await folderWith(t, { "a.yaml": CONFIG_MAP });
    assert.deepEqual(await runForesail(["check", "a.yaml"], { cwd }), {
      exitCode: 0,
      stdout: "checked 1 object: no findings\n",
      stderr: "",
    });
  });

  test("of a folder names files below it as they can be opened", async (t) => {
    const cwd = await folderWith(t, { "mesh/a.yaml": WARNED, "mesh/b.yaml": CONFIG_MAP });
    assert.deepEqual(await runForesail(["check", "mesh"], { cwd }), {
      exitCode: 1,
      stdout: `mesh/a.yaml:6:5: Warn foresail: The exemption from no-such-rule does not count: there is no rule of this name (metadata.annotations["foresail.io/exempt"])
  6 |     foresail.io/exempt: no-such-rule; because
    |     ^

foresail
  fix: \`foresail explain\` lists the rules.
  docs: foresail explain foresail

checked 2 objects: 1 Warn
`,
      stderr: "",
    });
  });

  test("of an empty folder is 2", async (t) => {
    const cwd = await folderWith(t, {});
    assert.deepEqual(await runForesail(["check", "."], { cwd }), {
      exitCode: 2,
      stdout: "checked 0 objects\n",
      stderr: "foresail: nothing to check: no Kubernetes objects in .\n",
    });
  });

  test("of standard input is JSON on request, audits included", async () => {
    const twice = `${CONFIG_MAP}---\n${CONFIG_MAP}`;
    const { exitCode, stdout, stderr } = await runForesail(["check", "-", "-n", "shop", "--format", "json"], {
      stdin: twice,
    });
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" });
    assert.deepEqual(JSON.parse(stdout), {
      version: 1,
      findings: [
        {
          rule: "foresail",
          messageId: "duplicateObject",
          action: "Audit",
          message: "ConfigMap shop/settings is defined again at -:6, and the last one counts",
          remedy: "Keep one of the two, or give them different names or namespaces.",
          docs: "foresail explain foresail",
          object: { apiVersion: "v1", kind: "ConfigMap", namespace: "shop", name: "settings" },
          field: "metadata.name",
          file: "-",
          line: 4,
          column: 3,
          fix: null,
        },
      ],
      summary: {
        documents: 2,
        objects: 2,
        findings: { Audit: 1, Warn: 0, Deny: 0, Fix: 0 },
        skipped: 0,
        unreadable: 0,
      },
    });
  });

  test("of broken YAML reports it on standard error, after the rest was checked", async (t) => {
    const cwd = await folderWith(t, { "a.yaml": "kind: [", "b.yaml": CONFIG_MAP });
    const { exitCode, stdout, stderr } = await runForesail(["check", "."], { cwd });
    assert.deepEqual(
      { exitCode, stdout },
      { exitCode: 2, stdout: "checked 1 object: no findings; could not read 1 file\n" },
    );
    assert.match(stderr, /^a\.yaml:1:\d+: [^\n]+\n$/);
  });

  test("is coloured where colours are forced", async () => {
    const { stdout } = await runForesail(["check", "-"], { stdin: WARNED, env: { FORCE_COLOR: "1" } });
    assert.ok(stdout.startsWith("-:6:5: \u001B[33mWarn\u001B[39m "));
  });

  test("repeats a flag that may be repeated", async () => {
    const flags = ["--skip", "foresail", "--skip", "destination-rule-is-looked-up"];
    const { stdout } = await runForesail(["check", "-", ...flags], { stdin: WARNED });
    assert.equal(stdout, "checked 1 object: no findings\n");
  });

  test("ends quietly when its reader has seen enough", async (t) => {
    const many = Array.from({ length: 2000 }, (_, index) => WARNED.replace("web", `web-${index}`)).join(
      "---\n",
    );
    const cwd = await folderWith(t, { "many.yaml": many });
    const child = spawn(process.execPath, [EXECUTABLE, "check", "many.yaml"], {
      cwd,
      env: cleanEnvironment(),
    });
    child.stdout.once("data", () => child.stdout.destroy());
    const [stderr, [exitCode]] = await Promise.all([text(child.stderr), once(child, "close")]);
    assert.deepEqual({ stderr, exitCode }, { stderr: "", exitCode: 1 });
  });

  test("ends with 130 on Ctrl-C", async () => {
    const child = spawn(process.execPath, [EXECUTABLE, "check", "-"], { env: cleanEnvironment() });
    // Reading begins once the signal is heeded.
    // What it has not read when it ends.
    child.stdin.on("error", () => {});
    child.stdin.write(CONFIG_MAP.repeat(50_000), () => child.kill("SIGINT"));
    const [exitCode] = await once(child, "close");
    assert.equal(exitCode, 130);
  });
});

describe("an error that nobody foresaw", () => {
  const NODE_OPTIONS = `--import="data:text/javascript,Map.groupBy=()=>{throw new Error('boom')}"`;
  const TOLD = "foresail: boom\nThis is a bug in foresail; FORESAIL_DEBUG=1 shows where.\n";

  test("ends with 2 and without a stack", async () => {
    const ran = await runForesail(["check", "-"], { stdin: CONFIG_MAP, env: { NODE_OPTIONS } });
    assert.deepEqual(ran, { exitCode: 2, stdout: "", stderr: TOLD });
  });

  test("shows its stack on request", async () => {
    const env = { NODE_OPTIONS, FORESAIL_DEBUG: "1" };
    const { stderr } = await runForesail(["check", "-"], { stdin: CONFIG_MAP, env });
    assert.ok(stderr.startsWith(`${TOLD}Error: boom\n    at `));
  });
});

describe("paths are relative to", () => {
  test("the folder in which npm was called, in foresail's checkout", async (t) => {
    const folder = await folderWith(t, { "a.yaml": CONFIG_MAP });
    const { exitCode } = await runForesail(["check", "a.yaml"], { cwd: CHECKOUT, env: { INIT_CWD: folder } });
    assert.equal(exitCode, 0);
  });

  test("the working folder, anywhere else", async (t) => {
    const cwd = await folderWith(t, { "a.yaml": CONFIG_MAP });
    const { exitCode } = await runForesail(["check", "a.yaml"], { cwd, env: { INIT_CWD: CHECKOUT } });
    assert.equal(exitCode, 0);
  });

  test("the checkout, where npm was called in a folder that is gone", async () => {
    const { exitCode, stderr } = await runForesail(["check", "package.json"], {
      env: { INIT_CWD: "/gone/for/ever" },
    });
    assert.equal(exitCode, 2);
    assert.equal(stderr, "package.json:1:1: no Kubernetes object: apiVersion or kind is missing\n");
  });
});

describe("explain", () => {
  test("without a question is a table of all rules", async () => {
    const { exitCode, stdout, stderr } = await runForesail(["explain"]);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "" });
    assert.match(stdout, /^destination-rule-is-looked-up +Deny +\S/m);
  });

  test("of a rule is its page, in the language that is asked for", async () => {
    const english = await runForesail(["explain", "destination-rule-is-looked-up"]);
    assert.match(english.stdout, /^Symptoms$/m);
    const chinese = await runForesail(["explain", "--lang", "zh", "destination-rule-is-looked-up"]);
    assert.match(chinese.stdout, /^症状$/m);
  });

  test("of a symptom takes words with and without quotes", async () => {
    const quoted = await runForesail(["explain", "DestinationRule has no effect"]);
    assert.match(quoted.stdout, /^destination-rule-is-looked-up: /);
    assert.deepEqual(await runForesail(["explain", "DestinationRule", "has", "no", "effect"]), quoted);
  });
});
