/** The kinds that foresail knows. */
import { SHAPES } from "./object-shapes.ts";
import type { container, labelSelector, metadata, podSpec, probe } from "./object-shapes.ts";
import type { Shape, Shaped } from "./shape.ts";

/** A kind's name in foresail: Kubernetes' own, except where two groups use the same one. */
export type Kind = keyof typeof SHAPES;
export type Kinds = { readonly [K in Kind]: Shaped<(typeof SHAPES)[K]> };

export type Metadata = Shaped<typeof metadata>;
export type PodSpec = Shaped<typeof podSpec>;
export type Container = Shaped<typeof container>;
export type Probe = Shaped<typeof probe>;
export type LabelSelector = Shaped<typeof labelSelector>;
export type Labels = Readonly<Record<string, string>>;

/** What every object has, whatever its kind. */
export interface AnyObject {
  readonly metadata?: Metadata;
}

interface KindFacts {
  readonly group: string;
  /** The kind as it stands in a manifest. */
  readonly kind: string;
  readonly plural: string;
  /** Every version that was ever served, oldest first. */
  readonly versions: readonly string[];
  readonly namespaced: boolean;
}

const ISTIO_NETWORKING = {
  group: "networking.istio.io",
  versions: ["v1alpha3", "v1beta1", "v1"],
  namespaced: true,
};
const ISTIO_SECURITY = { group: "security.istio.io", versions: ["v1beta1", "v1"], namespaced: true };
const GATEWAY_API = { group: "gateway.networking.k8s.io", versions: ["v1alpha2", "v1beta1", "v1"] };
const APPS = { group: "apps", versions: ["v1"], namespaced: true };
const CORE = { group: "", versions: ["v1"] };

export const KIND_FACTS: { readonly [K in Kind]: KindFacts } = {
  APIService: {
    group: "apiregistration.k8s.io",
    kind: "APIService",
    plural: "apiservices",
    versions: ["v1beta1", "v1"],
    namespaced: false,
  },
  /** What the Gateway API's was before it had a group of its own. */
  AlphaKubernetesGateway: {
    group: "networking.x-k8s.io",
    kind: "Gateway",
    plural: "gateways",
    versions: ["v1alpha1"],
    namespaced: true,
  },
  AuthorizationPolicy: { ...ISTIO_SECURITY, kind: "AuthorizationPolicy", plural: "authorizationpolicies" },
  ConfigMap: { ...CORE, kind: "ConfigMap", plural: "configmaps", namespaced: true },
  CronJob: {
    group: "batch",
    kind: "CronJob",
    plural: "cronjobs",
    versions: ["v1beta1", "v1"],
    namespaced: true,
  },
  CustomResourceDefinition: {
    group: "apiextensions.k8s.io",
    kind: "CustomResourceDefinition",
    plural: "customresourcedefinitions",
    versions: ["v1beta1", "v1"],
    namespaced: false,
  },
  DaemonSet: { ...APPS, kind: "DaemonSet", plural: "daemonsets" },
  Deployment: { ...APPS, kind: "Deployment", plural: "deployments" },
  DestinationRule: { ...ISTIO_NETWORKING, kind: "DestinationRule", plural: "destinationrules" },
  EnvoyFilter: {
    ...ISTIO_NETWORKING,
    kind: "EnvoyFilter",
    plural: "envoyfilters",
    versions: ["v1alpha3"],
  },
  Gateway: { ...ISTIO_NETWORKING, kind: "Gateway", plural: "gateways" },
  GatewayClass: { ...GATEWAY_API, kind: "GatewayClass", plural: "gatewayclasses", namespaced: false },
  IstioGateway: {
    group: "istio.alibabacloud.com",
    kind: "IstioGateway",
    plural: "istiogateways",
    versions: ["v1beta1", "v1"],
    namespaced: true,
  },
  IstioOperator: {
    group: "install.istio.io",
    kind: "IstioOperator",
    plural: "istiooperators",
    versions: ["v1alpha1"],
    namespaced: true,
  },
  Job: { group: "batch", kind: "Job", plural: "jobs", versions: ["v1"], namespaced: true },
  KubernetesGateway: { ...GATEWAY_API, kind: "Gateway", plural: "gateways", namespaced: true },
  MutatingWebhookConfiguration: {
    group: "admissionregistration.k8s.io",
    kind: "MutatingWebhookConfiguration",
    plural: "mutatingwebhookconfigurations",
    versions: ["v1"],
    namespaced: false,
  },
  Namespace: { ...CORE, kind: "Namespace", plural: "namespaces", namespaced: false },
  Node: { ...CORE, kind: "Node", plural: "nodes", namespaced: false },
  PeerAuthentication: { ...ISTIO_SECURITY, kind: "PeerAuthentication", plural: "peerauthentications" },
  Pod: { ...CORE, kind: "Pod", plural: "pods", namespaced: true },
  ProxyConfig: {
    ...ISTIO_NETWORKING,
    kind: "ProxyConfig",
    plural: "proxyconfigs",
    versions: ["v1beta1"],
  },
  ReplicaSet: { ...APPS, kind: "ReplicaSet", plural: "replicasets" },
  RequestAuthentication: {
    ...ISTIO_SECURITY,
    kind: "RequestAuthentication",
    plural: "requestauthentications",
  },
  Service: { ...CORE, kind: "Service", plural: "services", namespaced: true },
  ServiceEntry: { ...ISTIO_NETWORKING, kind: "ServiceEntry", plural: "serviceentries" },
  Sidecar: { ...ISTIO_NETWORKING, kind: "Sidecar", plural: "sidecars" },
  StatefulSet: { ...APPS, kind: "StatefulSet", plural: "statefulsets" },
  Telemetry: {
    group: "telemetry.istio.io",
    kind: "Telemetry",
    plural: "telemetries",
    versions: ["v1alpha1", "v1"],
    namespaced: true,
  },
  VirtualService: { ...ISTIO_NETWORKING, kind: "VirtualService", plural: "virtualservices" },
  WasmPlugin: {
    group: "extensions.istio.io",
    kind: "WasmPlugin",
    plural: "wasmplugins",
    versions: ["v1alpha1"],
    namespaced: true,
  },
  WorkloadEntry: { ...ISTIO_NETWORKING, kind: "WorkloadEntry", plural: "workloadentries" },
  WorkloadGroup: { ...ISTIO_NETWORKING, kind: "WorkloadGroup", plural: "workloadgroups" },
};

