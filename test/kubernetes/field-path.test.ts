import assert from "node:assert/strict";
import { test } from "node:test";
import { formatField, formatStableField } from "../../src/kubernetes/field-path.ts";
import type { FieldPath } from "../../src/kubernetes/field-path.ts";

const CASES: [path: FieldPath, text: string][] = [
  [[], ""],
  [["spec"], "spec"],
  [["spec", "ports", 1, "name"], "spec.ports[1].name"],
  [["spec", "template", "spec", "containers", 0], "spec.template.spec.containers[0]"],
  [["metadata", "annotations", "proxy.istio.io/config"], 'metadata.annotations["proxy.istio.io/config"]'],
  [["metadata", "labels", "istio-injection"], "metadata.labels.istio-injection"],
  [["data", "0"], 'data["0"]'],
  [["data", ""], 'data[""]'],
  [["data", "a b"], 'data["a b"]'],
  [["data", 'a"\\b\n'], 'data["a\\"\\\\b\\n"]'],
  [["a.b", "c"], '["a.b"].c'],
  [[0, "a"], "[0].a"],
];
for (const [path, text] of CASES)
  test(`a field is written as ${JSON.stringify(text)}`, () => assert.equal(formatField(path), text));

const STABLE_CASES: [path: FieldPath, object: unknown, text: string][] = [
  [["metadata", "labels", "a.b/c"], {}, 'metadata.labels["a.b/c"]'],
  [
    ["spec", "ports", 1, "name"],
    { spec: { ports: [{ name: "a" }, { name: "http" }] } },
    'spec.ports[name="http"].name',
  ],
  [["ports", 1], { ports: [{}, { port: 80, targetPort: 8080 }] }, "ports[port=80]"],
  [["route", 0, "destination"], { route: [{ destination: { host: "a" } }] }, "route[].destination"],
  [["hosts", 1], { hosts: ["a", "b"] }, 'hosts["b"]'],
  [["hosts", 2], { hosts: ["a", "b"] }, "hosts[]"],
  [["spec", "ports", 0], null, "spec.ports[]"],
  [
    ["containers", 0, "ports", 0, "containerPort"],
    { containers: [{ name: "app", ports: [{ containerPort: 80 }] }] },
    'containers[name="app"].ports[containerPort=80].containerPort',
  ],
];
for (const [path, object, text] of STABLE_CASES)
  test(`a field whose items may move is ${text}`, () => assert.equal(formatStableField(path, object), text));
