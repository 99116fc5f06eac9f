/** The kinds that foresail knows, and the fields of them that its rules look at. */
import {
  anything,
  boolean,
  intOrString,
  list,
  mapOf,
  number,
  object,
  strayIn,
  strict,
  string,
} from "./shape.ts";
import type { Shape, Shaped } from "./shape.ts";

const metadata = object({
  name: string,
  generateName: string,
  namespace: string,
  uid: string,
  generation: number,
  labels: mapOf(string),
  annotations: mapOf(string),
  strayLabels: strayIn("labels"),
  strayAnnotations: strayIn("annotations"),
  creationTimestamp: string,
  deletionTimestamp: string,
  finalizers: list(string),
  ownerReferences: list(object({ apiVersion: string, kind: string, name: string, controller: boolean })),
});

export const labelSelector = object({
  matchLabels: mapOf(string),
  matchExpressions: list(object({ key: string, operator: string, values: list(string) })),
});

const handler = object({
  exec: object({ command: list(string) }),
  httpGet: object({ port: intOrString, path: string, host: string }),
  tcpSocket: object({ port: intOrString, host: string }),
  sleep: object({ seconds: number }),
});

const probe = object({
  exec: object({ command: list(string) }),
  httpGet: object({ port: intOrString, path: string, host: string }),
  tcpSocket: object({ port: intOrString, host: string }),
  grpc: object({ port: number, service: string }),
});

const container = object({
  name: string,
  image: string,
  command: list(string),
  args: list(string),
  env: list(
    object({
      name: string,
      value: string,
      valueFrom: object({ configMapKeyRef: object({ name: string, key: string }) }),
    }),
  ),
  ports: list(object({ name: string, containerPort: number, protocol: string })),
  livenessProbe: probe,
  readinessProbe: probe,
  startupProbe: probe,
  lifecycle: object({ preStop: handler, postStart: handler }),
  restartPolicy: string,
  volumeMounts: list(object({ name: string, mountPath: string, subPath: string, subPathExpr: string })),
  workingDir: string,
});

const configMapVolume = object({ name: string, items: list(object({ key: string, path: string })) });

const podSpec = object({
  containers: list(container),
  initContainers: list(container),
  hostNetwork: boolean,
  restartPolicy: string,
  terminationGracePeriodSeconds: number,
  volumes: list(
    object({
      name: string,
      configMap: configMapVolume,
      hostPath: object({ path: string }),
      projected: object({ sources: list(object({ configMap: configMapVolume })) }),
    }),
  ),
});

const podTemplate = object({ metadata, spec: podSpec });
const workload = object({ metadata, spec: object({ template: podTemplate }) });

const loadBalancerStatus = object({
  loadBalancer: object({ ingress: list(object({ ip: string, hostname: string, ipMode: string })) }),
});

/** Which settings there are, and their JSON. */
const trafficPolicy = mapOf(anything);

const condition = object({ type: string, status: string, reason: string, message: string });

const destination = object({ host: string, subset: string, port: object({ number }) });
const httpMatch = object({
  uri: mapOf(string),
  scheme: mapOf(string),
  method: mapOf(string),
  authority: mapOf(string),
  headers: mapOf(mapOf(string)),
  withoutHeaders: mapOf(mapOf(string)),
  queryParams: mapOf(mapOf(string)),
  ignoreUriCase: boolean,
  port: number,
  sourceNamespace: string,
  sourceLabels: mapOf(string),
  gateways: list(string),
});
const routes = list(
  object({ match: list(object({ sourceNamespace: string })), route: list(object({ destination })) }),
);

const endpoint = object({
  address: string,
  ports: mapOf(number),
  labels: mapOf(string),
  network: string,
  locality: string,
  weight: number,
  serviceAccount: string,
});

/** Of the Kubernetes Gateway API, in whichever group. */
const kubernetesGateway = object({
  metadata,
  spec: object({
    gatewayClassName: string,
    infrastructure: object({ annotations: mapOf(string) }),
    addresses: list(object({ type: string, value: string })),
    listeners: list(object({ name: string, hostname: string, port: number, protocol: string })),
  }),
  status: object({
    addresses: list(object({ type: string, value: string })),
    conditions: list(condition),
  }),
});

/** Of which rules look at nothing else. */
const named = object({ metadata });

