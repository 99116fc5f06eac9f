/** The fields that rules look at, of every kind that foresail knows. */
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

export const metadata = object({
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

export const probe = object({
  exec: object({ command: list(string) }),
  httpGet: object({ port: intOrString, path: string, host: string }),
  tcpSocket: object({ port: intOrString, host: string }),
  grpc: object({ port: number, service: string }),
});

export const container = object({
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

export const podSpec = object({
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
export const SHAPES = {
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
