import rule from "../../src/rules/mesh-namespace-exists.ts";
import { testRule } from "./rule-tester.ts";

const API_VERSIONS = {
  AuthorizationPolicy: "security.istio.io/v1",
  DestinationRule: "networking.istio.io/v1",
  EnvoyFilter: "networking.istio.io/v1alpha3",
  Gateway: "networking.istio.io/v1",
  IstioGateway: "istio.alibabacloud.com/v1beta1",
  PeerAuthentication: "security.istio.io/v1",
  ProxyConfig: "networking.istio.io/v1beta1",
  RequestAuthentication: "security.istio.io/v1",
  ServiceEntry: "networking.istio.io/v1",
  Sidecar: "networking.istio.io/v1",
  Telemetry: "telemetry.istio.io/v1",
  VirtualService: "networking.istio.io/v1",
  WasmPlugin: "extensions.istio.io/v1alpha1",
  WorkloadEntry: "networking.istio.io/v1",
  WorkloadGroup: "networking.istio.io/v1",
} as const;
type IstioKind = keyof typeof API_VERSIONS;
const KINDS: readonly IstioKind[] = [
  "AuthorizationPolicy",
  "DestinationRule",
  "EnvoyFilter",
  "Gateway",
  "IstioGateway",
  "PeerAuthentication",
  "ProxyConfig",
  "RequestAuthentication",
  "ServiceEntry",
  "Sidecar",
  "Telemetry",
  "VirtualService",
  "WasmPlugin",
  "WorkloadEntry",
  "WorkloadGroup",
];

function istio(kind: IstioKind, place: string, metadata: object = {}): object {
  return {
    apiVersion: API_VERSIONS[kind],
    kind,
    metadata: { name: "one", namespace: place, ...metadata },
    spec: {},
  };
}

function namespace(name: string, labels: object = {}, metadata: object = {}): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels, ...metadata } };
}

/** Both have shop; only the mesh's has config, only the cluster's has batch. */
const DATA = [namespace("kube-system", {}, { uid: "d" }), namespace("shop"), namespace("batch")];
const MESH = [
  namespace("kube-system", {}, { uid: "m" }),
  namespace("istio-system"),
  namespace("shop"),
  namespace("config"),
];
const SPLIT = { cluster: DATA, meshPlane: MESH };

const owner = (apiVersion: string, kind: string, name = "web") => ({ apiVersion, kind, name, uid: "1" });
const owned = (...ownerReferences: object[]) => istio("VirtualService", "shop", { ownerReferences });
const DEPLOYMENT = owner("apps/v1", "Deployment");

const INJECTED = { "istio-injection": "enabled" };
/** Both planes have it, each with a uid of its own. */
const shop = (inCluster: object, inMesh: object) => ({
  cluster: [namespace("other"), namespace("shop", inCluster, { uid: "1" })],
  meshPlane: [namespace("other"), namespace("shop", inMesh, { uid: "2" })],
});
const differ = (label: string, inCluster: string, inMesh: string, message = "labelsDiffer") => ({
  message,
  field: ["metadata", "labels", label],
  data: { label, inCluster, inMesh },
});

