import assert from "node:assert/strict";
import { chmod, lstat, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readManifests } from "../../src/cluster/files/manifests.ts";
import type { Manifest } from "../../src/cluster/files/manifests.ts";
import { Store } from "../../src/cluster/store.ts";
import { repair } from "../../src/commands/check/fix.ts";
import { checkManifests } from "../../src/commands/check/check-manifests.ts";
import type { CheckOptions } from "../../src/commands/options.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../../src/rules/policy.ts";
import { defineRule } from "../../src/rules/rule.ts";
import type { AnyRule } from "../../src/rules/rule.ts";
import { folderWith, runForesail } from "../foresail.ts";
import { podIsGreeted, SMALL_RULES } from "./small-rules.ts";

const OPTIONS: CheckOptions = {
  namespace: "default",
  meshState: [],
  assume: [],
  format: "text",
  failOn: "warn",
  rule: [],
  skip: [],
  fix: true,
};

const POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web # the shop's\n";
const GREETED = `${POD}  annotations:\n    hello: world\n`;

/** Wants a second annotation, once there is a first one. */
const podIsThanked: AnyRule = defineRule({
  ...podIsGreeted,
  id: "pod-is-thanked",
  *check({ object }) {
    const { annotations = {} } = object.metadata ?? {};
    if (annotations["hello"] === undefined || annotations["thanks"] !== undefined) return;
    const field = ["metadata", "annotations"];
    yield {
      message: "lonely",
      field,
      data: { name: "" },
      fix: [{ path: [...field, "thanks"], value: annotations["hello"] }],
    } as const;
  },
});

interface Input {
  readonly paths: readonly string[];
  readonly rules?: readonly AnyRule[];
  readonly dryRun?: boolean;
  readonly standardInput?: string;
  /** Done when everything is read, and before anything is fixed. */
  readonly meanwhile?: () => Promise<void>;
}

async function fixed({ paths, rules = SMALL_RULES, dryRun = false, standardInput, meanwhile }: Input) {
  const { manifests } = await readManifests(paths, { standardInput: { text: standardInput ?? "" } });
  const checkAgain = (all: readonly Manifest[]) =>
    Promise.resolve(
      checkManifests({
        manifests: all,
        state: { store: new Store("cluster.local"), settings: DEFAULT_MESH_SETTINGS, isComplete: false },
        namespace: "default",
        rules,
        policy: DEFAULT_POLICY,
        today: "2026-08-01",
      }),
    );
  const outcome = await checkAgain(manifests);
  await meanwhile?.();
  const request = { manifests, outcome, standardInput, checkAgain };
  const { outcome: after, output, fixLines } = await repair({ ...OPTIONS, dryRun }, request);
  return { findings: after.findings.map(({ verdict }) => verdict.rule), output, fixLines };
}

