/** What makes a DestinationRule right, and may come when the watches are silent. */
import assert from "node:assert/strict";
import type { ApiServer } from "../../src/api-server/client.ts";
import type { JsonObject } from "../../src/kubernetes/json.ts";
import { KIND_FACTS } from "../../src/kubernetes/objects.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { changeObject, createObject, deleteObject, service } from "./live-foresail.ts";

const CREATED = 201;
const OK = 200;
const EXPORT_TO = "networking.istio.io/exportTo";
const MYSERVICE = "myservice.default.svc.cluster.local";
const INJECTED = { labels: { "istio-injection": "enabled" } };

export async function create(api: ApiServer, kind: Kind, namespace: string, body: JsonObject): Promise<void> {
  const { group, versions, kind: name } = KIND_FACTS[kind];
  const apiVersion = group === "" ? "v1" : `${group}/${versions.at(-1)}`;
  const { status } = await createObject(api, kind, namespace, { apiVersion, kind: name, ...body });
  assert.equal(status, CREATED, `${kind} in ${namespace}`);
}

async function change(api: ApiServer, kind: Kind, namespace: string, name: string, body: JsonObject) {
  assert.equal((await changeObject(api, kind, namespace, name, body)).status, OK);
}

export function serviceEntry(name: string, host: string, exportTo?: readonly string[]): JsonObject {
  const spec = { hosts: [host], ...(exportTo === undefined ? {} : { exportTo: [...exportTo] }) };
  return { metadata: { name }, spec };
}
function hiddenService(name: string, exportTo: string): JsonObject {
  return { metadata: { name, annotations: { [EXPORT_TO]: exportTo } }, spec: { ports: [{ port: 80 }] } };
}
function pod(metadata: JsonObject): JsonObject {
  return { metadata, spec: { containers: [{ name: "app", image: "app:1" }] } };
}
const gateway = (gatewayClassName: string): JsonObject => ({
  metadata: { name: "edge" },
  spec: { gatewayClassName },
});
const gatewayClass = (name: string, controllerName: string): JsonObject => ({
  metadata: { name },
  spec: { controllerName },
});

/** In a namespace of its own a DestinationRule for the host is refused; after the change it must not be. */
interface LateChange {
  readonly host?: string;
  readonly namespace?: JsonObject;
  readonly before?: (api: ApiServer, namespace: string) => Promise<void>;
  readonly change: (api: ApiServer, namespace: string) => Promise<void>;
}

