/** `foresail namespace` on files, as a person runs it. Clusters are asked in test/e2e/stuck-namespaces.test.ts. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { runForesail } from "../foresail.ts";

const GOING = '"2026-11-22T17:00:00Z"';

const DUMP = `apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Namespace
  metadata: { name: stuck, deletionTimestamp: ${GOING}, uid: u1 }
  spec: { finalizers: [kubernetes] }
  status:
    conditions:
    - type: NamespaceContentRemaining
      status: "True"
      message: "Some resources are remaining: widgets.example.com has 1 resource instances"
- apiVersion: example.com/v1
  kind: Policy
  metadata: { name: blue, namespace: stuck, deletionTimestamp: ${GOING}, finalizers: [example.com/own] }
- apiVersion: v1
  kind: Service
  metadata:
    name: web
    namespace: stuck
    deletionTimestamp: ${GOING}
    finalizers: [finalizer.keda.sh]
- apiVersion: v1
  kind: ConfigMap
  metadata: { name: elsewhere, namespace: other, finalizers: [example.com/own] }
- apiVersion: v1
  kind: Node
  metadata: { name: node-1, finalizers: [example.com/own] }
- apiVersion: v1
  kind: Pod
  metadata: { name: keda-1, namespace: keda, labels: { app.kubernetes.io/name: keda-operator } }
  status: { conditions: [{ type: Ready, status: "True" }] }
- apiVersion: apiregistration.k8s.io/v1
  kind: APIService
  metadata: { name: v1beta1.metrics.k8s.io }
  spec: { service: { name: metrics, namespace: kube-system } }
  status: { conditions: [{ type: Available, status: "False", message: no endpoints }] }
- apiVersion: v1
  kind: Namespace
  metadata: { name: fine }
  spec: { finalizers: [kubernetes] }
`;

function namespace(...args: readonly string[]) {
  return runForesail(["namespace", ...args, "--mesh-state", "-"], { stdin: DUMP });
}

/** In one line, however wide the terminal. */
function unwrapped(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}

describe("a namespace that files hold", () => {
  test("is explained with what is in it, and with the steps that free it", async () => {
    const { stdout, exitCode } = await namespace("stuck");
    const said = unwrapped(stdout);
    assert.equal(exitCode, 1);
    assert.match(said, /policies\.example\.com \(1\): blue/);
    assert.match(said, /The APIService v1beta1\.metrics\.k8s\.io is not available: no endpoints/);
    assert.match(said, /kubectl patch policies\.example\.com blue -n stuck --type=merge/);
    assert.doesNotMatch(said, /elsewhere|node-1/);
  });

  test("has the controllers that the files show, and of no other is it said that it is missing", async () => {
    const { stdout } = await namespace("stuck");
    const said = unwrapped(stdout);
    assert.match(said, /finalizer\.keda\.sh: KEDA removes it, and runs: pod keda\/keda-1 /);
    const alone = DUMP.replace("app.kubernetes.io/name: keda-operator", "app: other");
    const { stdout: without } = await runForesail(["namespace", "stuck", "--mesh-state", "-"], {
      stdin: alone,
    });
    assert.match(
      unwrapped(without),
      /finalizer\.keda\.sh: KEDA removes it; whether that runs cannot be seen/,
    );
  });

  test("that is not being deleted has nothing in its way", async () => {
    const { stdout, exitCode } = await namespace("fine");
    assert.match(stdout, /^Namespace fine is not being deleted/);
    assert.equal(exitCode, 0);
  });

  test("shows what would be left behind, and is never ended", async () => {
    const shown = await namespace("stuck", "--finalize");
    assert.match(
      shown.stdout,
      /^2 objects would be left behind in stuck\n {2}policies\.example\.com: blue\n/,
    );
    assert.match(shown.stderr, /^foresail: nothing was done; /);
    assert.equal(shown.exitCode, 1);
    const asked = await namespace("stuck", "--finalize", "--yes");
    assert.match(asked.stderr, /^foresail: --yes ends a namespace of a cluster, not one of files\n/);
    assert.deepEqual([asked.stdout, asked.exitCode], ["", 2]);
  });
});

test("a namespace that the files do not hold is said, with how to write it", async () => {
  const { stdout, stderr, exitCode } = await namespace("gone");
  assert.deepEqual([stdout, exitCode], ["", 2]);
  assert.match(
    stderr,
    /^foresail: there is no namespace gone in -\n`kubectl get namespace gone -o yaml` writes it/,
  );
});

test("files and a cluster exclude each other", async () => {
  const { stderr, exitCode } = await namespace("stuck", "--kubeconfig", "config");
  assert.match(stderr, /^foresail: --mesh-state and --kubeconfig exclude each other\n/);
  assert.equal(exitCode, 2);
});
