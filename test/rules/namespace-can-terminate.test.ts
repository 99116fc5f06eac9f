import rule from "../../src/rules/namespace-can-terminate.ts";
import { testRule } from "./rule-tester.ts";

const GOING = "2026-08-01T10:00:00Z";
const FIELD = ["metadata", "name"];
const LOAD_BALANCER = "service.k8s.alibaba/resources";
const OPERATOR = "istio-finalizer.install.istio.io";

const namespace = (name: string, metadata: object = {}) => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name, ...metadata },
});
const shop = { operation: "DELETE", object: namespace("shop") } as const;
const root = { operation: "DELETE", object: namespace("istio-system") } as const;

const service = (name: string, metadata: object = {}, spec: object = {}) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "shop", ...metadata },
  spec,
});
const istio = (kind: string, name: string, metadata: object = {}) => ({
  apiVersion: kind === "IstioGateway" ? "istio.alibabacloud.com/v1" : "networking.istio.io/v1",
  kind,
  metadata: { name, namespace: "shop", ...metadata },
});
const istioOperator = (metadata: object) => ({
  apiVersion: "install.istio.io/v1alpha1",
  kind: "IstioOperator",
  metadata: { name: "installed", ...metadata },
});
const operatorIn = (home: string) => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "istio-operator-7c9", namespace: home, labels: { name: "istio-operator" } },
});
const apiService = (name: string, status: string, place?: object) => ({
  apiVersion: "apiregistration.k8s.io/v1",
  kind: "APIService",
  metadata: { name },
  spec: place === undefined ? {} : { service: place },
  status: { conditions: [{ type: "Available", status, reason: "ServiceNotFound", message: "" }] },
});
const ADAPTER = { name: "adapter", namespace: "monitoring" };
const client = namespace("client", { labels: { "istio-injection": "enabled" } });