export const LATE_CHANGES: Readonly<Record<string, LateChange>> = {
  "a Namespace that gets its label": {
    change: (api, namespace) =>
      change(api, "Namespace", "", namespace, { metadata: { labels: { "istio-injection": "enabled" } } }),
  },
  "a Pod with a proxy": {
    change: (api, namespace) =>
      create(
        api,
        "Pod",
        namespace,
        pod({
          name: "client",
          labels: { "service.istio.io/canonical-name": "client" },
          annotations: { "sidecar.istio.io/status": "{}" },
        }),
      ),
  },
  "a Pod with a proxy beside one that only has its label": {
    before: (api, namespace) =>
      create(api, "Pod", namespace, pod({ name: "a", labels: { "service.istio.io/canonical-name": "a" } })),
    change: (api, namespace) =>
      create(
        api,
        "Pod",
        namespace,
        pod({
          name: "b",
          labels: { "service.istio.io/canonical-name": "b" },
          annotations: { "sidecar.istio.io/status": "{}" },
        }),
      ),
  },
  "a WorkloadEntry": {
    change: (api, namespace) =>
      create(api, "WorkloadEntry", namespace, { metadata: { name: "machine" }, spec: {} }),
  },
  "a Gateway of Istio's class": {
    before: (api, namespace) =>
      create(api, "KubernetesGateway", namespace, { ...gateway("nginx"), metadata: { name: "another" } }),
    change: (api, namespace) => create(api, "KubernetesGateway", namespace, gateway("istio")),
  },
  "a Gateway and a class of Istio's controller": {
    async change(api, namespace) {
      await create(api, "GatewayClass", "", gatewayClass("own", "istio.io/gateway-controller"));
      await create(api, "KubernetesGateway", namespace, gateway("own"));
    },
  },
  "a class of which there is a Gateway": {
    before: (api, namespace) => create(api, "KubernetesGateway", namespace, gateway("later")),
    change: (api) => create(api, "GatewayClass", "", gatewayClass("later", "istio.io/gateway-controller")),
  },
  "a class that changes hands": {
    async before(api, namespace) {
      await create(api, "GatewayClass", "", gatewayClass("moving", "example.com/controller"));
      await create(api, "KubernetesGateway", namespace, gateway("moving"));
    },
    change: (api) =>
      change(api, "GatewayClass", "", "moving", { spec: { controllerName: "istio.io/mesh-controller" } }),
  },
  "a ServiceEntry beside the rule": {
    change: (api, namespace) => create(api, "ServiceEntry", namespace, serviceEntry("same", MYSERVICE)),
  },
  "a Service that becomes an ExternalName": {
    host: "moves.default.svc.cluster.local",
    before: (api) => create(api, "Service", "default", service("moves")),
    change: (api) =>
      change(api, "Service", "default", "moves", {
        spec: { type: "ExternalName", externalName: "example.com" },
      }),
  },
  "a Service whose exportTo is lifted, which the namespace was left out of": {
    host: "lifted.default.svc.cluster.local",
    namespace: INJECTED,
    before: (api) => create(api, "Service", "default", hiddenService("lifted", ".")),
    change: (api) =>
      change(api, "Service", "default", "lifted", { metadata: { annotations: { [EXPORT_TO]: null } } }),
  },
  "a Service that nobody saw": {
    host: "unseen.default.svc.cluster.local",
    namespace: INJECTED,
    before: (api) => create(api, "Service", "default", hiddenService("unseen", "~")),
    change: (api) =>
      change(api, "Service", "default", "unseen", { metadata: { annotations: { [EXPORT_TO]: "*" } } }),
  },
  "a Service that nobody saw, and that is gone": {
    host: "gone.default.svc.cluster.local",
    namespace: INJECTED,
    before: (api) => create(api, "Service", "default", hiddenService("gone", "~")),
    change: (api) => deleteObject(api, "Service", "default", "gone"),
  },
  "a ServiceEntry whose exportTo is changed": {
    host: "changed.example.com",
    namespace: INJECTED,
    before: (api) =>
      create(api, "ServiceEntry", "default", serviceEntry("changed", "changed.example.com", ["."])),
    change: (api) => change(api, "ServiceEntry", "default", "changed", { spec: { exportTo: ["*"] } }),
  },
  "a ServiceEntry that is gone": {
    host: "deleted.example.com",
    before: (api) => create(api, "ServiceEntry", "default", serviceEntry("deleted", "deleted.example.com")),
    change: (api) => deleteObject(api, "ServiceEntry", "default", "deleted"),
  },
  "another ServiceEntry for a hidden host, somewhere": {
    host: "twice.example.com",
    namespace: INJECTED,
    before: (api) =>
      create(api, "ServiceEntry", "default", serviceEntry("twice", "twice.example.com", ["."])),
    change: (api) => create(api, "ServiceEntry", "ns1", serviceEntry("twice", "twice.example.com")),
  },
  "a Service beside the rule, below its wildcard": {
    host: "*.svc.cluster.local",
    change: (api, namespace) => create(api, "Service", namespace, service("web")),
  },
  "an injector that takes the namespace": {
    namespace: { labels: { team: "mesh" } },
    change: (api) =>
      create(api, "MutatingWebhookConfiguration", "", {
        metadata: { name: "istio-sidecar-injector", labels: { app: "sidecar-injector" } },
        webhooks: [
          {
            name: "rev.namespace.sidecar-injector.istio.io",
            namespaceSelector: { matchLabels: { team: "mesh" } },
            clientConfig: { url: "https://127.0.0.1:1/inject" },
            rules: [],
            failurePolicy: "Ignore",
            sideEffects: "None",
            admissionReviewVersions: ["v1"],
          },
        ],
      }),
  },
  "a mesh whose root namespace changes": {
    change: (api, namespace) =>
      create(api, "ConfigMap", "istio-system", {
        metadata: { name: "istio" },
        data: { mesh: `rootNamespace: ${namespace}` },
      }),
  },
};
