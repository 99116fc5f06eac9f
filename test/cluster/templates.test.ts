import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { folderWith, runForesail } from "../foresail.ts";

const SERVICE = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n";
const QUOTED = 'apiVersion: v1\nkind: Service\nmetadata:\n  name: "{{ .Release.Name }}"\n';
const UNQUOTED = "apiVersion: v1\nkind: Service\nmetadata:\n  name: {{ .Release.Name }}\n";
const CONTROLLED =
  "{{- if .Values.enabled }}\napiVersion: v1\nkind: Service\nmetadata: {name: web}\n{{- end }}\n";
/** Alerts, dashboards and workflows have braces in their texts. */
const BRACES = `${SERVICE}  annotations:\n    summary: "{{ $labels.pod }} restarts"\n`;

describe("templates", () => {
  test("of a chart are skipped with one line, and its other files are not", async (t) => {
    const cwd = await folderWith(t, {
      "charts/web/Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n",
      "charts/web/values.yaml": "enabled: true\n",
      "charts/web/crds/a.yaml": SERVICE,
      "charts/web/templates/quoted.yaml": BRACES,
      "charts/web/templates/deep/unquoted.yaml": UNQUOTED,
      "charts/web/templates/plain.yaml": SERVICE.replace("web", "plain"),
    });
    assert.deepEqual(await runForesail(["check", "."], { cwd }), {
      exitCode: 0,
      stdout:
        "checked 2 objects: no findings; skipped 2 files without Kubernetes objects; skipped 2 Helm templates\n",
      stderr:
        "foresail: skipped 2 Helm templates of the chart charts/web: check what becomes of it with helm template charts/web | foresail check -\n",
    });
    const { stderr } = await runForesail(["check", "web/templates"], { cwd: `${cwd}/charts` });
    assert.match(stderr, /^foresail: skipped 2 Helm templates of the chart web: /);
  });

  for (const [name, text] of Object.entries({ QUOTED, UNQUOTED, CONTROLLED })) {
    test(`are recognised without a chart: ${name}`, async (t) => {
      const cwd = await folderWith(t, { "a/one.yaml": text, "b.yaml": SERVICE });
      assert.deepEqual(await runForesail(["check", "."], { cwd }), {
        exitCode: 0,
        stdout: "checked 1 object: no findings; skipped 1 Helm template\n",
        stderr:
          "foresail: skipped 1 Helm template in a: render it first, and pipe the result to foresail check -\n",
      });
    });
  }

  test("on standard input are told, and nothing is left to check", async () => {
    assert.deepEqual(await runForesail(["check", "-"], { stdin: CONTROLLED }), {
      exitCode: 2,
      stdout: "checked 0 objects; skipped 1 Helm template\n",
      stderr:
        "foresail: skipped 1 Helm template on standard input: render it first, and pipe the result to foresail check -\nforesail: nothing to check: no Kubernetes objects in -\n",
    });
  });

  test("are not what has braces in its texts", async (t) => {
    const cwd = await folderWith(t, { "a.yaml": BRACES });
    assert.deepEqual(await runForesail(["check", "."], { cwd }), {
      exitCode: 0,
      stdout: "checked 1 object: no findings\n",
      stderr: "",
    });
  });

  test("are not what is broken elsewhere", async (t) => {
    const cwd = await folderWith(t, { "a.yaml": `${BRACES}---\nkind: [\n` });
    const { exitCode, stderr } = await runForesail(["check", "."], { cwd });
    assert.equal(exitCode, 2);
    assert.match(stderr, /^a\.yaml:9:\d+: [^\n]+\n$/);
  });
});
