import { EXCLUDE_INBOUND, exclusionOf, portsIn } from "../istio/probes/inbound-ports.ts";
import { injectionOf } from "../istio/injection.ts";
import { findStrictPolicy } from "../istio/peer-authentication.ts";
import { isAnsweredByAgent, isKnownUnrewritten, judgeProbes } from "../istio/probes/repair.ts";
import type { JudgedProbe, ProbeOutcome, ProbeSituation } from "../istio/probes/repair.ts";
import { probedSidecarOf, probeSituationOf } from "../istio/probes/situation.ts";
import type { ProbedSidecar } from "../istio/probes/situation.ts";
import { appProbesOf, portlessProbesOf, proxyPortsOf, REWRITE_PROBERS } from "../istio/probes/probes.ts";
import type { AppProbe } from "../istio/probes/probes.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";
import { changesBelow } from "../kubernetes/json-patch.ts";
import type { Change } from "../kubernetes/json-patch.ts";
import type { Kinds } from "../kubernetes/objects.ts";
import { POD_KINDS, podTemplateOf } from "../kubernetes/pod-template.ts";
import type { PodTemplate } from "../kubernetes/pod-template.ts";
import { targetPortsOf } from "../kubernetes/target-ports.ts";
import type { ClusterView, PodGroup } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";
import type { Finding, Messages, Names } from "./rule.ts";

type Cluster = ClusterView<"Namespace" | "PeerAuthentication" | "Pod" | "Service">;
interface ProbeOptions {
  readonly exclude: ProbeSituation["exclude"];
  readonly outbound: boolean;
}

const MESSAGES = {
  excluded: {
    text: "The sidecar instead of the app answers the probe on port {{port}}, unless the port is excluded",
    remedy:
      "Add {{port}} to the annotation traffic.sidecar.istio.io/excludeInboundPorts of the Pod template; it replaces the mesh's own list, so keep what that holds.",
  },
  rewritten: {
    text: "Nothing known makes the injector rewrite the probe on port {{port}}, so it may end at the sidecar",
    remedy: 'Set the annotation sidecar.istio.io/rewriteAppHTTPProbers: "true" on the Pod template.',
  },
  rewritingRefused: {
    text: "The probe on Service port {{port}} ends at the sidecar, for {{annotation}} is false",
    action: "Warn",
    remedy:
      "Set {{annotation}} to true, or probe a port that no Service targets. Excluding {{port}} would take mTLS, authorization and telemetry from the Service.",
  },
  serviceProbePort: {
    text: "The probe on port {{port}} ends at the sidecar, and Service {{service}} needs the sidecar there",
    action: "Warn",
    remedy:
      'Set sidecar.istio.io/rewriteAppHTTPProbers: "true" on the Pod template (TCP: Istio 1.12, gRPC: 1.13). Excluding {{port}} would cost mTLS, authorization and telemetry.',
  },
  strictRefusesProbe: {
    text: "A STRICT PeerAuthentication ({{policy}}) refuses the probe on port {{port}}, which is not rewritten",
    action: "Warn",
    remedy:
      'Set the annotation sidecar.istio.io/rewriteAppHTTPProbers: "true" on the Pod template: the kubelet has no certificate of the mesh.',
  },
  exclusionPointless: {
    text: "The probe on port {{port}} ends at the sidecar: includeInboundPorts names the port, so no exclusion counts",
    action: "Warn",
    remedy:
      'Take {{port}} out of traffic.sidecar.istio.io/includeInboundPorts, or set sidecar.istio.io/rewriteAppHTTPProbers: "true".',
  },
  exclusionNotNeeded: {
    text: "Port {{port}} of Service {{service}} is excluded from the sidecar although its probe is rewritten",
    action: "Warn",
    remedy:
      "Take {{port}} out of traffic.sidecar.istio.io/excludeInboundPorts: it costs the Service mTLS, authorization and telemetry on that port.",
  },
  missingPort: {
    text: "The probe has no valid port, so the API server refuses the Pod",
    action: "Warn",
    remedy: "Write the number of a port, 1 to 65535, or the name that a port of this container has.",
  },
  unknownToAgent: {
    text: "The probe fails: the sidecar's agent does not know its port, because its container has none of that name",
    action: "Warn",
    remedy:
      "Give a port of this container the name that the probe uses, or write the port's number into the probe.",
  },
  unresolvedPort: {
    text: "The probe's port {{name}} is not among the named ports of its container",
    action: "Warn",
    remedy: "Give a port of this container that name, or write the port's number into the probe.",
  },
  excludedPortIsServed: {
    text: "Pods of this Service exclude port {{port}} from the sidecar: no mTLS, authorization or telemetry there",
    action: "Warn",
    remedy:
      'Take {{port}} out of traffic.sidecar.istio.io/excludeInboundPorts of these Pods; if it is there for a probe, set sidecar.istio.io/rewriteAppHTTPProbers: "true" instead.',
  },
} as const satisfies Messages;
type ProbeFinding = Finding<typeof MESSAGES>;

