import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { meshOf, revisedMeshOf } from "../../src/cluster/mesh.ts";
import { Store } from "../../src/cluster/store.ts";
import { istiodsAmong, istiodVersions, versionsOf } from "../../src/cluster/versions.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";
import type { MeshSettings } from "../../src/rules/policy.ts";

type Put = readonly [Kind, object];

function storeOf(objects: readonly Put[]): Store {
  const store = new Store("cluster.local");
  for (const [kind, object] of objects) store.put(kind, object);
  return store;
}

function deployment(name: string, image: string, labels: object = {}, namespace = "istio-system"): Put {
  const template = { spec: { containers: [{ name: "main", image }] } };
  return ["Deployment", { metadata: { name, namespace, labels }, spec: { template } }];
}

function injectorConfig(tag: string | number, revision = ""): Put {
  const values = JSON.stringify({ global: { hub: "r", tag }, sidecarInjectorWebhook: {} });
  const name = ["istio-sidecar-injector", revision].filter(Boolean).join("-");
  return ["ConfigMap", { metadata: { name, namespace: "istio-system" }, data: { values } }];
}

function gateway(name: string, image: string): Put {
  const template = { spec: { containers: [{ name: "istio-proxy", image }] } };
  return ["Deployment", { metadata: { name, namespace: "istio-system" }, spec: { template } }];
}

/** As found in the image of a proxy of Alibaba Cloud Service Mesh. */
const ASM_TAG = "v1.14.3.47-ga31201346f-aliyun";

