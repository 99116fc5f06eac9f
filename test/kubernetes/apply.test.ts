import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { applied } from "../../src/kubernetes/apply.ts";

const stored = (value: object, last?: object) => ({
  ...value,
  metadata: {
    uid: "1",
    annotations:
      last === undefined ? {} : { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify(last) },
  },
});

describe("a manifest that is applied", () => {
  test("leaves what others have set, and takes away what it said the last time", () => {
    const current = stored({ data: { own: "1", others: "2", gone: "3" } }, { data: { own: "0", gone: "3" } });
    assert.deepEqual(applied(current, { data: { own: "4" } }), {
      ...current,
      data: { own: "4", others: "2" },
    });
  });

  test("takes away what it sets to null", () => {
    const current = stored({ data: { a: "1", b: "2" } });
    assert.deepEqual(applied(current, { data: { a: null } }), { ...current, data: { b: "2" } });
  });

  test("replaces lists, and values of another type", () => {
    const current = stored({ list: [1, 2], map: { a: 1 } });
    assert.deepEqual(applied(current, { list: [3], map: "text" }), { ...current, list: [3], map: "text" });
  });

  test("takes the place of one that was never in a cluster, except for its age", () => {
    const current = {
      metadata: { name: "a", creationTimestamp: "2026-01-01T00:00:00Z", labels: { a: "b" } },
    };
    assert.deepEqual(applied(current, { metadata: { name: "a" } }), {
      metadata: { name: "a", creationTimestamp: "2026-01-01T00:00:00Z" },
    });
  });

  test("is all there is where nothing was, or nothing that can be read", () => {
    const manifest = { data: { a: "1" } };
    assert.deepEqual(applied(undefined, manifest), manifest);
    const broken = {
      metadata: { uid: "1", annotations: { "kubectl.kubernetes.io/last-applied-configuration": "{" } },
    };
    assert.deepEqual(applied(broken, manifest), { ...broken, ...manifest });
  });
});
