import assert from "node:assert/strict";
import { test } from "node:test";
import { formatField } from "../../src/kubernetes/field-path.ts";
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
