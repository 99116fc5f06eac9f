/** No refusal for what the watches have not told yet: they say nothing here, and the API server answers questions. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import type { JsonObject } from "../../src/kubernetes/json.ts";
import { KIND_FACTS } from "../../src/kubernetes/objects.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { startApiProxy } from "../harness/api-proxy.ts";
import type { ApiProxy } from "../harness/api-proxy.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { serveForesail } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import {
  changeObject,
  createObject,
  deleteObject,
  installWebhooks,
  metricsOf,
  refusal,
  service,
  setLiveStage,
  succeed,
  writeProxiedKubeconfig,
} from "./live-foresail.ts";
import type { LiveStage } from "./live-foresail.ts";

const CREATED = 201;
const OK = 200;
const INSTALLED = ["GatewayClass", "KubernetesGateway", "ServiceEntry", "WorkloadEntry"] as const;
const EXPORT_TO = "networking.istio.io/exportTo";
const MYSERVICE = "myservice.default.svc.cluster.local";

interface Served extends LiveStage {
  readonly foresail: ServedForesail;
  /** Between foresail and the API server. */
  readonly proxy: ApiProxy;
}

const controlPlane = sharedControlPlane();
let stage: Promise<Served> | undefined;
after(async () => {
  const set = await stage;
  await set?.foresail.stop();
  await set?.proxy.close();
  await set?.api.close();
});

async function onStage(t: TestContext): Promise<Served | undefined> {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return undefined;
  stage ??= start(cluster);
  return stage;
}

async function start(cluster: ControlPlane): Promise<Served> {
  const set = await setLiveStage(cluster);
  for (const kind of INSTALLED) await install(set, kind);
  const proxy = await startApiProxy(cluster);
  const kubeconfig = join(cluster.folder, "proxied.yaml");
  await writeProxiedKubeconfig(kubeconfig, proxy.url, set.token);
  const foresail = await serveForesail([`--kubeconfig=${kubeconfig}`]);
  await installWebhooks(set, foresail);
  return { ...set, foresail, proxy };
}

async function install({ cluster }: LiveStage, kind: Kind): Promise<void> {
  await succeed(cluster, ["apply", "-f", "-"], JSON.stringify(customResourceDefinition(kind)));
  const { plural, group } = KIND_FACTS[kind];
  await succeed(cluster, ["wait", "--for=condition=Established", `crd/${plural}.${group}`, "--timeout=60s"]);
}

async function create({ api }: Served, kind: Kind, namespace: string, body: JsonObject): Promise<void> {
  const { group, versions, kind: name } = KIND_FACTS[kind];
  const apiVersion = group === "" ? "v1" : `${group}/${versions.at(-1)}`;
  const { status } = await createObject(api, kind, namespace, { apiVersion, kind: name, ...body });
  assert.equal(status, CREATED, `${kind} in ${namespace}`);
}

async function change({ api }: Served, kind: Kind, namespace: string, name: string, body: JsonObject) {
  assert.equal((await changeObject(api, kind, namespace, name, body)).status, OK);
}

async function unconfirmed({ foresail }: Served): Promise<number> {
  return (await metricsOf(foresail)).get("foresail_unconfirmed_total") ?? Number.NaN;
}

