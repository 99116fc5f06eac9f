import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { folderWith, runForesail } from "../foresail.ts";

const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: edge, namespace: istio-system }
spec: { type: LoadBalancer, externalTrafficPolicy: Cluster, selector: { istio: ingressgateway } }
`;
/** Read as a whole object it would be found by gateway-reachable-in-cluster. */
const PATCH = `apiVersion: v1
kind: Service
metadata: { name: edge, namespace: istio-system, labels: { istio: ingressgateway } }
spec: { type: LoadBalancer, externalTrafficPolicy: Local }
`;
const OPERATIONS = "- { op: remove, path: /spec/type }\n";
const skippedOf = (root: string, patches = "1 Kustomize patch") =>
  `foresail: skipped ${patches} of ${root}: check what becomes of it with kubectl kustomize ${root} | foresail check -\n`;

describe("Kustomize's patches", () => {
  for (const named of [
    "patches: [{ path: patch.yaml, target: { kind: Service } }]",
    "patchesStrategicMerge: [./patch.yaml]",
    "patchesJson6902: [{ path: ../overlay/patch.yaml, target: { kind: Service, name: edge, version: v1 } }]",
  ]) {
    test(`are skipped with one line where they are named by ${named}`, async (t) => {
      const cwd = await folderWith(t, {
        "base/kustomization.yaml": "resources: [service.yaml]\n",
        "base/service.yaml": SERVICE,
        "overlay/kustomization.yaml": `resources: [../base]\n${named}\n`,
        "overlay/patch.yaml": PATCH,
      });
      assert.deepEqual(await runForesail(["check", "."], { cwd }), {
        exitCode: 0,
        stdout:
          "checked 1 object: no findings; skipped 2 files without Kubernetes objects; skipped 1 Kustomize patch\n",
        stderr: skippedOf("overlay"),
      });
    });
  }

  test("are known from a kustomization above the folder that is checked, of whatever name, and of a Component", async (t) => {
    const cwd = await folderWith(t, {
      "component/Kustomization":
        "kind: Component\npatches: [{ path: patches/a.yaml }, { path: patches/b.yml }, { patch: 'a: 1' }]\n",
      "component/patches/a.yaml": PATCH,
      "component/patches/b.yml": OPERATIONS,
      "component/patches/other.yaml": SERVICE,
    });
    assert.deepEqual(await runForesail(["check", "patches"], { cwd: `${cwd}/component` }), {
      exitCode: 0,
      stdout: "checked 1 object: no findings; skipped 2 Kustomize patches\n",
      stderr: skippedOf(".", "2 Kustomize patches"),
    });
  });

  test("are skipped also when they are named themselves", async (t) => {
    const cwd = await folderWith(t, {
      "kustomization.yml": "patches: [{ path: patch.yaml }]\n",
      "patch.yaml": PATCH,
    });
    const line = skippedOf(".");
    assert.deepEqual(await runForesail(["check", "patch.yaml"], { cwd }), {
      exitCode: 2,
      stdout: "checked 0 objects; skipped 1 Kustomize patch\n",
      stderr: `${line}foresail: nothing to check: no Kubernetes objects in patch.yaml\n`,
    });
    const { exitCode, stderr } = await runForesail(["impact", "patch.yaml", "--mesh-state", "."], { cwd });
    assert.deepEqual(
      { exitCode, stderr },
      { exitCode: 2, stderr: `${line}foresail: nothing to apply: no Kubernetes objects in patch.yaml\n` },
    );
  });

  test("are not what another kustomization has for a resource, what none names, or what it says itself", async (t) => {
    const inline = "patchesStrategicMerge:\n- |\n  kind: Service\n- 7\npatches: broken\n";
    const cwd = await folderWith(t, {
      "a/kustomization.yaml": "resources: [../b/whole.yaml]\n",
      "b/kustomization.yaml": "patches: [{ path: whole.yaml }]\n",
      "b/whole.yaml": PATCH,
      "c/kustomization.yaml": inline,
      "d/kustomization.yaml": "patches: [{ path: ../c/not-there.yaml }, 7, { path: 7 }\n",
    });
    const { exitCode, stdout, stderr } = await runForesail(["check", "a", "b", "c"], { cwd });
    assert.equal(exitCode, 1);
    assert.match(stdout, /gateway-reachable-in-cluster/);
    assert.equal(stderr, "");
    const broken = await runForesail(["check", "d"], { cwd });
    assert.match(broken.stderr, /^d\/kustomization\.yaml:\d+:\d+: /);
  });
});
