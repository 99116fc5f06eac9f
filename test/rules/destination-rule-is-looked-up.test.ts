import rule from "../../src/rules/destination-rule-is-looked-up.ts";
import { testRule } from "./rule-tester.ts";

const HOST = "web.shop.svc.cluster.local";

function destinationRule(place: string, spec: object = {}): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "DestinationRule",
    metadata: { name: "web", namespace: place },
    spec: { host: HOST, ...spec },
  };
}

function namespace(name: string, labels: object = {}): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

function service(namespaceOf: string, name = "web", rest: { metadata?: object; spec?: object } = {}): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: namespaceOf, ...rest.metadata },
    spec: rest.spec ?? {},
  };
}

function pod(
  namespaceOf: string,
  rest: { labels?: object; annotations?: object; image?: string } = {},
): object {
  const { labels = {}, annotations = {}, image = "proxyv2:1.30.0" } = rest;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "client", namespace: namespaceOf, uid: "1", labels, annotations },
    spec: { containers: [{ name: "app" }, { name: "istio-proxy", image }] },
  };
}

function serviceEntry(namespaceOf: string, spec: object): object {
  return {
    apiVersion: "networking.istio.io/v1",
    kind: "ServiceEntry",
    metadata: { name: "external", namespace: namespaceOf },
    spec,
  };
}

const MESH = [namespace("shop"), namespace("batch"), service("shop")];
const INJECTED = { "istio-injection": "enabled" };
const THIRD = [namespace("third"), ...MESH];

function meshConfig(text: string): object {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "istio", namespace: "istio-system" },
    data: { mesh: text },
  };
}

const names = (...list: string[]) => ({ names: list, noun: "namespaces" });
const outside = (namespaces: string[]) => ({
  message: "outsideLookupPath",
  field: ["metadata", "namespace"],
  data: { namespace: "third", namespaces: names(...namespaces), best: "shop", host: HOST },
});

