import assert from "node:assert/strict";
import { test } from "node:test";
import { readObject } from "../../src/kubernetes/objects.ts";
import { targetPortsOf } from "../../src/kubernetes/target-ports.ts";

function targets(ports: readonly object[], spec: object = {}) {
  const service = readObject("Service", { metadata: { name: "web" }, spec: { ports } });
  return [...targetPortsOf([service], readObject("Pod", { spec }).spec ?? {})];
}

test("a Service without targetPort sends to its own port", () => {
  assert.deepEqual(targets([{ port: 80 }, { port: 81, targetPort: 8081 }]), [
    [80, "web"],
    [8081, "web"],
  ]);
});

function namedPort(name: string, containerPort: number, protocol = "TCP") {
  return { name, containerPort, protocol };
}

test("a named targetPort is looked for in all containers that keep running", () => {
  const spec = {
    containers: [{ ports: [namedPort("http", 53, "UDP")] }, { ports: [namedPort("http", 8080)] }],
    initContainers: [
      { ports: [namedPort("once", 1)] },
      { restartPolicy: "Always", ports: [namedPort("sidecar", 9000)] },
    ],
  };
  const named = ["http", "sidecar", "once", "nowhere"].map((targetPort) => ({ port: 80, targetPort }));
  assert.deepEqual(targets(named, spec), [
    [8080, "web"],
    [9000, "web"],
  ]);
});

test("UDP is no port that a sidecar intercepts", () => {
  assert.deepEqual(targets([{ port: 53, protocol: "UDP" }, {}]), []);
});

test("of several Services the first is named", () => {
  const services = ["a", "b"].map((name) =>
    readObject("Service", { metadata: { name }, spec: { ports: [{ port: 80 }] } }),
  );
  assert.deepEqual([...targetPortsOf(services, {})], [[80, "a"]]);
});
