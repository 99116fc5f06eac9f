import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { hasGatewayLabels, isOwnedByIstioGateway, serviceOfIstioGateway } from "../../src/istio/gateways.ts";

describe("a gateway's Service", () => {
  const gateways = [
    { istio: "ingressgateway" },
    { istio: "egressgateway" },
    { istio: "my-own-gateway" },
    { app: "istio-ingressgateway" },
    { app: "istio-egressgateway" },
    { "gateway.networking.k8s.io/gateway-name": "edge" },
    { "gateway.istio.io/managed": "" },
  ];
  for (const labels of gateways) {
    test(`is told by ${JSON.stringify(labels)}`, () => assert.ok(hasGatewayLabels({ ...labels, tier: "x" })));
  }

  test("is not told by anything else", () => {
    const others = [{}, { istio: "pilot" }, { istio: "gateway-api" }, { app: "gateway" }, { app: "istiod" }];
    for (const labels of others) assert.ok(!hasGatewayLabels({ tier: "x", ...labels }));
  });

  test("may be owned by an IstioGateway", () => {
    const owner = (kind: string) => ({ apiVersion: "istio.alibabacloud.com/v1beta1", kind, name: "x" });
    assert.ok(isOwnedByIstioGateway({ ownerReferences: [owner("Other"), owner("IstioGateway")] }));
    assert.ok(!isOwnedByIstioGateway({ ownerReferences: [owner("Gateway"), {}] }));
    assert.ok(!isOwnedByIstioGateway({}));
  });

  test("has the IstioGateway's name after istio-", () => {
    assert.equal(serviceOfIstioGateway("ingressgateway"), "istio-ingressgateway");
    assert.equal(serviceOfIstioGateway("istio-ingressgateway"), "istio-ingressgateway");
  });
});
