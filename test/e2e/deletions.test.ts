/**
 * What `kubectl delete` says of load balancers, and that a refusal stops nobody but the person who asks: on a real kube-apiserver
 * with the real namespace controller and garbage collector, every rule that looks at DELETE set to Deny.
 */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TestContext } from "node:test";
import { KIND_FACTS } from "../../src/kubernetes/objects.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { RULES } from "../../src/rules/index.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { eventually } from "../harness/eventually.ts";
import { serveForesail } from "../harness/served-foresail.ts";
import type { ServedForesail } from "../harness/served-foresail.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import { installWebhooks, metricsOf, setLiveStage, succeed } from "./live-foresail.ts";
import type { LiveStage } from "./live-foresail.ts";

const RULE = "gateway-load-balancer-survives";
const PRESERVE = "service.beta.kubernetes.io/alibaba-cloud-loadbalancer-preserve-lb-on-delete";
const ID_LABEL = "service.k8s.alibaba/loadbalancer-id";
const DELETING = RULES.filter(({ operations }) => operations.includes("DELETE")).map(({ id }) => id);

/** The garbage collector looks for new kinds every 30 s. */
const COLLECTED_WITHIN_MS = 120_000;

const controlPlane = sharedControlPlane({
  controllers: ["namespace-controller", "garbage-collector-controller"],
  audit: true,
});
let stage: Promise<Stage> | undefined;
after(async () => {
  const set = await stage;
  await set?.foresail.stop();
  await set?.api.close();
  if (set) await rm(set.folder, { recursive: true });
});

interface Stage extends LiveStage {
  readonly foresail: ServedForesail;
  readonly folder: string;
}

async function start(cluster: ControlPlane): Promise<Stage> {
  const set = await setLiveStage(cluster);
  const definitions = (["IstioGateway", "KubernetesGateway"] as const).map(customResourceDefinition);
  await apply(cluster, ...definitions);
  await succeed(cluster, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  await succeed(cluster, ["create", "namespace", "edge"]);
  const folder = await mkdtemp(join(tmpdir(), "foresail-deletions-"));
  const config = join(folder, "config.yaml");
  await writeFile(config, JSON.stringify({ rules: Object.fromEntries(DELETING.map((id) => [id, "Deny"])) }));
  const foresail = await serveForesail([`--kubeconfig=${set.kubeconfig}`, `--config=${config}`]);
  await installWebhooks(set, foresail);
  return { ...set, foresail, folder };
}

async function onStage(t: TestContext): Promise<Stage | undefined> {
  const cluster = await controlPlane(t);
  if (cluster === undefined) return undefined;
  stage ??= start(cluster);
  return await stage;
}

async function apply(cluster: ControlPlane, ...objects: readonly object[]): Promise<void> {
  const list = { apiVersion: "v1", kind: "List", items: objects };
  await succeed(cluster, ["apply", "-f", "-"], JSON.stringify(list));
}

/** As CCM leaves it, with its load balancer; the status as it writes it. */
async function exposed(set: Stage, name: string, metadata: object = {}, namespace = "edge"): Promise<void> {
  const id = `lb-${name}`;
  await apply(set.cluster, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels: { [ID_LABEL]: id }, ...metadata },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
  });
  const status = JSON.stringify({ status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } });
  const place = ["service", name, "-n", namespace];
  await succeed(set.cluster, ["patch", ...place, "--subresource=status", "--type=merge", "-p", status]);
  await untilKnown(set, "Service");
}

/** foresail's copy has as many of them as the API server. */
async function untilKnown({ cluster, foresail }: Stage, kind: Kind): Promise<void> {
  const { plural, group } = KIND_FACTS[kind];
  await eventually(`${kind} is known`, async () => {
    const known = (await metricsOf(foresail)).get(`foresail_cache_objects{kind="${kind}"}`);
    const there = await succeed(cluster, [
      "get",
      [plural, group].filter(Boolean).join("."),
      "-A",
      "-o",
      "name",
    ]);
    return known === there.split("\n").filter(Boolean).length;
  });
}