describe("a version", () => {
  const versions = (objects: readonly Put[], settings: Partial<MeshSettings> = {}) =>
    versionsOf(storeOf(objects), { ...DEFAULT_MESH_SETTINGS, ...settings });

  test("is unknown where nothing tells", () => assert.deepEqual(versions([]), {}));

  test("is istiod's image tag, by its label or its name", () => {
    const istiod = { app: "istiod" };
    assert.deepEqual(versions([deployment("istiod-canary", "r/pilot:1.30.1-distroless", istiod)]), {
      istio: { value: "1.30.1", from: "the image of Deployment istio-system/istiod-canary" },
    });
    assert.equal(
      versions([deployment("istiod", "registry:5000/pilot:v1.10.3.42-g1")]).istio?.value,
      "1.10.3",
    );
    assert.equal(versions([deployment("other", "pilot:1.30.1")]).istio, undefined);
    assert.equal(versions([deployment("istiod", "pilot:1.30.1", istiod, "elsewhere")]).istio, undefined);
  });

  test("is unknown where the image has no version", () => {
    for (const image of ["pilot", "pilot:latest", "pilot@sha256:12ab", "registry:5000/pilot"]) {
      assert.equal(versions([deployment("istiod", image)]).istio, undefined, image);
    }
    assert.equal(
      versions([["Deployment", { metadata: { name: "istiod", namespace: "istio-system" } }]]).istio,
      undefined,
    );
  });

  test("is unknown while two of them run, and known when both run the same", () => {
    const [one, other] = [deployment("istiod-a", "pilot:1.29.0", { app: "istiod" }), { app: "istiod" }];
    assert.equal(versions([one, deployment("istiod-b", "pilot:1.30.0", other)]).istio, undefined);
    assert.equal(versions([one, deployment("istiod-b", "pilot:1.29.0", other)]).istio?.value, "1.29.0");
  });

  test("comes with what istiods say alike in their environment, as far as that decides anything", () => {
    const istiod = (name: string, ...variables: readonly (readonly [string, string])[]): Put => {
      const env = variables.map(([variable, value]) => ({ name: variable, value }));
      const template = { spec: { containers: [{ name: "discovery", image: "pilot:1.22.1", env }] } };
      const metadata = { name, namespace: "istio-system", labels: { app: "istiod" } };
      return ["Deployment", { metadata, spec: { template } }];
    };
    const off = ["ENABLE_EXTERNAL_NAME_ALIAS", "false"] as const;
    assert.deepEqual(versions([istiod("istiod", off, ["LOG_LEVEL", "info"])]).istio?.environment, {
      ENABLE_EXTERNAL_NAME_ALIAS: "false",
    });
    assert.equal(versions([istiod("istiod", off), istiod("istiod-canary")]).istio?.environment, undefined);
  });

  test("of a revision's istiod counts for its lookups, whether it stands in the store or was detected", () => {
    const istiods = [
      deployment("istiod", "pilot:1.22.0", { app: "istiod" }),
      deployment("istiod-canary", "pilot:1.31.0", { app: "istiod", "istio.io/rev": "canary" }),
    ];
    const stored = storeOf(istiods);
    const detected = storeOf([]);
    const settings = DEFAULT_MESH_SETTINGS;
    const { istioNamespace } = settings;
    detected.setDetected({
      versions: {},
      istiods: istiodVersions(istioNamespace, istiodsAmong(stored.list("Deployment", istioNamespace))),
    });
    const revised = (store: Store) => {
      const found = versionsOf(store, settings);
      return revisedMeshOf(store, settings, meshOf(store, settings), found);
    };
    const [inStore, asked, neither] = [revised(stored), revised(detected), revised(storeOf([]))];
    for (const revision of ["", "canary"]) {
      assert.deepEqual(asked.ofRevision(revision), inStore.ofRevision(revision));
    }
    assert.notDeepEqual(asked.ofRevision(""), asked.ofRevision("canary"));
    assert.notDeepEqual(asked.ofRevision(""), neither.ofRevision(""));
  });

  test("is that of the cloud controller manager in kube-system", () => {
    const manager = deployment("cloud-controller-manager", "ccm:v2.9.1", {}, "kube-system");
    assert.equal(versions([manager]).ccm?.value, "2.9.1");
  });

  test("is that of a DaemonSet of the cloud controller manager", () => {
    const [, manager] = deployment("cloud-controller-manager", "ccm:v2.10.1", {}, "kube-system");
    assert.deepEqual(versions([["DaemonSet", manager]]).ccm, {
      value: "2.10.1",
      from: "the image of DaemonSet kube-system/cloud-controller-manager",
    });
  });

  test("is in the name of the revision, where the image has none", () => {
    const istiod = (revision: string, image = "pilot@sha256:12ab") =>
      deployment("istiod-x", image, { app: "istiod", "istio.io/rev": revision });
    assert.deepEqual(versions([istiod("asm-1-22-3")]), {
      istio: { value: "1.22.3", from: "the revision of Deployment istio-system/istiod-x" },
    });
    assert.equal(versions([istiod("1-20")]).istio?.value, "1.20.0");
    assert.equal(versions([istiod("1-20", "pilot:1.19.9")]).istio?.value, "1.19.9");
    assert.equal(versions([istiod("canary")]).istio, undefined);
  });

  test("of Alibaba Cloud Service Mesh is in the tags of its images", () => {
    const from = "the image of Deployment istio-system/istiod";
    assert.deepEqual(versions([deployment("istiod", `r.aliyuncs.com/acs/pilot:${ASM_TAG}`)]), {
      istio: { value: "1.14.3", from },
      asm: { value: "1.14.3", from },
    });
  });

  test("is in the injector's tag, where no istiod is to be seen", () => {
    const from = "the tag in ConfigMap istio-system/istio-sidecar-injector";
    assert.deepEqual(versions([injectorConfig(ASM_TAG)]), {
      istio: { value: "1.14.3", from },
      asm: { value: "1.14.3", from },
    });
    assert.equal(versions([injectorConfig(1.22)]).istio?.value, "1.22.0");
    assert.equal(versions([injectorConfig("latest")]).istio, undefined);
    assert.equal(versions([injectorConfig("1.22.0"), injectorConfig("1.23.0", "b")]).istio, undefined);
    const istiod = deployment("istiod", "pilot:1.30.1");
    assert.equal(versions([istiod, injectorConfig(ASM_TAG)]).asm, undefined);
  });

  test("is in the gateways' proxies, where nothing else tells", () => {
    const proxy = gateway("istio-ingressgateway", `acs/proxyv2:${ASM_TAG}`);
    const found = versions([proxy, gateway("injected", "auto"), deployment("kiali", "kiali:v2.4")]);
    assert.deepEqual(found.asm, {
      value: "1.14.3",
      from: "the istio-proxy of Deployment istio-system/istio-ingressgateway",
    });
    assert.equal(versions([proxy, injectorConfig("1.22.0")]).istio?.value, "1.22.0");
    assert.equal(versions([proxy, gateway("other", "proxyv2:1.15.0")]).istio, undefined);
  });

  test("is unknown while several istiods run, whatever injectors and gateways say", () => {
    const one = deployment("istiod-a", "pilot:1.29.0", { app: "istiod" });
    const other = deployment("istiod-b", "pilot:1.30.0", { app: "istiod" });
    const rest = [injectorConfig("1.30.0"), gateway("istio-ingressgateway", "proxyv2:1.29.0")];
    const revised = deployment("istiod-b", "pilot:1.30.0", { app: "istiod", "istio.io/rev": "b" });
    assert.equal(versions([one, revised, ...rest]).istio, undefined);
    assert.equal(versions([one, other, ...rest]).istio, undefined);
  });

  test("of a revision without a visible istiod is in its injector's tag", () => {
    const store = storeOf([injectorConfig("1.22.0"), injectorConfig("1.31.0", "canary")]);
    const settings = DEFAULT_MESH_SETTINGS;
    const revised = revisedMeshOf(store, settings, meshOf(store, settings), versionsOf(store, settings));
    assert.equal(revised.ofRevision("").era.mergesByExportTo, false);
    assert.equal(revised.ofRevision("canary").era.mergesByExportTo, true);
  });

  test("is the assumed one before all others", () => {
    const assume = { istio: "1.10", asm: "1.10" };
    assert.deepEqual(versions([deployment("istiod", "pilot:1.30.1")], { assume }), {
      istio: { value: "1.10", from: "assume" },
      asm: { value: "1.10", from: "assume" },
    });
  });
});