export default defineRule({
  id: "pod-probes-reach-the-app",
  title: "The kubelet's probes reach the app behind the sidecar",
  symptoms: [
    "health checks fail after sidecar injection",
    "health checks are ineffective: a TCP probe succeeds although the app does not listen",
    "Readiness probe failed with STRICT mTLS: connection reset by peer",
    "no health check events for a Pod with a sidecar",
  ],
  why: "The sidecar intercepts what the kubelet sends to the Pod. It accepts every TCP connection, so a TCP probe succeeds whatever the app does; under STRICT mTLS it refuses HTTP and gRPC probes, since the kubelet has no certificate. Istio repairs this by rewriting probes to its agent, where that is switched on.",
  remedy:
    'Set sidecar.istio.io/rewriteAppHTTPProbers: "true" on the Pod template, or exclude a port that only probes use with traffic.sidecar.istio.io/excludeInboundPorts.',
  notes: [
    "A default Istio rewrites HTTP probes, since 1.12 TCP and since 1.13 gRPC probes: nothing is reported there. On Alibaba Cloud Service Mesh rewriting is off unless the Pod's annotation asks for it. Whether it is on is taken from the Pod, its annotation and the injector's settings, never assumed.",
    "A repaired TCP probe becomes honest: behind a sidecar it always succeeded, and now it fails where the app does not listen. In an existing cluster start with the action Audit or Warn.",
    "ASM's FAQ advises to exclude every probe port, inbound and outbound. That no longer holds. An excluded port has no mTLS, no AuthorizationPolicy and no telemetry, so a port that a Service targets is rewritten instead. Excluding outbound ports does nothing for the kubelet's probes and opens a way around egress rules. The options exclude: always and outbound: true bring both back.",
    "Some policy engines forbid these annotations, because a Pod can leave the mesh's protection with them. Set exclude: never there; ports that a Service targets are then still rewritten.",
    "The annotation excludeInboundPorts replaces the mesh's own list. What foresail writes is the union of both; where an injector is known but its settings cannot be read, it waits for the injected Pod, which shows that list.",
  ],
  zh: {
    title: "kubelet 的探针能够到达 Sidecar 后面的应用",
    symptoms: [
      "注入 Sidecar 后健康检查失败",
      "健康检查不起作用：应用没有监听端口，TCP 探针却仍然成功",
      "启用 STRICT mTLS 后就绪探针失败：connection reset by peer",
      "注入 Sidecar 的 Pod 没有健康检查事件",
    ],
    why: "Sidecar 会拦截 kubelet 发往 Pod 的请求。它接受所有 TCP 连接，因此无论应用状态如何，TCP 探针都会成功；在 STRICT mTLS 下，由于 kubelet 没有网格证书，HTTP 和 gRPC 探针会被拒绝。Istio 的解决办法是把探针改写到 Sidecar 的代理程序，但前提是启用了改写。",
    remedy:
      '在 Pod 模板上设置注解 sidecar.istio.io/rewriteAppHTTPProbers: "true"；如果端口只供探针使用，也可以用 traffic.sidecar.istio.io/excludeInboundPorts 将其排除。',
    notes: [
      "默认安装的 Istio 会改写 HTTP 探针，从 1.12 起改写 TCP 探针，从 1.13 起改写 gRPC 探针，此时不会有任何报告。阿里云服务网格（ASM）默认不改写，除非 Pod 上有相应注解。是否启用改写只根据 Pod 本身、其注解和注入器的设置判断，从不假定。",
      "修复后的 TCP 探针会如实反映应用状态：在 Sidecar 后面它一直成功，修复后如果应用没有监听，它就会失败。在已有集群中，请先使用 Audit 或 Warn。",
      "ASM 常见问题建议为所有探针端口同时排除入站和出站流量，这一做法已不再适用。被排除的端口没有 mTLS、AuthorizationPolicy 和遥测，因此 Service 指向的端口改用探针改写。排除出站端口对 kubelet 的探针没有作用，还会绕过出口规则。选项 exclude: always 和 outbound: true 可以恢复这两种做法。",
      "有些策略引擎禁止使用这些注解，因为 Pod 可以借此脱离网格的保护。这种情况下请设置 exclude: never；Service 指向的端口仍会使用探针改写。",
      "注解 excludeInboundPorts 会取代网格自身的端口列表。foresail 写入的是两者的并集；如果已知存在注入器但读不到其设置，则等到 Pod 注入之后再处理，届时可以看到该列表。",
    ],
  },
  sources: [
    "Istio, Health Checking of Istio Services, https://istio.io/latest/docs/ops/configuration/mesh/app-health-check/",
    "Istio, Resource Annotations, https://istio.io/latest/docs/reference/config/annotations/",
    "Istio, Ports used by Istio, https://istio.io/latest/docs/ops/deployment/application-requirements/",
    "Istio, how probes are rewritten, https://github.com/istio/istio/blob/master/pkg/kube/inject/app_probe.go",
    "Istio, PeerAuthentication, https://istio.io/latest/docs/reference/config/security/peer_authentication/",
    "Kubernetes, Configure Liveness, Readiness and Startup Probes, https://kubernetes.io/docs/tasks/configure-pod-container/configure-liveness-readiness-startup-probes/",
    "Alibaba Cloud Service Mesh, the FAQ's question on health checks (Chinese), https://developer.aliyun.com/ask/502076",
    "Alibaba Cloud Service Mesh, Configure health check probe redirection, https://www.alibabacloud.com/help/en/asm/user-guide/configure-redirection-of-http-or-tcp-health-check-requests-for-applications-in-an-asm-instance",
  ],
  example: {
    bad: `apiVersion: v1
kind: Pod
metadata: { name: web, namespace: shop }
spec:
  containers:
    - name: app
      image: shop/web:1
      livenessProbe: { tcpSocket: { port: 8087 } }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled } }
`,
    good: `apiVersion: v1
kind: Pod
metadata:
  name: web
  namespace: shop
  annotations: { traffic.sidecar.istio.io/excludeInboundPorts: "8087" }
spec:
  containers:
    - name: app
      image: shop/web:1
      livenessProbe: { tcpSocket: { port: 8087 } }
---
apiVersion: v1
kind: Namespace
metadata: { name: shop, labels: { istio-injection: enabled } }
`,
  },
  action: "Fix",
  kinds: [...POD_KINDS, "Service"],
  operations: ["CREATE", "UPDATE"],
  reads: ["Namespace", "PeerAuthentication", "Pod", "Service"],
  goesOnWithout: ["PeerAuthentication"],
  gates: ["grpcProbesRewritten", "tcpProbesRewritten"],
  options: {
    exclude: {
      default: "dedicatedPorts",
      values: ["dedicatedPorts", "always", "never"],
      about: "which probe ports are excluded from the sidecar: those that no Service targets, all, or none",
    },
    outbound: {
      default: false,
      about: "exclude the same ports from outbound interception too, which probes do not need",
    },
  },
  messages: MESSAGES,
  *check(review, cluster, options) {
    if (review.kind === "Service") {
      if (options.exclude !== "always") yield* checkService(review.object, review.namespace, cluster);
      return;
    }
    const pod = podTemplateOf(review.kind, review.object);
    const probes = appProbesOf(pod);
    const portless = portlessProbesOf(pod);
    const sidecar =
      probes.length + portless.length > 0 &&
      probedSidecarOf(pod, namespaceIn(cluster, review.namespace), cluster.mesh);
    if (!sidecar) return;
    for (const field of portless) yield { message: "missingPort", field: [...pod.path, ...field] };
    yield* checkNames(probes, pod);
    yield* checkProbes(probes, { pod, namespace: review.namespace, cluster, options, ...sidecar });
  },
});

