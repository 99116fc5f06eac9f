/** An AdmissionReview of a Pod of about 8 KB with three probes, and the mesh that it comes into. */
import { storeOf } from "../src/cluster/files/mesh-state.ts";
import type { ClusterState } from "../src/cluster/view.ts";
import { DEFAULT_MESH_SETTINGS } from "../src/rules/policy.ts";

const REVIEW_BYTES = 8 * 1024;
const SERVICES = 20;

function podWith(padding: string) {
  const ports = [{ name: "http", containerPort: 8080, protocol: "TCP" }];
  const probe = (handler: object) => ({
    ...handler,
    periodSeconds: 10,
    timeoutSeconds: 1,
    failureThreshold: 3,
  });
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: "web-6d4cf56db6-",
      namespace: "shop",
      labels: { app: "web", version: "v1", "pod-template-hash": "6d4cf56db6" },
      annotations: { "prometheus.io/scrape": "true", "example.org/release": "2027-01", note: padding },
      ownerReferences: [
        { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-6d4cf56db6", controller: true },
      ],
    },
    spec: {
      serviceAccountName: "web",
      terminationGracePeriodSeconds: 30,
      restartPolicy: "Always",
      containers: [
        {
          name: "app",
          image: "shop/web:1.4.2",
          ports,
          env: Array.from({ length: 40 }, (_, index) => ({
            name: `SETTING_${index}`,
            value: `value ${index}`,
          })),
          resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "256Mi" } },
          volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
          livenessProbe: probe({ httpGet: { path: "/live", port: "http", scheme: "HTTP" } }),
          readinessProbe: probe({ httpGet: { path: "/ready", port: 8080, scheme: "HTTP" } }),
          startupProbe: probe({ tcpSocket: { port: 8087 } }),
        },
      ],
      volumes: [{ name: "tmp", emptyDir: {} }],
    },
  };
}

/** As the API server sends it. */
export function podReview(): string {
  const reviewOf = (padding: string) =>
    JSON.stringify({
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      request: {
        uid: "0b4a5a8c-6f7e-4f0d-9e59-6a1d5f5b3c11",
        kind: { group: "", version: "v1", kind: "Pod" },
        resource: { group: "", version: "v1", resource: "pods" },
        namespace: "shop",
        operation: "CREATE",
        userInfo: { username: "system:serviceaccount:kube-system:replicaset-controller" },
        object: podWith(padding),
        oldObject: null,
      },
    });
  return reviewOf("x".repeat(REVIEW_BYTES - reviewOf("").length));
}

/** Injection as ASM has it, probes not rewritten, and some Services, one of which selects the Pod. */
export function podCluster(): ClusterState {
  const service = (name: string, app: string) => ({
    metadata: { name, namespace: "shop" },
    spec: { selector: { app }, ports: [{ port: 80, targetPort: "http" }] },
  });
  const webhook = {
    name: "namespace.sidecar-injector.istio.io",
    namespaceSelector: { matchLabels: { "istio-injection": "enabled" } },
  };
  const store = storeOf(
    [
      { kind: "Namespace", value: { metadata: { name: "shop", labels: { "istio-injection": "enabled" } } } },
      {
        kind: "MutatingWebhookConfiguration",
        value: { metadata: { name: "istio-sidecar-injector" }, webhooks: [webhook] },
      },
      {
        kind: "ConfigMap",
        value: {
          metadata: { name: "istio-sidecar-injector", namespace: "istio-system" },
          data: { values: '{"sidecarInjectorWebhook":{"rewriteAppHTTPProbe":false}}' },
        },
      },
      { kind: "Service", value: service("web", "web") },
      ...Array.from({ length: SERVICES }, (_, index) => ({
        kind: "Service" as const,
        value: service(`other-${index}`, `other-${index}`),
      })),
    ],
    DEFAULT_MESH_SETTINGS.clusterDomain,
  );
  return { store, settings: DEFAULT_MESH_SETTINGS, isComplete: true };
}
