import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { KINDS, readObject } from "../../src/kubernetes/objects.ts";
import { patchFor } from "../../src/kubernetes/json-patch.ts";
import { isPodKind, POD_KINDS, podTemplateOf, WORKLOAD_KINDS } from "../../src/kubernetes/pod-template.ts";

describe("the template of a Pod", () => {
  const pod = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "app" }] } };

  for (const kind of POD_KINDS) {
    test(`of a ${kind} stands where its path says`, () => {
      const { path } = podTemplateOf(kind, {});
      const { object } = patchFor({}, [{ path, value: pod }]);
      const { metadata, spec } = podTemplateOf(kind, readObject(kind, object));
      assert.deepEqual({ metadata, spec }, pod);
    });

    test(`of a ${kind} reads as empty where there is none`, () => {
      for (const value of [{}, { spec: null }, { spec: { template: 7, jobTemplate: [] } }]) {
        const { metadata, spec } = podTemplateOf(kind, readObject(kind, value));
        assert.deepEqual([metadata, spec], [{}, {}]);
      }
    });
  }

  test("is where Kubernetes has it", () => {
    assert.deepEqual(podTemplateOf("Pod", {}).path, []);
    assert.deepEqual(podTemplateOf("CronJob", {}).path, ["spec", "jobTemplate", "spec", "template"]);
    for (const kind of WORKLOAD_KINDS.filter((one) => one !== "CronJob"))
      assert.deepEqual(podTemplateOf(kind, {}).path, ["spec", "template"]);
  });

  test("is in Pods and the kinds that make Pods, and in no other", () => {
    assert.deepEqual(KINDS.filter(isPodKind).toSorted(), [...POD_KINDS].toSorted());
    assert.deepEqual(["Pod", ...WORKLOAD_KINDS].toSorted(), [...POD_KINDS].toSorted());
  });
});