interface MeshedPod extends ProbedSidecar {
  readonly pod: PodTemplate;
  readonly namespace: string;
  readonly cluster: Cluster;
  readonly options: ProbeOptions;
}

function namespaceIn(cluster: Cluster, namespace: string) {
  return { namespace, namespaceLabels: cluster.get("Namespace", "", namespace)?.metadata?.labels ?? {} };
}

function* checkNames(probes: readonly AppProbe[], { path }: PodTemplate): Iterable<ProbeFinding> {
  for (const { field, port, writtenPort } of probes) {
    if (port !== undefined) continue;
    const at = [...path, ...field];
    if (writtenPort === undefined) yield { message: "unknownToAgent", field: at };
    else yield { message: "unresolvedPort", field: at, data: { name: writtenPort } };
  }
}

function* checkProbes(probes: readonly AppProbe[], meshed: MeshedPod): Iterable<ProbeFinding> {
  const { pod, namespace, cluster } = meshed;
  const services = cluster.services.selecting(namespace, pod.metadata.labels ?? {});
  const served = targetPortsOf(services, pod.spec);
  const situation = probeSituationOf(pod, meshed, {
    mesh: cluster.mesh,
    versions: cluster.versions,
    exclude: meshed.options.exclude,
    isServed: (port) => served.has(port),
  });
  const judged = judgeProbes(probes, situation);
  const fix = fixFor(judged, meshed);

  for (const { probe, outcome } of firstOfEachPort(judged)) {
    const field = [...pod.path, ...probe.field];
    yield* speak(outcome, field, probe.port, served.get(probe.port) ?? "", fix);
  }
  // Only the kubelet's TCP connection is accepted without a certificate.
  const refusable = judged.filter(
    ({ probe, outcome }) =>
      STAYS[outcome] && probe.kind !== "tcpSocket" && isKnownUnrewritten(probe, situation),
  );
  for (const { probe } of firstOfEachPort(refusable)) {
    const policy = strictPolicyOn(probe.port, meshed);
    const field = [...pod.path, ...probe.field];
    if (policy) yield { message: "strictRefusesProbe", field, data: { policy, port: probe.port } };
  }
  if (meshed.options.exclude !== "always") yield* checkExclusions(probes, situation, served, pod);
}

