/** What `kubectl kustomize` makes of the shipped manifests: everything there, named as promised, and fitting together. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import packageManifest from "../../package.json" with { type: "json" };
import { intOrString, list, mapOf, number, object, string } from "../../src/kubernetes/shape.ts";
import { anything, readManifest as read, renderManifests } from "../manifests.ts";
import type { Manifest } from "../manifests.ts";

const BASE = "manifests";
const WITHOUT_MATCH_CONDITIONS = "manifests/overlays/without-match-conditions";
const HIGH_AVAILABILITY = "manifests/overlays/high-availability";
const MESH_KUBECONFIG = "manifests/overlays/mesh-kubeconfig";

const IDS = [
  "ClusterRole foresail",
  "ClusterRoleBinding foresail",
  "ConfigMap foresail/foresail",
  "Deployment foresail/foresail",
  "MutatingWebhookConfiguration foresail",
  "Namespace foresail",
  "NetworkPolicy foresail/foresail",
  "PodDisruptionBudget foresail/foresail",
  "Role foresail/foresail",
  "Role istio-system/foresail",
  "Role kube-system/foresail",
  "RoleBinding foresail/foresail",
  "RoleBinding istio-system/foresail",
  "RoleBinding kube-system/foresail",
  "Service foresail/foresail",
  "Service foresail/foresail-metrics",
  "ServiceAccount foresail/foresail",
  "ValidatingWebhookConfiguration foresail",
];

const probe = object({ httpGet: object({ path: string, port: intOrString }) });
const deploymentShape = object({
  spec: object({
    replicas: number,
    selector: object({ matchLabels: mapOf(string) }),
    template: object({
      metadata: object({ labels: mapOf(string) }),
      spec: object({
        serviceAccountName: string,
        priorityClassName: string,
        terminationGracePeriodSeconds: number,
        topologySpreadConstraints: list(object({ labelSelector: object({ matchLabels: mapOf(string) }) })),
        containers: list(
          object({
            image: string,
            ports: list(object({ name: string, containerPort: number })),
            startupProbe: probe,
            livenessProbe: probe,
            readinessProbe: probe,
          }),
        ),
      }),
    }),
  }),
});
const serviceShape = object({
  spec: object({
    selector: mapOf(string),
    ports: list(object({ port: number, targetPort: intOrString })),
  }),
});
const webhooksShape = object({
  webhooks: list(
    object({
      name: string,
      failurePolicy: string,
      timeoutSeconds: number,
      reinvocationPolicy: string,
      sideEffects: string,
      matchPolicy: string,
      clientConfig: object({
        caBundle: string,
        service: object({ namespace: string, name: string, port: number }),
      }),
      namespaceSelector: object({
        matchExpressions: list(object({ key: string, operator: string, values: list(string) })),
      }),
      matchConditions: list(object({ name: string, expression: string })),
    }),
  ),
});
const bindingShape = object({
  roleRef: object({ kind: string, name: string }),
  subjects: list(object({ kind: string, namespace: string, name: string })),
});

for (const folder of [BASE, WITHOUT_MATCH_CONDITIONS, HIGH_AVAILABILITY, MESH_KUBECONFIG]) {
  describe(folder, () => {
    test("holds every object under its promised name, and no other", async (t) => {
      const manifests = await renderManifests(t, folder);
      if (!manifests) return;
      const more = folder === HIGH_AVAILABILITY ? ["ResourceQuota foresail/foresail"] : [];
      assert.deepEqual(manifests.map(({ id }) => id).toSorted(), [...IDS, ...more].toSorted());
    });

    test("labels every object with name and version", async (t) => {
      const manifests = await renderManifests(t, folder);
      for (const { id, identity } of manifests ?? []) {
        const labels = identity.metadata?.labels ?? {};
        assert.equal(labels["app.kubernetes.io/name"], "foresail", id);
        assert.equal(labels["app.kubernetes.io/part-of"], "foresail", id);
        // The quota is the overlay's own.
        if (!id.startsWith("ResourceQuota")) {
          assert.equal(labels["app.kubernetes.io/version"], packageManifest.version, id);
        }
      }
    });

    test("refers only to what it holds", async (t) => {
      const manifests = await renderManifests(t, folder);
      if (!manifests) return;
      const ids = new Set(manifests.map(({ id }) => id));
      const references = manifests.flatMap(referencesOf);
      assert.ok(references.length >= IDS.length / 2, references.join());
      assert.deepEqual(
        references.filter((reference) => !ids.has(reference)),
        [],
      );
    });

    test("selects the Deployment's Pods, and reaches ports that they have", async (t) => {
      const manifests = await renderManifests(t, folder);
      if (!manifests) return;
      const { spec: pod, metadata } = read(manifests, "Deployment foresail/foresail", deploymentShape).spec
        ?.template ?? { spec: undefined, metadata: undefined };
      const { ports = [] } = pod?.containers?.[0] ?? {};
      const names = ports.map(({ name }) => name);
      const selectors = selectorsOf(manifests);
      assert.equal(selectors.length, 7);
      for (const selector of selectors)
        assert.ok(isSelected(metadata?.labels ?? {}, selector), JSON.stringify(selector));
      const reached = ["foresail", "foresail-metrics"].map((name) => {
        const service = read(manifests, `Service foresail/${name}`, serviceShape);
        return service.spec?.ports?.map((one) => [one.port, names.includes(String(one.targetPort))]);
      });
      assert.deepEqual(reached, [[[443, true]], [[9090, true]]]);
      const { startupProbe, livenessProbe, readinessProbe } = pod?.containers?.[0] ?? {};
      assert.deepEqual(
        [startupProbe, livenessProbe, readinessProbe].map((one) => one?.httpGet),
        ["/livez", "/livez", "/readyz"].map((path) => ({ path, port: "metrics" })),
      );
      assert.deepEqual(ports, [
        { name: "https", containerPort: 8443 },
        { name: "metrics", containerPort: 9090 },
      ]);
    });

    test("leaves caBundle and failurePolicy to whoever runs it, and fails open", async (t) => {
      const manifests = await renderManifests(t, folder);
      if (!manifests) return;
      const webhooks = ["Validating", "Mutating"].map((type) => {
        const id = `${type}WebhookConfiguration foresail`;
        const [webhook, ...others] = read(manifests, id, webhooksShape).webhooks ?? [];
        assert.deepEqual(others, []);
        return webhook;
      });
      assert.deepEqual(
        webhooks.map((webhook) => [webhook?.name, webhook?.timeoutSeconds, webhook?.reinvocationPolicy]),
        [
          ["validate.foresail.io", 3, undefined],
          ["mutate.foresail.io", 2, "IfNeeded"],
        ],
      );
      for (const webhook of webhooks) {
        assert.equal(webhook?.clientConfig?.caBundle, undefined);
        assert.deepEqual(webhook?.clientConfig?.service, {
          namespace: "foresail",
          name: "foresail",
          port: 443,
        });
        assert.equal(webhook?.failurePolicy, "Ignore");
        assert.equal(webhook?.sideEffects, "None");
        assert.equal(webhook?.matchPolicy, "Equivalent");
        assert.deepEqual(webhook?.namespaceSelector?.matchExpressions, [
          {
            key: "kubernetes.io/metadata.name",
            operator: "NotIn",
            values: ["foresail", "kube-system", "kube-public", "kube-node-lease"],
          },
          { key: "foresail.io/webhook", operator: "NotIn", values: ["disabled"] },
        ]);
      }
      const conditions = webhooks.map((webhook) => webhook?.matchConditions?.map(({ name }) => name) ?? []);
      const validating =
        folder === WITHOUT_MATCH_CONDITIONS ? [] : ["not-made-by-a-controller", "changes-what-rules-read"];
      assert.deepEqual(conditions, [validating, []]);
    });

    test("runs a hardened Pod of this version from no registry", async (t) => {
      const manifests = await renderManifests(t, folder);
      if (!manifests) return;
      const pod = podSpecOf(manifests);
      assert.deepEqual(pod["securityContext"], {
        runAsNonRoot: true,
        seccompProfile: { type: "RuntimeDefault" },
      });
      const [container, ...others] = list(mapOf(anything)).read(pod["containers"]) ?? [];
      assert.deepEqual(others, []);
      assert.deepEqual(container?.["securityContext"], {
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      const [requested, limit] = folder === MESH_KUBECONFIG ? ["256Mi", "448Mi"] : ["160Mi", "320Mi"];
      assert.deepEqual(container?.["resources"], {
        requests: { cpu: "100m", memory: requested },
        limits: { memory: limit },
      });
      assert.deepEqual(container?.["env"], [
        { name: "NODE_OPTIONS", value: "--max-old-space-size-percentage=60 --max-semi-space-size=2" },
        { name: "MALLOC_ARENA_MAX", value: "1" },
      ]);
      assert.equal(container?.["image"], `foresail:${packageManifest.version}`);
      const deployment = read(manifests, "Deployment foresail/foresail", deploymentShape);
      assert.equal(deployment.spec?.template?.spec?.terminationGracePeriodSeconds, 30);
    });
  });
}

test("two replicas run, three in the high-availability overlay, which also gives them their priority", async (t) => {
  const facts = [];
  for (const folder of [BASE, HIGH_AVAILABILITY]) {
    const manifests = await renderManifests(t, folder);
    if (!manifests) return;
    const { spec } = read(manifests, "Deployment foresail/foresail", deploymentShape);
    const budget = read(
      manifests,
      "PodDisruptionBudget foresail/foresail",
      object({ spec: object({ minAvailable: number }) }),
    );
    facts.push([spec?.replicas, budget.spec?.minAvailable, spec?.template?.spec?.priorityClassName]);
  }
  assert.deepEqual(facts, [
    [2, 1, undefined],
    [3, 2, "system-cluster-critical"],
  ]);
});

function podSpecOf(manifests: readonly Manifest[]): Readonly<Record<string, unknown>> {
  const shape = object({ spec: object({ template: object({ spec: mapOf(anything) }) }) });
  return read(manifests, "Deployment foresail/foresail", shape).spec?.template?.spec ?? {};
}

/** Ids of the objects that this one names. */
function referencesOf({ identity, value }: Manifest): string[] {
  const { roleRef, subjects = [] } = bindingShape.read(value) ?? {};
  const { namespace } = identity.metadata ?? {};
  const place = roleRef?.kind === "Role" ? `${namespace}/` : "";
  const { spec } = deploymentShape.read(value) ?? {};
  const account = spec?.template?.spec?.serviceAccountName;
  return [
    ...(roleRef ? [`${roleRef.kind} ${place}${roleRef.name}`] : []),
    ...subjects.map((one) => `${one.kind} ${one.namespace}/${one.name}`),
    ...(account === undefined ? [] : [`ServiceAccount ${namespace}/${account}`]),
    ...(webhooksShape.read(value)?.webhooks ?? []).map(({ clientConfig }) => {
      const { service } = clientConfig ?? {};
      return `Service ${service?.namespace}/${service?.name}`;
    }),
    ...(namespace === "foresail" ? ["Namespace foresail"] : []),
  ];
}

