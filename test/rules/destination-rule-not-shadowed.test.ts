import rule from "../../src/rules/destination-rule-not-shadowed.ts";
import { testRule } from "./rule-tester.ts";

const HOST = "web.shop.svc.cluster.local";
const OUTLIERS = { outlierDetection: { consecutive5xxErrors: 3 } };
const TLS = { tls: { mode: "SIMPLE" } };
const POOL = { connectionPool: { tcp: { maxConnections: 10 } } };

function destinationRule(path: string, spec: object = {}, creationTimestamp?: string): object {
  const [namespaceOf, name] = path.split("/");
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name, namespace: namespaceOf, creationTimestamp },
    spec: { host: HOST, ...spec },
  };
}

function namespace(name: string, labels: object = { "istio-injection": "enabled" }): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

function service(path: string, annotations: object = {}, spec: object = {}): object {
  const [namespaceOf, name] = path.split("/");
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: namespaceOf, annotations }, spec };
}

function virtualService(subset: string): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "VirtualService",
    metadata: { name: "web", namespace: "shop" },
    spec: { hosts: [HOST], http: [{ route: [{ destination: { host: HOST, subset } }] }] },
  };
}

const MESH = [service("shop/web"), namespace("shop"), namespace("client"), namespace("other")];
const names = (noun: string, ...list: string[]) => ({ names: list, noun });
const data = (settings: string, rest: object) => ({
  host: HOST,
  namespace: "client",
  namespaces: names("namespace", "client"),
  rule: "web",
  rules: names("rule", "shop/web"),
  settings,
  ...rest,
});
const V1 = { subsets: [{ name: "v1", labels: { version: "v1" } }] };

