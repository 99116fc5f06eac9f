import rule from "../../src/rules/namespace-injection-takes-effect.ts";
import type { AnyFinding } from "../../src/rules/rule.ts";
import { testRule } from "./rule-tester.ts";

const INJECT = "sidecar.istio.io/inject";
const REV = "istio.io/rev";
const MODE = "istio.io/dataplane-mode";

function namespace(labels: object, name = "shop") {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

interface PodParts {
  readonly labels?: object;
  readonly annotations?: object;
  readonly spec?: object;
  readonly namespace?: string;
}

function pod({ labels = {}, annotations = {}, spec = {}, namespace: where = "shop" }: PodParts) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: where, labels, annotations },
    spec: { containers: [{ name: "app", image: "app:1" }], ...spec },
  };
}

const labelled = (labels: object) => pod({ labels });
const asking = labelled({ [INJECT]: "true" });
const running = (one: object, name = "web") => {
  const { metadata = {}, ...rest }: { readonly metadata?: object } = one;
  return { ...rest, metadata: { ...metadata, name, uid: `uid-of-${name}` } };
};

/** As the injector of a revision leaves it. */
const injected = (labels: object, revision: string) =>
  pod({
    labels,
    annotations: { "sidecar.istio.io/status": "{}", [REV]: revision },
    spec: { initContainers: [{ name: "istio-proxy", image: "proxyv2:1.31.0", restartPolicy: "Always" }] },
  });

function workload(kind: string, template: object, namespaceName = "shop") {
  const apiVersion = kind === "Job" ? "batch/v1" : "apps/v1";
  return { apiVersion, kind, metadata: { name: "web", namespace: namespaceName }, spec: { template } };
}

const NEVER = { matchLabels: { "istio.io/deactivated": "never-match" } };
const NOT_FALSE = { matchExpressions: [{ key: INJECT, operator: "NotIn", values: ["false"] }] };
const absent = (key: string) => ({ key, operator: "DoesNotExist" });
const isOneOf = (key: string, value: string) => ({ key, operator: "In", values: [value] });

/** What Istio's chart installs for a revision or tag; `defaults` are the webhooks of the default one. */
function injector(revision: string, served = revision) {
  const byRevision = [
    {
      name: "rev.namespace.sidecar-injector.istio.io",
      namespaceSelector: { matchExpressions: [isOneOf(REV, served), absent("istio-injection")] },
      objectSelector: NOT_FALSE,
    },
    {
      name: "rev.object.sidecar-injector.istio.io",
      namespaceSelector: { matchExpressions: [absent(REV), absent("istio-injection")] },
      objectSelector: {
        matchExpressions: [...NOT_FALSE.matchExpressions, isOneOf(REV, served)],
      },
    },
  ];
  const defaults = [
    {
      name: "namespace.sidecar-injector.istio.io",
      namespaceSelector: { matchExpressions: [isOneOf("istio-injection", "enabled")] },
      objectSelector: NOT_FALSE,
    },
    {
      name: "object.sidecar-injector.istio.io",
      namespaceSelector: { matchExpressions: [absent("istio-injection"), absent(REV)] },
      objectSelector: { matchExpressions: [isOneOf(INJECT, "true"), absent(REV)] },
    },
  ];
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: {
      name: `istio-revision-tag-${served}`,
      labels: { app: "sidecar-injector", [REV]: revision, "istio.io/tag": served },
    },
    webhooks: served === "default" ? [...byRevision, ...defaults] : byRevision,
  };
}

const deactivated = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "MutatingWebhookConfiguration",
  metadata: { name: "istio-sidecar-injector", labels: { app: "sidecar-injector", [REV]: "default" } },
  webhooks: [{ name: "x.sidecar-injector.istio.io", namespaceSelector: NEVER, objectSelector: NEVER }],
};
/** As Alibaba Cloud Service Mesh can be told: everywhere but where it is disabled. */
const everywhere = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "MutatingWebhookConfiguration",
  metadata: { name: "istio-sidecar-injector", labels: { app: "sidecar-injector" } },
  webhooks: [
    {
      name: "sidecar-injector.istio.io",
      namespaceSelector: {
        matchExpressions: [{ key: "istio-injection", operator: "NotIn", values: ["disabled"] }],
      },
    },
  ],
};