async function uidOf({ cluster }: Stage, ...place: readonly string[]): Promise<string> {
  return succeed(cluster, ["get", ...place, "-o", "jsonpath={.metadata.uid}"]);
}

const lines = (text: string) => text.split("\n").filter(Boolean);
const refused = (text: string) =>
  `Error from server (Forbidden): admission webhook "validate.foresail.io" denied the request: ${RULE}: ${text}`;
const annotate = (name: string) =>
  `fix: Keep it first: kubectl annotate --overwrite services ${name} -n edge ${PRESERVE}=true`;

test("a refused deletion names the load balancer, how to keep it, and how to go on; all of it works", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster } = set;
  await exposed(set, "public");
  const uid = await uidOf(set, "service", "public", "-n", "edge");
  const confirm = `kubectl annotate --overwrite services public -n edge foresail.io/confirm-delete=${uid}`;
  const deletion = ["delete", "service", "public", "-n", "edge"];
  const refusal = [
    refused("Deleting Service edge/public deletes load balancer lb-public (192.0.2.1) (metadata.name)"),
    annotate("public"),
    `docs: foresail explain ${RULE}`,
    `to delete it all the same: ${confirm}`,
  ];
  assert.deepEqual(lines((await cluster.kubectl(deletion)).stderr), refusal);
  assert.deepEqual(lines((await cluster.kubectl([...deletion, "--dry-run=server"])).stderr), refusal);

  await succeed(cluster, ["annotate", "service", "public", "-n", "edge", "foresail.io/confirm-delete=yes"]);
  assert.deepEqual(lines((await cluster.kubectl(deletion)).stderr), refusal);
  await succeed(cluster, confirm.split(" ").slice(1));
  assert.deepEqual(await cluster.kubectl(deletion), {
    code: 0,
    stdout: 'service "public" deleted from edge namespace\n',
    stderr: "",
  });

  await exposed(set, "kept");
  await succeed(cluster, annotate("kept").split(" ").slice(5));
  assert.equal((await cluster.kubectl(["delete", "service", "kept", "-n", "edge"])).stderr, "");
});

test("all that is deleted together is judged one by one", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  for (const name of ["one", "two"])
    await exposed(set, name, { labels: { [ID_LABEL]: `lb-${name}`, app: "all" } });
  await set.cluster.kubectl(["create", "service", "clusterip", "inside", "-n", "edge", "--tcp=80"]);
  await succeed(set.cluster, ["label", "service", "inside", "-n", "edge", "--overwrite", "app=all"]);
  const path = "/api/v1/namespaces/edge/services?labelSelector=app%3Dall";
  const { status, body } = await set.api.request({ method: "DELETE", path });
  assert.equal(status, 403);
  assert.match(
    JSON.stringify(body),
    /Deleting Service edge\/(?:one|two) deletes load balancer lb-(?:one|two) /,
  );
  const left = await succeed(set.cluster, ["get", "services", "-n", "edge", "-l", "app=all", "-o", "name"]);
  assert.match(left, /service\/one\nservice\/two/);
  await remove(set, "service", "one", "two");
});

async function remove({ cluster }: Stage, resource: string, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    const uid = await succeed(cluster, [
      "get",
      resource,
      name,
      "-n",
      "edge",
      "-o",
      "jsonpath={.metadata.uid}",
    ]);
    const confirmed = `foresail.io/confirm-delete=${uid}`;
    await succeed(cluster, ["annotate", resource, name, "-n", "edge", "--overwrite", confirmed]);
    await succeed(cluster, ["delete", resource, name, "-n", "edge"]);
  }
}

test("a type that takes the load balancer away is refused, another change is not", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  await exposed(set, "typed");
  const place = ["service", "typed", "-n", "edge"];
  const patch = (spec: object) =>
    set.cluster.kubectl(["patch", ...place, "--type=merge", "-p", JSON.stringify({ spec })]);
  assert.deepEqual(lines((await patch({ type: "ClusterIP" })).stderr).slice(0, 2), [
    refused("Type ClusterIP of Service edge/typed deletes load balancer lb-typed (192.0.2.1) (spec.type)"),
    annotate("typed").replace("Keep it first", "Leave the type, or"),
  ]);
  assert.equal((await patch({ externalTrafficPolicy: "Local" })).code, 0);
  await remove(set, "service", "typed");
});

