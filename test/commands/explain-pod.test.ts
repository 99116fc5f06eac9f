/** `foresail explain drain` and `foresail explain probes`, on files. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { explainDrain } from "../../src/commands/explain/drain.ts";
import { explainProbes } from "../../src/commands/explain/probes.ts";
import type { ExplainPodContext } from "../../src/commands/explain/pods-in-files.ts";
import type { ExplainPodOptions } from "../../src/commands/options.ts";
import { ForesailError } from "../../src/errors.ts";
import { isObject } from "../../src/kubernetes/json.ts";
import { PLAIN } from "../../src/report/terminal.ts";
import { RULES } from "../../src/rules/index.ts";
import { runForesail } from "../foresail.ts";

const MESHED = `apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled } }
`;
const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: shop }
spec:
  template:
    metadata: { labels: { app: web } }
    spec:
      containers:
        - name: app
          livenessProbe: { tcpSocket: { port: 8087 } }
          readinessProbe: { httpGet: { port: 8080, path: /ok } }
`;
const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec: { selector: { app: web }, ports: [{ port: 8080 }] }
`;

async function fileWith(t: TestContext, ...documents: readonly string[]): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "explain-pod-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "objects.yaml");
  await writeFile(file, documents.join("---\n"));
  return file;
}

/** The state is the file again, so that no cluster is asked. */
function optionsFor(file: string, options: Partial<ExplainPodOptions> = {}): ExplainPodOptions {
  return { namespace: "default", meshState: [file], assume: [], format: "text", ...options };
}

const CONTEXT: ExplainPodContext = {
  rules: RULES,
  terminal: PLAIN,
  progress: { show: () => {}, end: () => {} },
};

async function drainScenarios(file: string, options: Partial<ExplainPodOptions> = {}) {
  const { report, exitCode } = await explainDrain(
    file,
    optionsFor(file, { ...options, format: "json" }),
    CONTEXT,
  );
  assert.equal(exitCode, 0);
  const [pod] = listIn(JSON.parse(report), "pods");
  return listIn(pod, "scenarios").map(
    (one) => `${textIn(one, "sidecar")} ${textIn(one, "foresail")} ${textIn(one, "cutAfterSeconds")}`,
  );
}

function listIn(value: unknown, key: string): readonly unknown[] {
  const list: unknown = isObject(value) ? value[key] : undefined;
  return Array.isArray(list) ? list : [];
}

function textIn(value: unknown, key: string): string {
  return isObject(value) ? String(value[key]) : "";
}