const ns = (key: string, finding: Omit<AnyFinding, "field">) => ({
  field: ["metadata", "labels", key],
  ...finding,
});
const ENABLED = namespace({ "istio-injection": "enabled" });
const DISABLED = namespace({ "istio-injection": "disabled" });
const PLAIN = namespace({});
const CANARY = namespace({ [REV]: "canary" });
const SERVED = "canary, default";
const DEFAULT_AND_CANARY = [injector("default"), injector("canary")];
const onLabel = (path: readonly string[] = []) => [...path, "metadata", "labels", INJECT];
const WISH = `label ${INJECT}`;
const TEMPLATE = ["spec", "template"];

testRule(rule, {
  valid: [
    { name: "a namespace says nothing", object: PLAIN },
    {
      name: "a namespace has no labels",
      object: { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } },
    },
    { name: "a namespace is enabled", object: ENABLED },
    { name: "a namespace is disabled", object: DISABLED },
    { name: "a namespace names a revision, and no injector is known", object: CANARY },
    { name: "a namespace names the revision default", object: namespace({ [REV]: "default" }) },
    {
      name: "a namespace is enabled, and there is a default revision",
      object: ENABLED,
      cluster: DEFAULT_AND_CANARY,
    },
    { name: "a namespace names a revision that is served", object: CANARY, cluster: DEFAULT_AND_CANARY },
    {
      name: "a namespace names a tag, and the tag default points to the same revision",
      object: namespace({ [REV]: "prod" }),
      cluster: [injector("canary"), injector("canary", "prod"), injector("canary", "default"), deactivated],
    },
    {
      name: "a namespace is enabled, and the default is a tag",
      object: ENABLED,
      cluster: [injector("canary"), injector("canary", "default"), deactivated],
    },
    {
      name: "another value is as good as enabled to these injectors",
      object: namespace({ "istio-injection": "true" }),
      cluster: [everywhere],
    },
    {
      name: "an enabled namespace has an empty revision",
      object: namespace({ "istio-injection": "enabled", [REV]: "" }),
    },
    {
      name: "a namespace is in ambient mode",
      object: namespace({ [MODE]: "ambient", "istio-injection": "disabled" }),
    },
    {
      name: "a namespace is out of ambient mode",
      object: namespace({ [MODE]: "none", "istio-injection": "enabled" }),
    },
    {
      name: "a system namespace is disabled",
      object: namespace({ "istio-injection": "disabled" }, "kube-system"),
    },
    {
      name: "a namespace that goes is labelled",
      object: {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: {
          name: "shop",
          deletionTimestamp: "2026-01-01T00:00:00Z",
          labels: { "istio-injection": "true" },
        },
      },
    },
    {
      name: "what asks in a disabled namespace stands in the files beside it",
      object: DISABLED,
      cluster: [asking],
    },
    {
      name: "only Pods on the host network ask in a disabled namespace",
      object: DISABLED,
      cluster: [running(pod({ labels: { [INJECT]: "true" }, spec: { hostNetwork: true } }))],
      operation: "UPDATE",
    },

    { name: "a Pod says nothing", object: labelled({}), cluster: [PLAIN] },
    { name: "a Pod asks in a plain namespace", object: asking, cluster: [PLAIN] },
    { name: "a Pod asks where all are injected", object: asking, cluster: [ENABLED] },
    { name: "a Pod asks in a namespace that is not known", object: asking, isComplete: false },
    {
      name: "a Pod's annotation asks in a namespace that is not known",
      object: pod({ annotations: { [INJECT]: "true" } }),
    },
    {
      name: "a Pod's annotation asks where all are injected",
      object: pod({ annotations: { [INJECT]: "true" } }),
      cluster: [ENABLED],
    },
    {
      name: "a Pod opts out where all are injected",
      object: labelled({ [INJECT]: "false" }),
      cluster: [ENABLED],
    },
    {
      name: "a Pod opts out and names a revision",
      object: labelled({ [INJECT]: "false", [REV]: "x" }),
      cluster: [DISABLED],
    },
    {
      name: "Istio's own gateway of old opts out by annotation and names its revision",
      object: workload(
        "Deployment",
        pod({ labels: { [REV]: "default" }, annotations: { [INJECT]: "false" } }),
      ),
      cluster: [DISABLED],
    },
    {
      name: "a Pod names its namespace's revision",
      object: labelled({ [REV]: "canary" }),
      cluster: [CANARY],
    },
    {
      name: "a Pod names the default revision in an enabled namespace",
      object: labelled({ [REV]: "default" }),
      cluster: [ENABLED],
    },
    {
      name: "a Pod names a tag of the revision that injects",
      object: labelled({ [REV]: "prod" }),
      cluster: [CANARY, injector("canary"), injector("canary", "prod")],
    },
    {
      name: "a Pod names a revision in a plain namespace",
      object: labelled({ [REV]: "canary" }),
      cluster: [PLAIN, ...DEFAULT_AND_CANARY],
    },
    {
      name: "a Pod asks, and there is a default revision",
      object: asking,
      cluster: [PLAIN, ...DEFAULT_AND_CANARY],
    },
    {
      name: "a gateway waits for injection",
      object: pod({
        labels: { [INJECT]: "true", istio: "ingressgateway" },
        annotations: { "inject.istio.io/templates": "gateway" },
        spec: { containers: [{ name: "istio-proxy", image: "auto" }] },
      }),
      cluster: [PLAIN],
    },
    {
      name: "a gateway waits in an enabled namespace",
      object: pod({ spec: { containers: [{ name: "istio-proxy", image: "auto" }] } }),
      cluster: [ENABLED],
    },
    {
      name: "a Pod is injected already",
      object: pod({
        labels: { [INJECT]: "true" },
        spec: { containers: [{ name: "istio-proxy", image: "proxyv2:1.20.0" }] },
      }),
      cluster: [DISABLED],
    },
    {
      name: "an injected Pod has its proxy from the revision that it names",
      object: injected({ [REV]: "canary" }, "canary"),
      cluster: [CANARY],
    },
    {
      name: "a Pod on the host network says nothing",
      object: pod({ spec: { hostNetwork: true } }),
      cluster: [ENABLED],
    },
    {
      name: "a Pod says yes in its own words, and gets it",
      object: labelled({ [INJECT]: "yes" }),
      cluster: [ENABLED],
    },
    {
      name: "a Pod says no in its own words, and gets that",
      object: labelled({ [INJECT]: "no" }),
      cluster: [PLAIN],
    },
    {
      name: "a Pod says no to an Istio that takes any word",
      object: labelled({ [INJECT]: "off" }),
      cluster: [ENABLED],
      settings: { assume: { istio: "1.26" } },
    },
    { name: "a Pod's empty label", object: labelled({ [INJECT]: "" }), cluster: [ENABLED] },
    {
      name: "a Pod in an ambient namespace",
      object: labelled({}),
      cluster: [namespace({ [MODE]: "ambient" })],
    },
    {
      name: "an ambient Pod that wants no sidecar",
      object: labelled({ [MODE]: "ambient", [INJECT]: "false" }),
      cluster: [ENABLED],
    },
    {
      name: "a Pod with a sidecar that is out of its namespace's ambient mode",
      object: labelled({ [MODE]: "none", [INJECT]: "true" }),
      cluster: [namespace({ [MODE]: "ambient" })],
    },
    ...["StatefulSet", "DaemonSet", "ReplicaSet", "Job"].map((kind) => ({
      name: `the template of a ${kind} asks in a plain namespace`,
      object: workload(kind, asking),
      cluster: [PLAIN],
    })),
  ],
  invalid: [
    ...["true", "Enabled", "enable", "", "injected"].map((value) => ({
      name: `a namespace says ${JSON.stringify(value)}`,
      object: namespace({ team: "a", "istio-injection": value }),
      findings: [ns("istio-injection", { message: "blockingValue", data: { value, namespace: "shop" } })],
    })),
    ...["false", "Disabled", "off"].map((value) => ({
      name: `a namespace opts out as ${JSON.stringify(value)}`,
      object: namespace({ "istio-injection": value }),
      findings: [ns("istio-injection", { message: "unusualOptOut", data: { value, namespace: "shop" } })],
    })),
    {
      name: "a namespace has both labels",
      object: namespace({ "istio-injection": "enabled", [REV]: "canary" }),
      findings: [
        ns(REV, { message: "bothLabels", data: { revision: "canary", value: "enabled", namespace: "shop" } }),
      ],
    },
    {
      name: "a namespace gets its second label",
      object: namespace({ "istio-injection": "enabled", [REV]: "canary" }),
      oldObject: ENABLED,
      cluster: DEFAULT_AND_CANARY,
      findings: [
        ns(REV, { message: "bothLabels", data: { revision: "canary", value: "enabled", namespace: "shop" } }),
      ],
    },
    {
      name: "both labels mean the default revision",
      object: namespace({ "istio-injection": "enabled", [REV]: "default" }),
      findings: [ns(REV, { message: "bothLabelsAgree", data: { revision: "default", value: "enabled" } })],
    },
    {
      name: "a revision in a disabled namespace",
      object: namespace({ "istio-injection": "disabled", [REV]: "canary" }),
      findings: [
        ns("istio-injection", {
          message: "blockedRevision",
          data: { value: "disabled", revision: "canary", namespace: "shop" },
        }),
      ],
    },
    {
      name: "Pods ask in a namespace that is being disabled",
      object: DISABLED,
      oldObject: PLAIN,
      cluster: [running(asking, "one"), running(asking, "two"), running(labelled({}), "three")],
      findings: [
        ns("istio-injection", {
          message: "blockedPods",
          data: { value: "disabled", count: 2, namespace: "shop" },
        }),
      ],
    },
    {
      name: "a namespace's revision is empty",
      object: namespace({ [REV]: "" }),
      findings: [ns(REV, { message: "emptyRevision" })],
    },
    {
      name: "nobody serves the namespace's revision",
      object: namespace({ [REV]: "1-19" }),
      cluster: DEFAULT_AND_CANARY,
      findings: [ns(REV, { message: "revisionNotServed", data: { revision: "1-19", served: SERVED } })],
    },
    {
      name: "four revisions are served, and not this one",
      object: namespace({ [REV]: "x" }),
      cluster: ["a", "b", "c", "d"].map((revision) => injector(revision)),
      findings: [
        ns(REV, { message: "revisionNotServed", data: { revision: "x", served: "a, b, c and 1 more" } }),
      ],
    },
    {
      name: "no injector is of the default revision",
      object: ENABLED,
      cluster: [injector("canary"), deactivated],
      findings: [ns("istio-injection", { message: "noDefaultRevision", data: { served: "canary" } })],
    },
    {
      name: "the only injector is deactivated",
      object: ENABLED,
      cluster: [deactivated],
      findings: [ns("istio-injection", { message: "noDefaultRevision", data: { served: "none" } })],
    },
    {
      name: "a system namespace is enabled",
      object: namespace({ "istio-injection": "enabled" }, "kube-system"),
      findings: [
        ns("istio-injection", {
          message: "neverInjected",
          data: { label: "istio-injection: enabled", namespace: "kube-system" },
        }),
      ],
    },
    {
      name: "a namespace is enabled and in ambient mode",
      object: namespace({ "istio-injection": "enabled", [MODE]: "ambient" }),
      findings: [
        ns(MODE, {
          message: "ambientNamespace",
          data: { label: "istio-injection: enabled", key: "istio-injection", namespace: "shop" },
        }),
      ],
    },
    {
      name: "a namespace names a revision and is in ambient mode",
      object: namespace({ [REV]: "canary", [MODE]: "ambient" }),
      cluster: [injector("canary")],
      findings: [
        ns(MODE, {
          message: "ambientNamespace",
          data: { label: `${REV}: "canary"`, key: REV, namespace: "shop" },
        }),
      ],
    },

    {
      name: "a Deployment's Pods ask in a disabled namespace",
      object: workload("Deployment", asking),
      cluster: [DISABLED],
      findings: [
        {
          message: "namespaceBlocks",
          field: onLabel(TEMPLATE),
          data: {
            wish: WISH,
            label: 'istio-injection: "disabled"',
            key: "istio-injection",
            namespace: "shop",
          },
        },
      ],
    },
    {
      name: "a CronJob's Pods ask where the revision is empty",
      object: {
        apiVersion: "batch/v1",
        kind: "CronJob",
        metadata: { name: "web", namespace: "shop" },
        spec: { jobTemplate: { spec: { template: asking } } },
      },
      cluster: [namespace({ [REV]: "" })],
      findings: [
        {
          message: "namespaceBlocks",
          field: onLabel(["spec", "jobTemplate", "spec", "template"]),
          data: { wish: WISH, label: `${REV}: ""`, key: REV, namespace: "shop" },
        },
      ],
    },
    {
      name: "a Pod asks in a namespace whose revision nobody serves",
      object: asking,
      cluster: [CANARY, injector("default")],
      findings: [
        {
          message: "namespaceNotServed",
          field: onLabel(),
          data: { wish: WISH, label: `${REV}: "canary"`, served: "default" },
        },
      ],
    },
    {
      name: "a Pod asks in an enabled namespace without a default revision",
      object: asking,
      cluster: [ENABLED, injector("canary")],
      findings: [
        {
          message: "namespaceNotServed",
          field: onLabel(),
          data: { wish: WISH, label: 'istio-injection: "enabled"', served: "canary" },
        },
      ],
    },
    {
      name: "a Pod names another revision than its namespace",
      object: labelled({ [REV]: "prod" }),
      cluster: [CANARY],
      findings: [
        {
          message: "podRevisionIgnored",
          field: ["metadata", "labels", REV],
          data: { revision: "prod", label: `${REV}: "canary"`, key: REV, namespace: "shop" },
        },
      ],
    },
    {
      name: "a Pod names a revision in an enabled namespace",
      object: labelled({ [REV]: "canary" }),
      cluster: [ENABLED, ...DEFAULT_AND_CANARY],
      findings: [
        {
          message: "podRevisionIgnored",
          field: ["metadata", "labels", REV],
          data: {
            revision: "canary",
            label: "istio-injection: enabled",
            key: "istio-injection",
            namespace: "shop",
          },
        },
      ],
    },
    {
      name: "an injected Pod has its proxy from another revision",
      object: injected({ [REV]: "prod" }, "canary"),
      cluster: [CANARY],
      findings: [
        {
          message: "podRevisionIgnored",
          field: ["metadata", "labels", REV],
          data: { revision: "prod", label: `${REV}: "canary"`, key: REV, namespace: "shop" },
        },
      ],
    },
    {
      name: "a Pod names a revision that nobody serves",
      object: labelled({ [INJECT]: "true", [REV]: "1-19" }),
      cluster: [PLAIN, ...DEFAULT_AND_CANARY],
      findings: [
        {
          message: "podRevisionNotServed",
          field: ["metadata", "labels", REV],
          data: { revision: "1-19", served: SERVED },
        },
      ],
    },
    {
      name: "a Pod asks beside an empty revision of its own",
      object: labelled({ [INJECT]: "true", [REV]: "" }),
      cluster: [PLAIN],
      findings: [{ message: "emptyRevision", field: ["metadata", "labels", REV] }],
    },
    {
      name: "a Pod asks, and no injector is of the default revision",
      object: asking,
      cluster: [PLAIN, injector("canary")],
      findings: [{ message: "unselected", field: onLabel(), data: { wish: WISH, served: "canary" } }],
    },
    {
      name: "a Pod asks an Istio that does not look at Pods",
      object: asking,
      cluster: [PLAIN],
      settings: { assume: { istio: "1.9" } },
      findings: [{ message: "unselected", field: onLabel(), data: { wish: WISH, served: "not known here" } }],
    },
    {
      name: "a Pod asks by an annotation alone",
      object: pod({ annotations: { [INJECT]: "true" } }),
      cluster: [PLAIN],
      findings: [{ message: "annotationOnly", field: ["metadata", "annotations", INJECT] }],
    },
    {
      name: "a Pod asks by an annotation in a disabled namespace",
      object: pod({ annotations: { [INJECT]: "true" } }),
      cluster: [DISABLED],
      findings: [
        {
          message: "namespaceBlocks",
          field: ["metadata", "annotations", INJECT],
          data: {
            wish: `annotation ${INJECT}`,
            label: 'istio-injection: "disabled"',
            key: "istio-injection",
            namespace: "shop",
          },
        },
      ],
    },
    {
      name: "a gateway waits where nobody injects",
      object: pod({
        spec: {
          containers: [
            { name: "log", image: "log:1" },
            { name: "istio-proxy", image: "auto" },
          ],
        },
      }),
      cluster: [PLAIN],
      findings: [{ message: "imageAuto", field: ["spec", "containers", 1, "image"] }],
    },
    {
      name: "a Pod on the host network asks",
      object: pod({ labels: { [INJECT]: "true" }, spec: { hostNetwork: true } }),
      isComplete: false,
      findings: [{ message: "onHostNetwork", field: onLabel(), data: { wish: WISH } }],
    },
    {
      name: "a Pod asks in a system namespace",
      object: pod({ labels: { [INJECT]: "true" }, namespace: "kube-system" }),
      findings: [
        { message: "inSystemNamespace", field: onLabel(), data: { wish: WISH, namespace: "kube-system" } },
      ],
    },
    {
      name: "a Pod says yes in its own words, and gets no proxy",
      object: labelled({ [INJECT]: "yes" }),
      cluster: [PLAIN],
      findings: [{ message: "valueUnknown", field: onLabel(), data: { value: "yes" } }],
    },
    {
      name: "a Pod says no in its own words, and gets a proxy",
      object: pod({ annotations: { [INJECT]: "no" } }),
      cluster: [ENABLED],
      findings: [
        { message: "valueUnknown", field: ["metadata", "annotations", INJECT], data: { value: "no" } },
      ],
    },
    {
      name: "what a Pod says means nothing",
      object: labelled({ [INJECT]: "sidecar" }),
      cluster: [PLAIN],
      findings: [{ message: "valueUnknown", field: onLabel(), data: { value: "sidecar" } }],
    },
    {
      name: "an ambient Pod gets a sidecar",
      object: labelled({ [MODE]: "ambient" }),
      cluster: [ENABLED],
      findings: [{ message: "ambientPod", field: ["metadata", "labels", MODE] }],
    },
    {
      name: "a Pod asks for a sidecar in an ambient namespace",
      object: asking,
      cluster: [namespace({ [MODE]: "ambient" })],
      findings: [{ message: "sidecarInAmbientNamespace", field: onLabel() }],
    },
  ],
});