testRule(rule, {
  valid: [
    { name: "nothing is in it", ...shop },
    { name: "it is made, and empty", object: namespace("shop"), cluster: [service("web")] },
    {
      name: "it is made while an API does not answer, which is nobody's business here",
      object: namespace("shop"),
      cluster: [apiService("v1.metrics", "False", ADAPTER)],
    },
    {
      name: "what is in it has no finalizers",
      ...shop,
      cluster: [
        service("web", { finalizers: [] }, { type: "LoadBalancer" }),
        istio("VirtualService", "web"),
        istio("IstioGateway", "ingress"),
      ],
    },
    {
      name: "every cluster has the controllers of its finalizers",
      ...shop,
      cluster: [service("web", { finalizers: ["foregroundDeletion", "orphan"], deletionTimestamp: GOING })],
    },
    {
      name: "what has finalizers is in the mesh's own API server, which keeps it",
      operation: "DELETE",
      object: namespace("shop", { uid: "1" }),
      cluster: [namespace("shop", { uid: "1" })],
      meshPlane: [
        namespace("shop", { uid: "2" }),
        istio("IstioGateway", "ingress", { finalizers: [OPERATOR] }),
        istio("VirtualService", "web", { finalizers: [OPERATOR], deletionTimestamp: GOING }),
      ],
    },
    {
      name: "what has finalizers is in the cluster, and the namespace in the mesh's own API server",
      operation: "DELETE",
      object: namespace("shop", { uid: "2" }),
      cluster: [namespace("shop", { uid: "1" }), service("web", { finalizers: [LOAD_BALANCER] })],
      meshPlane: [namespace("shop", { uid: "2" })],
    },
    {
      name: "a load balancer is in another namespace",
      ...shop,
      cluster: [service("web", { namespace: "store", finalizers: [LOAD_BALANCER] })],
    },
    {
      name: "all aggregated APIs are available, and served from elsewhere",
      ...shop,
      cluster: [
        apiService("v1.", "True"),
        apiService("v1beta1.metrics.k8s.io", "True", { name: "metrics-server", namespace: "kube-system" }),
      ],
    },
    {
      name: "an API of the API server itself is not available for a moment",
      ...shop,
      cluster: [apiService("v1.example.com", "False")],
    },
    {
      name: "it is nobody knows whether an aggregated API is available",
      ...shop,
      cluster: [apiService("v1beta1.metrics.k8s.io", "Unknown", ADAPTER)],
    },
    { name: "it has the name of a root namespace and nothing of Istio is there", ...root },
    {
      name: "it was a root namespace, and another one is now",
      ...root,
      cluster: [client],
      settings: { rootNamespace: "mesh" },
    },
  ],
  invalid: [
    {
      name: "files hold a namespace and something with a finalizer in it",
      object: namespace("shop"),
      cluster: [service("edge", { finalizers: [LOAD_BALANCER] }), service("web")],
      findings: [
        {
          message: "waitsOnceDeleted",
          field: FIELD,
          data: { finalizer: LOAD_BALANCER, namespace: "shop", objects: "Service edge" },
        },
      ],
    },
    {
      name: "load balancers keep it",
      ...shop,
      cluster: [
        service("web"),
        service("ingress", { finalizers: ["foregroundDeletion", LOAD_BALANCER] }, { type: "LoadBalancer" }),
        service("egress", { finalizers: [LOAD_BALANCER] }, { type: "LoadBalancer" }),
      ],
      findings: [
        {
          message: "waitsForLoadBalancer",
          field: FIELD,
          data: {
            controller: "the cloud controller manager",
            finalizer: LOAD_BALANCER,
            namespace: "shop",
            objects: "Service egress, Service ingress",
          },
        },
      ],
    },
    {
      name: "objects wait for controllers of which nothing is known",
      ...shop,
      cluster: [
        istio("VirtualService", "web", { finalizers: ["example.com/b"] }),
        istio("DestinationRule", "web", { finalizers: ["example.com/b", "example.com/a"] }),
        istio("IstioGateway", "ingress", { finalizers: ["asm.alibabacloud.com/gateway"] }),
      ],
      findings: [
        {
          message: "waitsForController",
          field: FIELD,
          data: { finalizer: "example.com/b", objects: "DestinationRule web, VirtualService web" },
        },
        {
          message: "waitsForController",
          field: FIELD,
          data: { finalizer: "example.com/a", objects: "DestinationRule web" },
        },
        {
          message: "waitsForController",
          field: FIELD,
          data: { finalizer: "asm.alibabacloud.com/gateway", objects: "IstioGateway ingress" },
        },
      ],
    },
    {
      name: "an object was deleted before and is still there",
      ...shop,
      cluster: ["a", "b", "c", "d", "e"].map((name) =>
        service(name, { finalizers: [LOAD_BALANCER], deletionTimestamp: GOING }),
      ),
      findings: [
        {
          message: "hangsAlready",
          field: FIELD,
          data: {
            finalizer: LOAD_BALANCER,
            namespace: "shop",
            objects: "Service a, Service b, Service c and 2 more",
          },
        },
      ],
    },
    {
      name: "the operator runs in the same namespace",
      operation: "DELETE",
      object: namespace("mesh"),
      cluster: [istioOperator({ namespace: "mesh", finalizers: [OPERATOR] }), operatorIn("mesh")],
      findings: [
        {
          message: "controllerGoesToo",
          field: FIELD,
          data: {
            controller: "the Istio operator",
            finalizer: OPERATOR,
            namespace: "mesh",
            objects: "IstioOperator installed",
          },
        },
      ],
    },
    {
      name: "the operator runs in its own namespace",
      operation: "DELETE",
      object: namespace("mesh"),
      cluster: [istioOperator({ namespace: "mesh", finalizers: [OPERATOR] }), operatorIn("istio-operator")],
      findings: [
        {
          message: "waitsForController",
          field: FIELD,
          data: { finalizer: OPERATOR, objects: "IstioOperator installed" },
        },
      ],
    },
    {
      name: "the operator is gone",
      operation: "DELETE",
      object: namespace("mesh"),
      cluster: [istioOperator({ namespace: "mesh", finalizers: [OPERATOR] })],
      findings: [
        {
          message: "controllerMissing",
          field: FIELD,
          data: {
            controller: "the Istio operator",
            finalizer: OPERATOR,
            home: "istio-operator",
            namespace: "mesh",
            objects: "IstioOperator installed",
          },
        },
      ],
    },
    {
      name: "nobody knows whether the operator is there",
      operation: "DELETE",
      object: namespace("mesh"),
      isComplete: false,
      cluster: [istioOperator({ namespace: "mesh", finalizers: [OPERATOR] })],
      findings: [
        {
          message: "waitsForController",
          field: FIELD,
          data: { finalizer: OPERATOR, objects: "IstioOperator installed" },
        },
      ],
    },
    {
      name: "gateways wait for the mesh's control plane, which runs here",
      ...root,
      cluster: [
        istio("IstioGateway", "ingress", {
          namespace: "istio-system",
          finalizers: ["istio.alibabacloud.com/gateway"],
        }),
        istio("IstioGateway", "egress", {
          namespace: "istio-system",
          finalizers: ["notistio.io/gateway"],
        }),
      ],
      findings: [
        {
          message: "waitsForController",
          field: FIELD,
          data: { finalizer: "notistio.io/gateway", objects: "IstioGateway egress" },
        },
        {
          message: "controllerGoesToo",
          field: FIELD,
          data: {
            controller: "Istio's control plane",
            finalizer: "istio.alibabacloud.com/gateway",
            namespace: "istio-system",
            objects: "IstioGateway ingress",
          },
        },
      ],
    },
    {
      name: "it is the root namespace of a mesh with clients",
      ...root,
      cluster: [client],
      findings: [{ message: "rootNamespace", field: FIELD, data: { namespace: "istio-system" } }],
    },
    {
      name: "it is the root namespace, with istiod in it",
      operation: "DELETE",
      object: namespace("mesh"),
      settings: { rootNamespace: "mesh" },
      cluster: [service("istiod-1-31", { namespace: "mesh", labels: { app: "istiod" } })],
      findings: [{ message: "rootNamespace", field: FIELD, data: { namespace: "mesh" } }],
    },
    {
      name: "an aggregated API is unavailable, wherever it is served from",
      ...shop,
      cluster: [
        apiService("v1.", "True"),
        apiService("v1beta1.metrics.k8s.io", "False", { name: "metrics-server", namespace: "kube-system" }),
        apiService("v1beta1.external.metrics.k8s.io", "False", { name: "keda", namespace: "shop" }),
      ],
      findings: [
        {
          message: "apiServiceUnavailable",
          field: FIELD,
          data: {
            apiServices: {
              names: ["v1beta1.external.metrics.k8s.io", "v1beta1.metrics.k8s.io"],
              noun: "APIService",
            },
          },
        },
      ],
    },
    {
      name: "it serves an aggregated API",
      operation: "DELETE",
      object: namespace("monitoring"),
      cluster: [apiService("v1beta1.custom.metrics.k8s.io", "True", ADAPTER)],
      findings: [
        {
          message: "apiServiceGoesToo",
          field: FIELD,
          data: {
            apiServices: { names: ["v1beta1.custom.metrics.k8s.io"], noun: "APIService" },
            namespace: "monitoring",
          },
        },
      ],
    },
  ],
});
