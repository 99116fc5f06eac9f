/** What installs foresail, as a real API server takes it. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { object } from "../../src/kubernetes/shape.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";
import type { ControlPlane } from "../harness/control-plane.ts";
import { CHECKOUT, runForesail } from "../foresail.ts";
import { anything, parseManifests, readManifest, renderManifests } from "../manifests.ts";
import type { Manifest } from "../manifests.ts";

const MANIFESTS = join(CHECKOUT, "manifests");

const controlPlane = sharedControlPlane();

test("foresail manifests prints what kubectl kustomize renders, object by object", async (t) => {
  const rendered = await renderManifests(t, "manifests");
  if (!rendered) return;
  const { stdout } = await runForesail(["manifests"]);
  assert.deepEqual(byId(parseManifests(stdout)), byId(rendered));
});

for (const flags of [
  "",
  "--certs=managed --replicas=3",
  "--certs=cert-manager",
  "--certs=files --failure-policy=Fail",
  "--certs=openshift --image=registry.example.org/mesh/foresail:1.0.0",
  "--namespace=mesh-guard --replicas=1 --certs=files",
]) {
  test(`an API server takes foresail manifests ${flags}`, async (t) => {
    const { stdout } = await runForesail(["manifests", ...flags.split(" ").filter((flag) => flag !== "")]);
    await assertTaken(t, parseManifests(stdout));
  });
}

for (const overlay of ["high-availability", "mesh-kubeconfig", "without-match-conditions"]) {
  test(`an API server takes the overlay ${overlay}`, async (t) => {
    const rendered = await renderManifests(t, `manifests/overlays/${overlay}`);
    if (rendered) await assertTaken(t, rendered);
  });
}

test("kubectl apply -k manifests/ installs, and a second time changes nothing", async (t) => {
  const cluster = await controlPlane(t);
  if (!cluster) return;
  await ensureNamespace(cluster, "istio-system");
  const versions = async () => {
    const format = "jsonpath={.items[*].metadata.resourceVersion}";
    const { stdout } = await cluster.kubectl(["get", "-k", MANIFESTS, "-o", format]);
    return stdout.split(" ");
  };
  const apply = async () => {
    const { code, stderr } = await cluster.kubectl(["apply", "-k", MANIFESTS]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  };
  await apply();
  const before = await versions();
  assert.equal(before.length, 18);
  await apply();
  assert.deepEqual(await versions(), before);
});

/** By a dry run on the server, and a Pod of the Deployment under restricted Pod Security. */
async function assertTaken(t: TestContext, manifests: readonly Manifest[]): Promise<void> {
  const cluster = await controlPlane(t);
  if (!cluster) return;
  for (const { id, value } of manifests.filter(({ identity }) => identity.kind === "Namespace")) {
    const { code, stderr } = await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(value));
    assert.equal(code, 0, `${id}: ${stderr}`);
  }
  await ensureNamespace(cluster, "istio-system");
  // There is no cert-manager here that would define its kinds.
  const known = manifests.filter(({ identity }) => !identity.apiVersion?.startsWith("cert-manager.io/"));
  const items = known.map(({ value }) => value);
  const input = JSON.stringify({ apiVersion: "v1", kind: "List", items });
  const taken = await cluster.kubectl(["apply", "--dry-run=server", "-f", "-"], input);
  assert.deepEqual({ code: taken.code, stderr: taken.stderr }, { code: 0, stderr: "" });
  assert.equal(taken.stdout.trimEnd().split("\n").length, known.length);

  const pod = await cluster.kubectl(
    ["create", "--dry-run=server", "-f", "-"],
    JSON.stringify(podOf(manifests)),
  );
  assert.deepEqual({ code: pod.code, stderr: pod.stderr }, { code: 0, stderr: "" });
}

function podOf(manifests: readonly Manifest[]): object {
  const { id, identity } = manifests.find((one) => one.identity.kind === "Deployment") ?? {};
  const shape = object({ spec: object({ template: object({ metadata: anything, spec: anything }) }) });
  const { metadata, spec } = readManifest(manifests, id ?? "", shape).spec?.template ?? {};
  const named = { ...object({ labels: anything }).read(metadata), name: "of-the-deployment" };
  const namespace = identity?.metadata?.namespace;
  return { apiVersion: "v1", kind: "Pod", metadata: { ...named, namespace }, spec };
}

async function ensureNamespace(cluster: ControlPlane, name: string): Promise<void> {
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  const { code, stderr } = await cluster.kubectl(["apply", "-f", "-"], JSON.stringify(namespace));
  assert.equal(code, 0, stderr);
}

function byId(manifests: readonly Manifest[]): ReadonlyMap<string, unknown> {
  return new Map(
    manifests.toSorted((one, other) => one.id.localeCompare(other.id)).map(({ id, value }) => [id, value]),
  );
}