export const KINDS: readonly Kind[] = Object.keys(SHAPES).filter(isKind);

const KIND_OF = new Map(KINDS.map((kind) => [`${KIND_FACTS[kind].group}/${KIND_FACTS[kind].kind}`, kind]));

const KIND_OF_RESOURCE = new Map(
  KINDS.map((kind) => {
    const { plural, group } = KIND_FACTS[kind];
    return [group === "" ? plural : `${plural}.${group}`, kind];
  }),
);

/** By `pods` or `virtualservices.networking.istio.io`. */
export function findResource(resource: string): Kind | undefined {
  return KIND_OF_RESOURCE.get(resource);
}

export function isKind(name: string): name is Kind {
  return Object.hasOwn(SHAPES, name);
}

/** By group and kind: to Istio, too, the version is of no meaning. Undefined for kinds foresail does not know. */
export function findKind(group: string, kind: string): Kind | undefined {
  return KIND_OF.get(`${group}/${kind}`);
}

/** As kubectl and rights name it: `"gateways.networking.istio.io"`, `"services"`. */
export function resourceOf(kind: Kind): string {
  const { plural, group } = KIND_FACTS[kind];
  return group === "" ? plural : `${plural}.${group}`;
}

/** `"networking.istio.io/v1"` is of group `"networking.istio.io"`, `"v1"` of the core group `""`. */
export function groupOf(apiVersion: string): string {
  const slash = apiVersion.lastIndexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

/** The fields of an object that rules look at; what is wrongly typed reads as missing. */
export function readObject<K extends Kind>(kind: K, value: unknown): Kinds[K] {
  const shapes: { readonly [Name in Kind]: Shape<Kinds[Name]> } = SHAPES;
  return shapes[kind].read(value) ?? shapes[kind].blank;
}
