import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { trimFor } from "../../../src/cluster/live/trim.ts";
import { readObject } from "../../../src/kubernetes/objects.ts";

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

describe("of an object is kept", () => {
  test("what rules read, without what kubectl remembers", () => {
    const service = {
      metadata: {
        name: "web",
        namespace: "shop",
        resourceVersion: "7",
        managedFields: [{}],
        annotations: { [LAST_APPLIED]: "{}", "networking.istio.io/exportTo": "." },
      },
      spec: { type: "ClusterIP", sessionAffinity: "None" },
    };
    assert.deepEqual(trimFor("Service")(service), {
      metadata: { name: "web", namespace: "shop", annotations: { "networking.istio.io/exportTo": "." } },
      spec: { type: "ClusterIP" },
    });
  });

  test("of ConfigMaps what belongs to the mesh, and nothing of others", () => {
    const trim = trimFor("ConfigMap");
    const mesh = { mesh: "rootNamespace: istio-config" };
    assert.deepEqual(trim({ metadata: { name: "istio" }, data: { ...mesh, meshNetworks: "networks: {}" } }), {
      metadata: { name: "istio", annotations: {} },
      data: mesh,
    });
    const injector = { metadata: { name: "istio-sidecar-injector" }, data: { values: "{}", config: "long" } };
    assert.deepEqual(trim(injector), {
      metadata: { name: "istio-sidecar-injector", annotations: {} },
      data: { values: "{}" },
    });
    assert.equal(trim({ metadata: { name: "istio-leader" }, data: { leader: "istiod-0" } }), undefined);
    assert.equal(trim({ metadata: { name: "empty" } }), undefined);
  });

  test("of Pods what their groups are made of, once for all of a workload", () => {
    const trim = trimFor("Pod");
    const pod = (hash: string) => ({
      metadata: {
        name: `web-${hash}`,
        namespace: "shop",
        uid: `uid-${hash}`,
        labels: { app: "web", "pod-template-hash": hash },
        annotations: {
          "sidecar.istio.io/status": '{"containers":["istio-proxy"]}',
          "traffic.sidecar.istio.io/excludeInboundPorts": "8087",
          "prometheus.io/scrape": "true",
        },
      },
    });
    const labels = { app: "web" };
    const annotations = {
      "traffic.sidecar.istio.io/excludeInboundPorts": "8087",
      "sidecar.istio.io/status": "",
    };
    for (const hash of ["a", "b"]) {
      const identity = { name: `web-${hash}`, namespace: "shop", uid: `uid-${hash}` };
      assert.deepEqual(trim(pod(hash)), { metadata: { ...identity, labels, annotations } });
    }
    assert.equal(readObject("Pod", trim(pod("c"))).metadata?.name, "web-c");
  });
});
