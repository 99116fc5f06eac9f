/**
 * Which requests reach the webhook, by the shipped matchConditions on a real API server. A condition that errs under
 * failurePolicy Ignore skips the webhook without a word, so none may, whatever an object looks like.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { object, string } from "../../src/kubernetes/shape.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { serveForesail, webhookManifests } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { CHECKOUT } from "../foresail.ts";
import { customResourceDefinition } from "./custom-resources.ts";

const NAMESPACE = "filtered";
const ERRING = "erring.example.com";
const RULES_PATH = `/apis/networking.istio.io/v1/namespaces/${NAMESPACE}/destinationrules`;
const KNOWN_WITHIN_MS = 20_000;
/** Makes an object of over a mebibyte; etcd takes one and a half. */
const LARGE_LIST_LENGTH = 20_000;

const controlPlane = sharedControlPlane();
let stage: Promise<Stage> | undefined;
let foresail: ServedForesail | undefined;
after(() => foresail?.stop());

interface Stage {
  apply(...objects: readonly object[]): Promise<void>;
  /** Runs kubectl, which must succeed, and returns how often the API server called `/validate` meanwhile. */
  callsDuring(args: readonly string[], input?: object | string): Promise<number>;
  metric(name: string, labels: string): Promise<number>;
  readonly cluster: ControlPlane;
}

async function onStage(t: TestContext): Promise<Stage | undefined> {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return undefined;
  stage ??= setStage(cluster);
  return await stage;
}

async function setStage(cluster: ControlPlane): Promise<Stage> {
  const run = async (args: readonly string[], input: object | string = ""): Promise<string> => {
    const text = typeof input === "string" ? input : JSON.stringify(input);
    const { code, stdout, stderr } = await cluster.kubectl(args, text);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const metric = async (name: string, labels: string): Promise<number> => {
    const text = await run(["get", "--raw", "/metrics"]);
    const lines = text.split("\n").filter((line) => line.startsWith(`${name}{`) && line.includes(labels));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  };
  const calls = () => metric("apiserver_admission_webhook_request_total", 'name="validate.foresail.io"');
  const apply = async (...items: readonly object[]) => {
    await run(["apply", "-f", "-"], { apiVersion: "v1", kind: "List", items });
  };

  await apply(customResourceDefinition("DestinationRule"));
  await run(["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  await run(["create", "namespace", NAMESPACE]);
  foresail = await serveForesail([`--mesh-state=${join(CHECKOUT, "examples/mesh")}`]);
  await run(["apply", "-f", "-"], await webhookManifests(foresail));
  const deadline = performance.now() + KNOWN_WITHIN_MS;
  while ((await calls()) === 0) {
    assert.ok(performance.now() < deadline, "the webhook was never called");
    await run(["create", "--dry-run=server", "-f", "-"], destinationRule("probe"));
    await setTimeout(100);
  }
  return {
    cluster,
    apply,
    metric,
    async callsDuring(args, input) {
      const before = await calls();
      await run(args, input);
      return (await calls()) - before;
    },
  };
}

const CREATE = ["create", "-f", "-"];
const POD_TEMPLATE = {
  metadata: { labels: { app: "made" } },
  spec: { containers: [{ name: "app", image: "app:1.0.0" }], restartPolicy: "Always" },
};
const JOB_TEMPLATE = { ...POD_TEMPLATE, spec: { ...POD_TEMPLATE.spec, restartPolicy: "Never" } };

const owner = (facts: object) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  name: "web",
  uid: "1",
  ...facts,
});

for (const [about, ownerReferences, isAsked] of [
  ["of a controller", [owner({ controller: true })], false],
  ["of a controller and another owner", [owner({ uid: "2" }), owner({ controller: true })], false],
  ["of an owner that is no controller", [owner({ controller: false })], true],
  ["of an owner that says nothing of it", [owner({})], true],
  ["of no owner", [], true],
  ["without the field", undefined, true],
  ["with null for the field", null, true],
] as const) {
  for (const kind of ["ReplicaSet", "Job"] as const) {
    test(`a ${kind} ${about} is ${isAsked ? "asked about" : "not asked about"}`, async (t) => {
      const set = await onStage(t);
      if (!set) return;
      const made = {
        ReplicaSet: {
          apiVersion: "apps/v1",
          spec: { selector: { matchLabels: { app: "made" } }, template: POD_TEMPLATE },
        },
        Job: { apiVersion: "batch/v1", spec: { template: JOB_TEMPLATE } },
      }[kind];
      const metadata = { generateName: "made-", namespace: NAMESPACE, ownerReferences };
      assert.equal(await set.callsDuring(CREATE, { ...made, kind, metadata }), isAsked ? 1 : 0);
    });
  }
}

const SERVICE = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: NAMESPACE, labels: { app: "web" }, annotations: { note: "one" } },
  spec: { ports: [{ port: 80 }], selector: { app: "web" } },
};
const DEPLOYMENT = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", namespace: NAMESPACE },
  spec: { selector: { matchLabels: { app: "made" } }, template: POD_TEMPLATE },
};
const POD = {
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: NAMESPACE },
  spec: POD_TEMPLATE.spec,
};

