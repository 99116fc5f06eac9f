/** Two kinds named Gateway, as kubectl and a real kube-apiserver have them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KIND_FACTS } from "../../src/kubernetes/objects.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { serveForesail } from "../harness/served-foresail.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import { installWebhooks, setLiveStage, succeed, untilServed } from "./live-foresail.ts";

const controlPlane = sharedControlPlane();

test("the second kind named Gateway, and each Gateway, are spoken of as soon as they come", async (t) => {
  const cluster = await controlPlane(t);
  if (!cluster) return;
  const stage = await setLiveStage(cluster);
  t.after(() => stage.api.close());
  const foresail = await serveForesail([`--kubeconfig=${stage.kubeconfig}`]);
  t.after(() => foresail.stop());
  await installWebhooks(stage, foresail);

  assert.deepEqual(await said(cluster, "create", definition("Gateway")), []);
  await untilServed(cluster, "gateways.networking.istio.io");
  const own = gateway("Gateway", "early");
  assert.deepEqual(await said(cluster, "create", own), [], "there is only one kind");

  const second = definition("KubernetesGateway");
  assert.deepEqual(await said(cluster, "create", second), [
    "Warning: gateway-kind-unambiguous: Two kinds are named Gateway from now on, with gateways.networking.istio.io; kubectl get gateway shows only one (spec.names.plural)",
    "Warning: gateway-kind-unambiguous: fix: Say which kind you mean from now on: kubectl get gw shows Istio's, kubectl get gtw the Gateway API's; scripts best write gateways.gateway.networking.k8s.io.",
  ]);
  assert.deepEqual(await said(cluster, "replace", second), [], "it is there already");
  await untilServed(cluster, "gateways.gateway.networking.k8s.io");

  // No sooner than that would foresail look by itself.
  assert.deepEqual(await headlines(cluster, "create", gateway("Gateway", "web")), [
    "Warning: gateway-kind-unambiguous: kubectl get gateway shows another kind; kubectl get gateways.networking.istio.io -n shop web shows this one (kind)",
  ]);
  assert.deepEqual(await headlines(cluster, "create", gateway("KubernetesGateway", "door")), [
    "Warning: gateway-kind-unambiguous: Two kinds are named Gateway in this cluster; kubectl get gateways.gateway.networking.k8s.io -n shop door shows this one (kind)",
  ]);
  assert.deepEqual(await said(cluster, "replace", gateway("Gateway", "web")), [], "it is there already");
  const controlled = gateway("Gateway", "made", {
    ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "maker", uid: "1", controller: true }],
  });
  assert.deepEqual(await said(cluster, "create", controlled), [], "a controller reads no warnings");

  // What the message and the page say of kubectl.
  assert.deepEqual(await names(cluster, "gateway"), ["gateway.gateway.networking.k8s.io/door"]);
  assert.deepEqual(await names(cluster, "gtw"), ["gateway.gateway.networking.k8s.io/door"]);
  const istios = ["early", "made", "web"].map((name) => `gateway.networking.istio.io/${name}`);
  assert.deepEqual(await names(cluster, "gw"), istios);
  assert.deepEqual(await names(cluster, "gateways.networking.istio.io"), istios);
});

type GatewayKind = "Gateway" | "KubernetesGateway";

function definition(kind: GatewayKind): string {
  return JSON.stringify(customResourceDefinition(kind));
}

function gateway(kind: GatewayKind, name: string, more: object = {}): string {
  const apiVersion = `${KIND_FACTS[kind].group}/v1`;
  const metadata = { name, namespace: "shop", ...more };
  return JSON.stringify({ apiVersion, kind: "Gateway", metadata, spec: {} });
}

async function said(cluster: ControlPlane, verb: string, object: string): Promise<readonly string[]> {
  const { stderr } = await cluster.kubectl([verb, "-f", "-"], object);
  return stderr.split("\n").filter(Boolean);
}

async function headlines(cluster: ControlPlane, verb: string, object: string): Promise<readonly string[]> {
  return (await said(cluster, verb, object)).filter((line) => !line.includes(": fix: "));
}

async function names(cluster: ControlPlane, word: string): Promise<readonly string[]> {
  const found = await succeed(cluster, ["get", word, "-n", "shop", "-o", "name"]);
  return found.split("\n").filter(Boolean);
}