test("gateways are refused for what was made for them, and the garbage collector follows when they go", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster } = set;
  const gateways = [
    {
      apiVersion: "istio.alibabacloud.com/v1",
      kind: "IstioGateway",
      resource: "istiogateways.istio.alibabacloud.com",
      spec: { serviceType: "LoadBalancer" },
      service: "istio-web",
    },
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "Gateway",
      resource: "gateways.gateway.networking.k8s.io",
      spec: { gatewayClassName: "istio" },
      service: "web-istio",
    },
  ];
  for (const { apiVersion, kind, resource, spec, service } of gateways) {
    await apply(cluster, { apiVersion, kind, metadata: { name: "web", namespace: "edge" }, spec });
    const uid = await uidOf(set, resource, "web", "-n", "edge");
    await exposed(set, service, {
      labels: { [ID_LABEL]: `lb-${service}`, "gateway.networking.k8s.io/gateway-name": "web" },
      ownerReferences: [{ apiVersion, kind, name: "web", uid, controller: true }],
    });
    const { stderr } = await cluster.kubectl(["delete", resource, "web", "-n", "edge"]);
    const said = `Deleting ${kind} edge/web deletes load balancer lb-${service} (192.0.2.1) (metadata.name)`;
    assert.equal(lines(stderr)[0], refused(said));

    const own = await cluster.kubectl(["delete", "service", service, "-n", "edge"]);
    assert.match(own.stderr, new RegExp(`Deleting Service edge/${service} deletes load balancer`));
    await remove(set, resource, "web");
    await eventually(
      `${service} is collected`,
      async () => {
        const left = await cluster.kubectl(["get", "service", service, "-n", "edge", "--ignore-not-found"]);
        return left.stdout === "";
      },
      COLLECTED_WITHIN_MS,
    );
  }
  assert.deepEqual(await deletionsBy(cluster, "generic-garbage-collector"), [`${RULE}=Audit`]);
});

/** What foresail told the audit log of deletions by one of the cluster's controllers, each once. */
async function deletionsBy(cluster: ControlPlane, controller: string): Promise<readonly string[]> {
  const events = (await cluster.readAuditEvents()).filter(
    ({ user, verb }) =>
      user === `system:serviceaccount:kube-system:${controller}` && verb.startsWith("delete"),
  );
  const said = events.map(({ annotations }) => annotations["validate.foresail.io/rules"]);
  return [...new Set(said.filter((one) => one !== undefined))];
}

test("a namespace is refused for all that is in it, and ends once it is confirmed", async (t) => {
  const set = await onStage(t);
  if (!set) return;
  const { cluster } = set;
  await succeed(cluster, ["create", "namespace", "whole"]);
  await exposed(set, "a", {}, "whole");
  await exposed(set, "b", {}, "whole");
  const { stderr } = await cluster.kubectl(["delete", "namespace", "whole", "--wait=false"]);
  const said =
    "Deleting namespace whole deletes the load balancers in it: lb-a (192.0.2.1) of a, lb-b (192.0.2.1) of b (metadata.name)";
  const all = lines(stderr);
  assert.ok(stderr.includes(`${RULE}: ${said}`), stderr);
  assert.ok(stderr.includes(`kubectl annotate --overwrite services a b -n whole ${PRESERVE}=true`), stderr);
  const [, confirm = ""] = (all.at(-1) ?? "").split("to delete it all the same: kubectl ");
  await succeed(cluster, confirm.split(" "));
  await succeed(cluster, ["delete", "namespace", "whole"]);
  assert.deepEqual(await deletionsBy(cluster, "namespace-controller"), [`${RULE}=Audit`]);
});
