import rule from "../../src/rules/namespace-finalize-loses-nothing.ts";
import { testRule } from "./rule-tester.ts";

const GOING = "2026-08-01T10:00:00Z";
const FIELD = ["spec", "finalizers"];

const namespace = (finalizers: readonly string[] | undefined, conditions: readonly object[] = []) => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: "shop", deletionTimestamp: GOING },
  ...(finalizers === undefined ? {} : { spec: { finalizers } }),
  status: { phase: "Terminating", conditions },
});
const is = (status: "True" | "False", type: string, message: string) => ({
  type,
  status,
  message,
  reason: "Any",
});
const EMPTY = [
  is("False", "NamespaceDeletionDiscoveryFailure", "All resources successfully discovered"),
  is("False", "NamespaceContentRemaining", "All content successfully removed"),
  is("False", "NamespaceFinalizersRemaining", "All content-preserving finalizers finished"),
];
const REMAINING = [
  is(
    "True",
    "NamespaceContentRemaining",
    "Some resources are remaining: configmaps. has 1 resource instances, istiogateways.istio.alibabacloud.com has 2 resource instances, widgets.example.com has 12 resource instances",
  ),
  is(
    "True",
    "NamespaceFinalizersRemaining",
    "Some content in the namespace has finalizers remaining: example.com/cleanup in 12 resource instances, foregroundDeletion in 1 resource instances",
  ),
];
const emptied = (conditions: readonly object[] = []) => ({
  object: namespace([], conditions),
  oldObject: namespace(["kubernetes"], conditions),
});
const pod = (name: string) => ({ apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "shop" } });
const service = (metadata: object) => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name: "web", namespace: "shop", ...metadata },
});

testRule(rule, {
  valid: [
    { name: "the controller says that it is empty, and nothing is known in it", ...emptied(EMPTY) },
    {
      name: "the controller says that it is empty, and Istio's objects are in the mesh's own API server",
      ...emptied(EMPTY),
      meshPlane: [
        {
          apiVersion: "networking.istio.io/v1",
          kind: "Sidecar",
          metadata: { name: "one", namespace: "shop", finalizers: ["example.com/cleanup"] },
        },
      ],
    },
    {
      name: "what is known is in another namespace",
      ...emptied(EMPTY),
      cluster: [service({ namespace: "store" })],
    },
    {
      name: "the list was empty before",
      object: namespace([], REMAINING),
      oldObject: namespace(undefined, REMAINING),
    },
    {
      name: "another finalizer stays",
      object: namespace(["example.com/own"], REMAINING),
      oldObject: namespace(["kubernetes", "example.com/own"], REMAINING),
    },
    {
      name: "a finalizer is added",
      object: namespace(["kubernetes", "example.com/own"]),
      oldObject: namespace(["kubernetes"]),
    },
  ],
  invalid: [
    {
      name: "the controller has seen what the view does not have",
      ...emptied([
        is(
          "True",
          "NamespaceContentRemaining",
          "Some resources are remaining: services. has 1 resource instances",
        ),
      ]),
      findings: [
        {
          message: "contentRemains",
          field: ["spec", "finalizers"],
          data: { content: "Service (1)", namespace: "shop" },
        },
      ],
    },
    {
      name: "the conditions say what remains",
      ...emptied(REMAINING),
      isComplete: false,
      findings: [
        {
          message: "contentRemains",
          field: FIELD,
          data: { content: "widgets.example.com (12), IstioGateway (2), ConfigMap (1)", namespace: "shop" },
        },
        {
          message: "finalizersRemain",
          field: FIELD,
          data: { finalizers: "example.com/cleanup", namespace: "shop" },
        },
      ],
    },
    {
      name: "Pods remain, of which the conditions do not speak",
      object: namespace(undefined, EMPTY),
      oldObject: namespace(["kubernetes"], EMPTY),
      cluster: [pod("a"), pod("b"), service({ finalizers: ["service.k8s.alibaba/resources"] })],
      findings: [
        {
          message: "contentRemains",
          field: FIELD,
          data: { content: "Pod (2), Service (1)", namespace: "shop" },
        },
        {
          message: "finalizersRemain",
          field: FIELD,
          data: { finalizers: "service.k8s.alibaba/resources", namespace: "shop" },
        },
      ],
    },
    {
      name: "the controller could not discover all there is",
      ...emptied([is("True", "NamespaceDeletionDiscoveryFailure", "Discovery failed for some groups")]),
      findings: [
        {
          message: "contentUnknown",
          field: FIELD,
          data: { condition: "NamespaceDeletionDiscoveryFailure", namespace: "shop" },
        },
      ],
    },
    {
      name: "the controller has not looked at it",
      ...emptied(),
      findings: [{ message: "notReported", field: FIELD, data: { namespace: "shop" } }],
    },
    {
      name: "it is not being deleted",
      object: { ...namespace([]), metadata: { name: "shop" } },
      oldObject: { ...namespace(["kubernetes"]), metadata: { name: "shop" } },
      findings: [{ message: "notTerminating", field: FIELD, data: { namespace: "shop" } }],
    },
  ],
});