/** Whether the probe stays as it is, so that mTLS matters to it. */
const STAYS: { readonly [O in ProbeOutcome]: boolean } = {
  reachesApp: false,
  awaited: false,
  exclude: false,
  rewrite: false,
  left: true,
  refused: true,
  served: true,
  listed: true,
};

function* speak(
  outcome: ProbeOutcome,
  field: FieldPath,
  port: number,
  service: string,
  fix: readonly Change[],
): Iterable<ProbeFinding> {
  if (outcome === "exclude") yield { message: "excluded", field, data: { port }, fix };
  if (outcome === "rewrite") yield { message: "rewritten", field, data: { port }, fix };
  if (outcome === "refused")
    yield { message: "rewritingRefused", field, data: { port, annotation: REWRITE_PROBERS } };
  if (outcome === "served") yield { message: "serviceProbePort", field, data: { port, service } };
  if (outcome === "listed") yield { message: "exclusionPointless", field, data: { port } };
}

/** All that is to be repaired in the Pod, at once: rules may see a Pod once only. */
function fixFor(judged: readonly JudgedProbe[], { pod, settings, options }: MeshedPod): readonly Change[] {
  const isRewritten = judged.some(({ outcome }) => outcome === "rewrite");
  const excluded = judged.filter(({ outcome }) => outcome === "exclude").map(({ probe }) => probe.port);
  const changes: Change[] = [];
  if (isRewritten) changes.push({ path: ["metadata", "annotations", REWRITE_PROBERS], value: "true" });
  if (excluded.length > 0) {
    const ports = excluded.toSorted((one, other) => one - other);
    const outbound = options.outbound ? (settings?.excludeOutboundPorts ?? "") : undefined;
    changes.push(...exclusionOf(pod, ports, settings?.excludeInboundPorts ?? "", outbound));
  }
  return changesBelow(pod.path, changes);
}

