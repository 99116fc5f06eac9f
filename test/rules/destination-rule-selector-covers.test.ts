import rule from "../../src/rules/destination-rule-selector-covers.ts";
import { testRule } from "./rule-tester.ts";

const HOST = "web.shop.svc.cluster.local";
const SELECTOR = { workloadSelector: { matchLabels: { app: "batch" } } };

function destinationRule(path: string, spec: object = {}): object {
  const [namespaceOf, name] = path.split("/");
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name, namespace: namespaceOf },
    spec: { host: HOST, ...spec },
  };
}

function pod(namespaceOf: string, labels: object): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "client", namespace: namespaceOf, uid: "1", labels },
    spec: { containers: [{ name: "app" }, { name: "istio-proxy", image: "proxyv2:1.30.0" }] },
  };
}

const SERVICE = { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "shop" }, spec: {} };
const INJECTED = {
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: "client", labels: { "istio-injection": "enabled" } },
};
const FRONT = pod("client", { app: "front" });
const OWNERS = destinationRule("shop/web");
const rules = (...names: string[]) => ({ names, noun: "rule" });
const data = (rest: object) => ({ labels: "app=batch", namespace: "client", host: HOST, ...rest });
const ON_SELECTOR = ["spec", "workloadSelector"];
const OLD_ISTIO = { assume: { istio: "1.13.0" } };

testRule(rule, {
  valid: [
    {
      name: "it has no selector",
      object: destinationRule("client/own"),
      cluster: [SERVICE, OWNERS, FRONT],
    },
    {
      name: "all Pods of the namespace have the labels",
      object: destinationRule("client/own", SELECTOR),
      cluster: [SERVICE, OWNERS, pod("client", { app: "batch", tier: "1" })],
    },
    {
      name: "an empty selector selects all",
      object: destinationRule("client/own", { workloadSelector: {} }),
      cluster: [SERVICE, OWNERS, FRONT],
    },
    {
      name: "the others had no rule anyway",
      object: destinationRule("client/own", SELECTOR),
      cluster: [SERVICE, FRONT],
    },
    {
      name: "a rule beside it is for the others",
      object: destinationRule("client/own", SELECTOR),
      cluster: [SERVICE, OWNERS, FRONT, destinationRule("client/others")],
    },
    {
      name: "it is for the others, and not private, beside one with a selector",
      object: destinationRule("client/others"),
      cluster: [SERVICE, OWNERS, FRONT, destinationRule("client/own", SELECTOR)],
    },
    {
      name: "it is for the others, and exported to one more namespace",
      object: destinationRule("client/others", { exportTo: [".", "shop"] }),
      cluster: [SERVICE, OWNERS, FRONT, destinationRule("client/own", SELECTOR)],
    },
    {
      name: "the version of Istio knows no selectors",
      object: destinationRule("client/own", SELECTOR),
      cluster: [SERVICE, OWNERS, FRONT],
      settings: OLD_ISTIO,
    },
    {
      name: "no client is in its namespace",
      object: destinationRule("third/own", SELECTOR),
      cluster: [SERVICE, OWNERS, FRONT],
    },
    {
      name: "the others do not see the host",
      object: destinationRule("client/own", SELECTOR),
      cluster: [
        {
          ...SERVICE,
          metadata: { ...SERVICE.metadata, annotations: { "networking.istio.io/exportTo": "." } },
        },
        OWNERS,
        FRONT,
      ],
    },
  ],
  invalid: [
    {
      name: "other Pods had the service's rule",
      object: destinationRule("client/own", SELECTOR),
      cluster: [SERVICE, OWNERS, FRONT, INJECTED],
      findings: [
        { message: "othersLoseTheirs", field: ON_SELECTOR, data: data({ rules: rules("shop/web") }) },
      ],
    },
    {
      name: "other Pods had the root namespace's rule, by a wildcard",
      object: destinationRule("client/own", { ...SELECTOR, host: "*.shop.svc.cluster.local" }),
      cluster: [SERVICE, destinationRule("istio-system/all", { host: "*.local" }), FRONT],
      findings: [
        {
          message: "othersLoseTheirs",
          field: ON_SELECTOR,
          data: data({ rules: rules("istio-system/all") }),
        },
      ],
    },
    {
      name: "it is unchanged and still does it",
      object: destinationRule("client/own", SELECTOR),
      oldObject: destinationRule("client/own", SELECTOR),
      cluster: [SERVICE, OWNERS, FRONT],
      findings: [
        { message: "othersLoseTheirs", field: ON_SELECTOR, data: data({ rules: rules("shop/web") }) },
      ],
    },
    {
      name: "other Pods may come",
      object: destinationRule("client/own", SELECTOR),
      cluster: [SERVICE, OWNERS, INJECTED],
      findings: [
        { message: "othersWouldLoseTheirs", field: ON_SELECTOR, data: data({ rules: rules("shop/web") }) },
      ],
    },
    {
      name: "a private rule for all is merged into it",
      object: destinationRule("client/own", SELECTOR),
      cluster: [SERVICE, FRONT, destinationRule("client/others", { exportTo: ["."] })],
      findings: [
        { message: "catchAllSwallowed", field: ON_SELECTOR, data: data({ rules: rules("client/others") }) },
      ],
    },
    {
      name: "it is private, for all, and merged into one with a selector",
      object: destinationRule("client/others", { exportTo: ["."] }),
      cluster: [SERVICE, FRONT, destinationRule("client/own", SELECTOR)],
      findings: [
        {
          message: "mergedIntoSelector",
          field: ["spec", "exportTo"],
          data: data({ rules: rules("client/own") }),
        },
      ],
    },
  ],
});