/** Istio drops an object of its own kinds in whose spec anything is of a wrong type: their specs are strict. */
const SHAPES = {
  APIService: object({
    metadata,
    spec: object({ service: object({ name: string, namespace: string }) }),
    status: object({ conditions: list(condition) }),
  }),
  AlphaKubernetesGateway: kubernetesGateway,
  AuthorizationPolicy: named,
  ConfigMap: object({ metadata, data: mapOf(string) }),
  CronJob: object({
    metadata,
    spec: object({ jobTemplate: object({ metadata, spec: object({ template: podTemplate }) }) }),
  }),
  CustomResourceDefinition: object({
    metadata,
    spec: object({
      group: string,
      names: object({ kind: string, plural: string, shortNames: list(string) }),
      versions: list(object({ name: string, served: boolean })),
    }),
    status: object({ conditions: list(condition) }),
  }),
  DaemonSet: workload,
  Deployment: workload,
  DestinationRule: object({
    metadata,
    spec: strict(
      object({
        host: string,
        exportTo: list(string),
        workloadSelector: object({ matchLabels: mapOf(string) }),
        subsets: list(object({ name: string, labels: mapOf(string), trafficPolicy })),
        trafficPolicy,
      }),
    ),
  }),
  EnvoyFilter: named,
  Gateway: object({
    metadata,
    spec: strict(
      object({
        selector: mapOf(string),
        servers: list(
          object({
            name: string,
            bind: string,
            hosts: list(string),
            port: object({ name: string, number, protocol: string }),
            tls: object({ mode: string, credentialName: string, httpsRedirect: boolean }),
          }),
        ),
      }),
    ),
  }),
  GatewayClass: object({ metadata, spec: object({ controllerName: string }) }),
  IstioGateway: object({
    metadata,
    spec: object({ serviceType: string, externalTrafficPolicy: string, serviceAnnotations: mapOf(string) }),
    status: loadBalancerStatus,
  }),
  IstioOperator: object({ metadata }),
  Job: workload,
  KubernetesGateway: kubernetesGateway,
  MutatingWebhookConfiguration: object({
    metadata,
    webhooks: list(
      object({
        name: string,
        namespaceSelector: labelSelector,
        objectSelector: labelSelector,
        rules: list(object({ apiGroups: list(string), operations: list(string), resources: list(string) })),
      }),
    ),
  }),
  Namespace: object({
    metadata,
    spec: object({ finalizers: list(string) }),
    status: object({ phase: string, conditions: list(condition) }),
  }),
  Node: object({ metadata, spec: object({ providerID: string }) }),
  PeerAuthentication: object({
    metadata,
    spec: object({
      selector: object({ matchLabels: mapOf(string) }),
      mtls: object({ mode: string }),
      portLevelMtls: mapOf(object({ mode: string })),
    }),
  }),
  Pod: object({ metadata, spec: podSpec }),
  ProxyConfig: named,
  ReplicaSet: workload,
  RequestAuthentication: named,
  Service: object({
    metadata,
    spec: object({
      type: string,
      selector: mapOf(string),
      clusterIP: string,
      externalName: string,
      externalTrafficPolicy: string,
      loadBalancerClass: string,
      ports: list(
        object({
          name: string,
          port: number,
          targetPort: intOrString,
          protocol: string,
          appProtocol: string,
        }),
      ),
    }),
    status: loadBalancerStatus,
  }),
  ServiceEntry: object({
    metadata,
    spec: strict(
      object({
        hosts: list(string),
        addresses: list(string),
        exportTo: list(string),
        ports: list(object({ number, name: string, protocol: string, targetPort: number })),
        location: string,
        resolution: string,
        endpoints: list(endpoint),
        workloadSelector: object({ labels: mapOf(string) }),
        subjectAltNames: list(string),
      }),
    ),
  }),
  Sidecar: object({
    metadata,
    spec: strict(
      object({
        workloadSelector: object({ labels: mapOf(string) }),
        egress: list(object({ hosts: list(string), port: object({ number, protocol: string }) })),
      }),
    ),
  }),
  StatefulSet: workload,
  Telemetry: named,
  VirtualService: object({
    metadata,
    spec: strict(
      object({
        hosts: list(string),
        gateways: list(string),
        exportTo: list(string),
        http: list(
          object({
            match: list(httpMatch),
            route: list(object({ destination })),
            mirror: destination,
            mirrors: list(object({ destination })),
            delegate: object({ name: string, namespace: string }),
          }),
        ),
        tcp: routes,
        tls: routes,
      }),
    ),
  }),
  WasmPlugin: named,
  WorkloadEntry: object({ metadata, spec: object({ labels: mapOf(string) }) }),
  WorkloadGroup: object({ metadata, spec: object({ metadata: object({ labels: mapOf(string) }) }) }),
};

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
