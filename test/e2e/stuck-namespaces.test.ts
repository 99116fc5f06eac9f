/** `foresail namespace` on namespaces that hang for real, and the steps that it prints, followed to the letter. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { runForesail } from "../foresail.ts";
import type { Ran } from "../foresail.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { runTool } from "../harness/run-tool.ts";
import { findControlPlaneTools } from "../harness/tools.ts";
import { succeed } from "./live-foresail.ts";

const VIEWER = { name: "viewer", token: "viewer-token", groups: [] };
const STEP_TIMEOUT_MS = 240_000;
const ENDS_WITHIN_MS = 120_000;

const shared = sharedControlPlane({
  controllers: ["namespace-controller", "garbage-collector-controller"],
  users: [VIEWER],
});

const ANYTHING = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };

/** With its versions, the last one stored. */
function definition(plural: string, kind: string, versions: readonly string[]): object {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.example.com` },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { kind, plural, singular: kind.toLowerCase() },
      versions: versions.map((name) => ({
        name,
        served: true,
        storage: name === versions.at(-1),
        schema: ANYTHING,
      })),
    },
  };
}

const object = (apiVersion: string, kind: string, namespace: string, metadata: object) => ({
  apiVersion,
  kind,
  metadata: { namespace, ...metadata },
});

async function apply(cluster: ControlPlane, ...objects: readonly object[]): Promise<void> {
  await succeed(
    cluster,
    ["apply", "-f", "-"],
    JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }),
  );
}

async function startDeletion(cluster: ControlPlane, namespace: string): Promise<void> {
  await succeed(cluster, ["delete", "namespace", namespace, "--wait=false"]);
}

/** True when the namespace controller says so in a condition. */
async function untilSaid(cluster: ControlPlane, namespace: string, type: string): Promise<void> {
  const path = `jsonpath={.status.conditions[?(@.type=="${type}")].status}`;
  const isSaid = async () => (await succeed(cluster, ["get", "namespace", namespace, "-o", path])) === "True";
  await eventually(`${namespace} has ${type}`, isSaid, ENDS_WITHIN_MS);
}

async function isThere(cluster: ControlPlane, namespace: string): Promise<boolean> {
  return (await succeed(cluster, ["get", "namespace", namespace, "--ignore-not-found", "-o", "name"])) !== "";
}

function explain(cluster: Pick<ControlPlane, "kubeconfig">, ...args: readonly string[]): Promise<Ran> {
  return runForesail(["namespace", ...args, "--kubeconfig", cluster.kubeconfig]);
}

function inOneLine(page: string): string {
  return page.replaceAll(/\s+/g, " ");
}

/** As a person does who copies one after the other into a shell. */
async function followSteps(cluster: ControlPlane, page: string): Promise<void> {
  const tools = await findControlPlaneTools();
  assert.ok("kubectl" in tools);
  const env = {
    PATH: `${dirname(tools.kubectl)}:${process.env["PATH"] ?? ""}`,
    HOME: cluster.folder,
    KUBECONFIG: cluster.kubeconfig,
  };
  const commands = [...page.matchAll(/^ +(kubectl .*)$/gm)].map(([, command = ""]) => command);
  assert.ok(commands.length > 1, page);
  for (const command of commands) {
    const { code, stderr } = await runTool("sh", ["-c", command], { env, timeoutMs: STEP_TIMEOUT_MS });
    assert.equal(code, 0, `${command}: ${stderr}`);
  }
}

/** Each is another reason; the page has these words, and its steps free the namespace. */
interface Reason {
  readonly objects: (namespace: string) => readonly object[];
  /** What is done when these are there. */
  readonly breakIt?: (cluster: ControlPlane) => Promise<void>;
  readonly condition: string;
  readonly words: readonly string[];
}

const REASONS: Readonly<Record<string, Reason>> = {
  "the controllers of its finalizers are gone": {
    objects: (namespace) => [
      object("v1", "ConfigMap", namespace, { name: "held", finalizers: ["example.com/cleanup"] }),
      object("example.com/v1", "Widget", namespace, {
        name: "blue",
        finalizers: ["finalizer.keda.sh", "example.com/cleanup"],
      }),
      object("v1", "Secret", namespace, { name: "free" }),
    ],
    condition: "NamespaceFinalizersRemaining",
    words: [
      "NamespaceFinalizersRemaining: example.com/cleanup, finalizer.keda.sh",
      "configmaps (1): held ",
      "widgets.example.com (1): blue ",
      "finalizer.keda.sh: KEDA removes it, and none of its Pods is in the cluster",
      'kubectl patch configmaps held -n NAME --type=merge -p \'{"metadata":{"finalizers":null}}\'',
    ],
  },
  "many objects of a kind have the same finalizer": {
    objects: (namespace) =>
      ["a", "b", "c", "d", "e", "f", "g"].map((name) =>
        object("example.com/v1", "Widget", namespace, { name, finalizers: ["example.com/cleanup"] }),
      ),
    condition: "NamespaceFinalizersRemaining",
    words: ["Widget a, b, c and 4 more", "kubectl get widgets.example.com -n NAME -o name | xargs -n 1"],
  },
  "an aggregated API is served by nobody": {
    objects: () => [
      {
        apiVersion: "apiregistration.k8s.io/v1",
        kind: "APIService",
        metadata: { name: "v1.lost.example.org" },
        spec: {
          group: "lost.example.org",
          version: "v1",
          groupPriorityMinimum: 1000,
          versionPriority: 15,
          service: { name: "lost", namespace: "gone" },
          insecureSkipTLSVerify: true,
        },
      },
    ],
    condition: "NamespaceDeletionDiscoveryFailure",
    words: [
      'The APIService v1.lost.example.org is not available: service/lost in "gone" is not present.',
      "kubectl delete apiservice v1.lost.example.org ",
    ],
  },
  "nobody converts its custom resources": {
    objects: (namespace) => [object("example.com/v1alpha1", "Gadget", namespace, { name: "old" })],
    async breakIt(cluster) {
      const clientConfig = { service: { namespace: "gone", name: "converter", path: "/convert" } };
      const webhook = { conversionReviewVersions: ["v1"], clientConfig };
      const patch = JSON.stringify({ spec: { conversion: { strategy: "Webhook", webhook } } });
      await succeed(cluster, ["patch", "crd", "gadgets.example.com", "--type=merge", "-p", patch]);
    },
    condition: "NamespaceDeletionContentFailure",
    words: [
      "The objects of gadgets.example.com cannot be read: Service gone/converter, which converts them, is not there.",
      "kubectl patch crd gadgets.example.com --type=merge",
    ],
  },
  "an admission webhook does not answer": {
    objects: (namespace) => [
      object("v1", "ConfigMap", namespace, { name: "guarded" }),
      {
        apiVersion: "admissionregistration.k8s.io/v1",
        kind: "ValidatingWebhookConfiguration",
        metadata: { name: "guard" },
        webhooks: [
          {
            name: "guard.example.com",
            clientConfig: { service: { namespace: "gone", name: "guard" } },
            rules: [
              { operations: ["DELETE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] },
            ],
            namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
            failurePolicy: "Fail",
            sideEffects: "None",
            admissionReviewVersions: ["v1"],
          },
        ],
      },
    ],
    condition: "NamespaceDeletionContentFailure",
    words: [
      "The admission webhook guard.example.com does not answer",
      "kubectl delete validatingwebhookconfiguration guard ",
    ],
  },
};

async function withKinds(t: TestContext): Promise<ControlPlane | undefined> {
  const cluster = await shared(t);
  if (cluster === undefined) return undefined;
  await apply(
    cluster,
    definition("widgets", "Widget", ["v1"]),
    definition("gadgets", "Gadget", ["v1", "v1alpha1"]),
  );
  await succeed(cluster, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
  return cluster;
}

for (const [index, [name, { objects, breakIt, condition, words }]] of Object.entries(REASONS).entries()) {
  test(`it says that ${name}, and its steps free the namespace`, async (t) => {
    const cluster = await withKinds(t);
    if (cluster === undefined) return;
    const namespace = `hangs-${index}`;
    await succeed(cluster, ["create", "namespace", namespace]);
    await eventually("the kinds are served", async () => {
      const { code } = await cluster.kubectl(["get", "widgets.example.com,gadgets.example.com", "-A"]);
      return code === 0;
    });
    await apply(cluster, ...objects(namespace));
    await breakIt?.(cluster);
    await startDeletion(cluster, namespace);
    await untilSaid(cluster, namespace, condition);

    const { exitCode, stdout, stderr } = await explain(cluster, namespace);
    assert.equal(exitCode, 1, stderr);
    const flat = inOneLine(stdout);
    for (const expected of words) {
      const wanted = expected.replaceAll("NAME", namespace);
      assert.ok(flat.includes(wanted), `${wanted}\nis not in\n${stdout}`);
    }
    await followSteps(cluster, stdout);
    await eventually(
      "the namespace is gone",
      async () => !(await isThere(cluster, namespace)),
      ENDS_WITHIN_MS,
    );
  });
}

test("--finalize names what would be left behind, and with --yes leaves it behind", async (t) => {
  const cluster = await withKinds(t);
  if (cluster === undefined) return;
  await succeed(cluster, ["create", "namespace", "left"]);
  const finalizers = ["service.k8s.alibaba/resources"];
  await apply(
    cluster,
    object("v1", "ConfigMap", "left", { name: "held", finalizers: ["example.com/cleanup"] }),
    { ...object("v1", "Service", "left", { name: "lb", finalizers }), spec: { ports: [{ port: 80 }] } },
  );

  const early = await explain(cluster, "left", "--finalize", "--yes");
  assert.equal(early.exitCode, 2);
  assert.match(early.stderr, /^foresail: namespace left is not being deleted\n/m);

  await startDeletion(cluster, "left");
  await untilSaid(cluster, "left", "NamespaceFinalizersRemaining");
  const orphans = [
    "2 objects would be left behind in left",
    "  configmaps: held",
    "  services: lb",
    "What is left behind stays in etcd, out of sight, and comes back when a namespace",
    "of this name is made again.",
    "What the finalizers are for is never done:",
    "  example.com/cleanup: foresail does not know what that is",
    "  service.k8s.alibaba/resources: the cloud controller manager leaves a load",
    "    balancer in the cloud, which costs money",
    "",
  ].join("\n");
  const shown = await explain(cluster, "left", "--finalize");
  assert.deepEqual({ exitCode: shown.exitCode, stdout: shown.stdout }, { exitCode: 1, stdout: orphans });
  assert.match(
    shown.stderr,
    /^foresail: nothing was done; .*: foresail namespace left --finalize --yes --kubeconfig \S+$/m,
  );
  assert.ok(await isThere(cluster, "left"));

  const done = await explain(cluster, "left", "--finalize", "--yes");
  assert.deepEqual(
    { exitCode: done.exitCode, stdout: done.stdout },
    { exitCode: 0, stdout: `${orphans}Namespace left is gone.\n` },
  );
  assert.ok(!(await isThere(cluster, "left")));

  await succeed(cluster, ["create", "namespace", "left"]);
  assert.equal(await succeed(cluster, ["get", "service", "lb", "-n", "left", "-o", "name"]), "service/lb\n");
});

test("it says what it cannot know in one line each", async (t) => {
  const cluster = await withKinds(t);
  if (cluster === undefined) return;
  const missing = await explain(cluster, "no-such-namespace");
  assert.equal(missing.exitCode, 2);
  assert.match(
    missing.stderr,
    /^foresail: there is no namespace no-such-namespace in the cluster of https:/m,
  );

  for (const name of ["default", "kube-system"]) {
    const { exitCode, stderr } = await explain(cluster, name, "--finalize", "--yes");
    assert.equal(exitCode, 2);
    assert.match(stderr, new RegExp(`^foresail: ${name} is not ended by foresail`, "m"));
  }

  const kubeconfig = await cluster.kubeconfigFor(VIEWER.token);
  const forbidden = await explain({ kubeconfig }, "default");
  assert.equal(forbidden.exitCode, 2);
  assert.match(
    forbidden.stderr,
    /^foresail: the API server .* does not let you look: 403 namespaces "default" is forbidden/m,
  );

  const role = [
    "create",
    "clusterrole",
    "sees",
    "--verb=get,list,update",
    "--resource=namespaces,namespaces/finalize,configmaps",
  ];
  await succeed(cluster, role);
  await succeed(cluster, ["create", "clusterrolebinding", "sees", "--clusterrole=sees", "--user=viewer"]);
  await succeed(cluster, ["create", "namespace", "hidden"]);
  await apply(
    cluster,
    object("example.com/v1", "Widget", "hidden", { name: "blue", finalizers: ["example.com/cleanup"] }),
  );
  await startDeletion(cluster, "hidden");
  await untilSaid(cluster, "hidden", "NamespaceFinalizersRemaining");
  const partly = await explain({ kubeconfig }, "hidden");
  assert.equal(partly.exitCode, 1);
  const seen = inOneLine(partly.stdout);
  assert.match(seen, / 1\. Something of widgets\.example\.com, which you may not list, stays until /);
  const shown = await explain({ kubeconfig }, "hidden", "--finalize");
  assert.match(shown.stderr, /^foresail: nothing was done, and nothing would be with --yes: what would /m);
  assert.match(seen, / you may not list .* secrets, .* widgets\.example\.com/);
  const refused = await explain({ kubeconfig }, "hidden", "--finalize", "--yes");
  assert.equal(refused.exitCode, 2);
  assert.match(
    refused.stderr,
    /^foresail: what would be left behind in namespace hidden is not known: you may not list /m,
  );
  assert.ok(await isThere(cluster, "hidden"));
});