for (const manifest of [SERVICE, DEPLOYMENT, POD, destinationRule("web")]) {
  const { kind } = manifest;
  const patch = (body: object, ...flags: readonly string[]) =>
    ["patch", kind.toLowerCase(), "web", "-n", NAMESPACE, "--type=merge", "-p", JSON.stringify(body)].concat(
      flags,
    );

  test(`of a ${kind}, an update of status, managed fields or finalizers alone is not asked about`, async (t) => {
    const set = await onStage(t);
    if (!set) return;
    await set.cluster.kubectl(CREATE, JSON.stringify(manifest));
    const condition = { type: "Seen", status: "True", lastTransitionTime: "2026-11-22T00:00:00Z" };
    const status = { status: { conditions: [{ reason: "Test", message: "", ...condition }] } };
    assert.equal(await set.callsDuring(patch(status, "--subresource=status")), 0);
    const applied = ["apply", "--server-side", "--field-manager=other", "-f", "-"];
    assert.equal(await set.callsDuring(applied, manifest), 0);
    assert.equal(await set.callsDuring(patch({ metadata: { finalizers: ["example.com/seen"] } })), 0);
    assert.equal(await set.callsDuring(patch({ metadata: { finalizers: null } })), 0);
    const managers = [
      "get",
      kind.toLowerCase(),
      "web",
      "-n",
      NAMESPACE,
      "--show-managed-fields",
      "-o",
      "yaml",
    ];
    assert.match((await set.cluster.kubectl(managers)).stdout, /manager: other\n/);
  });

  test(`of a ${kind}, a change of labels, annotations or spec is asked about`, async (t) => {
    const set = await onStage(t);
    if (!set) return;
    await set.cluster.kubectl(CREATE, JSON.stringify(manifest));
    for (const field of ["labels", "annotations"]) {
      for (const value of ["added", "changed", null]) {
        const change = patch({ metadata: { [field]: { "example.com/of-the-test": value } } });
        assert.equal(await set.callsDuring(change), 1, `${field}: ${value}`);
      }
    }
    assert.equal(await set.callsDuring(patch({ spec: SPEC_CHANGES[kind] })), 1);
  });
}

/** One that each kind allows. */
const SPEC_CHANGES: Readonly<Record<string, object>> = {
  Service: { sessionAffinity: "ClientIP" },
  Deployment: { replicas: 3 },
  Pod: { activeDeadlineSeconds: 3600 },
  DestinationRule: { host: "other" },
};

test("a Service that was created with a generation is asked about when its spec changes", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const service = { ...SERVICE, metadata: { name: "numbered", namespace: NAMESPACE, generation: 7 } };
  assert.equal(await set.callsDuring(CREATE, service), 1);
  const change = [
    "patch",
    "service",
    "numbered",
    "-n",
    NAMESPACE,
    "-p",
    '{"spec":{"sessionAffinity":"ClientIP"}}',
  ];
  assert.equal(await set.callsDuring(change), 1);
  const { stdout } = await set.cluster.kubectl([
    "get",
    "service",
    "numbered",
    "-n",
    NAMESPACE,
    "-o",
    "jsonpath={.metadata.generation}",
  ]);
  // Why the condition does not compare generations.
  assert.equal(stdout, "7");
});

