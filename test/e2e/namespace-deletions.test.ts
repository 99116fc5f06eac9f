/** Namespaces are deleted with foresail installed: people are warned or refused, and the controllers are never kept from their work. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { RULES } from "../../src/rules/index.ts";
import { runForesail } from "../foresail.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import type { ToolResult } from "../harness/run-tool.ts";
import { serveForesail, webhookManifests } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import { metricsOf, setLiveStage, succeed, untilReady } from "./live-foresail.ts";

const ENDS_WITHIN_MS = 120_000;
const KNOWN_WITHIN_MS = 60_000;
const FINALIZER = "service.k8s.alibaba/resources";
const DENY_ALL = `rules:\n${RULES.map(({ id }) => `  ${id}: Deny\n`).join("")}`;

const shared = sharedControlPlane({
  controllers: ["namespace-controller", "garbage-collector-controller"],
});
let kubeconfig: Promise<string> | undefined;
const folder = await mkdtemp(join(tmpdir(), "foresail-deletions-"));
after(() => rm(folder, { recursive: true, force: true }));

/** Istio's kinds, and foresail's rights. */
async function prepare(cluster: ControlPlane): Promise<string> {
  const set = await setLiveStage(cluster);
  await set.api.close();
  const kinds = (["VirtualService", "Gateway", "IstioGateway", "IstioOperator"] as const).map(
    customResourceDefinition,
  );
  await apply(cluster, ...kinds);
  await succeed(cluster, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
  return set.kubeconfig;
}

interface Stage {
  readonly cluster: ControlPlane;
  readonly foresail: ServedForesail;
}

/** With foresail installed, whose rules are as they are, or all at Deny. */
async function onStage(t: TestContext, configuration = ""): Promise<Stage | undefined> {
  const cluster = await shared(t);
  if (cluster === undefined) return undefined;
  kubeconfig ??= prepare(cluster);
  const file = join(folder, `${configuration.length}.yaml`);
  await writeFile(file, configuration);
  const foresail = await serveForesail([`--kubeconfig=${await kubeconfig}`, `--config=${file}`]);
  t.after(() => foresail.stop());
  await untilReady(foresail);
  await succeed(cluster, ["apply", "-f", "-"], await webhookManifests(foresail));
  await eventually(
    "the webhook is called",
    async () => {
      await cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], JSON.stringify(CANARY));
      const metrics = await metricsOf(foresail);
      return [...metrics.keys()].some((key) => key.startsWith("foresail_admission_requests_total"));
    },
    KNOWN_WITHIN_MS,
  );
  return { cluster, foresail };
}

const CANARY = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "canary", namespace: "default" },
  spec: { ports: [{ port: 80 }] },
};

async function apply(cluster: ControlPlane, ...objects: readonly object[]): Promise<void> {
  await succeed(
    cluster,
    ["apply", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
  );
}

const istio = (kind: string, namespace: string, name: string, spec: object) => ({
  apiVersion: "networking.istio.io/v1",
  kind,
  metadata: { name, namespace },
  spec,
});

/** Everything that a rule could want to keep. */
function contentOf(namespace: string): readonly object[] {
  const host = `web.${namespace}.svc.cluster.local`;
  const subsets = [{ name: "v1", labels: { version: "v1" } }];
  return [
    ...["web", "api"].map((name) => ({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: { selector: { app: name }, ports: [{ name: "http", port: 80 }] },
    })),
    ...["a", "b", "c"].map((name) => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace, labels: { app: "web", version: "v1" } },
      spec: { containers: [{ name: "app", image: "app:1" }] },
    })),
    istio("DestinationRule", namespace, "web", { host, subsets }),
    istio("VirtualService", namespace, "web", {
      hosts: [host],
      http: [{ route: [{ destination: { host, subset: "v1" } }] }],
    }),
    istio("Gateway", namespace, "web", {
      selector: { istio: "ingressgateway" },
      servers: [{ port: { number: 80, name: "http", protocol: "HTTP" }, hosts: ["*"] }],
    }),
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "ingress", namespace, labels: { istio: "ingressgateway" } },
      spec: { type: "LoadBalancer", selector: { istio: "ingressgateway" }, ports: [{ port: 443 }] },
    },
  ];
}