function serviceEntry(name: string, host: string, exportTo?: readonly string[]): JsonObject {
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
interface Case {
  readonly host?: string;
  readonly namespace?: JsonObject;
  readonly before?: (set: Served, namespace: string) => Promise<void>;
  readonly change: (set: Served, namespace: string) => Promise<void>;
}

const CASES: Readonly<Record<string, Case>> = {
  "a Namespace that gets its label": {
    change: (set, namespace) =>
      change(set, "Namespace", "", namespace, { metadata: { labels: { "istio-injection": "enabled" } } }),
  },
  "a Pod with a proxy": {
    change: (set, namespace) =>
      create(
        set,
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
    before: (set, namespace) =>
      create(set, "Pod", namespace, pod({ name: "a", labels: { "service.istio.io/canonical-name": "a" } })),
    change: (set, namespace) =>
      create(
        set,
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
    change: (set, namespace) =>
      create(set, "WorkloadEntry", namespace, { metadata: { name: "machine" }, spec: {} }),
  },
  "a Gateway of Istio's class": {
    before: (set, namespace) =>
      create(set, "KubernetesGateway", namespace, { ...gateway("nginx"), metadata: { name: "another" } }),
    change: (set, namespace) => create(set, "KubernetesGateway", namespace, gateway("istio")),
  },
  "a Gateway and a class of Istio's controller": {
    async change(set, namespace) {
      await create(set, "GatewayClass", "", gatewayClass("own", "istio.io/gateway-controller"));
      await create(set, "KubernetesGateway", namespace, gateway("own"));
    },
  },
  "a class of which there is a Gateway": {
    before: (set, namespace) => create(set, "KubernetesGateway", namespace, gateway("later")),
    change: (set) => create(set, "GatewayClass", "", gatewayClass("later", "istio.io/gateway-controller")),
  },
  "a class that changes hands": {
    async before(set, namespace) {
      await create(set, "GatewayClass", "", gatewayClass("moving", "example.com/controller"));
      await create(set, "KubernetesGateway", namespace, gateway("moving"));
    },
    change: (set) =>
      change(set, "GatewayClass", "", "moving", { spec: { controllerName: "istio.io/mesh-controller" } }),
  },
  "a ServiceEntry beside the rule": {
    change: (set, namespace) => create(set, "ServiceEntry", namespace, serviceEntry("same", MYSERVICE)),
  },
  "a Service that becomes an ExternalName": {
    host: "moves.default.svc.cluster.local",
    before: (set) => create(set, "Service", "default", service("moves")),
    change: (set) =>
      change(set, "Service", "default", "moves", {
        spec: { type: "ExternalName", externalName: "example.com" },
      }),
  },
  "a Service whose exportTo is lifted, which the namespace was left out of": {
    host: "lifted.default.svc.cluster.local",
    namespace: { labels: { "istio-injection": "enabled" } },
    before: (set) => create(set, "Service", "default", hiddenService("lifted", ".")),
    change: (set) =>
      change(set, "Service", "default", "lifted", { metadata: { annotations: { [EXPORT_TO]: null } } }),
  },
  "a Service that nobody saw": {
    host: "unseen.default.svc.cluster.local",
    namespace: { labels: { "istio-injection": "enabled" } },
    before: (set) => create(set, "Service", "default", hiddenService("unseen", "~")),
    change: (set) =>
      change(set, "Service", "default", "unseen", { metadata: { annotations: { [EXPORT_TO]: "*" } } }),
  },
  "a Service that nobody saw, and that is gone": {
    host: "gone.default.svc.cluster.local",
    namespace: { labels: { "istio-injection": "enabled" } },
    before: (set) => create(set, "Service", "default", hiddenService("gone", "~")),
    change: ({ api }) => deleteObject(api, "Service", "default", "gone"),
  },
  "a ServiceEntry whose exportTo is changed": {
    host: "changed.example.com",
    namespace: { labels: { "istio-injection": "enabled" } },
    before: (set) =>
      create(set, "ServiceEntry", "default", serviceEntry("changed", "changed.example.com", ["."])),
    change: (set) => change(set, "ServiceEntry", "default", "changed", { spec: { exportTo: ["*"] } }),
  },
  "a ServiceEntry that is gone": {
    host: "deleted.example.com",
    before: (set) => create(set, "ServiceEntry", "default", serviceEntry("deleted", "deleted.example.com")),
    change: ({ api }) => deleteObject(api, "ServiceEntry", "default", "deleted"),
  },
  "another ServiceEntry for a hidden host, somewhere": {
    host: "twice.example.com",
    namespace: { labels: { "istio-injection": "enabled" } },
    before: (set) =>
      create(set, "ServiceEntry", "default", serviceEntry("twice", "twice.example.com", ["."])),
    change: (set) => create(set, "ServiceEntry", "ns1", serviceEntry("twice", "twice.example.com")),
  },
  "a Service beside the rule, below its wildcard": {
    host: "*.svc.cluster.local",
    change: (set, namespace) => create(set, "Service", namespace, service("web")),
  },
  "an injector that takes the namespace": {
    namespace: { labels: { team: "mesh" } },
    change: (set) =>
      create(set, "MutatingWebhookConfiguration", "", {
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
    change: (set, namespace) =>
      create(set, "ConfigMap", "istio-system", {
        metadata: { name: "istio" },
        data: { mesh: `rootNamespace: ${namespace}` },
      }),
  },
};

test("nothing is refused for what the watches have not told yet", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { api, proxy } = set;
  const cases = Object.entries(CASES).map(([name, one], index) => ({ name, at: `case-${index}`, ...one }));
  for (const { at, namespace = {}, before } of cases) {
    await create(set, "Namespace", "", { metadata: { ...namespace, name: at } });
    await before?.(set, at);
  }
  await create(set, "Service", "default", service("last"));
  const known = async () => (await metricsOf(set.foresail)).get('foresail_cache_objects{kind="Service"}');
  const { body } = await api.request({ path: "/api/v1/services" });
  const services = [...JSON.stringify(body).matchAll(/"uid":/g)].length;
  await eventually("what was there before is known", async () => (await known()) === services);

  proxy.handle = (url) => (url.searchParams.get("watch") === "true" ? "swallow" : "passOn");
  for (const watch of proxy.watches) watch.freeze();
  t.after(() => {
    proxy.handle = () => "passOn";
    for (const watch of proxy.watches) watch.cut();
  });
  for (const { name, at, host, change: changeIt } of cases) {
    await t.test(name, async () => {
      assert.notEqual(await refusal(api, at, host), undefined, "it must be refused before");
      await changeIt(set, at);
      assert.equal(await refusal(api, at, host), undefined);
    });
  }
  assert.equal(await unconfirmed(set), 0);
});
