/** Files that `foresail check --fix` has changed, on a real kube-apiserver. */
import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { CHECKOUT, folderWith, runForesail } from "../foresail.ts";
import { sharedControlPlane } from "../harness/control-plane.ts";

const controlPlane = sharedControlPlane({});
/** Those with something to repair; the others are about objects of Istio, which need its definitions. */
const REPAIRED = ["9-health-checks", "10-long-requests", "10-misspelt"];

test("fixed files are accepted by check and, strictly, by the API server", async (t) => {
  const cluster = await controlPlane(t);
  if (!cluster) return;
  for (const name of REPAIRED) {
    const folder = await folderWith(t, {});
    const file = join(folder, `${name}.yaml`);
    await cp(join(CHECKOUT, "examples/faq", name, "broken.yaml"), file);
    const fixed = await runForesail(["check", file, "--fix"]);
    assert.equal(fixed.exitCode, 0, fixed.stderr);
    const again = await runForesail(["check", file, "--fail-on", "fix"]);
    assert.match(again.stdout, /^checked \d+ objects: no findings\n$/);
    assert.equal(again.exitCode, 0);

    const namespaces = await cluster.kubectl(["create", "namespace", "shop"]);
    assert.match(namespaces.stdout + namespaces.stderr, /namespace\/shop created|already exists/);
    // Accounts are made by a controller that does not run here.
    await cluster.kubectl(["create", "serviceaccount", "default", "-n", "shop"]);
    const applied = await cluster.kubectl(["apply", "--validate=strict", "-f", file]);
    assert.equal(applied.code, 0, applied.stderr);
    const unchanged = await cluster.kubectl(["diff", "-f", file]);
    assert.equal(unchanged.code, 0, unchanged.stdout + unchanged.stderr);
  }
  const path = "jsonpath={.spec.jobTemplate.spec.template.metadata.annotations}";
  const { stdout } = await cluster.kubectl(["get", "cronjob", "report", "-n", "shop", "-o", path]);
  assert.deepEqual(JSON.parse(stdout), { "traffic.sidecar.istio.io/excludeInboundPorts": "9000" });
});
