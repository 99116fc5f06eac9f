import rule from "../../src/rules/pod-probes-reach-the-app.ts";
import { testRule } from "./rule-tester.ts";

const EXCLUDE = "traffic.sidecar.istio.io/excludeInboundPorts";
const EXCLUDE_OUTBOUND = "traffic.sidecar.istio.io/excludeOutboundPorts";
const INCLUDE = "traffic.sidecar.istio.io/includeInboundPorts";
const REWRITE = "sidecar.istio.io/rewriteAppHTTPProbers";
const LABELS = { app: "web" };

const tcp = (port: number | string) => ({ tcpSocket: { port } });
const http = (port: number | string) => ({ httpGet: { port, path: "/healthz" } });

/** The app is the second container, so that index 0 cannot pass by luck. */
const PORT_FIELD = ["spec", "containers", 1, "livenessProbe", "tcpSocket", "port"];
const HTTP_FIELD = ["spec", "containers", 1, "livenessProbe", "httpGet", "port"];
const ANNOTATION_FIELD = ["metadata", "annotations", EXCLUDE];

interface PodParts {
  readonly annotations?: object;
  readonly labels?: object;
  readonly app?: object;
  readonly spec?: object;
  readonly more?: readonly object[];
}

function template(livenessProbe: object, { annotations = {}, labels = LABELS, ...parts }: PodParts = {}) {
  const containers = [
    { name: "helper" },
    { name: "app", livenessProbe, ...parts.app },
    ...(parts.more ?? []),
  ];
  return { metadata: { labels, annotations }, spec: { containers, ...parts.spec } };
}

function pod(livenessProbe: object, parts?: PodParts) {
  const { metadata, spec } = template(livenessProbe, parts);
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "web", namespace: "shop", ...metadata }, spec };
}

function workload(kind: string, apiVersion: string, spec: object) {
  return { apiVersion, kind, metadata: { name: "web", namespace: "shop" }, spec };
}

const namespace = (labels: object = { "istio-injection": "enabled" }) => ({
  apiVersion: "v1",
  kind: "Namespace",
  metadata: { name: "shop", labels },
});

function service(...ports: object[]) {
  const spec = { selector: LABELS, ports };
  return { apiVersion: "v1", kind: "Service", metadata: { name: "web", namespace: "shop" }, spec };
}

function settings(
  rewriteAppHTTPProbe: boolean,
  excludeInboundPorts: string | number = "",
  excludeOutboundPorts: string | number = "",
) {
  return injectorValues({
    sidecarInjectorWebhook: { rewriteAppHTTPProbe },
    global: { proxy: { excludeInboundPorts, excludeOutboundPorts } },
  });
}

function injectorValues(values: object, name = "istio-sidecar-injector") {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name, namespace: "istio-system" },
    data: { values: JSON.stringify(values) },
  };
}

const injector = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "MutatingWebhookConfiguration",
  metadata: { name: "istio-sidecar-injector", labels: { app: "sidecar-injector" } },
  webhooks: [
    {
      name: "namespace.sidecar-injector.istio.io",
      namespaceSelector: { matchLabels: { "istio-injection": "enabled" } },
    },
  ],
};

function peerAuthentication(mode: string, at = "shop") {
  const metadata = { name: "default", namespace: at };
  return {
    apiVersion: "security.istio.io/v1",
    kind: "PeerAuthentication",
    metadata,
    spec: { mtls: { mode } },
  };
}

/** As istiod leaves it; with the CNI plugin there is no istio-init. */
function injected(livenessProbe: object, list: string, parts: PodParts = {}, probers: object = {}) {
  const env = [{ name: "ISTIO_KUBE_APP_PROBERS", value: JSON.stringify(probers) }];
  const proxy = { name: "istio-proxy", image: "istio/proxyv2:1.20.0", env, readinessProbe: http(15_021) };
  const args = ["istio-iptables", "-b", "*", "-d", list];
  return pod(livenessProbe, {
    ...parts,
    more: [proxy],
    spec: { initContainers: [{ name: "istio-init", args }], ...parts.spec },
  });
}