/** Of the Deployment itself, its spread, both Services, the budget and the policy. */
function selectorsOf(manifests: readonly Manifest[]): Readonly<Record<string, string>>[] {
  const selector = object({ matchLabels: mapOf(string) });
  const { spec } = read(manifests, "Deployment foresail/foresail", deploymentShape);
  const budget = read(
    manifests,
    "PodDisruptionBudget foresail/foresail",
    object({ spec: object({ selector }) }),
  );
  const policy = read(
    manifests,
    "NetworkPolicy foresail/foresail",
    object({ spec: object({ podSelector: selector }) }),
  );
  return [
    spec?.selector?.matchLabels,
    ...(spec?.template?.spec?.topologySpreadConstraints ?? []).map((one) => one.labelSelector?.matchLabels),
    ...["foresail", "foresail-metrics"].map(
      (name) => read(manifests, `Service foresail/${name}`, serviceShape).spec?.selector,
    ),
    budget.spec?.selector?.matchLabels,
    policy.spec?.podSelector?.matchLabels,
  ].map((labels) => labels ?? {});
}

function isSelected(
  labels: Readonly<Record<string, string>>,
  selector: Readonly<Record<string, string>>,
): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([key, value]) => labels[key] === value);
}

test("the overlay mesh-kubeconfig hands the Secret's kubeconfig to serve", async (t) => {
  const manifests = await renderManifests(t, MESH_KUBECONFIG);
  if (!manifests) return;
  const pod = podSpecOf(manifests);
  const [container] = list(mapOf(anything)).read(pod["containers"]) ?? [];
  assert.deepEqual(container?.["args"], [
    "serve",
    "--listen=:8443",
    "--metrics=:9090",
    "--mesh-kubeconfig=/etc/foresail/mesh/kubeconfig",
  ]);
  assert.deepEqual(container["volumeMounts"], [
    { name: "mesh-kubeconfig", mountPath: "/etc/foresail/mesh", readOnly: true },
  ]);
  assert.deepEqual(pod["volumes"], [
    { name: "mesh-kubeconfig", secret: { secretName: "foresail-mesh-kubeconfig" } },
  ]);
});
