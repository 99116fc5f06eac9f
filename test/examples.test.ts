/** The examples as a person checks them: `foresail check FILE`, with every rule there is. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { readManifests } from "../src/cluster/files/manifests.ts";
import { loadMeshState } from "../src/cluster/files/mesh-state.ts";
import { checkManifests } from "../src/commands/check/check-manifests.ts";
import type { ReportedFinding } from "../src/report/finding.ts";
import { RULES } from "../src/rules/index.ts";
import { DEFAULT_MESH_SETTINGS, DEFAULT_POLICY } from "../src/rules/policy.ts";
import type { MeshSettings } from "../src/rules/policy.ts";
import { CHECKOUT, runForesail } from "./foresail.ts";

const CONTROL_PLANE = "examples/good/control-plane";

async function findingsIn(
  path: string,
  { meshState = [], assume = {} }: { meshState?: readonly string[]; assume?: MeshSettings["assume"] } = {},
): Promise<readonly ReportedFinding[]> {
  const { manifests, problems } = await readManifests([join(CHECKOUT, path)]);
  assert.deepEqual(problems, []);
  const paths = meshState.map((one) => join(CHECKOUT, one));
  const { store } = await loadMeshState(paths, DEFAULT_MESH_SETTINGS.clusterDomain);
  const { findings, failures } = checkManifests({
    manifests,
    state: { store, settings: { ...DEFAULT_MESH_SETTINGS, assume }, isComplete: false },
    namespace: "default",
    rules: RULES,
    policy: DEFAULT_POLICY,
    today: "2026-08-01",
  });
  assert.deepEqual(failures, []);
  return findings;
}

/** `FILE:LINE ACTION RULE: MESSAGE`. */
function inWords({ file, line, verdict }: ReportedFinding): string {
  return `${file.replace(CHECKOUT, "")}:${line} ${verdict.action} ${verdict.rule}: ${verdict.message}`;
}

describe("a mesh that is well made has no findings", () => {
  const meshes = readdirSync(join(CHECKOUT, "examples/good")).filter((name) => name !== "control-plane");
  for (const mesh of meshes) {
    test(`${mesh}, in a cluster with Istio`, async () => {
      const findings = await findingsIn(`examples/good/${mesh}`, { meshState: [CONTROL_PLANE] });
      assert.deepEqual(findings.map(inWords), []);
    });

    // What the injector will do is not known then, so Pods are repaired in the way that is harmless everywhere.
    test(`${mesh}, by its files alone: none but repairs`, async () => {
      const findings = await findingsIn(`examples/good/${mesh}`);
      assert.deepEqual(findings.filter(({ verdict }) => verdict.action !== "Fix").map(inWords), []);
    });
  }

  test("all of them together", async () => {
    assert.deepEqual((await findingsIn("examples/good")).map(inWords), []);
  });
});

/** Of each folder's broken.yaml: `LINE ACTION RULE`. */
const FAQ: Readonly<Record<string, readonly string[]>> = {
  "1-injection-labels": [
    "7 Warn namespace-injection-takes-effect",
    "23 Warn namespace-injection-takes-effect",
  ],
  "2-namespace": ["5 Audit namespace-can-terminate"],
  "3-gateway-address": ["15 Warn gateway-reachable-in-cluster"],
  "4-load-balancer": ["12 Audit gateway-load-balancer-survives", "25 Audit gateway-load-balancer-survives"],
  "5-external-database": ["35 Warn tcp-port-not-shared"],
  "5-external-name": ["24 Warn tcp-port-not-shared"],
  "6-gateway-kinds": ["9 Warn gateway-kind-unambiguous", "41 Warn gateway-kind-unambiguous"],
  "7-destination-rule": ["10 Deny destination-rule-is-looked-up"],
  "7-subset": ["30 Warn virtual-service-subset-exists"],
  "8-pruned-init": ["22 Audit istio-init-not-pruned", "46 Audit istio-init-not-pruned"],
  "9-health-checks": [
    "15 Fix pod-drains-before-stop",
    "25 Fix pod-probes-reach-the-app",
    "37 Fix pod-drains-before-stop",
    "44 Fix pod-probes-reach-the-app",
    "56 Fix pod-probes-reach-the-app",
    "67 Fix pod-drains-before-stop",
    "75 Fix pod-probes-reach-the-app",
  ],
  "10-misspelt": ["15 Warn pod-annotations-known"],
  "10-long-requests": ["15 Fix pod-drains-before-stop", "27 Fix pod-drains-before-stop"],
};