/** One finding per port and outcome, where it is probed first. */
function firstOfEachPort(judged: readonly JudgedProbe[]): readonly JudgedProbe[] {
  const seen = new Set<string>();
  return judged.filter(({ probe, outcome }) => {
    const key = `${outcome} ${probe.port}`;
    return seen.has(key) ? false : seen.add(key);
  });
}

function strictPolicyOn(port: number, { pod, namespace, cluster }: MeshedPod): string | Names | undefined {
  const { rootNamespace } = cluster.mesh;
  const own = cluster.list("PeerAuthentication", namespace);
  const root = cluster.list("PeerAuthentication", rootNamespace);
  const policy = findStrictPolicy(port, pod.metadata.labels ?? {}, own, root);
  const name = policy?.metadata?.name ?? "";
  if (!policy || own.includes(policy)) return policy && name;
  return { names: [`${rootNamespace}/${name}`], noun: "namespace" };
}

function* checkExclusions(
  probes: readonly AppProbe[],
  situation: ProbeSituation,
  served: ReadonlyMap<number, string>,
  pod: PodTemplate,
): Iterable<ProbeFinding> {
  const excluded = portsIn(pod.metadata.annotations?.[EXCLUDE_INBOUND] ?? "");
  const answered = probes.filter((probe) => isAnsweredByAgent(probe, situation)).map(({ port }) => port);
  for (const port of new Set(answered)) {
    const service = port === undefined ? undefined : served.get(port);
    if (port === undefined || service === undefined || !excluded.includes(port)) continue;
    const field = [...pod.path, "metadata", "annotations", EXCLUDE_INBOUND];
    yield { message: "exclusionNotNeeded", field, data: { port, service } };
  }
}

/** A port's name can mean another number in each Pod. */
function* checkService(
  { spec }: Kinds["Service"],
  namespace: string,
  cluster: Cluster,
): Iterable<ProbeFinding> {
  const selector = spec?.selector ?? {};
  if (spec?.type === "ExternalName" || Object.keys(selector).length === 0) return;
  const groups = cluster.pods
    .selectedBy(namespace, selector)
    .filter((group) => group.excludedInboundPorts.length > 0 && isMeshed(group, namespace, cluster));
  for (const [index, { port, targetPort, protocol = "TCP" }] of (spec?.ports ?? []).entries()) {
    if (protocol !== "TCP") continue;
    const excluded = groups
      .map((group) => excludedTargetOf(group, targetPort ?? port))
      .find((one) => one !== undefined);
    if (excluded === undefined) continue;
    const field = ["spec", "ports", index, targetPort === undefined ? "port" : "targetPort"];
    yield { message: "excludedPortIsServed", field, data: { port: excluded } };
  }
}

/** The number of the target in these Pods, if they exclude it. */
function excludedTargetOf(
  { excludedInboundPorts, namedPorts }: PodGroup,
  target: number | string | undefined,
): number | undefined {
  const port = typeof target === "string" ? namedPorts.get(target) : target;
  const isExcluded =
    port !== undefined && excludedInboundPorts.includes(port) && !proxyPortsOf({}).includes(port);
  return isExcluded ? port : undefined;
}

/** Pods that stand in files, too, have a sidecar only later. */
function isMeshed(group: PodGroup, namespace: string, cluster: Cluster): boolean {
  const { proxy, isPlanned, labels, injectAnnotation, hostNetwork } = group;
  if (proxy !== "none" || !isPlanned) return proxy === "sidecar";
  const query = {
    ...namespaceIn(cluster, namespace),
    podLabels: labels,
    podAnnotations: { "sidecar.istio.io/inject": injectAnnotation },
    hostNetwork,
  };
  return injectionOf(query, cluster.mesh.injectors).takesEffect;
}