describe("explain drain", () => {
  test("shows each sidecar that a template may get, without foresail and with it", async (t) => {
    const file = await fileWith(t, MESHED, DEPLOYMENT);
    assert.deepEqual(await drainScenarios(file), [
      "native either 30",
      "classic without 5",
      "classic with 30",
    ]);
  });

  test("knows by version and annotation which sidecar it is", async (t) => {
    const file = await fileWith(t, MESHED, DEPLOYMENT);
    const old = { assume: ["istio=1.11,kubernetes=1.22"] };
    assert.deepEqual(await drainScenarios(file, old), ["classic without 5", "classic with 25"]);
    const annotations = 'metadata: { annotations: { sidecar.istio.io/nativeSidecar: "true" }, labels';
    const native = await fileWith(t, MESHED, DEPLOYMENT.replace("metadata: { labels", annotations));
    assert.deepEqual(await drainScenarios(native), ["native either 30"]);
  });

  test("takes the state of the cluster from other files", async (t) => {
    const [file, state] = [await fileWith(t, DEPLOYMENT), await fileWith(t, MESHED)];
    assert.deepEqual(await drainScenarios(file), ["none either 30"]);
    assert.equal((await drainScenarios(file, { meshState: [state] })).length, 3);
  });

  test("leaves the Pods of Jobs alone, and says so", async (t) => {
    const file = await fileWith(
      t,
      MESHED,
      DEPLOYMENT.replace("apps/v1", "batch/v1").replace("Deployment", "Job"),
    );
    assert.deepEqual(await drainScenarios(file), ["native either 30", "classic either 5"]);
    const { report } = await explainDrain(file, optionsFor(file), CONTEXT);
    assert.match(report, /^Job shop\/web \(.*:5\)\n  Pods of Jobs end with their work/);
  });

  test("heeds the configuration", async (t) => {
    const file = await fileWith(t, MESHED, DEPLOYMENT);
    const config = await fileWith(t, "rules: { pod-drains-before-stop: off }\n");
    assert.deepEqual(await drainScenarios(file, { config }), ["native either 30", "classic either 5"]);
  });

  test("draws a picture with every name escaped", async (t) => {
    const file = await fileWith(t, MESHED, DEPLOYMENT.replace("name: app", 'name: "<app>&"'));
    const { report } = await explainDrain(file, optionsFor(file, { format: "svg" }), CONTEXT);
    assert.match(report, /^<svg [^>]* role="img" aria-label="How Deployment shop\/web stops">/);
    assert.match(report, /gets SIGTERM \(&lt;app&gt;&amp;\)/);
    assert.doesNotMatch(report, /<app>|NaN|undefined|width="-/);
    const opened = [...report.matchAll(/<(text|svg|style)\b/g)].length;
    assert.equal(opened, [...report.matchAll(/<\/(text|svg|style)>/g)].length);
  });

  test("goes by the file alone where no cluster is to be had, and says so", async () => {
    const env = { KUBECONFIG: "nowhere.yaml" };
    const args = ["explain", "drain", "-", "-n", "shop"];
    const { exitCode, stdout, stderr } = await runForesail(args, {
      stdin: MESHED + "---\n" + DEPLOYMENT,
      env,
    });
    assert.equal(exitCode, 0);
    assert.match(stdout, /^Deployment shop\/web \(-:5\)\n\n  Native sidecar, if that is what is injected\n/);
    assert.match(stderr, /^foresail: no cluster was asked, so only the file counts: there is no kubeconfig/m);
    const named = await runForesail([...args, "--kubeconfig", "nowhere.yaml"], { stdin: DEPLOYMENT });
    assert.deepEqual([named.exitCode, named.stdout], [2, ""]);
  });

  test("says what it needs of a file", async (t) => {
    const attempts: readonly (readonly [string, RegExp])[] = [
      [await fileWith(t, SERVICE), /holds no Pod, and nothing that makes Pods$/],
      [await fileWith(t, "a: ["), /objects\.yaml:1:/],
      ["nowhere.yaml", /cannot read nowhere\.yaml/],
    ];
    for (const [file, message] of attempts) {
      await assert.rejects(explainDrain(file, optionsFor(file), CONTEXT), (error) => {
        assert.ok(error instanceof ForesailError);
        assert.match(error.message, message);
        return true;
      });
    }
  });
});

describe("explain probes", () => {
  async function answers(file: string, options: Partial<ExplainPodOptions> = {}) {
    const { report } = await explainProbes(file, optionsFor(file, { ...options, format: "json" }), CONTEXT);
    const [pod] = listIn(JSON.parse(report), "pods");
    return listIn(pod, "probes").map((one) => {
      const repaired: unknown = isObject(one) ? one["repaired"] : undefined;
      return `${textIn(one, "field")} ${textIn(one, "answeredBy")} ${textIn(repaired, "answeredBy")}`;
    });
  }
  const LIVENESS = "spec.template.spec.containers[0].livenessProbe";
  const READINESS = "spec.template.spec.containers[0].readinessProbe";

  test("tells who answers now, and who with foresail", async (t) => {
    const dedicated = await fileWith(t, MESHED, DEPLOYMENT);
    assert.deepEqual(await answers(dedicated), [`${LIVENESS} unknown app`, `${READINESS} unknown app`]);
    const served = await fileWith(t, MESHED, DEPLOYMENT, SERVICE);
    assert.deepEqual(await answers(served), [`${LIVENESS} unknown agent`, `${READINESS} unknown agent`]);
  });

  test("knows what the mesh and an old version do", async (t) => {
    const file = await fileWith(t, MESHED, DEPLOYMENT, SERVICE);
    assert.deepEqual(await answers(file, { assume: ["istio=1.11"] }), [
      `${LIVENESS} sidecar app`,
      `${READINESS} unknown agent`,
    ]);
  });

  test("tells it in words, and the Pod without a sidecar is its own affair", async (t) => {
    const file = await fileWith(t, DEPLOYMENT);
    const { report } = await explainProbes(file, optionsFor(file), CONTEXT);
    assert.match(
      report,
      /^Deployment shop\/web \(.*:1\), no sidecar\n\n  app livenessProbe tcpSocket 8087\n/,
    );
    assert.match(report, /answered by\s+the app: there is no sidecar\n/);
  });

  test("survives Pods that are hardly there", async (t) => {
    const pods = [
      "{}",
      "{ containers: 7 }",
      "{ containers: [null, {}, { livenessProbe: 1, readinessProbe: {} }] }",
    ];
    for (const spec of pods) {
      const file = await fileWith(
        t,
        `apiVersion: v1\nkind: Pod\nmetadata: { name: a, annotations: x }\nspec: ${spec}\n`,
      );
      for (const explain of [explainProbes, explainDrain])
        assert.equal((await explain(file, optionsFor(file), CONTEXT)).exitCode, 0);
    }
  });
});