describe("what the frequent questions are about is found where it stands", () => {
  test("there is a folder for each", () => {
    const folders = readdirSync(join(CHECKOUT, "examples/faq"));
    assert.deepEqual(folders.toSorted(), Object.keys(FAQ).toSorted());
  });

  for (const [folder, expected] of Object.entries(FAQ)) {
    test(folder, async () => {
      const findings = await findingsIn(`examples/faq/${folder}/broken.yaml`);
      const found = findings.map(({ line, verdict }) => `${line} ${verdict.action} ${verdict.rule}`);
      assert.deepEqual(found, expected);
    });

    test(`${folder}, repaired: nothing is found`, async () => {
      const findings = await findingsIn(`examples/faq/${folder}/repaired.yaml`);
      assert.deepEqual(findings.map(inWords), []);
    });
  }
});

test("8-pruned-init is a warning where Pods crash for it, and is repaired there", async () => {
  const assume = { istio: "1.23", kubernetes: "1.19" };
  const broken = await findingsIn("examples/faq/8-pruned-init/broken.yaml", { assume });
  assert.deepEqual(
    broken.map(({ verdict }) => verdict.action),
    ["Warn", "Warn"],
  );
  assert.deepEqual(await findingsIn("examples/faq/8-pruned-init/repaired.yaml", { assume }), []);
});

const REPAIRABLE = ["9-health-checks", "10-long-requests", "10-misspelt"];

test("--fix changes the lines of the repairs and no others", async () => {
  const files = REPAIRABLE.map((folder) => `examples/faq/${folder}/broken.yaml`);
  const { stdout, stderr } = await runForesail(["check", ...files, "--fix", "--dry-run"]);
  assert.equal(stdout, DIFF);
  assert.match(stderr, /\nforesail: would make 10 repairs in 3 files\n$/);
});

const DIFF = `--- examples/faq/9-health-checks/broken.yaml
+++ examples/faq/9-health-checks/broken.yaml
@@ -14,6 +14,12 @@
   template:
     metadata:
       labels: { app: web } # no annotations yet
+      annotations:
+        proxy.istio.io/config: |
+          proxyMetadata:
+            EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"
+            MINIMUM_DRAIN_DURATION: 5s
+        traffic.sidecar.istio.io/excludeInboundPorts: "8087"
     spec:
       containers:
       - name: web
@@ -36,7 +42,11 @@
                 app: store
             annotations:
                 # Set by hand, once.
-                traffic.sidecar.istio.io/excludeInboundPorts: '9100'
+                traffic.sidecar.istio.io/excludeInboundPorts: '9100,9101'
+                proxy.istio.io/config: |
+                    proxyMetadata:
+                      EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"
+                      MINIMUM_DRAIN_DURATION: 5s
         spec:
             containers:
                 -   name: store
@@ -54,6 +64,9 @@
         spec:
           restartPolicy: Never
           containers: [{ name: report, image: "report:1.0", livenessProbe: { tcpSocket: { port: 9000 } } }] # finding
+        metadata:
+          annotations:
+            traffic.sidecar.istio.io/excludeInboundPorts: "9000"
 ---
 apiVersion: v1
 kind: Service
@@ -67,6 +80,12 @@
 metadata: # finding
   name: queue
   namespace: shop
+  annotations:
+    proxy.istio.io/config: |
+      proxyMetadata:
+        EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"
+        MINIMUM_DRAIN_DURATION: 5s
+    traffic.sidecar.istio.io/excludeInboundPorts: "8087"
 spec:
   containers:
   - name: queue
--- examples/faq/10-long-requests/broken.yaml
+++ examples/faq/10-long-requests/broken.yaml
@@ -15,6 +15,9 @@
         proxy.istio.io/config: | # finding
           concurrency: 2
           holdApplicationUntilProxyStarts: true
+          proxyMetadata:
+            EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"
+            MINIMUM_DRAIN_DURATION: 5s
         prometheus.io/scrape: "true"
     spec:
       terminationGracePeriodSeconds: 120
@@ -27,6 +30,11 @@
 metadata:
   name: reports-once
   namespace: shop # finding
+  annotations:
+    proxy.istio.io/config: |
+      proxyMetadata:
+        EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"
+        MINIMUM_DRAIN_DURATION: 5s
 spec:
   containers:
   - name: reports
--- examples/faq/10-misspelt/broken.yaml
+++ examples/faq/10-misspelt/broken.yaml
@@ -12,7 +12,7 @@
     metadata:
       labels: { app: reports }
       annotations:
-        sidecar.istio.io/native-sidecar: "true" # finding
+        sidecar.istio.io/nativeSidecar: "true" # finding
     spec:
       containers:
       - name: reports
`;
