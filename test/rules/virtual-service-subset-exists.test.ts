import rule from "../../src/rules/virtual-service-subset-exists.ts";
import { testRule } from "./rule-tester.ts";

const HOST = "web.shop.svc.cluster.local";
const API = "networking.istio.io/v1";

function destinationRule(path: string, ...subsets: string[]): object {
  const [namespaceOf, name] = path.split("/");
  return {
    apiVersion: API,
    kind: "DestinationRule",
    metadata: { name, namespace: namespaceOf },
    spec: { host: HOST, subsets: subsets.map((one) => ({ name: one, labels: { version: one } })) },
  };
}

function virtualService(subset: string, spec: object = {}, http: object = {}): object {
  const route = [{ destination: { host: HOST, subset } }];
  return {
    apiVersion: API,
    kind: "VirtualService",
    metadata: { name: "web", namespace: "shop" },
    spec: { hosts: [HOST], http: [{ route, ...http }], ...spec },
  };
}

function namespace(name: string): object {
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name, labels: { "istio-injection": "enabled" } },
  };
}

function service(metadata: object = {}, spec: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "shop", ...metadata },
    spec,
  };
}

function gatewayPod(namespaceOf: string): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "edge", namespace: namespaceOf, uid: "1", labels: { istio: "ingressgateway" } },
    spec: { containers: [{ name: "istio-proxy", image: "proxyv2:1.30.0" }] },
  };
}

const MESH = [service(), namespace("client"), namespace("shop")];
const V1 = destinationRule("shop/web", "v1");
const FIELD = ["spec", "http", 0, "route", 0, "destination", "subset"];
const names = (noun: string, ...list: string[]) => ({ names: list, noun });
const missing = (subset: string, ...namespaces: string[]) => ({
  host: HOST,
  subset,
  namespaces: names("namespace", ...namespaces),
});
const SUBSETS = ["spec", "subsets"];

