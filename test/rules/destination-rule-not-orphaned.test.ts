import rule from "../../src/rules/destination-rule-not-orphaned.ts";
import { testRule } from "./rule-tester.ts";

const HOST = "web.shop.svc.cluster.local";
const API = "networking.istio.io/v1";

function destinationRule(path: string, spec: object = {}): object {
  const [namespaceOf, name] = path.split("/");
  return {
    apiVersion: API,
    kind: "DestinationRule",
    metadata: { name, namespace: namespaceOf },
    spec: { host: HOST, ...spec },
  };
}

function service(exportTo?: string, spec: object = {}): object {
  const annotations = exportTo === undefined ? {} : { "networking.istio.io/exportTo": exportTo };
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "shop", annotations },
    spec,
  };
}

function namespace(name: string, labels: object = {}): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

const INJECTED = { "istio-injection": "enabled" };
const ALIAS = { type: "ExternalName", externalName: "example.com" };
const ENTRY = {
  apiVersion: API,
  kind: "ServiceEntry",
  metadata: { name: "web", namespace: "shop" },
  spec: { hosts: [HOST] },
};
const workload = (kind: string) => ({ apiVersion: API, kind, metadata: { name: "vm", namespace: "client" } });
const CLIENTS = destinationRule("client/web");
const OWN = destinationRule("shop/web");
const rules = (...names: string[]) => ({ names, noun: "rule" });
const services = { names: ["shop/web"], noun: "Service" };
const EXPORT = ["metadata", "annotations", "networking.istio.io/exportTo"];

testRule(rule, {
  valid: [
    { name: "no rule is for the Service that goes", operation: "DELETE", object: service(), cluster: [] },
    {
      name: "the rule is for other services as well",
      operation: "DELETE",
      object: service(),
      cluster: [destinationRule("client/all", { host: "*.shop.svc.cluster.local" })],
    },
    {
      name: "a ServiceEntry has the same host",
      operation: "DELETE",
      object: service(),
      cluster: [CLIENTS, ENTRY],
    },
    {
      name: "the Service that goes is an alias, to which no rule applied",
      operation: "DELETE",
      object: service(undefined, ALIAS),
      cluster: [CLIENTS],
    },
    {
      name: "the Service is exported as before",
      object: service("client"),
      oldObject: service("client, shop"),
      cluster: [CLIENTS],
    },
    {
      name: "the rule was without effect already",
      object: service("shop"),
      oldObject: service("."),
      cluster: [CLIENTS],
    },
    {
      name: "the rule is in the root namespace, and somebody still sees the Service",
      object: service("."),
      oldObject: service(),
      cluster: [destinationRule("istio-system/web")],
    },
    {
      name: "in this version of Istio an ExternalName Service gets a cluster",
      object: service(undefined, ALIAS),
      oldObject: service(),
      cluster: [CLIENTS],
      settings: { assume: { istio: "1.20.0" } },
    },
    {
      name: "the Service was an alias",
      object: service("."),
      oldObject: service(undefined, ALIAS),
      cluster: [CLIENTS],
    },
    {
      name: "a namespace goes without a Service for which others have rules",
      operation: "DELETE",
      object: namespace("shop"),
      cluster: [service(undefined, ALIAS), CLIENTS],
    },
    { name: "a namespace comes", object: namespace("client", INJECTED), cluster: [CLIENTS] },
    {
      name: "a namespace is injected by a revision from now on",
      object: namespace("client", { "istio.io/rev": "canary" }),
      oldObject: namespace("client", INJECTED),
      cluster: [CLIENTS, service()],
    },
    {
      name: "injection was off before",
      object: namespace("client"),
      oldObject: namespace("client", { "istio-injection": "disabled" }),
      cluster: [CLIENTS, service()],
    },
    {
      name: "the rules are for services beside them",
      object: namespace("shop"),
      oldObject: namespace("shop", INJECTED),
      cluster: [OWN, service()],
    },
    {
      name: "nobody has the hosts of the rules",
      object: namespace("client"),
      oldObject: namespace("client", INJECTED),
      cluster: [CLIENTS],
    },
    {
      name: "injection goes off in the root namespace",
      object: namespace("istio-system"),
      oldObject: namespace("istio-system", INJECTED),
      cluster: [destinationRule("istio-system/web"), service()],
    },
    ...["WorkloadEntry", "WorkloadGroup"].map((kind) => ({
      name: `a ${kind} stays a client`,
      object: namespace("client"),
      oldObject: namespace("client", INJECTED),
      cluster: [CLIENTS, service(), workload(kind)],
    })),
    {
      name: "the namespace is declared to have clients",
      object: namespace("client"),
      oldObject: namespace("client", INJECTED),
      cluster: [CLIENTS, service()],
      settings: { clientNamespaces: { names: ["client"], selector: undefined } },
    },
  ],
  invalid: [
    {
      name: "others have a rule for the Service that goes",
      operation: "DELETE",
      object: service(),
      cluster: [CLIENTS, destinationRule("istio-system/web")],
      findings: [
        {
          message: "hostGoes",
          field: ["metadata", "name"],
          data: { rules: rules("client/web", "istio-system/web"), services },
        },
      ],
    },
    {
      name: "a rule beside the Service that goes stays",
      operation: "DELETE",
      object: service(),
      cluster: [OWN],
      findings: [
        {
          message: "ownHostGoes",
          field: ["metadata", "name"],
          data: { rules: rules("shop/web"), services },
        },
      ],
    },
    {
      name: "others have a rule for a Service of the namespace that goes",
      operation: "DELETE",
      object: namespace("shop"),
      cluster: [service(), CLIENTS],
      findings: [
        {
          message: "hostGoes",
          field: ["metadata", "name"],
          data: { rules: rules("client/web"), services },
        },
      ],
    },
    {
      name: "the Service is exported to its own namespace only, from now on",
      object: service("."),
      oldObject: service(),
      cluster: [CLIENTS],
      findings: [{ message: "hostHidden", field: EXPORT, data: { rules: rules("client/web"), services } }],
    },
    {
      name: "the Service comes after the rule and is not exported to it",
      object: service("other"),
      cluster: [CLIENTS],
      findings: [{ message: "hostHidden", field: EXPORT, data: { rules: rules("client/web"), services } }],
    },
    {
      name: "the Service becomes an alias",
      object: service(undefined, ALIAS),
      oldObject: service(),
      cluster: [CLIENTS, OWN],
      findings: [
        {
          message: "becomesAlias",
          field: ["spec", "type"],
          data: { rules: rules("client/web", "shop/web") },
        },
      ],
    },
    {
      name: "injection goes off beside a rule for a service elsewhere",
      object: namespace("client"),
      oldObject: namespace("client", INJECTED),
      cluster: [CLIENTS, service()],
      findings: [
        {
          message: "clientsLeave",
          field: ["metadata", "labels"],
          data: { namespace: "client", rules: rules("client/web") },
        },
      ],
    },
  ],
});
