import rule from "../../src/rules/pod-annotations-known.ts";
import { testRule } from "./rule-tester.ts";

const EXCLUDE = "traffic.sidecar.istio.io/excludeInboundPorts";
const REWRITE = "sidecar.istio.io/rewriteAppHTTPProbers";
const NATIVE = "sidecar.istio.io/nativeSidecar";
const INJECT = "sidecar.istio.io/inject";

function pod(metadata: object) {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace: "shop", ...metadata },
    spec: { containers: [{ name: "app" }] },
  };
}

const annotated = (annotations: object) => pod({ annotations });

function workload(kind: string, apiVersion: string, own: object, template: object = {}) {
  const spec = { template: { metadata: template, spec: {} } };
  return { apiVersion, kind, metadata: { name: "web", namespace: "shop", ...own }, spec };
}

function cronJob(own: object, job: object, template: object = {}) {
  const spec = { jobTemplate: { metadata: job, spec: { template: { metadata: template } } } };
  return { apiVersion: "batch/v1", kind: "CronJob", metadata: { name: "web", ...own }, spec };
}

const deployment = (own: object, template?: object) => workload("Deployment", "apps/v1", own, template);

const misspelt = (key: string, meant: string, map = "annotations") => ({
  message: "misspelt",
  field: ["metadata", map, key],
  data: { key, meant },
});
/** With its fix. */
const renamed = (key: string, meant: string, value: string) => ({
  ...misspelt(key, meant),
  fix: [
    { path: ["metadata", "annotations", meant], value },
    { path: ["metadata", "annotations", key], isRemoved: true } as const,
  ],
});
const misplaced = (kind: string, map: string, key: string, place: string) => ({
  message: "misplaced",
  field: ["metadata", map, key],
  data: { key, kind, place },
});
const TEMPLATE = "spec.template.metadata";