testRule(rule, {
  valid: [
    { name: "the subset is there", object: virtualService("v1"), cluster: [V1, ...MESH] },
    { name: "no subset is named", object: virtualService(""), cluster: MESH },
    { name: "the host is nobody's", object: virtualService("v1"), cluster: [namespace("client")] },
    {
      name: "the host is an alias",
      object: virtualService("v1"),
      cluster: [service({}, { type: "ExternalName", externalName: "example.com" }), namespace("client")],
    },
    {
      name: "of the rules of the host that are merged, one has the subset",
      object: virtualService("v2"),
      cluster: [V1, destinationRule("shop/more", "v2"), ...MESH],
    },
    {
      name: "the route is not for the clients who lack the subset",
      object: virtualService("v1", {}, { match: [{ sourceNamespace: "shop" }] }),
      cluster: [V1, destinationRule("client/own"), ...MESH],
    },
    {
      name: "the VirtualService is not exported to the clients who lack the subset",
      object: virtualService("v1", { exportTo: ["."] }),
      cluster: [V1, destinationRule("client/own"), ...MESH],
    },
    {
      name: "the Service is not exported to the clients who lack the subset",
      object: virtualService("v1"),
      cluster: [
        V1,
        destinationRule("client/own"),
        service({ annotations: { "networking.istio.io/exportTo": "." } }),
        ...MESH.slice(1),
      ],
    },
    {
      name: "files may be only a part, and hold no rule for the host",
      object: virtualService("v1"),
      cluster: MESH,
      isComplete: false,
    },
    {
      name: "it is for gateways, and only sidecars lack the subset",
      object: virtualService("v1", { gateways: ["edge"] }),
      cluster: [V1, destinationRule("client/own"), gatewayPod("edge"), ...MESH],
    },
    {
      name: "one of several gateways has the subset",
      object: virtualService("v1", { gateways: ["edge"] }),
      cluster: [V1, destinationRule("inner/own"), gatewayPod("edge"), gatewayPod("inner"), ...MESH],
    },
    {
      name: "others delegate to it, and some client has the subset",
      object: virtualService("v1", { hosts: [] }),
      cluster: [V1, destinationRule("client/own"), ...MESH],
    },
    {
      name: "it goes",
      operation: "DELETE",
      object: virtualService("v2"),
      cluster: [V1, ...MESH],
    },
    {
      name: "a DestinationRule goes whose subset nobody uses",
      operation: "DELETE",
      object: V1,
      cluster: [virtualService("v2"), ...MESH],
    },
    {
      name: "a DestinationRule goes, and another one has the subset",
      operation: "DELETE",
      object: V1,
      cluster: [destinationRule("istio-system/web", "v1"), virtualService("v1"), ...MESH],
    },
    {
      name: "a DestinationRule comes that lacks a subset which was missing before",
      object: destinationRule("shop/web", "v1"),
      cluster: [virtualService("v2"), ...MESH],
    },
  ],
  invalid: [
    {
      name: "the rule lacks the subset for all clients",
      object: virtualService("v2"),
      cluster: [V1, ...MESH],
      findings: [
        {
          message: "subsetMissing",
          field: FIELD,
          data: { ...missing("v2", "client", "shop"), rules: names("rule", "shop/web") },
        },
      ],
    },
    {
      name: "the own rule of some clients lacks it",
      object: virtualService("v1"),
      cluster: [V1, destinationRule("client/own"), ...MESH],
      findings: [
        {
          message: "subsetMissing",
          field: FIELD,
          data: { ...missing("v1", "client"), rules: names("rule", "client/own") },
        },
      ],
    },
    {
      name: "no client is known, and those beside the service would lack it",
      object: virtualService("v2"),
      oldObject: virtualService("v1"),
      cluster: [V1, service()],
      isComplete: false,
      findings: [
        {
          message: "subsetMissing",
          field: FIELD,
          data: { ...missing("v2", "shop"), rules: names("rule", "shop/web") },
        },
      ],
    },
    {
      name: "nobody has a rule for the host",
      object: virtualService("v1", {
        http: [],
        tcp: [{ route: [{ destination: { host: "web", subset: "v1" } }] }],
      }),
      cluster: MESH,
      findings: [
        {
          message: "subsetWithoutRule",
          field: ["spec", "tcp", 0, "route", 0, "destination", "subset"],
          data: missing("v1", "client", "shop"),
        },
      ],
    },
    {
      name: "no gateway has it",
      object: virtualService("v1", { gateways: ["edge"] }),
      cluster: [V1, destinationRule("edge/own"), gatewayPod("edge"), ...MESH],
      findings: [
        {
          message: "subsetMissing",
          field: FIELD,
          data: { ...missing("v1", "edge"), rules: names("rule", "edge/own") },
        },
      ],
    },
    {
      name: "the DestinationRule in use goes",
      operation: "DELETE",
      object: V1,
      cluster: [virtualService("v1"), ...MESH],
      findings: [
        {
          message: "subsetTaken",
          field: SUBSETS,
          data: { ...missing("v1", "client", "shop"), routes: names("VirtualService", "shop/web") },
        },
      ],
    },
    {
      name: "a subset in use is renamed",
      object: destinationRule("shop/web", "v2"),
      oldObject: V1,
      cluster: [virtualService("v1"), ...MESH],
      findings: [
        {
          message: "subsetTaken",
          field: SUBSETS,
          data: { ...missing("v1", "client", "shop"), routes: names("VirtualService", "shop/web") },
        },
      ],
    },
    {
      name: "a client's new rule hides a subset in use",
      object: destinationRule("client/own"),
      cluster: [V1, virtualService("v1"), ...MESH],
      findings: [
        {
          message: "subsetTaken",
          field: SUBSETS,
          data: { ...missing("v1", "client"), routes: names("VirtualService", "shop/web") },
        },
      ],
    },
  ],
});
