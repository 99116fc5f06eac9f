import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Store } from "../../src/cluster/store.ts";
import { createView } from "../../src/cluster/view.ts";
import type { ObjectId } from "../../src/cluster/view.ts";
import type { Kind } from "../../src/kubernetes/objects.ts";
import { DEFAULT_MESH_SETTINGS } from "../../src/rules/policy.ts";

const ISTIO = "networking.istio.io";
const GATEWAY_API = "gateway.networking.k8s.io";

interface Definition {
  readonly versions?: readonly object[];
  readonly status?: object;
}

function definition(group: string, { versions = [{ name: "v1", served: true }], status }: Definition = {}) {
  return {
    metadata: { name: `gateways.${group}` },
    spec: { group, names: { kind: "Gateway", plural: "gateways" }, versions },
    status,
  };
}

interface State {
  readonly excluded?: ObjectId;
  readonly serves?: (kind: Kind) => boolean | undefined;
}

function served(definitions: readonly object[], { excluded, serves }: State = {}): Record<string, unknown> {
  const store = new Store("cluster.local");
  for (const one of definitions) store.put("CustomResourceDefinition", one);
  const state = { store, settings: DEFAULT_MESH_SETTINGS, isComplete: true, ...(serves ? { serves } : {}) };
  const view = createView(state, excluded);
  return { istio: view.serves("Gateway"), gatewayApi: view.serves("KubernetesGateway") };
}

describe("whether a kind is served", () => {
  test("is not known without CustomResourceDefinitions", () => {
    assert.deepEqual(served([]), { istio: undefined, gatewayApi: undefined });
  });

  test("is told by the kind's own CustomResourceDefinition alone", () => {
    assert.deepEqual(served([definition(ISTIO)]), { istio: true, gatewayApi: undefined });
  });

  test("is told by the group and the plural, not by the name of the kind", () => {
    const other = definition("example.com");
    const widgets = {
      ...definition(ISTIO),
      spec: { group: ISTIO, names: { kind: "Gateway", plural: "gates" } },
    };
    assert.deepEqual(served([other, widgets]), { istio: undefined, gatewayApi: undefined });
  });

  test("is false while no version is", () => {
    const none = definition(ISTIO, {
      versions: [
        { name: "v1alpha3", served: false },
        { name: "v1", served: false },
      ],
    });
    const one = definition(GATEWAY_API, { versions: [{ name: "v1beta1", served: false }, { name: "v1" }] });
    assert.deepEqual(served([none, one]), { istio: false, gatewayApi: true });
  });

  test("is false for one that was not established, true for one of which that is not said", () => {
    const refused = definition(ISTIO, { status: { conditions: [{ type: "Established", status: "False" }] } });
    const applied = definition(GATEWAY_API, {
      status: { conditions: [{ type: "NamesAccepted", status: "False" }] },
    });
    assert.deepEqual(served([refused, applied]), { istio: false, gatewayApi: true });
  });

  test("counts only what came before a CustomResourceDefinition under review", () => {
    const all = [definition(ISTIO), definition(GATEWAY_API)];
    const kind = "CustomResourceDefinition";
    const first = { kind, namespace: "", name: `gateways.${ISTIO}` } as const;
    const second = { kind, namespace: "", name: `gateways.${GATEWAY_API}` } as const;
    assert.deepEqual(served(all, { excluded: first }), { istio: undefined, gatewayApi: undefined });
    assert.deepEqual(served(all, { excluded: second }), { istio: true, gatewayApi: undefined });
  });

  test("is what the API server says, unless a definition came besides", () => {
    const serves = (kind: Kind) => kind === "KubernetesGateway";
    assert.deepEqual(served([], { serves }), { istio: false, gatewayApi: true });
    assert.deepEqual(served([definition(ISTIO)], { serves }), { istio: true, gatewayApi: true });
  });
});
