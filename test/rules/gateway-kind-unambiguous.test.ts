import rule from "../../src/rules/gateway-kind-unambiguous.ts";
import { testRule } from "./rule-tester.ts";

const ISTIO = "networking.istio.io";
const GATEWAY_API = "gateway.networking.k8s.io";
const ALPHA = "networking.x-k8s.io";

function gateway(apiVersion: string, metadata: object = { name: "web", namespace: "shop" }): object {
  return { apiVersion, kind: "Gateway", metadata };
}

function definition(group: string, spec: object = {}): object {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `gateways.${group}` },
    spec: { group, names: { kind: "Gateway", plural: "gateways" }, ...spec },
  };
}

const BOTH = [definition(ISTIO), definition(GATEWAY_API)];
const NONE_SERVED = { versions: [{ name: "v1alpha1", served: false }] };

const shownBy = (message: string, command: string) => ({
  message,
  field: ["kind"],
  data: { command: `kubectl get gateways.${command}` },
});
const second = (own: string, other: string) => ({
  message: "secondDefinition",
  field: ["spec", "names", "plural"],
  data: { own: `gateways.${own}`, other: `gateways.${other}` },
});

testRule(rule, {
  valid: [
    { name: "only Istio's kind is served", object: gateway(`${ISTIO}/v1`), cluster: [definition(ISTIO)] },
    {
      name: "only the Gateway API's kinds are served, new and old",
      object: gateway(`${GATEWAY_API}/v1`),
      cluster: [definition(GATEWAY_API), definition(ALPHA)],
    },
    { name: "nobody knows what is served", object: gateway(`${ISTIO}/v1`), isComplete: false },
    {
      name: "of the kind itself nobody knows",
      object: gateway(`${ISTIO}/v1`),
      cluster: [definition(GATEWAY_API)],
      isComplete: false,
    },
    {
      name: "the other kind's definition serves no version",
      object: gateway(`${ISTIO}/v1`),
      cluster: [definition(ISTIO), definition(GATEWAY_API, NONE_SERVED)],
    },
    { name: "the first definition is created", object: definition(ISTIO) },
    {
      name: "both definitions are of the Gateway API",
      object: definition(GATEWAY_API),
      cluster: [definition(ALPHA)],
    },
    { name: "another group has gateways", object: definition("networking.gke.io"), cluster: BOTH },
    {
      name: "another kind of Istio's is defined",
      object: definition(ISTIO, { names: { kind: "Sidecar", plural: "sidecars" } }),
      cluster: [definition(GATEWAY_API)],
    },
    {
      name: "the second definition serves no version",
      object: definition(ISTIO, NONE_SERVED),
      cluster: [definition(GATEWAY_API)],
    },
  ],
  invalid: [
    {
      name: "Istio's Gateway is created where the Gateway API is installed",
      object: gateway(`${ISTIO}/v1alpha3`),
      cluster: BOTH,
      findings: [shownBy("otherKindShown", `${ISTIO} -n shop web`)],
    },
    {
      name: "the Gateway API's is created where Istio is installed",
      object: gateway(`${GATEWAY_API}/v1beta1`),
      cluster: BOTH,
      findings: [shownBy("twoKinds", `${GATEWAY_API} -n shop web`)],
    },
    {
      name: "Istio's is created where the old Gateway API is installed",
      object: gateway(`${ISTIO}/v1`),
      cluster: [definition(ISTIO), definition(ALPHA)],
      findings: [shownBy("twoKinds", `${ISTIO} -n shop web`)],
    },
    {
      name: "the old Gateway API's is created where Istio is installed",
      object: gateway(`${ALPHA}/v1alpha1`),
      cluster: [definition(ISTIO), definition(ALPHA)],
      findings: [shownBy("twoKinds", `${ALPHA} -n shop web`)],
    },
    {
      name: "all three kinds are served, and the Gateway names no namespace",
      object: gateway(`${ISTIO}/v1`, { name: "web" }),
      cluster: [...BOTH, definition(ALPHA)],
      findings: [shownBy("otherKindShown", `${ISTIO} -n default web`)],
    },
    {
      name: "its name is yet to be generated",
      object: gateway(`${ISTIO}/v1`, { generateName: "web-", namespace: "shop" }),
      cluster: BOTH,
      findings: [shownBy("generated", `${ISTIO} -n shop`)],
    },
    {
      name: "the Gateway API comes to Istio",
      object: definition(GATEWAY_API),
      cluster: [definition(ISTIO)],
      findings: [second(GATEWAY_API, ISTIO)],
    },
    {
      name: "Istio comes to the Gateway API, new and old",
      object: definition(ISTIO, {
        versions: [
          { name: "v1alpha3", served: false },
          { name: "v1", served: true },
        ],
      }),
      cluster: [definition(ALPHA), definition(GATEWAY_API)],
      findings: [second(ISTIO, GATEWAY_API)],
    },
    {
      name: "the old Gateway API comes to Istio",
      object: definition(ALPHA),
      cluster: [definition(ISTIO)],
      findings: [second(ALPHA, ISTIO)],
    },
  ],
});