/** Before foresail may say anything about it. */
async function fill(cluster: ControlPlane, namespace: string): Promise<void> {
  await succeed(cluster, [
    "delete",
    "--ignore-not-found",
    "validatingwebhookconfiguration,mutatingwebhookconfiguration",
    "foresail",
  ]);
  await succeed(cluster, ["create", "namespace", namespace]);
  await apply(cluster, ...contentOf(namespace));
}

async function untilGone(cluster: ControlPlane, namespace: string): Promise<void> {
  const args = ["get", "namespace", namespace, "--ignore-not-found", "-o", "name"];
  const isGone = async () => (await succeed(cluster, args)) === "";
  await eventually(`namespace ${namespace} is gone`, isGone, ENDS_WITHIN_MS);
}

/** foresail's copy has the object that the next answer depends on. */
async function untilKnown({ cluster, foresail }: Stage, kind: string, resource: string): Promise<void> {
  const known = async () => {
    const there = (await succeed(cluster, ["get", resource, "-A", "-o", "name"])).split("\n").filter(Boolean);
    return (await metricsOf(foresail)).get(`foresail_cache_objects{kind="${kind}"}`) === there.length;
  };
  await eventually(`${kind} is known`, known, KNOWN_WITHIN_MS);
}

const deletion = (cluster: ControlPlane, namespace: string): Promise<ToolResult> =>
  cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);

test("a namespace full of objects terminates with foresail installed", async (t) => {
  const cluster = await shared(t);
  if (cluster === undefined) return;
  kubeconfig ??= prepare(cluster);
  await kubeconfig;
  await fill(cluster, "full-warned");
  const set = await onStage(t);
  if (!set) return;
  const { code } = await deletion(cluster, "full-warned");
  assert.equal(code, 0);
  await untilGone(cluster, "full-warned");
});

test("it terminates with foresail down", async (t) => {
  const cluster = await shared(t);
  if (cluster === undefined) return;
  kubeconfig ??= prepare(cluster);
  await kubeconfig;
  await fill(cluster, "full-down");
  const set = await onStage(t, DENY_ALL);
  if (!set) return;
  await set.foresail.stop("SIGKILL");
  const { code, stderr } = await deletion(cluster, "full-down");
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  await untilGone(cluster, "full-down");
});