testRule(rule, {
  valid: [
    {
      name: "it is the only rule of its host",
      object: destinationRule("client/own", { trafficPolicy: TLS }),
      cluster: MESH,
    },
    {
      name: "the service's rule sets only what clients override every day",
      object: destinationRule("client/own"),
      cluster: [destinationRule("shop/web", { trafficPolicy: POOL }), ...MESH],
    },
    {
      name: "it repeats what the service's rule sets",
      object: destinationRule("client/own", { trafficPolicy: { ...TLS, ...OUTLIERS } }),
      cluster: [
        destinationRule("shop/web", { trafficPolicy: { tls: { mode: "MUTUAL" }, ...OUTLIERS } }),
        ...MESH,
      ],
    },
    {
      name: "the service's rule turns TLS off",
      object: destinationRule("client/own"),
      cluster: [destinationRule("shop/web", { trafficPolicy: { tls: { mode: "DISABLE" } } }), ...MESH],
    },
    {
      name: "the other rule is the root namespace's default",
      object: destinationRule("client/own"),
      cluster: [destinationRule("istio-system/web", { trafficPolicy: TLS }), ...MESH],
    },
    {
      name: "it hides a root rule from all by standing beside the service",
      object: destinationRule("shop/web"),
      cluster: [destinationRule("istio-system/all", { host: "*.local", trafficPolicy: TLS }), ...MESH],
    },
    {
      name: "no client is in its namespace",
      object: destinationRule("client/own"),
      cluster: [
        destinationRule("shop/web", { trafficPolicy: TLS }),
        service("shop/web"),
        namespace("client", {}),
      ],
    },
    {
      name: "the subset that it lacks is used by no VirtualService",
      object: destinationRule("client/own"),
      cluster: [destinationRule("shop/web", V1), virtualService("v2"), ...MESH],
    },
    {
      name: "the service's rule is not exported to its namespace",
      object: destinationRule("client/own"),
      cluster: [destinationRule("shop/web", { exportTo: ["."], trafficPolicy: TLS }), ...MESH],
    },
    {
      name: "the client's namespace does not see the service",
      object: destinationRule("client/own"),
      cluster: [
        destinationRule("shop/web", { trafficPolicy: TLS }),
        service("shop/web", { "networking.istio.io/exportTo": "." }),
        ...MESH.slice(1),
      ],
    },
    {
      name: "the host is an alias, to which no rule applies",
      object: destinationRule("client/own"),
      cluster: [
        destinationRule("shop/web", { trafficPolicy: TLS }),
        service("shop/web", {}, { type: "ExternalName", externalName: "example.com" }),
        ...MESH.slice(1),
      ],
    },
    {
      name: "a port keeps the TLS of the host",
      object: destinationRule("client/own", {
        trafficPolicy: { portLevelSettings: [{ port: { number: 443 }, ...TLS }] },
      }),
      cluster: [destinationRule("shop/web", { trafficPolicy: TLS }), ...MESH],
    },
    {
      name: "a rule with a narrower host stands beside it and is for the same clients",
      object: destinationRule("shop/all", { host: "*.shop.svc.cluster.local", trafficPolicy: TLS }),
      cluster: [destinationRule("shop/web"), ...MESH],
    },
    {
      name: "it defines one more subset for the same host",
      object: destinationRule("shop/more", { subsets: [{ name: "v2", labels: { version: "v2" } }] }),
      cluster: [destinationRule("shop/web", { trafficPolicy: TLS, ...V1 }), virtualService("v1"), ...MESH],
    },
    {
      name: "a younger rule of the same host has settings that its own come before",
      object: destinationRule("shop/old", { trafficPolicy: OUTLIERS }, "2020-01-01T00:00:00Z"),
      cluster: [destinationRule("shop/web", { trafficPolicy: TLS }, "2021-01-01T00:00:00Z"), ...MESH],
    },
    {
      name: "its owner takes TLS out on purpose",
      object: destinationRule("shop/web"),
      oldObject: destinationRule("shop/web", { trafficPolicy: TLS }),
      cluster: MESH,
    },
    {
      name: "it goes, and another rule sets the same",
      operation: "DELETE",
      object: destinationRule("shop/web", { trafficPolicy: TLS }),
      cluster: [destinationRule("shop/other", { trafficPolicy: TLS }), ...MESH],
    },
    {
      name: "it goes together with the Service",
      operation: "DELETE",
      object: destinationRule("shop/web", { trafficPolicy: TLS }),
      cluster: MESH.slice(1),
    },
  ],
  invalid: [
    {
      name: "the client's rule lacks the TLS of the service's",
      object: destinationRule("client/own", { trafficPolicy: POOL }),
      cluster: [destinationRule("shop/web", { trafficPolicy: TLS }), ...MESH],
      findings: [{ message: "hidesServiceOwners", field: ["spec", "host"], data: data("tls", {}) }],
    },
    {
      name: "a wildcard of the client covers the service",
      object: destinationRule("client/own", { host: "*.local" }),
      cluster: [destinationRule("shop/web", { trafficPolicy: { ...OUTLIERS, ...TLS } }), ...MESH],
      findings: [
        { message: "hidesServiceOwners", field: ["spec", "host"], data: data("outlierDetection, tls", {}) },
      ],
    },
    {
      name: "the client's rule lacks a subset that is routed to",
      object: destinationRule("client/own"),
      cluster: [destinationRule("shop/web", V1), virtualService("v1"), ...MESH],
      findings: [{ message: "hidesServiceOwners", field: ["spec", "host"], data: data("subset v1", {}) }],
    },
    {
      name: "a client has a rule of its own already",
      object: destinationRule("shop/web", { trafficPolicy: OUTLIERS }),
      cluster: [destinationRule("client/own"), ...MESH],
      findings: [
        {
          message: "hiddenByClients",
          field: ["spec", "host"],
          data: data("outlierDetection", {
            namespace: "shop",
            rule: "own",
            rules: names("rule", "client/own"),
          }),
        },
      ],
    },
    {
      name: "it is taken from some of its clients",
      object: destinationRule("shop/web", { trafficPolicy: TLS, exportTo: [".", "client"] }),
      oldObject: destinationRule("shop/web", { trafficPolicy: TLS }),
      cluster: MESH,
      findings: [
        {
          message: "clientsLose",
          field: ["spec"],
          data: data("tls", {
            namespace: "shop",
            namespaces: names("namespace", "other"),
            rule: "",
            rules: names("rule"),
          }),
        },
      ],
    },
    {
      name: "it goes, and its clients have nothing instead",
      operation: "DELETE",
      object: destinationRule("shop/web", { trafficPolicy: TLS }),
      cluster: MESH,
      findings: [
        {
          message: "clientsLose",
          field: ["spec"],
          data: data("tls", {
            namespace: "shop",
            namespaces: names("namespace", "client", "other"),
            rule: "",
            rules: names("rule"),
          }),
        },
      ],
    },
    {
      name: "an older rule of the same host has another exportTo",
      object: destinationRule("shop/young", { exportTo: ["*"] }),
      cluster: [destinationRule("shop/web", { trafficPolicy: TLS }, "2020-01-01T00:00:00Z"), ...MESH],
      findings: [
        {
          message: "hidesSameNamespace",
          field: ["spec", "exportTo"],
          data: data("tls", {
            namespace: "shop",
            namespaces: names("namespace", "client", "other", "shop"),
          }),
        },
      ],
    },
    {
      name: "it gets settings that come before those of a younger rule of the same host",
      object: destinationRule("shop/old", { trafficPolicy: OUTLIERS }, "2020-01-01T00:00:00Z"),
      oldObject: destinationRule("shop/old", {}, "2020-01-01T00:00:00Z"),
      cluster: [destinationRule("shop/web", { trafficPolicy: TLS }, "2021-01-01T00:00:00Z"), ...MESH],
      findings: [
        {
          message: "hidesSameNamespace",
          field: ["spec", "exportTo"],
          data: data("tls", {
            namespace: "shop",
            namespaces: names("namespace", "client", "other", "shop"),
          }),
        },
      ],
    },
    {
      name: "the namespaces that it adds to an older rule's never get it",
      object: destinationRule("shop/young", { exportTo: ["client", "other"], trafficPolicy: TLS }),
      cluster: [destinationRule("shop/web", { exportTo: ["client"] }, "2020-01-01T00:00:00Z"), ...MESH],
      findings: [
        {
          message: "hiddenBySameNamespace",
          field: ["spec", "exportTo"],
          data: data("tls", { namespace: "shop", namespaces: names("namespace", "other") }),
        },
      ],
    },
    {
      name: "a narrower rule beside it is exported elsewhere",
      object: destinationRule("shop/all", { host: "*.shop.svc.cluster.local", trafficPolicy: TLS }),
      cluster: [destinationRule("shop/web", { exportTo: ["shop", "other"] }), ...MESH],
      findings: [
        {
          message: "hiddenBySameNamespace",
          field: ["spec", "exportTo"],
          data: data("tls", { namespace: "shop" }),
        },
      ],
    },
    {
      name: "an older rule of the same host has a trafficPolicy",
      object: destinationRule("shop/young", { trafficPolicy: OUTLIERS }),
      cluster: [destinationRule("shop/web", { trafficPolicy: TLS }, "2020-01-01T00:00:00Z"), ...MESH],
      findings: [
        {
          message: "policyIgnored",
          field: ["spec", "trafficPolicy"],
          data: data("outlierDetection", {
            namespace: "shop",
            namespaces: names("namespace", "client", "other", "shop"),
          }),
        },
      ],
    },
    {
      name: "an older rule of the same host has the same subset otherwise",
      object: destinationRule("shop/young", { subsets: [{ name: "v1", labels: { version: "1" } }] }),
      cluster: [destinationRule("shop/web", V1, "2020-01-01T00:00:00Z"), ...MESH],
      findings: [
        {
          message: "subsetIgnored",
          field: ["spec", "subsets"],
          data: data("subset v1", {
            namespace: "shop",
            namespaces: names("namespace", "client", "other", "shop"),
          }),
        },
      ],
    },
  ],
});