testRule(rule, {
  valid: [
    { name: "the cluster has the namespace, too", object: istio("Sidecar", "shop"), ...SPLIT },
    {
      name: "only the cluster has the namespace, and will not for long",
      object: istio("Sidecar", "batch"),
      ...SPLIT,
    },
    { name: "there is one API server, whatever it has", object: istio("Sidecar", "config"), cluster: DATA },
    { name: "there is one, and a namespace has labels", object: namespace("shop", INJECTED), cluster: DATA },
    {
      name: "there is one, and the owner is a Deployment",
      object: owned(DEPLOYMENT),
      cluster: DATA,
    },
    { name: "it stands in files", object: istio("VirtualService", "nowhere"), isComplete: false },
    {
      name: "both kubeconfigs lead to one API server",
      object: owned(DEPLOYMENT),
      cluster: [namespace("kube-system", {}, { uid: "one" })],
      meshPlane: [namespace("kube-system", {}, { uid: "one" })],
    },
    {
      name: "it is in istio-system, which the cluster may lack",
      object: istio("Telemetry", "istio-system"),
      ...SPLIT,
    },
    {
      name: "it is in the mesh's root namespace",
      object: istio("Telemetry", "config"),
      settings: { rootNamespace: "config" },
      ...SPLIT,
    },
    {
      name: "the namespace may be in a cluster that is not seen",
      object: istio("ServiceEntry", "config"),
      settings: { multiCluster: true },
      ...SPLIT,
    },
    {
      name: "it is being deleted",
      object: istio("Gateway", "config", {
        deletionTimestamp: "2026-01-01T00:00:00Z",
        ownerReferences: [DEPLOYMENT],
      }),
      ...SPLIT,
    },
    { name: "nobody owns it", object: owned(), ...SPLIT },
    {
      name: "its owner is in the mesh's API server",
      object: owned(owner("networking.istio.io/v1", "Gateway")),
      ...SPLIT,
    },
    {
      name: "one of its owners is in the mesh's API server: it stays",
      object: owned(DEPLOYMENT, owner("istio.alibabacloud.com/v1beta1", "IstioGateway")),
      ...SPLIT,
    },
    {
      name: "its owner is of a kind that both have",
      object: owned(owner("v1", "ConfigMap"), owner("v1", "Namespace"), owner("v1", "Secret")),
      ...SPLIT,
    },
    {
      name: "its owner is of a kind that the mesh's API server may not serve: it is not looked for",
      object: owned(owner("flagger.app/v1beta1", "Canary"), owner("serving.knative.dev/v1", "Service")),
      ...SPLIT,
    },
    {
      name: "an owner without kind says nothing",
      object: owned({ apiVersion: "apps/v1" }, { kind: "Deployment" }),
      ...SPLIT,
    },
    {
      name: "the labels are the same in both, other labels are not",
      object: namespace("shop", { ...INJECTED, team: "one" }, { uid: "1" }),
      ...shop(INJECTED, { ...INJECTED, team: "two" }),
    },
    {
      name: "a namespace of the cluster is none of the mesh's",
      object: namespace("batch", INJECTED, { uid: "9" }),
      cluster: [namespace("batch", {}, { uid: "9" })],
      meshPlane: [namespace("shop")],
    },
    {
      name: "a namespace is new in both",
      object: namespace("new", INJECTED, { uid: "9" }),
      ...SPLIT,
    },
    {
      name: "nobody knows of which API server the namespace is",
      object: namespace("shop", INJECTED, { uid: "9" }),
      ...shop({}, {}),
    },
    {
      name: "a namespace is being deleted",
      object: namespace("shop", INJECTED, { uid: "1", deletionTimestamp: "2026-01-01T00:00:00Z" }),
      ...shop({}, {}),
    },
    ...["istio-system", "kube-system"].map((name) => ({
      name: `each has labels of its own on ${name}`,
      object: namespace(name, { "istio-injection": "disabled" }, { uid: "1" }),
      cluster: [namespace(name, {}, { uid: "1" })],
      meshPlane: [namespace(name, {}, { uid: "2" })],
    })),
  ],
  invalid: [
    ...KINDS.map((kind) => ({
      name: `a ${kind} is in a namespace that the cluster does not have`,
      object: istio(kind, "config"),
      ...SPLIT,
      findings: [
        { message: "namespaceMissing", field: ["metadata", "namespace"], data: { namespace: "config" } },
      ],
    })),
    {
      name: "it names no namespace, and the cluster has no default",
      object: { apiVersion: "networking.istio.io/v1", kind: "Gateway", metadata: { name: "one" } },
      ...SPLIT,
      findings: [
        { message: "namespaceMissing", field: ["metadata", "namespace"], data: { namespace: "default" } },
      ],
    },
    {
      name: "its owners are workloads, which are in the cluster",
      object: owned(DEPLOYMENT, owner("v1", "Service"), owner("batch/v1", "Job")),
      ...SPLIT,
      findings: [
        {
          message: "ownerInCluster",
          field: ["metadata", "ownerReferences", 0],
          data: { owner: "Deployment web" },
        },
      ],
    },
    {
      name: "its owner is there no more than its namespace",
      object: istio("DestinationRule", "config", { ownerReferences: [owner("v1", "Service", "api")] }),
      ...SPLIT,
      findings: [
        { message: "namespaceMissing", field: ["metadata", "namespace"], data: { namespace: "config" } },
        {
          message: "ownerInCluster",
          field: ["metadata", "ownerReferences", 0],
          data: { owner: "Service api" },
        },
      ],
    },
    {
      name: "a namespace of the cluster gets other labels than that of the mesh",
      object: namespace("shop", { "istio.io/rev": "canary" }, { uid: "1" }),
      oldObject: namespace("shop", INJECTED, { uid: "1" }),
      ...shop(INJECTED, INJECTED),
      findings: [
        differ("istio-injection", "not set", "enabled"),
        differ("istio.io/rev", "canary", "not set"),
      ],
    },
    {
      name: "a namespace of the mesh gets other labels than that of the cluster",
      object: namespace("shop", { "istio.io/dataplane-mode": "" }, { uid: "2" }),
      ...shop({ "istio.io/dataplane-mode": "ambient" }, {}),
      findings: [differ("istio.io/dataplane-mode", "ambient", "empty")],
    },
    {
      name: "a namespace is made in the mesh, with other labels than that of the cluster",
      object: namespace("shop", INJECTED, { uid: "9" }),
      cluster: [namespace("shop", { "istio-injection": "disabled" }, { uid: "1" })],
      meshPlane: [namespace("kube-system")],
      findings: [differ("istio-injection", "disabled", "enabled")],
    },
    {
      name: "a namespace is made in the cluster, without the labels of that of the mesh",
      object: namespace("shop"),
      cluster: [namespace("kube-system")],
      meshPlane: [namespace("shop", INJECTED, { uid: "2" })],
      findings: [differ("istio-injection", "not set", "enabled")],
    },
    {
      name: "labels differ, and ASM has no ASMReconcileNSLabels yet",
      object: namespace("shop", {}, { uid: "1" }),
      ...shop({}, INJECTED),
      settings: { assume: { asm: "1.27" } },
      findings: [differ("istio-injection", "not set", "enabled", "labelsDifferInOldAsm")],
    },
    {
      name: "labels differ in several clusters of one mesh as well",
      object: namespace("shop", {}, { uid: "1" }),
      ...shop({}, INJECTED),
      settings: { multiCluster: true, assume: { asm: "1.28" } },
      findings: [differ("istio-injection", "not set", "enabled")],
    },
  ],
});