testRule(rule, {
  valid: [
    {
      name: "all is spelt as Istio has it",
      object: pod({
        labels: { [INJECT]: "true", "istio.io/rev": "canary", "service.istio.io/canonical-name": "web" },
        annotations: { [EXCLUDE]: "", [REWRITE]: "true", "proxy.istio.io/config": "", [INJECT]: "true" },
      }),
    },
    {
      name: "nobody knows the key",
      object: annotated({
        "sidecar.istio.io/somethingNew": "1",
        "example.org/inject": "true",
        "prometheus.io/scrape": "true",
        "asm.alibabacloud.com/inject": "true",
        inject: "true",
        "istio.io/owner": "web",
      }),
    },
    {
      name: "an older Istio knew the key",
      object: annotated({
        "sidecar.istio.io/enableCoreDump": "true",
        "sidecar.istio.io/controlPlaneAuthPolicy": "NONE",
        "policy.istio.io/check": "enable",
        "security.istio.io/tlsMode": "istio",
        "istio.io/use-waypoint": "none",
      }),
    },
    {
      name: "the key is for other objects",
      object: annotated({ "networking.istio.io/exportTo": ".", "galley.istio.io/analyze-suppress": "*" }),
    },
    {
      name: "the right spelling is there as well",
      object: annotated({ "sidecar.istio.io/rewriteAppHTTPProbes": "true", [REWRITE]: "true" }),
    },
    {
      name: "the injector wrote all of it",
      object: annotated({
        "sidecar.istio.io/status": "{}",
        "istio.io/rev": "default",
        "proxy.istio.io/overrides": "{}",
        "prometheus.io/path": "/stats/prometheus",
      }),
    },
    {
      name: "the template has the key that the workload has",
      object: deployment({ annotations: { [INJECT]: "false" } }, { labels: { [INJECT]: "false" } }),
    },
    {
      name: "Istio labels and annotates its own workloads",
      object: workload("DaemonSet", "apps/v1", {
        labels: { "istio.io/rev": "default", "operator.istio.io/component": "Cni" },
        annotations: { "istio.io/rev": "default", "deployment.kubernetes.io/revision": "1" },
      }),
    },
    { name: "there is no metadata", object: { apiVersion: "batch/v1", kind: "CronJob", spec: {} } },
    { name: "annotations are null", object: pod({ annotations: null, labels: null }) },
    { name: "another's annotation is null", object: annotated({ "example.org/a": null }) },
    {
      name: "a label is also an annotation",
      object: pod({ labels: { [EXCLUDE]: "1" }, annotations: { [EXCLUDE]: "1" } }),
    },
  ],
  invalid: [
    {
      name: "letters are missing, too many or wrong",
      object: annotated({
        "sidecar.istio.io/rewriteAppHTTPProbes": "true",
        "traffic.sidecar.istio.io/exludeInboundPort": "8087",
        "sidecar.istio.io/logLevell": "debug",
        "sidecar.isito.io/interceptionMode": "NONE",
      }),
      findings: [
        renamed("sidecar.istio.io/rewriteAppHTTPProbes", REWRITE, "true"),
        misspelt("traffic.sidecar.istio.io/exludeInboundPort", EXCLUDE),
        misspelt("sidecar.istio.io/logLevell", "sidecar.istio.io/logLevel"),
        misspelt("sidecar.isito.io/interceptionMode", "sidecar.istio.io/interceptionMode"),
      ],
    },
    {
      name: "case and hyphens are others",
      object: annotated({
        "sidecar.istio.io/rewrite-app-http-probers": "true",
        "proxy.istio.io/Config": "",
        "sidecar.istio.io/native-side": "true",
      }),
      findings: [
        misspelt("sidecar.istio.io/rewrite-app-http-probers", REWRITE),
        misspelt("proxy.istio.io/Config", "proxy.istio.io/config"),
        misspelt("sidecar.istio.io/native-side", NATIVE),
      ],
    },
    {
      name: "the domain is another one of Istio's",
      object: annotated({ "sidecar.istio.io/excludeInboundPorts": "8087" }),
      findings: [misspelt("sidecar.istio.io/excludeInboundPorts", EXCLUDE)],
    },
    {
      name: "a label is misspelt",
      object: pod({ labels: { "sidecar.istio.io/injected": "true" } }),
      findings: [misspelt("sidecar.istio.io/injected", INJECT, "labels")],
    },
    {
      name: "an annotation stands among the labels, and a label among the annotations",
      object: pod({ labels: { [NATIVE]: "true" }, annotations: { "istio.io/dataplane-mode": "none" } }),
      findings: [
        {
          message: "wrongMap",
          field: ["metadata", "annotations", "istio.io/dataplane-mode"],
          data: { key: "istio.io/dataplane-mode", written: "annotations", read: "labels" },
        },
        {
          message: "wrongMap",
          field: ["metadata", "labels", NATIVE],
          data: { key: NATIVE, written: "labels", read: "annotations" },
        },
      ],
    },
    {
      name: "a Deployment has what its Pods should have",
      object: deployment({ annotations: { a: "b", [INJECT]: "false" }, labels: { [INJECT]: "false" } }),
      findings: [
        misplaced("Deployment", "annotations", INJECT, `${TEMPLATE}.annotations`),
        misplaced("Deployment", "labels", INJECT, `${TEMPLATE}.labels`),
      ],
    },
    {
      name: "a StatefulSet has an annotation as a label",
      object: workload("StatefulSet", "apps/v1", { labels: { [EXCLUDE]: "8087" } }),
      findings: [misplaced("StatefulSet", "labels", EXCLUDE, `${TEMPLATE}.annotations`)],
    },
    {
      name: "a ReplicaSet's own annotation is misspelt",
      object: workload("ReplicaSet", "apps/v1", { annotations: { "proxy.istio.io/konfig": "" } }),
      findings: [misspelt("proxy.istio.io/konfig", "proxy.istio.io/config")],
    },
    {
      name: "a Job's template is misspelt",
      object: workload("Job", "batch/v1", {}, { annotations: { "proxy.istio.io/konfig": "" } }),
      findings: [
        {
          ...misspelt("proxy.istio.io/konfig", "proxy.istio.io/config"),
          field: ["spec", "template", "metadata", "annotations", "proxy.istio.io/konfig"],
        },
      ],
    },
    {
      name: "a CronJob has it on itself and on its Jobs",
      object: cronJob({ annotations: { [EXCLUDE]: "1" } }, { annotations: { [NATIVE]: "false" } }),
      findings: [
        misplaced("CronJob", "annotations", EXCLUDE, `spec.jobTemplate.${TEMPLATE}.annotations`),
        {
          ...misplaced("CronJob", "annotations", NATIVE, `spec.jobTemplate.${TEMPLATE}.annotations`),
          field: ["spec", "jobTemplate", "metadata", "annotations", NATIVE],
        },
      ],
    },
    {
      name: "values are not in quotes",
      object: pod({ annotations: { a: "b", [EXCLUDE]: 8087, other: [1] }, labels: { [INJECT]: true } }),
      findings: [
        {
          message: "notText",
          field: ["metadata", "annotations", EXCLUDE],
          data: { key: EXCLUDE, type: "a number" },
        },
        {
          message: "notText",
          field: ["metadata", "annotations", "other"],
          data: { key: "other", type: "a list" },
        },
        {
          message: "notText",
          field: ["metadata", "labels", INJECT],
          data: { key: INJECT, type: "a boolean" },
        },
      ],
    },
    {
      name: "the annotations are no map",
      object: pod({ annotations: "none" }),
      findings: [
        {
          message: "notText",
          field: ["metadata", "annotations"],
          data: { key: "annotations", type: "a string" },
        },
      ],
    },
    {
      name: "a known annotation is null",
      object: annotated({ [REWRITE]: "true", [EXCLUDE]: null }),
      findings: [
        { message: "nullValue", field: ["metadata", "annotations", EXCLUDE], data: { key: EXCLUDE } },
      ],
    },
  ],
});
