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

/** For the control plane of one revision. */
function labelled(revision: string): object {
  const place = { name: "web", namespace: "shop", labels: { "istio.io/rev": revision } };
  return { ...destinationRule("shop"), metadata: place };
}

function injector(revision: string): object {
  const labels = { app: "sidecar-injector", ...(revision === "" ? {} : { "istio.io/rev": revision }) };
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: { name: `injector-${revision}`, labels },
    webhooks: [{ name: "rev.sidecar-injector.istio.io" }],
  };
}

/** A Service that only these namespaces see. */
function exported(namespaceOf: string, exportTo: string): object {
  return service(namespaceOf, "web", {
    metadata: { annotations: { "networking.istio.io/exportTo": exportTo } },
  });
}

const externalName = (namespaceOf: string) =>
  service(namespaceOf, "web", { spec: { type: "ExternalName", externalName: "a.b" } });

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

const names = (...list: string[]) => ({ names: list, noun: "namespace" });
const outside = (namespaces: string[]) => ({
  message: "outsideLookupPath",
  field: ["metadata", "namespace"],
  data: { namespace: "third", namespaces: names(...namespaces), best: "shop", host: HOST },
});

testRule(rule, {
  valid: [
    {
      name: "files know no namespace, and the host is one of the world outside",
      object: destinationRule("shop", { host: "example.com" }),
      isComplete: false,
    },
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
    {
      name: "its exportTo names the root namespace itself, and others",
      object: destinationRule("istio-system", { exportTo: ["istio-system", "batch"] }),
      cluster: MESH,
    },
    {
      name: "exportTo says no more than the selector does",
      object: destinationRule("batch", {
        exportTo: ["."],
        workloadSelector: { matchLabels: { app: "x" } },
      }),
      cluster: [...MESH, pod("batch", { labels: { app: "x" } })],
    },
    {
      name: "the version of Istio ignores the selector beside exportTo",
      object: destinationRule("shop", {
        exportTo: ["*"],
        workloadSelector: { matchLabels: { app: "x" } },
      }),
      cluster: MESH,
      settings: { assume: { istio: "1.13.0" } },
    },
    {
      name: "its namespace matches a discovery selector",
      object: destinationRule("shop"),
      cluster: [
        meshConfig("discoverySelectors: [{ matchLabels: { mesh: 'on' } }]"),
        namespace("shop", { mesh: "on" }),
        service("shop"),
      ],
    },
    {
      name: "files do not tell the labels that discovery selectors ask for",
      object: destinationRule("shop"),
      cluster: [meshConfig("discoverySelectors: [{ matchLabels: { mesh: 'on' } }]"), service("shop")],
      isComplete: false,
    },
    {
      name: "a control plane has the revision of its label",
      object: labelled("canary"),
      cluster: [injector("canary"), ...MESH],
    },
    {
      name: "the default control plane is meant by its label",
      object: labelled("default"),
      cluster: [injector(""), ...MESH],
    },
    {
      name: "no control plane is known that could have its revision",
      object: labelled("canary"),
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
      cluster: [namespace("third"), externalName("shop")],
    },
    {
      name: "all hosts below the wildcard are ExternalName Services",
      object: destinationRule("third", { host: "*.shop.svc.cluster.local" }),
      cluster: [namespace("third"), externalName("shop")],
    },
    {
      name: "a short host is an ExternalName Service beside it",
      object: destinationRule("shop", { host: "web" }),
      cluster: [externalName("shop"), service("batch")],
    },
    {
      name: "a ServiceEntry beside it has the host of an ExternalName Service",
      object: destinationRule("third"),
      cluster: [namespace("third"), externalName("shop"), serviceEntry("third", { hosts: [HOST] })],
    },
    {
      name: "one of several owners of the host is beside it",
      object: destinationRule("third", { host: "api.example.com" }),
      cluster: [
        namespace("third"),
        serviceEntry("shop", { hosts: ["api.example.com"] }),
        serviceEntry("third", { hosts: ["api.example.com"] }),
      ],
    },
    {
      name: "the service beside it is headless",
      object: destinationRule("shop"),
      cluster: [namespace("shop"), service("shop", "web", { spec: { clusterIP: "None" } })],
    },
    {
      name: "beside the service it is for that namespace only",
      object: destinationRule("shop", { exportTo: ["."] }),
      cluster: MESH,
    },
    {
      name: "in the root namespace it is for that namespace only",
      object: destinationRule("istio-system", { exportTo: ["."] }),
      cluster: MESH,
    },
    {
      name: "in the root namespace it leaves out that namespace's own gateways",
      object: destinationRule("istio-system", { exportTo: ["batch"] }),
      cluster: [...MESH, pod("istio-system", { labels: { istio: "ingressgateway" } })],
    },
    {
      name: "it is in the root namespace and the service is seen in its own only",
      object: destinationRule("istio-system"),
      cluster: [namespace("shop"), exported("shop", ".")],
    },
    {
      name: "what Istio's own validation refuses would be found",
      object: destinationRule("shop", { exportTo: [".", "shop"] }),
      cluster: MESH,
    },
    {
      name: "a selector in the root namespace is for that namespace's proxies, of which none is known",
      object: destinationRule("istio-system", { workloadSelector: { matchLabels: { app: "a" } } }),
      cluster: [...MESH, pod("batch", { labels: { app: "a" } })],
    },
    {
      name: "an empty selector takes every client, also those that nobody has seen yet",
      object: destinationRule("third", { workloadSelector: {} }),
      cluster: [namespace("third", INJECTED), service("shop")],
    },
    {
      name: "the selector names one Pod of a StatefulSet, which is told by its other labels",
      object: destinationRule("third", {
        workloadSelector: { matchLabels: { app: "a", "statefulset.kubernetes.io/pod-name": "a-0" } },
      }),
      cluster: [
        ...THIRD,
        pod("third", { labels: { app: "a", "statefulset.kubernetes.io/pod-name": "a-0" } }),
      ],
    },
    {
      name: "clients use it and it is exported to them by name, and to others",
      object: destinationRule("third", { exportTo: ["third", "batch"] }),
      cluster: [...THIRD, pod("third")],
    },
    {
      name: "a ServiceEntry has the short literal host",
      object: destinationRule("shop", { host: "web.shop" }),
      cluster: [...MESH, serviceEntry("shop", { hosts: ["web.shop"] })],
    },
    {
      name: "a ServiceEntry has a host in upper case",
      object: destinationRule("shop", { host: "API.example.com" }),
      cluster: [...MESH, serviceEntry("shop", { hosts: ["API.example.com"] })],
    },
    {
      name: "a wider wildcard covers the ServiceEntry's",
      object: destinationRule("shop", { host: "*.com" }),
      cluster: [...MESH, serviceEntry("shop", { hosts: ["*.example.com"] })],
    },
    {
      name: "the host is an IPv4 address",
      object: destinationRule("third", { host: "10.0.0.1" }),
      cluster: THIRD,
    },
    {
      name: "the host is an IPv6 address",
      object: destinationRule("third", { host: "fd00::1" }),
      cluster: THIRD,
    },
    {
      name: "the host is of another cluster domain",
      object: destinationRule("third", { host: "web.shop.svc.corp.example" }),
      cluster: THIRD,
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
      name: "a dot beside other names in the root namespace",
      object: destinationRule("istio-system", { exportTo: [".", "batch"] }),
      cluster: MESH,
      findings: [
        {
          message: "dotInRootNamespace",
          field: ["spec", "exportTo"],
          data: { namespace: "istio-system" },
        },
      ],
    },
    {
      name: "a selector keeps it from those to whom it is exported",
      object: destinationRule("shop", {
        exportTo: ["*"],
        workloadSelector: { matchLabels: { app: "x" } },
      }),
      cluster: [...MESH, pod("shop", { labels: { app: "x" } })],
      findings: [{ message: "exportIgnored", field: ["spec", "exportTo"], data: { namespace: "shop" } }],
    },
    {
      name: "it is exported to clients and not to the service's own namespace, which has some",
      object: destinationRule("shop", { exportTo: ["batch"] }),
      cluster: [...MESH, pod("shop")],
      findings: [
        { message: "ownNamespaceLeftOut", field: ["spec", "exportTo"], data: { namespace: "shop" } },
      ],
    },
    {
      name: "the limits of its connectionPool do not reach the servers",
      object: destinationRule("shop", {
        exportTo: ["batch"],
        trafficPolicy: { connectionPool: { tcp: { maxConnections: 1 } } },
      }),
      cluster: [...MESH, pod("shop")],
      findings: [
        {
          message: "inboundLost",
          field: ["spec", "exportTo"],
          data: { namespace: "shop", host: HOST },
        },
      ],
    },
    {
      name: "discovery selectors leave out its namespace",
      object: destinationRule("shop"),
      cluster: [meshConfig("discoverySelectors: [{ matchLabels: { mesh: 'on' } }]"), ...MESH],
      findings: [
        {
          message: "namespaceNotDiscovered",
          field: ["metadata", "namespace"],
          data: { namespace: "shop" },
        },
      ],
    },
    {
      name: "no control plane has the revision of its label",
      object: labelled("canary"),
      cluster: [injector("stable"), ...MESH],
      findings: [
        {
          message: "revisionNotServed",
          field: ["metadata", "labels", "istio.io/rev"],
          data: { revision: "canary" },
        },
      ],
    },
    {
      name: "files know no namespace, and the host ends in what is none outside",
      object: destinationRule("shop", { host: "reviews.prod" }),
      isComplete: false,
      findings: [
        {
          message: "unexpandedHost",
          field: ["spec", "host"],
          data: { host: "reviews.prod", hostname: "reviews.prod.svc.cluster.local" },
        },
      ],
    },
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
      name: "its Pods are ambient, so that their waypoint counts and not they",
      object: destinationRule("third"),
      cluster: [
        namespace("third", { "istio.io/dataplane-mode": "ambient" }),
        {
          apiVersion: "v1",
          kind: "Pod",
          metadata: { name: "client", namespace: "third", uid: "1" },
          spec: {},
        },
        service("shop"),
      ],
      findings: [outside(["shop", "istio-system"])],
    },
    {
      name: "it is there with the selector of a client elsewhere",
      object: destinationRule("third", { workloadSelector: { matchLabels: { app: "a" } } }),
      cluster: [
        ...THIRD,
        pod("batch", { labels: { app: "a" } }),
        pod("jobs", { labels: { app: "b" } }),
        pod("edge", { labels: { app: "a", "gateway.istio.io/managed": "istio.io-mesh-controller" } }),
      ],
      findings: [
        {
          ...outside(["shop"]),
          data: {
            namespace: "third",
            namespaces: names("batch", "shop", "istio-system"),
            best: names("batch"),
            host: HOST,
          },
        },
      ],
    },
    {
      name: "it is there for itself alone, and neither the root namespace nor other clients see the service",
      object: destinationRule("third", { exportTo: ["."] }),
      cluster: [namespace("third"), exported("shop", ".,third"), pod("batch")],
      findings: [outside(["shop"])],
    },
    {
      name: "the host is a ServiceEntry's of another namespace",
      object: destinationRule("third", { host: "api.example.com" }),
      cluster: [namespace("third"), serviceEntry("shop", { hosts: ["api.example.com"] })],
      findings: [
        {
          message: "outsideLookupPath",
          field: ["metadata", "namespace"],
          data: {
            namespace: "third",
            namespaces: names("shop", "istio-system"),
            best: names("shop"),
            host: "api.example.com",
          },
        },
      ],
    },
    {
      name: "a wildcard covers services of other namespaces only",
      object: destinationRule("third", { host: "*.local" }),
      cluster: [...THIRD, service("batch")],
      findings: [
        {
          message: "outsideLookupPath",
          field: ["metadata", "namespace"],
          data: {
            namespace: "third",
            namespaces: names("batch", "shop", "istio-system"),
            best: names("batch"),
            host: "*.local",
          },
        },
      ],
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
            namespaces: names("shop", "istio-system"),
            exportTo: names("batch", "shop"),
          },
        },
      ],
    },
    {
      name: "it is in a third namespace and exported to none",
      object: destinationRule("third", { exportTo: ["~"] }),
      cluster: THIRD,
      findings: [
        {
          message: "neverLookedUp",
          field: ["spec", "exportTo"],
          data: { namespace: "third", namespaces: names("shop", "istio-system"), exportTo: names("~") },
        },
      ],
    },
    {
      name: "it is beside the service and exported to none",
      object: destinationRule("shop", { exportTo: ["~"] }),
      cluster: MESH,
      findings: [
        { message: "exportReachesNobody", field: ["spec", "exportTo"], data: { exportTo: names("~") } },
      ],
    },
    {
      name: "it is in the root namespace and exported to one that does not see the service",
      object: destinationRule("istio-system", { exportTo: [".", "batch"] }),
      cluster: [namespace("batch"), exported("shop", ".")],
      findings: [
        {
          message: "exportReachesNobody",
          field: ["spec", "exportTo"],
          data: { exportTo: names(".", "batch") },
        },
      ],
    },
    {
      name: "nobody sees the service",
      object: destinationRule("shop"),
      cluster: [namespace("shop"), exported("shop", "~"), pod("shop")],
      findings: [{ message: "hostHidden", field: ["spec", "host"], data: { host: HOST } }],
    },
    {
      name: "its own namespace is the only one that sees the service for it, and has no client",
      object: destinationRule("third", { exportTo: ["."] }),
      cluster: [namespace("third"), exported("shop", "third")],
      findings: [
        {
          message: "clientsMissing",
          field: ["metadata", "namespace"],
          data: { namespace: "third", host: HOST },
        },
      ],
    },
    {
      name: "the mesh keeps services in their namespaces",
      object: destinationRule("third"),
      cluster: [...THIRD, pod("third"), meshConfig('defaultServiceExportTo: ["."]')],
      findings: [
        {
          message: "hostNotVisible",
          field: ["spec", "host"],
          data: { namespace: "third", namespaces: names("shop", "istio-system"), host: HOST },
        },
      ],
    },
    {
      name: "the ServiceEntry's exportTo leaves its namespace out",
      object: destinationRule("third", { host: "api.example.com" }),
      cluster: [
        namespace("third"),
        pod("third"),
        serviceEntry("shop", { hosts: ["api.example.com"], exportTo: [".", "batch"] }),
      ],
      findings: [
        {
          message: "hostNotVisible",
          field: ["spec", "host"],
          data: { namespace: "third", namespaces: names("shop", "istio-system"), host: "api.example.com" },
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
    {
      name: "clients of its own namespace use it for all services, and it is exported",
      object: destinationRule("third", { host: "*.local", exportTo: ["*"] }),
      cluster: [...THIRD, pod("third")],
      findings: [
        {
          message: "clientsInThisNamespaceOnly",
          field: ["spec", "exportTo"],
          data: { namespace: "third", because: "Pods with a sidecar proxy", host: "*.local" },
        },
      ],
    },
    {
      name: "a waypoint of its own namespace uses it",
      object: destinationRule("third"),
      cluster: [
        ...THIRD,
        pod("third", { labels: { "gateway.istio.io/managed": "istio.io-mesh-controller" } }),
      ],
      findings: [
        {
          message: "clientsInThisNamespaceOnly",
          field: ["spec", "exportTo"],
          data: { namespace: "third", because: "Pods with a waypoint proxy", host: HOST },
        },
      ],
    },
    {
      name: "the only client of its namespace is a waypoint, which knows no selectors",
      object: destinationRule("third", { workloadSelector: { matchLabels: { app: "a" } } }),
      cluster: [
        ...THIRD,
        pod("third", { labels: { app: "a", "gateway.istio.io/managed": "istio.io-mesh-controller" } }),
      ],
      findings: [
        {
          message: "selectorMatchesNoClient",
          field: ["spec", "workloadSelector"],
          data: { namespace: "third" },
        },
      ],
    },
    {
      name: "the wildcard is written without the cluster's domain",
      object: destinationRule("shop", { host: "*.shop.svc" }),
      cluster: MESH,
      findings: [
        {
          message: "unexpandedHost",
          field: ["spec", "host"],
          data: { host: "*.shop.svc", hostname: "*.shop.svc.cluster.local" },
        },
      ],
    },
    {
      name: "the host has upper case letters, a dot at its end, and no domain",
      object: destinationRule("shop", { host: "Web.shop.SVC." }),
      cluster: MESH,
      findings: [
        { message: "upperCase", field: ["spec", "host"], data: { host: "Web.shop.SVC.", hostname: HOST } },
      ],
    },
    {
      name: "a wildcard has upper case letters",
      object: destinationRule("shop", { host: "*.Example.com" }),
      cluster: [serviceEntry("shop", { hosts: ["*.example.com"] })],
      findings: [
        {
          message: "upperCase",
          field: ["spec", "host"],
          data: { host: "*.Example.com", hostname: "*.example.com" },
        },
      ],
    },
    {
      name: "a short host means an ExternalName Service that is elsewhere",
      object: destinationRule("batch", { host: "web" }),
      cluster: [namespace("batch"), externalName("shop")],
      findings: [
        {
          message: "shortHostUnknown",
          field: ["spec", "host"],
          data: { host: "web", hostname: "web.batch.svc.cluster.local" },
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
    ...["a.example.com", "*.b.example.com"].map((host) => ({
      name: `the host ${host} lies below the wildcard of a ServiceEntry`,
      object: destinationRule("shop", { host }),
      cluster: [serviceEntry("shop", { hosts: ["*.com.example", "*.example.com"] })],
      findings: [
        { message: "belowWildcard", field: ["spec", "host"], data: { host, wildcard: "*.example.com" } },
      ],
    })),
    {
      name: "the host lies below a wildcard that begins within a label",
      object: destinationRule("shop", { host: "a-b.example.com" }),
      cluster: [serviceEntry("shop", { hosts: ["*-b.example.com"] })],
      findings: [
        {
          message: "belowWildcard",
          field: ["spec", "host"],
          data: { host: "a-b.example.com", wildcard: "*-b.example.com" },
        },
      ],
    },
  ],
});
