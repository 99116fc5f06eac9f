/** Commands that look at a live cluster once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { runForesail } from "../foresail.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { customResourceDefinition } from "./custom-resources.ts";
import { succeed } from "./live-foresail.ts";

const NOBODY = { name: "nobody", token: "token-of-nobody", groups: [] };
const SERVICES = 600;

const controlPlane = sharedControlPlane({ users: [NOBODY] });
let prepared: Promise<void> | undefined;

async function clusterWithMesh(t: TestContext): Promise<ControlPlane | undefined> {
  const cluster = await controlPlane(t);
  if (cluster) await (prepared ??= prepare(cluster));
  return cluster;
}

/** More Services than one page holds; of Istio's kinds only DestinationRule is served. */
async function prepare(cluster: ControlPlane): Promise<void> {
  await succeed(cluster, ["apply", "-f", "-"], JSON.stringify(customResourceDefinition("DestinationRule")));
  await succeed(cluster, ["wait", "--for=condition=Established", "crd", "--all", "--timeout=30s"]);
  const services = Array.from({ length: SERVICES }, (_, index) => ({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: `web-${index}`, namespace: "default" },
    spec: { ports: [{ port: 80 }] },
  }));
  const rule = {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: "last", namespace: "default" },
    spec: { host: `web-${SERVICES - 1}`, trafficPolicy: { tls: { mode: "DISABLE" } } },
  };
  const shop = {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "shop", labels: { "istio-injection": "enabled" } },
  };
  const items = [...services, rule, shop];
  await succeed(cluster, ["create", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
}

test("explain lookup reads a live cluster, page by page, and leaves out what is not served", async (t) => {
  const cluster = await clusterWithMesh(t);
  if (!cluster) return;
  const args = ["--client", "shop", "--host", `web-${SERVICES - 1}`, "--kubeconfig", cluster.kubeconfig];
  const { exitCode, stdout, stderr } = await runForesail(["explain", "lookup", ...args]);
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: "foresail: asking the cluster ...\n" });
  assert.match(stdout, /\n\ndefault\/last, found in the service's namespace\n {2}tls {2}mode: DISABLE\n/);
  const all = await runForesail(["explain", "lookup", "--all", "--kubeconfig", cluster.kubeconfig]);
  assert.match(all.stdout, /^client {2}.*web-599\.default\nshop {4}.*default\/last\n/);
});

test("impact reads a live cluster, and reckons as kubectl apply does", async (t) => {
  const cluster = await clusterWithMesh(t);
  if (!cluster) return;
  const metadata = { name: "applied", namespace: "default" };
  const rule = { apiVersion: "networking.istio.io/v1", kind: "DestinationRule", metadata };
  const host = { host: "web-0" };
  const old = {
    ...rule,
    spec: { ...host, trafficPolicy: { tls: { mode: "SIMPLE" }, loadBalancer: { simple: "RANDOM" } } },
  };
  await succeed(cluster, ["apply", "-f", "-"], JSON.stringify(old));
  const patch = JSON.stringify({
    spec: { trafficPolicy: { connectionPool: { tcp: { maxConnections: 1 } } } },
  });
  await succeed(cluster, ["patch", "destinationrule", "applied", "--type=merge", "-p", patch]);
  const change = JSON.stringify({ ...rule, spec: { ...host, trafficPolicy: { tls: { mode: "SIMPLE" } } } });
  const args = ["impact", "-", "--kubeconfig", cluster.kubeconfig];
  assert.deepEqual(await runForesail(args, { stdin: change }), {
    exitCode: 0,
    stdout: `1 object (1 updated): 1 lookup changes

DestinationRules that clients get

- \`web-0.default.svc.cluster.local\`, for clients in shop
  - before: default/applied
  - after: default/applied
  - lost: \`loadBalancer\` (simple: RANDOM)
`,
    stderr: "foresail: asking the cluster ...\n",
  });
});

test("explain lookup names all that one may not list", async (t) => {
  const cluster = await clusterWithMesh(t);
  if (!cluster) return;
  const kubeconfig = await cluster.kubeconfigFor(NOBODY.token);
  const args = ["--client", "shop", "--host", "web-0.default", "--kubeconfig", kubeconfig];
  const { exitCode, stdout, stderr } = await runForesail(["explain", "lookup", ...args]);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: "" });
  assert.equal(
    stderr,
    `foresail: asking the cluster ...
foresail: the API server ${cluster.url} does not let you list configmaps, destinationrules.networking.istio.io, mutatingwebhookconfigurations.admissionregistration.k8s.io, namespaces, services
Ask for the right to list them, or have somebody write them to a file for --mesh-state.
`,
  );
});