describe("--fix", () => {
  test("changes the file where it is, with its permissions, and a link stays one", async (t) => {
    const folder = await folderWith(t, { "real/pod.yaml": POD });
    const file = join(folder, "real/pod.yaml");
    await chmod(file, 0o640);
    const link = join(folder, "link.yaml");
    await symlink("real/pod.yaml", link);
    assert.deepEqual(await fixed({ paths: [link] }), {
      findings: [],
      output: undefined,
      fixLines: ["foresail: made 1 repair in 1 file"],
    });
    assert.equal(await readFile(file, "utf8"), GREETED);
    assert.ok((await lstat(link)).isSymbolicLink());
    assert.equal((await stat(file)).mode & 0o777, 0o640);
    assert.deepEqual(await readdir(join(folder, "real")), ["pod.yaml"]);
  });

  test("does nothing the second time", async (t) => {
    const folder = await folderWith(t, { "pod.yaml": POD });
    await fixed({ paths: [folder] });
    const { mtimeMs } = await stat(join(folder, "pod.yaml"));
    assert.deepEqual((await fixed({ paths: [folder] })).fixLines, ["foresail: nothing to fix"]);
    assert.equal((await stat(join(folder, "pod.yaml"))).mtimeMs, mtimeMs);
  });

  test("makes one repair of an object after the other, each for the object as it then is", async (t) => {
    const folder = await folderWith(t, { "pod.yaml": POD });
    const { fixLines } = await fixed({ paths: [folder], rules: [podIsGreeted, podIsThanked] });
    assert.deepEqual(fixLines, ["foresail: made 2 repairs in 1 file"]);
    assert.equal(await readFile(join(folder, "pod.yaml"), "utf8"), `${GREETED}    thanks: world\n`);
  });

  test("makes each repair in its own document, item and file, and leaves other files alone", async (t) => {
    const item = "- apiVersion: v1\n  kind: Pod\n  metadata: {name: x, generateName: y}\n";
    const folder = await folderWith(t, {
      "a.yaml": `${POD}---\n# none\n---\napiVersion: v1\nkind: List\nitems:\n${item}${item.replace("x", "z")}`,
      "b.json": '{"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "w"}}',
      "c.yaml": "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n",
    });
    const { findings, fixLines } = await fixed({ paths: [folder] });
    assert.deepEqual(findings, ["service-has-owner"]);
    assert.deepEqual(fixLines, ["foresail: made 4 repairs in 2 files"]);
    const greeting = 'annotations: {hello: "world"}';
    const [a, b] = await Promise.all(
      ["a.yaml", "b.json"].map((name) => readFile(join(folder, name), "utf8")),
    );
    assert.equal(
      a,
      `${GREETED}---\n# none\n---\napiVersion: v1\nkind: List\nitems:\n${item.replace("}", `, ${greeting}}`)}${item
        .replace("x", "z")
        .replace("}", `, ${greeting}}`)}`,
    );
    assert.equal(
      b,
      '{"apiVersion": "v1", "kind": "Pod", "metadata": {"generateName": "w", "annotations": {"hello": "world"}}}',
    );
  });

  test("leaves what it cannot change alone, says where and why, and makes the other repairs", async (t) => {
    const shared = "apiVersion: v1\nkind: Pod\nmetadata: &m {name: a}\nspec: {x: *m}\n";
    const folder = await folderWith(t, { "pods.yaml": `${POD}---\n${shared}` });
    const file = join(folder, "pods.yaml");
    const { findings, fixLines } = await fixed({ paths: [file] });
    assert.deepEqual(findings, ["pod-is-greeted", "pod-is-greeted"]);
    const reason = "not fixed: it stands under &m, and would change where *m stands, too";
    assert.deepEqual(fixLines, [
      `${file}:10:1: pod-is-greeted: ${reason}`,
      `${file}:10:15: pod-is-greeted: ${reason}`,
      "foresail: made 1 repair in 1 file",
    ]);
    assert.equal(await readFile(file, "utf8"), `${GREETED}---\n${shared}`);
  });

  test("leaves a file alone that was changed since it was read", async (t) => {
    const folder = await folderWith(t, { "pod.yaml": POD });
    const file = join(folder, "pod.yaml");
    const changed = POD.replace("web", "other");
    const { fixLines } = await fixed({ paths: [file], meanwhile: () => writeFile(file, changed) });
    assert.match(fixLines[0] ?? "", /not fixed: it was changed while it was checked$/);
    assert.equal(fixLines.at(-1), "foresail: nothing could be fixed");
    assert.equal(await readFile(file, "utf8"), changed);
  });

  test("of standard input gives the whole text, also if there is nothing to fix", async () => {
    const text = `# first\n${POD}---\nnot: an object\n`;
    const { output } = await fixed({ paths: ["-"], standardInput: text });
    assert.equal(output, `# first\n${GREETED}---\nnot: an object\n`);
    assert.equal((await fixed({ paths: ["-"], standardInput: "a: 1\n" })).output, "a: 1\n");
  });

  test("as a dry run writes nothing, gives a diff, and finds what it found", async (t) => {
    // Without a name, each is an object of its own.
    const pod = POD.replace("name", "generateName");
    const folder = await folderWith(t, { "pod.yaml": pod });
    const file = join(folder, "pod.yaml");
    assert.deepEqual(await fixed({ paths: [file, "-"], standardInput: pod, dryRun: true }), {
      findings: ["pod-is-greeted", "pod-is-greeted", "pod-is-greeted", "pod-is-greeted"],
      output: [file, "-"]
        .map(
          (name) =>
            `--- ${name}\n+++ ${name}\n@@ -2,3 +2,5 @@\n kind: Pod\n metadata:\n   generateName: web # the shop's\n+  annotations:\n+    hello: world\n`,
        )
        .join(""),
      fixLines: ["foresail: would make 2 repairs in 2 files"],
    });
    assert.equal(await readFile(file, "utf8"), pod);
  });
});

describe("foresail check --fix", () => {
  const MESH = `apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio-injection: enabled}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  template:
    metadata:
    spec:
      containers:
      - name: app
        livenessProbe: {tcpSocket: {port: 8087}}
`;
  const ANNOTATIONS = `
      annotations:
        traffic.sidecar.istio.io/excludeInboundPorts: "8087"`;

  test("repairs the template of a workload, and counts what is left", async (t) => {
    const cwd = await folderWith(t, { "mesh.yaml": MESH });
    const args = ["check", "mesh.yaml", "--fix", "--skip", "pod-drains-before-stop", "--fail-on", "fix"];
    const { exitCode, stdout, stderr } = await runForesail(args, { cwd });
    assert.equal(stdout, "checked 2 objects: no findings\n");
    assert.equal(stderr, "foresail: made 1 repair in 1 file\n");
    assert.equal(exitCode, 0);
    assert.equal(
      await readFile(join(cwd, "mesh.yaml"), "utf8"),
      MESH.replace("    metadata:\n", `    metadata:${ANNOTATIONS}\n`),
    );
  });

  test("of standard input prints the fixed text, and reports beside it", async (t) => {
    const cwd = await folderWith(t, {});
    const args = ["check", "-", "--fix", "--rule", "pod-probes-reach-the-app"];
    const { exitCode, stdout, stderr } = await runForesail(args, { cwd, stdin: MESH });
    assert.equal(stdout, MESH.replace("    metadata:\n", `    metadata:${ANNOTATIONS}\n`));
    assert.equal(stderr, "checked 2 objects: no findings\nforesail: made 1 repair in 1 file\n");
    assert.equal(exitCode, 0);
  });

  test("has one place for the report of programs: a file", async (t) => {
    const cwd = await folderWith(t, { "mesh.yaml": MESH });
    const args = ["check", "mesh.yaml", "--fix", "--dry-run", "--format", "json"];
    assert.deepEqual(await runForesail(args, { cwd }), {
      exitCode: 2,
      stdout: "",
      stderr:
        "foresail: --fix prints the diff, so there is no place for --format json\nWrite the report to a file: -o FILE.\n",
    });
    const { exitCode, stdout } = await runForesail([...args, "-o", "report.json"], { cwd });
    assert.equal(exitCode, 0);
    assert.match(stdout, /^--- mesh\.yaml\n/);
    assert.match(await readFile(join(cwd, "report.json"), "utf8"), /"action": "Fix"/);
    assert.equal(await readFile(join(cwd, "mesh.yaml"), "utf8"), MESH);
  });
});