const storedShape = object({ metadata: object({ resourceVersion: string }) });

for (const [about, part] of [
  ["no spec", { spec: undefined }],
  ["null for spec", { spec: null }],
  ["null for labels", { metadata: { labels: null } }],
  ["null for annotations", { metadata: { annotations: null } }],
  ["null for ownerReferences", { metadata: { ownerReferences: null } }],
  ["null for generation", { metadata: { generation: null } }],
  ["empty labels and annotations", { metadata: { labels: {}, annotations: {} } }],
  ["a number for spec", { spec: 7 }],
  ["a list for spec", { spec: [] }],
] as const) {
  test(`a DestinationRule with ${about} is asked about when it is made, changed from and changed to`, async (t) => {
    const set = await onStage(t);
    if (!set) return;
    const name = about.replaceAll(" ", "-").toLowerCase();
    const plain = destinationRule(name);
    const metadata = { ...plain.metadata, ...("metadata" in part ? part.metadata : {}) };
    const odd = { ...plain, ...part, metadata };
    assert.equal(await set.callsDuring(["create", "--raw", RULES_PATH, "-f", "-"], odd), 1);
    const path = `${RULES_PATH}/${name}`;
    const callsOfReplacement = async (next: {
      readonly metadata: object;
      readonly spec?: unknown;
    }): Promise<number> => {
      const { stdout } = await set.cluster.kubectl(["get", "--raw", path]);
      const { resourceVersion } = storedShape.read(JSON.parse(stdout))?.metadata ?? {};
      return set.callsDuring(["replace", "--raw", path, "-f", "-"], {
        ...next,
        metadata: { ...next.metadata, resourceVersion },
      });
    };
    assert.equal(await callsOfReplacement({ ...plain, spec: { host: "other" } }), 1);
    assert.equal(await callsOfReplacement(odd), 1);
  });
}

test("the comparison of the largest objects stays within what the API server spends on a condition", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const subsets = Array.from({ length: LARGE_LIST_LENGTH }, (_, index) => ({
    name: `subset-${index}`,
    labels: { version: `v${index}` },
  }));
  const large = { ...destinationRule("large"), spec: { host: "web", subsets } };
  assert.equal(await set.callsDuring(CREATE, large), 1);
  const finalizers = '{"metadata":{"finalizers":["example.com/seen"]}}';
  const patch = ["patch", "destinationrule", "large", "-n", NAMESPACE, "--type=merge", "-p", finalizers];
  assert.equal(await set.callsDuring(patch), 0);
  const change = [...patch.slice(0, -1), '{"metadata":{"finalizers":null},"spec":{"host":"other"}}'];
  assert.equal(await set.callsDuring(change), 1);
});

test("no condition has ever erred, as the API server counts it", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const evaluated = await set.metric(
    "apiserver_admission_match_condition_evaluation_seconds_count",
    'name="validate.foresail.io"',
  );
  assert.ok(evaluated > 0, "no condition was evaluated");
  const errors = (name: string) =>
    set.metric("apiserver_admission_match_condition_evaluation_errors_total", `name="${name}"`);
  assert.equal(await errors("validate.foresail.io"), 0);
  assert.equal(await errors("mutate.foresail.io"), 0);
  await set.apply(erringConfiguration());
  const deadline = performance.now() + KNOWN_WITHIN_MS;
  while ((await errors(ERRING)) === 0) {
    assert.ok(performance.now() < deadline, "the counter does not count");
    await set.callsDuring(["create", "configmap", "probe", "--dry-run=server", "-n", NAMESPACE]);
  }
});

/** One whose condition errs, to see that the counter above would have counted. */
function erringConfiguration(): object {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "erring" },
    webhooks: [
      {
        name: ERRING,
        clientConfig: { url: "https://127.0.0.1:1/" },
        rules: [{ operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }],
        failurePolicy: "Ignore",
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
        matchConditions: [{ name: "errs", expression: "object.metadata.nowhere == 'x'" }],
      },
    ],
  };
}

function destinationRule(name: string) {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name, namespace: NAMESPACE },
    spec: { host: "web" },
  };
}