testRule(rule, {
  valid: [
    { name: "it is in the service's namespace", object: destinationRule("shop"), cluster: MESH },
    { name: "it is in the root namespace", object: destinationRule("istio-system"), cluster: MESH },
    {
      name: "it is in a root namespace of another name",
      object: destinationRule("mesh-root"),
      cluster: [...MESH, meshConfig("rootNamespace: mesh-root")],
    },
    {
      name: "clients are declared and it is not exported",
      object: destinationRule("third", { exportTo: ["."] }),
      cluster: THIRD,
      settings: { clientNamespaces: { names: ["third"], selector: undefined } },
    },
    {
      name: "the service's namespace has no client and the rule names one that has none either",
      object: destinationRule("shop", { exportTo: ["batch"] }),
      cluster: MESH,
    },
    { name: "the Service does not exist yet and the rule is beside it", object: destinationRule("shop") },
    {
      name: "the mesh's default keeps it private beside the service",
      object: destinationRule("shop"),
      cluster: [...MESH, meshConfig('defaultDestinationRuleExportTo: ["."]')],
    },
    {
      name: "the host is an ExternalName Service",
      object: destinationRule("third"),
      cluster: [
        namespace("third"),
        service("shop", "web", { spec: { type: "ExternalName", externalName: "a.b" } }),
      ],
    },
    {
      name: "a wildcard covers a service of its own namespace",
      object: destinationRule("third", { host: "*.local" }),
      cluster: [...THIRD, service("third", "own")],
    },
    {
      name: "nothing has the host, which may be a ServiceEntry's later",
      object: destinationRule("third", { host: "api.example.com" }),
      cluster: THIRD,
    },
    {
      name: "nothing has the host, of two labels, which is no namespace's",
      object: destinationRule("third", { host: "example.com" }),
      cluster: THIRD,
    },
    {
      name: "no host below the wildcard is known",
      object: destinationRule("third", { host: "*.example.com" }),
      cluster: THIRD,
    },
    {
      name: "the ServiceEntry is in its namespace",
      object: destinationRule("third", { host: "api.example.com" }),
      cluster: [namespace("third"), serviceEntry("third", { hosts: ["api.example.com"] })],
    },
    {
      name: "the wildcard of a ServiceEntry is matched by the same wildcard",
      object: destinationRule("third", { host: "*.example.com" }),
      cluster: [namespace("third"), serviceEntry("third", { hosts: ["*.example.com"] })],
    },
    {
      name: "there is no host at all",
      object: destinationRule("third", { host: undefined }),
      cluster: THIRD,
    },
    {
      name: "the selector matches a client beside the service",
      object: destinationRule("shop", { workloadSelector: { matchLabels: { app: "a" } } }),
      cluster: [...MESH, pod("shop", { labels: { app: "a" } })],
    },
    {
      name: "the selector rule is beside a service without clients",
      object: destinationRule("shop", { workloadSelector: { matchLabels: { app: "a" } } }),
      cluster: MESH,
    },
    {
      name: "it is changed where it works",
      object: destinationRule("shop", { exportTo: ["*"] }),
      oldObject: destinationRule("shop"),
      cluster: MESH,
    },
    {
      name: "a short host is a service of its own namespace",
      object: destinationRule("shop", { host: "web" }),
      cluster: MESH,
    },
    {
      name: "the cluster has another domain",
      object: destinationRule("shop", { host: "web.shop.svc.corp.example" }),
      cluster: MESH,
      settings: { clusterDomain: "corp.example" },
    },
    {
      name: "clients use it and it says that it is theirs",
      object: destinationRule("third", { exportTo: ["."] }),
      cluster: [...THIRD, pod("third")],
    },
  ],
  invalid: [
    {
      name: "it is in a third namespace without clients",
      object: destinationRule("third"),
      cluster: THIRD,
      findings: [outside(["shop", "istio-system"])],
    },
    {
      name: "it is in a third namespace and exported to everyone",
      object: destinationRule("third", { exportTo: ["*"] }),
      cluster: THIRD,
      findings: [outside(["shop", "istio-system"])],
    },
    {
      name: "the Service does not exist yet and the rule is in a third namespace",
      object: destinationRule("third"),
      cluster: [namespace("third")],
      findings: [outside(["shop", "istio-system"])],
    },
    {
      name: "other namespaces have clients",
      object: destinationRule("third"),
      cluster: [...THIRD, pod("batch"), namespace("jobs", INJECTED)],
      findings: [outside(["shop", "istio-system", "batch", "jobs"])],
    },
    {
      name: "its Pods have no proxy",
      object: destinationRule("third"),
      cluster: [...THIRD, pod("third", { image: "auto" })],
      findings: [outside(["shop", "istio-system"])],
    },
    {
      name: "injection is blocked by the label's value",
      object: destinationRule("third"),
      cluster: [namespace("third", { "istio-injection": "true", "istio.io/rev": "a" }), service("shop")],
      findings: [outside(["shop", "istio-system"])],
    },
    {
      name: "no injector serves the namespace's revision",
      object: destinationRule("third"),
      cluster: [
        namespace("third", { "istio.io/rev": "old" }),
        service("shop"),
        {
          apiVersion: "admissionregistration.k8s.io/v1",
          kind: "MutatingWebhookConfiguration",
          metadata: { name: "istio-sidecar-injector", labels: { app: "sidecar-injector" } },
          webhooks: [{ name: "rev", namespaceSelector: { matchLabels: { "istio.io/rev": "new" } } }],
        },
      ],
      findings: [outside(["shop", "istio-system"])],
    },
    {
      name: "clients may run in other clusters",
      object: destinationRule("third"),
      cluster: THIRD,
      settings: { multiCluster: true },
      findings: [{ ...outside(["shop", "istio-system"]), message: "noClientInThisCluster" }],
    },
    {
      name: "files say nothing of its namespace",
      object: destinationRule("third"),
      cluster: [service("shop")],
      isComplete: false,
      findings: [
        {
          message: "clientsUnknown",
          field: ["metadata", "namespace"],
          data: { namespace: "third", host: HOST, namespaces: names("shop", "istio-system") },
        },
      ],
    },
    {
      name: "it is exported to other namespaces only",
      object: destinationRule("third", { exportTo: ["batch", "shop"] }),
      cluster: [...THIRD, pod("third")],
      findings: [
        {
          message: "neverLookedUp",
          field: ["spec", "exportTo"],
          data: {
            namespace: "third",
            namespaces: names("shop", "istio-system", "third"),
            exportTo: names("batch", "shop"),
          },
        },
      ],
    },
    {
      name: "the service is hidden from the namespace that the rule is in",
      object: destinationRule("third"),
      cluster: [
        namespace("third"),
        pod("third"),
        service("shop", "web", { metadata: { annotations: { "networking.istio.io/exportTo": "." } } }),
      ],
      findings: [
        {
          message: "hostNotVisible",
          field: ["spec", "host"],
          data: { namespace: "third", namespaces: names("shop", "istio-system"), host: HOST },
        },
      ],
    },
    ...[
      { why: "Pods with a sidecar proxy", cluster: [...THIRD, pod("third")] },
      { why: "the namespace's injection", cluster: [namespace("third", INJECTED), service("shop")] },
      {
        why: "Pods with a gateway proxy",
        cluster: [...THIRD, pod("third", { labels: { istio: "ingressgateway" }, image: "auto" })],
      },
      {
        why: "a WorkloadEntry",
        cluster: [
          ...THIRD,
          {
            apiVersion: "networking.istio.io/v1",
            kind: "WorkloadEntry",
            metadata: { name: "vm", namespace: "third" },
          },
        ],
      },
      {
        why: "a WorkloadGroup",
        cluster: [
          ...THIRD,
          {
            apiVersion: "networking.istio.io/v1",
            kind: "WorkloadGroup",
            metadata: { name: "vm", namespace: "third" },
          },
        ],
      },
      {
        why: "Gateway edge",
        cluster: [
          ...THIRD,
          {
            apiVersion: "gateway.networking.k8s.io/v1",
            kind: "GatewayClass",
            metadata: { name: "mesh" },
            spec: { controllerName: "istio.io/gateway-controller" },
          },
          {
            apiVersion: "gateway.networking.k8s.io/v1",
            kind: "Gateway",
            metadata: { name: "edge", namespace: "third" },
            spec: { gatewayClassName: "mesh" },
          },
        ],
      },
      {
        why: "Pods that will be injected",
        cluster: [
          ...THIRD,
          {
            apiVersion: "apps/v1",
            kind: "Deployment",
            metadata: { name: "client", namespace: "third" },
            spec: { template: { metadata: { labels: { "sidecar.istio.io/inject": "true" } }, spec: {} } },
          },
        ],
      },
    ].map(({ why, cluster }) => ({
      name: `only its own namespace has clients: ${why}`,
      object: destinationRule("third"),
      cluster,
      findings: [
        {
          message: "clientsInThisNamespaceOnly",
          field: ["spec", "exportTo"],
          data: { namespace: "third", because: why, host: HOST },
        },
      ],
    })),
    {
      name: "the selector matches no client of its namespace",
      object: destinationRule("third", { workloadSelector: { matchLabels: { app: "a" } } }),
      cluster: [...THIRD, pod("third", { labels: { app: "b" } })],
      findings: [
        {
          message: "selectorMatchesNoClient",
          field: ["spec", "workloadSelector"],
          data: { namespace: "third" },
        },
      ],
    },
    ...["web.shop", "web.shop.svc"].map((host) => ({
      name: `the host is written as ${host}`,
      object: destinationRule("shop", { host }),
      cluster: MESH,
      findings: [{ message: "unexpandedHost", field: ["spec", "host"], data: { host, hostname: HOST } }],
    })),
    {
      name: "the host has an upper case letter",
      object: destinationRule("shop", { host: "Web.shop.svc.cluster.local" }),
      cluster: MESH,
      findings: [
        {
          message: "upperCase",
          field: ["spec", "host"],
          data: { host: "Web.shop.svc.cluster.local", hostname: HOST },
        },
      ],
    },
    {
      name: "the host ends with a dot",
      object: destinationRule("shop", { host: `${HOST}.` }),
      cluster: MESH,
      findings: [
        { message: "trailingDot", field: ["spec", "host"], data: { host: `${HOST}.`, hostname: HOST } },
      ],
    },
    {
      name: "a short host means a service that is elsewhere",
      object: destinationRule("batch", { host: "web" }),
      cluster: MESH,
      findings: [
        {
          message: "shortHost",
          field: ["spec", "host"],
          data: { host: "web", hostname: "web.batch.svc.cluster.local", namespaces: names("shop") },
        },
      ],
    },
    {
      name: "a short host means a service that is nowhere",
      object: destinationRule("batch", { host: "nothing" }),
      cluster: MESH,
      findings: [
        {
          message: "shortHostUnknown",
          field: ["spec", "host"],
          data: { host: "nothing", hostname: "nothing.batch.svc.cluster.local" },
        },
      ],
    },
    {
      name: "the host lies below the wildcard of a ServiceEntry",
      object: destinationRule("shop", { host: "a.example.com" }),
      cluster: [serviceEntry("shop", { hosts: ["*.example.com"] })],
      findings: [
        {
          message: "belowWildcard",
          field: ["spec", "host"],
          data: { host: "a.example.com", wildcard: "*.example.com" },
        },
      ],
    },
  ],
});