const running = (object: ReturnType<typeof pod>) => ({
  ...object,
  metadata: { ...object.metadata, uid: "6f1d" },
});

const annotated = (changes: object) =>
  Object.entries(changes).map(([key, value]) => ({
    path: ["metadata", "annotations", key],
    value: String(value),
  }));

const excluded = (port: number, list: string) => ({
  message: "excluded",
  field: PORT_FIELD,
  data: { port },
  fix: annotated({ [EXCLUDE]: list }),
});
const rewritten = (port: number) => ({
  message: "rewritten",
  field: PORT_FIELD,
  data: { port },
  fix: annotated({ [REWRITE]: "true" }),
});

const rewrittenProbe = { httpGet: { port: 15_020, path: "/app-health/app/livez" } };
const originals = { "/app-health/app/livez": { tcpSocket: { port: 8080 } } };

testRule(rule, {
  valid: [
    {
      name: "all ports are to be excluded, and only the injected Pod will show what the mesh excludes",
      object: pod(tcp(8087)),
      cluster: [namespace(), injector],
      options: { exclude: "always" },
    },
    { name: "the Pod is not injected", object: pod(tcp(8087)), cluster: [namespace({})] },
    { name: "nothing is known of the namespace", object: pod(tcp(8087)) },
    {
      name: "the Pod opts out",
      object: pod(tcp(8087), { labels: { "sidecar.istio.io/inject": "false" } }),
      cluster: [namespace()],
    },
    {
      name: "the injector does not select the namespace",
      object: pod(tcp(8087)),
      cluster: [namespace({ "istio.io/rev": "x" }), injector],
    },
    {
      name: "the Pod is on the host's network",
      object: pod(tcp(8087), { spec: { hostNetwork: true } }),
      cluster: [namespace()],
    },
    {
      name: "an injected Pod is on the host's network",
      object: injected(tcp(8087), "15090", { spec: { hostNetwork: true } }),
      cluster: [namespace()],
    },
    {
      name: "the Pod is a gateway",
      object: pod(tcp(8087), { annotations: { "inject.istio.io/templates": "gateway" } }),
      cluster: [namespace()],
    },
    {
      name: "the Pod is a proxyless gRPC client",
      object: pod(tcp(8087), { annotations: { "inject.istio.io/templates": "grpc-agent" } }),
      cluster: [namespace()],
    },
    { name: "the probe is an exec", object: pod({ exec: { command: ["true"] } }), cluster: [namespace()] },
    { name: "a Pod without a sidecar has a probe without a port", object: pod({ httpGet: { path: "/" } }) },
    { name: "the probe asks the agent's own port", object: pod(http(15_021)), cluster: [namespace()] },
    {
      name: "the kubelet sends the probe to another host",
      object: pod({ httpGet: { port: 8087, host: "127.0.0.1" } }),
      cluster: [namespace()],
    },
    {
      name: "the init container ends before the app starts",
      object: pod({}, { spec: { initContainers: [{ name: "once", livenessProbe: tcp(8087) }] } }),
      cluster: [namespace()],
    },
    {
      name: "the injector rewrites all kinds of probes",
      object: pod(tcp(8087), { app: { readinessProbe: http(8080), startupProbe: { grpc: { port: 9000 } } } }),
      cluster: [namespace(), injector, settings(true), service({ port: 80, targetPort: 8080 })],
    },
    {
      name: "the Pod's annotation asks for rewriting",
      object: pod(tcp(8087), { annotations: { [REWRITE]: "T" } }),
      cluster: [namespace(), settings(false)],
    },
    {
      name: "the Pod's annotation wins under STRICT mTLS",
      object: pod(http(8080), { annotations: { [REWRITE]: "true" } }),
      cluster: [namespace(), service({ port: 8080 }), peerAuthentication("STRICT")],
    },
    {
      name: "the port is excluded",
      object: pod(tcp(8087), { annotations: { [EXCLUDE]: "9000, 8087" } }),
      cluster: [namespace()],
    },
    {
      name: "the mesh's own list excludes the port",
      object: pod(tcp(8087)),
      cluster: [namespace(), settings(false, "8087")],
    },
    {
      name: "another port is intercepted only",
      object: pod(tcp(8087), { annotations: { [INCLUDE]: "8080" } }),
      cluster: [namespace()],
    },
    {
      name: "no inbound port is intercepted",
      object: pod(tcp(8087), { annotations: { [INCLUDE]: "" } }),
      cluster: [namespace()],
    },
    {
      name: "the mesh intercepts another port only",
      object: pod(tcp(8087)),
      cluster: [namespace(), injectorValues({ global: { proxy: { includeInboundPorts: "8080" } } })],
    },
    {
      name: "nothing is intercepted by the Pod's own proxy configuration",
      object: pod(tcp(8087), { annotations: { "proxy.istio.io/config": "interceptionMode: NONE" } }),
      cluster: [namespace()],
    },
    {
      name: "nothing is intercepted in the whole mesh",
      object: pod(tcp(8087)),
      cluster: [
        namespace(),
        {
          apiVersion: "v1",
          kind: "ConfigMap",
          metadata: { name: "istio", namespace: "istio-system" },
          data: { mesh: "defaultConfig: { interceptionMode: NONE }" },
        },
      ],
    },
    {
      name: "the CNI plugin excludes what the list of the Pod's own revision says",
      object: injected(tcp(8087), "", {
        spec: { initContainers: [] },
        annotations: { "istio.io/rev": "canary" },
      }),
      cluster: [
        injectorValues(
          { global: { proxy: { excludeInboundPorts: "8087" } } },
          "istio-sidecar-injector-canary",
        ),
      ],
    },
    {
      name: "nothing is intercepted",
      object: pod(tcp(8087), { annotations: { "sidecar.istio.io/interceptionMode": "NONE" } }),
      cluster: [namespace()],
    },
    {
      name: "ports are never excluded and no Service targets it",
      object: pod(tcp(8087)),
      cluster: [namespace(), settings(false)],
      options: { exclude: "never" },
    },
    {
      name: "ports are never excluded and a Pod is injected",
      object: injected(tcp(8087), "15090"),
      options: { exclude: "never" },
    },
    {
      name: "an old Istio will show its own list on the injected Pod",
      object: pod(tcp(8087)),
      cluster: [namespace(), injector],
      settings: { assume: { istio: "1.10" } },
    },
    {
      name: "the user forbids rewriting and the mesh's list is seen on the injected Pod only",
      object: pod(http(8087), { annotations: { [REWRITE]: "false" } }),
      cluster: [namespace(), injector, peerAuthentication("STRICT")],
    },
    {
      name: "the injected Pod's probe is rewritten",
      object: injected(rewrittenProbe, "15090,15021,15020", {}, originals),
      cluster: [service({ port: 8080 })],
    },
    {
      name: "the injected Pod's probe is rewritten on an excluded port that no Service targets",
      object: injected(rewrittenProbe, "15090,8080", { annotations: { [EXCLUDE]: "8080" } }, originals),
    },
    {
      name: "istio-init excludes the injected Pod's port",
      object: injected(tcp(8087), "15090,15021,8087,15020"),
    },
    {
      name: "the CNI plugin excludes the injected Pod's port",
      object: injected(tcp(8087), "", { spec: { initContainers: [] }, annotations: { [EXCLUDE]: "8087" } }),
    },
    {
      name: "a Service port is excluded while nothing is known of rewriting",
      object: pod(tcp(8080), { annotations: { [EXCLUDE]: "8080" } }),
      cluster: [namespace(), service({ port: 8080 })],
    },
    {
      name: "an excluded Service port has no probe",
      object: pod(tcp(8087), { annotations: { [EXCLUDE]: "3306", [REWRITE]: "true" } }),
      cluster: [namespace(), service({ port: 3306 })],
    },
    {
      name: "all ports are to be excluded and a Service port is",
      object: pod(tcp(8080), { annotations: { [EXCLUDE]: "8080", [REWRITE]: "true" } }),
      cluster: [namespace(), service({ port: 8080 })],
      options: { exclude: "always" },
    },
    {
      name: "the Service targets what its Pods do not exclude",
      object: service({ port: 80, targetPort: 8080 }),
      cluster: [namespace(), pod(tcp(8087), { annotations: { [EXCLUDE]: "8087" } })],
    },
    ...Object.entries({
      "opts out by annotation": { annotations: { [EXCLUDE]: "8087", "sidecar.istio.io/inject": "false" } },
      "is on the host's network": { annotations: { [EXCLUDE]: "8087" }, spec: { hostNetwork: true } },
    }).map(([what, parts]) => ({
      name: `the excluding Pod that a file holds ${what}`,
      object: service({ port: 8087 }),
      cluster: [namespace(), pod(tcp(8087), parts)],
    })),
    {
      name: "the excluding Pod was made before its namespace was injected",
      object: service({ port: 8087 }),
      cluster: [namespace(), running(pod(tcp(8087), { annotations: { [EXCLUDE]: "8087" } }))],
    },
    {
      name: "the excluding Pod has an agent for gRPC only",
      object: service({ port: 8087 }),
      cluster: [
        injected(tcp(8087), "8087", {
          annotations: { [EXCLUDE]: "8087", "inject.istio.io/templates": "grpc-agent" },
        }),
      ],
    },
    {
      name: "the excluding Pods have no sidecar",
      object: service({ port: 8087 }),
      cluster: [pod(tcp(8087), { annotations: { [EXCLUDE]: "8087" } })],
    },
    {
      name: "the Service does not select the excluding Pods",
      object: { ...service({ port: 8087 }), spec: { selector: { app: "db" }, ports: [{ port: 8087 }] } },
      cluster: [namespace(), pod(tcp(8087), { annotations: { [EXCLUDE]: "8087" } })],
    },
    {
      name: "the Service selects nothing",
      object: { ...service(), spec: { ports: [{ port: 8087 }] } },
      cluster: [namespace(), pod(tcp(8087), { annotations: { [EXCLUDE]: "8087" } })],
    },
    {
      name: "the Service is about UDP",
      object: service({ port: 8087, protocol: "UDP" }),
      cluster: [namespace(), pod(tcp(8087), { annotations: { [EXCLUDE]: "8087" } })],
    },
    {
      name: "the Service targets the proxy's own port",
      object: service({ port: 15_090 }),
      cluster: [namespace(), pod(tcp(8087), { annotations: { [EXCLUDE]: "15090,8087" } })],
    },
    {
      name: "the Service targets an excluded port and all are to be excluded",
      object: service({ port: 8087 }),
      cluster: [namespace(), pod(tcp(8087), { annotations: { [EXCLUDE]: "8087" } })],
      options: { exclude: "always" },
    },
  ],
  invalid: [
    {
      name: "nothing but the namespace's label is known",
      object: pod(tcp(8087)),
      cluster: [namespace()],
      findings: [excluded(8087, "8087")],
    },
    {
      name: "the Pod waits for its proxy with image auto",
      object: pod(tcp(8087), { more: [{ name: "istio-proxy", image: "auto" }] }),
      cluster: [namespace()],
      findings: [excluded(8087, "8087")],
    },
    {
      name: "the Pod's own label wants injection",
      object: pod(tcp(8087), { labels: { "sidecar.istio.io/inject": "true" } }),
      findings: [excluded(8087, "8087")],
    },
    {
      name: "the annotation about rewriting is no boolean",
      object: pod(tcp(8087), { annotations: { [REWRITE]: "yes" } }),
      cluster: [namespace()],
      findings: [excluded(8087, "8087")],
    },
    {
      name: "rewriting is off and the mesh has a list of its own",
      object: pod(tcp(8087), { annotations: { [EXCLUDE]: "*, 7000" } }),
      cluster: [namespace(), injector, settings(false, "9090")],
      findings: [excluded(8087, "*,7000,9090,8087")],
    },
    {
      name: "the Pod's annotation replaces the mesh's list that has the port",
      object: pod(tcp(8087), { annotations: { [EXCLUDE]: "" } }),
      cluster: [namespace(), settings(false, "8087")],
      findings: [excluded(8087, "8087")],
    },
    {
      name: "several probes are repaired at once",
      object: pod(tcp(8087), { app: { readinessProbe: tcp(8087), startupProbe: tcp(8000) } }),
      cluster: [namespace()],
      findings: [
        excluded(8087, "8000,8087"),
        {
          ...excluded(8000, "8000,8087"),
          field: ["spec", "containers", 1, "startupProbe", "tcpSocket", "port"],
        },
      ],
    },
    {
      name: "a named port is that of the same container",
      object: pod(tcp("health"), { app: { ports: [{ name: "health", containerPort: 8087 }] } }),
      cluster: [namespace()],
      findings: [excluded(8087, "8087")],
    },
    {
      name: "the probe has no port, or one that cannot be",
      object: pod({ httpGet: { path: "/" } }, { app: { startupProbe: tcp(70_000), readinessProbe: tcp(0) } }),
      cluster: [namespace()],
      findings: [
        { message: "missingPort", field: HTTP_FIELD },
        {
          message: "missingPort",
          field: ["spec", "containers", 1, "readinessProbe", "tcpSocket", "port"],
        },
        { message: "missingPort", field: ["spec", "containers", 1, "startupProbe", "tcpSocket", "port"] },
      ],
    },
    {
      name: "a named port is another container's",
      object: pod(tcp("health"), {
        more: [{ name: "other", ports: [{ name: "health", containerPort: 8087 }] }],
      }),
      cluster: [namespace(), settings(true)],
      findings: [{ message: "unresolvedPort", field: PORT_FIELD, data: { name: "health" } }],
    },
    {
      name: "the port's name was lost when the injector rewrote the probe",
      object: injected({ httpGet: { port: 15_020, path: "/app-health/app/livez" } }, "15090", undefined, {
        "/app-health/app/readyz": { tcpSocket: { port: 8080 } },
      }),
      findings: [{ message: "unknownToAgent", field: HTTP_FIELD }],
    },
    {
      name: "the probe is that of a sidecar among the init containers",
      object: pod(
        {},
        {
          spec: {
            initContainers: [
              { name: "once" },
              { name: "log", restartPolicy: "Always", startupProbe: http(8087) },
            ],
          },
        },
      ),
      cluster: [namespace()],
      findings: [
        {
          ...excluded(8087, "8087"),
          field: ["spec", "initContainers", 1, "startupProbe", "httpGet", "port"],
        },
      ],
    },
    {
      name: "a Service targets the port and rewriting is off",
      object: pod(tcp(8080)),
      cluster: [namespace(), settings(false), service({ port: 80, targetPort: 8080 })],
      findings: [rewritten(8080)],
    },
    {
      name: "a Service targets the port and nothing is known of rewriting",
      object: pod(tcp(8080)),
      cluster: [namespace(), service({ port: 8080 })],
      findings: [rewritten(8080)],
    },
    {
      name: "a Service targets the port by name",
      object: pod(tcp(8080), { more: [{ name: "other", ports: [{ name: "http", containerPort: 8080 }] }] }),
      cluster: [namespace(), service({ port: 80, targetPort: "http" })],
      findings: [rewritten(8080)],
    },
    {
      name: "an injector is known but not its settings",
      object: pod(tcp(8087)),
      cluster: [namespace(), injector],
      findings: [rewritten(8087)],
    },
    {
      name: "rewriting for the Service's port serves the other probe as well",
      object: pod(tcp(8080), { app: { readinessProbe: tcp(8087) } }),
      cluster: [namespace(), settings(false), service({ port: 8080 })],
      findings: [
        rewritten(8080),
        { ...rewritten(8087), field: ["spec", "containers", 1, "readinessProbe", "tcpSocket", "port"] },
      ],
    },
    {
      name: "an old Istio rewrites one probe and not the other",
      object: pod(http(8080), { app: { readinessProbe: tcp(8087) } }),
      cluster: [namespace(), settings(false), service({ port: 8080 })],
      settings: { assume: { istio: "1.11" } },
      findings: [
        {
          message: "rewritten",
          field: HTTP_FIELD,
          data: { port: 8080 },
          fix: annotated({ [REWRITE]: "true", [EXCLUDE]: "8087" }),
        },
        {
          message: "excluded",
          field: ["spec", "containers", 1, "readinessProbe", "tcpSocket", "port"],
          data: { port: 8087 },
          fix: annotated({ [REWRITE]: "true", [EXCLUDE]: "8087" }),
        },
      ],
    },
    {
      name: "rewriting is on in an Istio that does not rewrite this kind",
      object: pod(tcp(8087), { app: { readinessProbe: tcp(8080) } }),
      cluster: [namespace(), settings(true), service({ port: 8080 })],
      settings: { assume: { istio: "1.11.4" } },
      findings: [
        excluded(8087, "8087"),
        {
          message: "serviceProbePort",
          field: ["spec", "containers", 1, "readinessProbe", "tcpSocket", "port"],
          data: { port: 8080, service: "web" },
        },
      ],
    },
    {
      name: "the user forbids rewriting, on a Service's port and another",
      object: pod(tcp(8080), { annotations: { [REWRITE]: "false" }, app: { readinessProbe: tcp(8087) } }),
      cluster: [namespace(), settings(true), service({ port: 8080 }), peerAuthentication("STRICT")],
      findings: [
        { message: "rewritingRefused", field: PORT_FIELD, data: { port: 8080, annotation: REWRITE } },
        {
          ...excluded(8087, "8087"),
          field: ["spec", "containers", 1, "readinessProbe", "tcpSocket", "port"],
        },
      ],
    },
    {
      name: "the user forbids rewriting under STRICT mTLS",
      object: pod(http(8080), { annotations: { [REWRITE]: "0" } }),
      cluster: [namespace(), service({ port: 8080 }), peerAuthentication("STRICT")],
      findings: [
        { message: "rewritingRefused", field: HTTP_FIELD, data: { port: 8080, annotation: REWRITE } },
        { message: "strictRefusesProbe", field: HTTP_FIELD, data: { policy: "default", port: 8080 } },
      ],
    },
    {
      name: "STRICT mTLS refuses one of two probes on a port",
      object: injected(tcp(8080), "15090", { app: { readinessProbe: http(8080) } }),
      cluster: [service({ port: 8080 }), peerAuthentication("STRICT")],
      findings: [
        { message: "serviceProbePort", field: PORT_FIELD, data: { port: 8080, service: "web" } },
        {
          message: "strictRefusesProbe",
          field: ["spec", "containers", 1, "readinessProbe", "httpGet", "port"],
          data: { policy: "default", port: 8080 },
        },
      ],
    },
    {
      name: "nothing may be excluded under the mesh's STRICT mTLS",
      object: pod(http(8087)),
      cluster: [namespace(), settings(false), peerAuthentication("STRICT", "istio-system")],
      options: { exclude: "never" },
      findings: [
        {
          message: "strictRefusesProbe",
          field: HTTP_FIELD,
          data: { policy: { names: ["istio-system/default"], noun: "namespace" }, port: 8087 },
        },
      ],
    },
    {
      name: "ports are never excluded and a Service targets it",
      object: pod(tcp(8080)),
      cluster: [namespace(), settings(false), service({ port: 8080 })],
      options: { exclude: "never" },
      findings: [rewritten(8080)],
    },
    {
      name: "ports are never excluded, and rewriting for the Service's port lets the other probe in under STRICT mTLS",
      object: pod(tcp(8080), { app: { readinessProbe: http(8087) } }),
      cluster: [namespace(), settings(false), service({ port: 8080 }), peerAuthentication("STRICT")],
      options: { exclude: "never" },
      findings: [rewritten(8080)],
    },
    {
      name: "all ports are to be excluded, though the probe is rewritten and a Service targets it",
      object: pod(tcp(8080)),
      cluster: [namespace(), injector, settings(true), service({ port: 8080 })],
      options: { exclude: "always" },
      findings: [excluded(8080, "8080")],
    },
    {
      name: "all ports are to be excluded and the injected Pod's probe is rewritten",
      object: injected(rewrittenProbe, "15090,15020", {}, originals),
      options: { exclude: "always" },
      findings: [
        {
          message: "excluded",
          field: HTTP_FIELD,
          data: { port: 8080 },
          fix: [
            { path: ["spec", "initContainers", 0, "args", 4], value: "15090,15020,8080" },
            { path: ANNOTATION_FIELD, value: "8080" },
          ],
        },
      ],
    },
    {
      name: "all ports are to be excluded, but includeInboundPorts names this one",
      object: pod(tcp(8087), { annotations: { [INCLUDE]: "8087" } }),
      cluster: [namespace(), injector],
      options: { exclude: "always" },
      findings: [{ message: "exclusionPointless", field: PORT_FIELD, data: { port: 8087 } }],
    },
    {
      name: "outbound ports are to be excluded as well",
      object: pod(tcp(8087), { annotations: { [EXCLUDE_OUTBOUND]: "3306" } }),
      cluster: [namespace()],
      options: { outbound: true },
      findings: [
        { ...excluded(8087, "8087"), fix: annotated({ [EXCLUDE]: "8087", [EXCLUDE_OUTBOUND]: "3306,8087" }) },
      ],
    },
    {
      name: "outbound ports are to be excluded as well, and the mesh excludes some by itself",
      object: pod(tcp(8087)),
      cluster: [namespace(), settings(false, 9090, "9092,3306")],
      options: { outbound: true },
      findings: [
        {
          ...excluded(8087, "9090,8087"),
          fix: annotated({ [EXCLUDE]: "9090,8087", [EXCLUDE_OUTBOUND]: "9092,3306,8087" }),
        },
      ],
    },
    {
      name: "includeInboundPorts names the port",
      object: pod(tcp(8087), { annotations: { [INCLUDE]: "8080,8087", [EXCLUDE]: "8087" } }),
      cluster: [namespace()],
      findings: [{ message: "exclusionPointless", field: PORT_FIELD, data: { port: 8087 } }],
    },
    {
      name: "the injected Pod's probe was not rewritten",
      object: injected(tcp(8087), "15090,15021,9090,15020", { annotations: { [REWRITE]: "true" } }),
      findings: [
        {
          message: "excluded",
          field: PORT_FIELD,
          data: { port: 8087 },
          fix: [
            { path: ["spec", "initContainers", 0, "args", 4], value: "15090,15021,9090,15020,8087" },
            { path: ["metadata", "annotations", EXCLUDE], value: "9090,8087" },
          ],
        },
      ],
    },
    {
      name: "the annotation was set too late for istio-init",
      object: injected(tcp(8087), "15090", { annotations: { [EXCLUDE]: "8087" } }),
      findings: [{ message: "excluded", field: PORT_FIELD, data: { port: 8087 } }],
    },
    {
      name: "the Pod was injected with the CNI plugin",
      object: injected(tcp(8087), "", {
        spec: { initContainers: [{ name: "istio-validation" }] },
        annotations: { [EXCLUDE]: "15020" },
      }),
      findings: [excluded(8087, "15020,8087")],
    },
    {
      name: "the injected Pod's probe was not rewritten and a Service targets it",
      object: injected(http(8080), "15090"),
      cluster: [service({ port: 8080 }), peerAuthentication("STRICT")],
      findings: [
        { message: "serviceProbePort", field: HTTP_FIELD, data: { port: 8080, service: "web" } },
        { message: "strictRefusesProbe", field: HTTP_FIELD, data: { policy: "default", port: 8080 } },
      ],
    },
    {
      name: "a Service's port is excluded and its probes are rewritten",
      object: pod(tcp(8080), {
        annotations: { [EXCLUDE]: "9000,8080", [REWRITE]: "true" },
        app: { readinessProbe: tcp(8080) },
      }),
      cluster: [namespace(), service({ port: 8080 })],
      findings: [
        { message: "exclusionNotNeeded", field: ANNOTATION_FIELD, data: { port: 8080, service: "web" } },
      ],
    },
    {
      name: "a Service's port is excluded and the injected Pod's probe is rewritten",
      object: injected(rewrittenProbe, "15090,8080", { annotations: { [EXCLUDE]: "8080" } }, originals),
      cluster: [service({ port: 8080 })],
      findings: [
        { message: "exclusionNotNeeded", field: ANNOTATION_FIELD, data: { port: 8080, service: "web" } },
      ],
    },
    {
      name: "the Service came after the exclusion",
      object: service({ port: 80, targetPort: 8080 }, { port: 81, targetPort: 8087 }),
      cluster: [injected(tcp(8087), "15090,8087", { annotations: { [EXCLUDE]: "8087" } })],
      findings: [
        { message: "excludedPortIsServed", field: ["spec", "ports", 1, "targetPort"], data: { port: 8087 } },
      ],
    },
    {
      name: "the Service targets the excluded port by its name",
      object: service({ port: 80, targetPort: "web" }, { port: 81, targetPort: "health" }),
      cluster: [
        namespace(),
        pod(tcp(8087), {
          annotations: { [EXCLUDE]: "8087" },
          app: {
            ports: [
              { name: "web", containerPort: 8080 },
              { name: "health", containerPort: 8087 },
            ],
          },
        }),
      ],
      findings: [
        { message: "excludedPortIsServed", field: ["spec", "ports", 1, "targetPort"], data: { port: 8087 } },
      ],
    },
    {
      name: "the Service is changed to the excluded port of Pods that stand in files",
      object: service({ port: 8087 }),
      oldObject: service({ port: 8080 }),
      cluster: [namespace(), pod(tcp(8087), { annotations: { [EXCLUDE]: "8087" } })],
      findings: [
        { message: "excludedPortIsServed", field: ["spec", "ports", 0, "port"], data: { port: 8087 } },
      ],
    },
    ...[
      workload("Deployment", "apps/v1", { template: template(tcp(8087)) }),
      workload("DaemonSet", "apps/v1", { template: template(tcp(8087)) }),
      workload("ReplicaSet", "apps/v1", { template: template(tcp(8087)) }),
      workload("StatefulSet", "apps/v1", { template: template(tcp(8087)) }),
      workload("Job", "batch/v1", { template: template(tcp(8087)) }),
    ].map((object) => ({
      name: `the template of a ${object.kind} has the probe`,
      object,
      cluster: [namespace()],
      findings: [
        {
          message: "excluded",
          field: ["spec", "template", ...PORT_FIELD],
          data: { port: 8087 },
          fix: [{ path: ["spec", "template", ...ANNOTATION_FIELD], value: "8087" }],
        },
      ],
    })),
    {
      name: "the template of a CronJob has the probe",
      object: workload("CronJob", "batch/v1", { jobTemplate: { spec: { template: template(tcp(8087)) } } }),
      cluster: [namespace()],
      findings: [
        {
          message: "excluded",
          field: ["spec", "jobTemplate", "spec", "template", ...PORT_FIELD],
          data: { port: 8087 },
        },
      ],
    },
  ],
});
