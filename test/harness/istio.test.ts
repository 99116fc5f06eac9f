import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { list, object, string } from "../../src/kubernetes/shape.ts";
import { sharedControlPlane } from "./control-plane.ts";
import type { ControlPlane } from "./control-plane.ts";
import { startIstio } from "./istio.ts";
import { requireIstio } from "./istio-tools.ts";

const containerShape = object({ name: string, restartPolicy: string, args: list(string) });
const podShape = object({
  spec: object({ initContainers: list(containerShape), containers: list(containerShape) }),
});

const shared = sharedControlPlane();

async function controlPlaneFor(t: TestContext): Promise<ControlPlane | undefined> {
  return (await requireIstio(t)) ? await shared(t) : undefined;
}

async function createNamespace(controlPlane: ControlPlane, name: string, label: string): Promise<void> {
  await controlPlane.kubectl(["create", "namespace", name]);
  await controlPlane.kubectl(["label", "namespace", name, label]);
}

function podWith(annotations: Readonly<Record<string, string>>): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "shop", annotations },
    spec: { serviceAccountName: "default", containers: [{ name: "app", image: "app:1" }] },
  });
}

/** The Pod's containers as the API server stored them. */
async function create(
  controlPlane: ControlPlane,
  namespace: string,
  pod: string,
): Promise<{ readonly init: readonly string[]; readonly containers: readonly string[] }> {
  const { code, stdout, stderr } = await controlPlane.kubectl(
    ["create", "-n", namespace, "-o", "json", "-f", "-"],
    pod,
  );
  assert.equal(code, 0, stderr);
  const { initContainers = [], containers = [] } = podShape.read(JSON.parse(stdout))?.spec ?? {};
  const nameOf = ({ name = "", restartPolicy = "" }: (typeof containers)[number]) =>
    restartPolicy === "" ? name : `${name} ${restartPolicy}`;
  return { init: initContainers.map(nameOf), containers: containers.map(nameOf) };
}

const NATIVE = { init: ["istio-init", "istio-proxy Always"], containers: ["app"] };
const CLASSIC = { init: ["istio-init"], containers: ["app", "istio-proxy"] };
const PLAIN = { init: [], containers: ["app"] };

test("a Pod gets a native sidecar, and a classic one where its annotation says so", async (t) => {
  const controlPlane = await controlPlaneFor(t);
  if (!controlPlane) return;
  await startIstio(t, controlPlane);
  await createNamespace(controlPlane, "native", "istio-injection=enabled");
  await createNamespace(controlPlane, "classic", "istio-injection=enabled");
  assert.deepEqual(await create(controlPlane, "native", podWith({})), NATIVE);
  const annotations = { "sidecar.istio.io/nativeSidecar": "false" };
  assert.deepEqual(await create(controlPlane, "classic", podWith(annotations)), CLASSIC);
  assert.deepEqual(await create(controlPlane, "default", podWith({})), PLAIN);
});

test("revisions inject side by side, each with its own settings", async (t) => {
  const controlPlane = await controlPlaneFor(t);
  if (!controlPlane) return;
  const stable = await startIstio(t, controlPlane, { revision: "stable" });
  const canary = await startIstio(t, controlPlane, {
    revision: "canary",
    nativeSidecars: false,
    values: { global: { proxy: { excludeInboundPorts: "8099" } } },
  });
  assert.deepEqual(
    [stable.injector, canary.injector],
    ["istio-sidecar-injector-stable", "istio-sidecar-injector-canary"],
  );
  await createNamespace(controlPlane, "on-stable", "istio.io/rev=stable");
  await createNamespace(controlPlane, "on-canary", "istio.io/rev=canary");
  assert.deepEqual(await create(controlPlane, "on-stable", podWith({})), NATIVE);
  assert.deepEqual(await create(controlPlane, "on-canary", podWith({})), CLASSIC);

  const flags = ["kube-inject", "--revision=canary", "-n", "on-canary", "-f", "-"];
  const { stdout, stderr } = await canary.istioctl(flags, podWith({}));
  assert.match(stdout, /"15090,15021,8099"|15090,15021,8099/, stderr);
});