test("with every rule at Deny a person has to confirm it, and then it terminates", async (t) => {
  const cluster = await shared(t);
  if (cluster === undefined) return;
  kubeconfig ??= prepare(cluster);
  await kubeconfig;
  await fill(cluster, "full-denied");
  const set = await onStage(t, DENY_ALL);
  if (!set) return;
  await apply(cluster, {
    apiVersion: "install.istio.io/v1alpha1",
    kind: "IstioOperator",
    metadata: {
      name: "installed",
      namespace: "full-denied",
      finalizers: ["istio-finalizer.install.istio.io"],
    },
  });
  await untilKnown(set, "IstioOperator", "istiooperators.install.istio.io");

  const refused = await deletion(cluster, "full-denied");
  assert.equal(refused.code, 1);
  assert.match(
    refused.stderr,
    /namespace-can-terminate: IstioOperator installed waits for the Istio operator/,
  );
  const [, command = ""] = /^to delete it all the same: kubectl (.*)$/m.exec(refused.stderr) ?? [];
  await succeed(cluster, command.split(" "));
  assert.equal((await deletion(cluster, "full-denied")).code, 0);

  const page = await runForesail(["namespace", "full-denied", "--kubeconfig", cluster.kubeconfig]);
  assert.equal(page.exitCode, 1, page.stderr);
  const [, patch = "", value = ""] =
    /^ +kubectl (patch istiooperators.* -p) '(.*)'$/m.exec(page.stdout) ?? [];
  await succeed(cluster, [...patch.split(" "), value]);
  await untilGone(cluster, "full-denied");
  const metrics = await metricsOf(set.foresail);
  const audited = [...metrics].filter(([key]) => /^foresail_findings_total\{.*action="Audit"/.test(key));
  assert.ok(audited.length > 0, "what the namespace controller deletes is looked at, too");
});

test("kubectl prints what would keep a namespace, and what its forced end leaves behind", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster } = set;
  await succeed(cluster, ["create", "namespace", "balanced"]);
  await apply(cluster, {
    ...CANARY,
    metadata: { name: "edge", namespace: "balanced", finalizers: [FINALIZER] },
  });
  await untilKnown(set, "Service", "services");
  const warned = await deletion(cluster, "balanced");
  assert.equal(warned.code, 0);
  assert.match(
    warned.stderr,
    /^Warning: namespace-can-terminate: balanced stays until the cloud controller manager has given back the load balancer of Service edge: finalizer service\.k8s\.alibaba\/resources \(metadata\.name\)$/m,
  );

  const namespace = await succeed(cluster, ["get", "namespace", "balanced", "-o", "json"]);
  const emptied = namespace.replace(/"finalizers": \[\s*"kubernetes"\s*\]/, '"finalizers": []');
  assert.notEqual(emptied, namespace);
  const raw = ["replace", "--raw", "/api/v1/namespaces/balanced/finalize", "-f", "-"];
  const dryRun = await cluster.kubectl(
    raw.with(2, "/api/v1/namespaces/balanced/finalize?dryRun=All"),
    emptied,
  );
  assert.equal(dryRun.code, 0, dryRun.stderr);
  const lines = [
    "Warning: namespace-finalize-loses-nothing: This leaves behind what is still in balanced: Service (1) (spec.finalizers)",
    `Warning: namespace-finalize-loses-nothing: What the finalizers in balanced guard is never cleaned up: ${FINALIZER} (spec.finalizers)`,
  ];
  for (const line of lines) assert.ok(dryRun.stderr.includes(`${line}\n`), dryRun.stderr);

  const ended = await runForesail([
    "namespace",
    "balanced",
    "--finalize",
    "--yes",
    "--kubeconfig",
    cluster.kubeconfig,
  ]);
  assert.equal(ended.exitCode, 0, ended.stderr);
  for (const line of lines) assert.ok(ended.stderr.includes(`${line}\n`), ended.stderr);
});

test("with Deny, a namespace is not finalized by hand before that is confirmed", async (t) => {
  const set = await onStage(t, "rules: { namespace-finalize-loses-nothing: Deny }");
  if (!set) return;
  const { cluster } = set;
  await succeed(cluster, ["create", "namespace", "guarded"]);
  await apply(cluster, {
    ...CANARY,
    metadata: { name: "edge", namespace: "guarded", finalizers: [FINALIZER] },
  });
  await untilKnown(set, "Service", "services");
  assert.equal((await deletion(cluster, "guarded")).code, 0);
  const args = ["namespace", "guarded", "--finalize", "--yes", "--kubeconfig", cluster.kubeconfig];
  const refused = await runForesail(args);
  assert.equal(refused.exitCode, 2);
  assert.match(
    refused.stderr,
    /did not end namespace guarded: 403 admission webhook "validate\.foresail\.io" denied the request: namespace-finalize-loses-nothing: /,
  );
  const [, command = ""] = /^to delete it all the same: kubectl (.*)$/m.exec(refused.stderr) ?? [];
  await succeed(cluster, command.split(" "));
  const ended = await runForesail(args);
  assert.equal(ended.exitCode, 0, ended.stderr);
});
