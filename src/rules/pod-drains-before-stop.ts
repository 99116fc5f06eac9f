import {
  beginsIstioDrain,
  DEFAULT_DRAIN_SECONDS,
  DEFAULT_GRACE_SECONDS,
  EXIT_ON_ZERO,
  fullGraceSeconds,
  hookSeconds,
  isDistroless,
  isDrainHook,
  isFaqHook,
  isSidecar,
  isTrue,
  leastGraceSeconds,
} from "../istio/drain/drain.ts";
import {
  addDrainHook,
  addExitOnZero,
  addFaqHooks,
  addToProxyConfig,
  exitOnZeroSettings,
  isOwnRepair,
  restoreIstioDrain,
} from "../istio/drain/repair.ts";
import { drainSecondsOf, drainSettingsOf, PROXY_CONFIG_FIELD } from "../istio/drain/settings.ts";
import type { DrainSettings } from "../istio/drain/settings.ts";
import { parseDuration } from "../istio/duration.ts";
import { holds } from "../istio/gates.ts";
import { findInjectedProxy, gatewayKindOf, injectionOf, isProxyless } from "../istio/injection.ts";
import type { InjectedProxy } from "../istio/injection.ts";
import type { ProxySettings } from "../istio/proxy-config.ts";
import { versionOfImage } from "../istio/versions.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";
import { changesBelow } from "../kubernetes/json-patch.ts";
import type { Container } from "../kubernetes/objects.ts";
import { POD_KINDS, podTemplateOf } from "../kubernetes/pod-template.ts";
import type { PodKind, PodTemplate } from "../kubernetes/pod-template.ts";
import type { ClusterView } from "./cluster-view.ts";
import { defineRule } from "./rule.ts";
import type { Finding, Messages, OptionValues } from "./rule.ts";

const OPTIONS = {
  strategy: {
    default: "auto",
    values: ["auto", "preStop", "exitOnZero", "drainDuration", "faq"],
    about:
      "auto: by what the Pod shows; preStop: the drain hook on every classic sidecar; exitOnZero, drainDuration: proxy.istio.io/config before injection; faq: ASM's FAQ",
  },
  drainDuration: {
    default: "30s",
    format: "duration",
    about:
      "terminationDrainDuration of the strategy drainDuration, a Go duration; the grace period has to be longer, see raiseGracePeriod",
  },
  raiseGracePeriod: {
    default: false,
    about: "raise a terminationGracePeriodSeconds of 30, the default, where draining needs longer",
  },
} as const;

const MESSAGES = {
  drainIgnored: {
    text: "terminationDrainDuration is ignored, because EXIT_ON_ZERO_ACTIVE_CONNECTIONS is true",
    action: "Warn",
    remedy: "Keep one of the two: EXIT_ON_ZERO_ACTIVE_CONNECTIONS waits as long as connections are open.",
  },
  exitOnZeroUnknown: {
    text: "Istio {{version}} has no EXIT_ON_ZERO_ACTIVE_CONNECTIONS: nothing makes istio-proxy wait for requests",
    action: "Warn",
    remedy:
      "Set terminationDrainDuration in proxy.istio.io/config to the longest request, or upgrade to Istio 1.12.",
  },
  gracePeriodRaised: "terminationDrainDuration {{drain}} does not fit into a grace period of {{grace}} s",
  gracePeriodTooShort: {
    text: "terminationDrainDuration {{drain}} cannot end before the Pod is killed, {{grace}} s after its deletion",
    action: "Warn",
    remedy: "Set terminationGracePeriodSeconds to {{needed}}, or shorten terminationDrainDuration.",
  },
  handlerConflict: {
    text: "preStop.{{handler}} meets Istio's preStop.exec on a native istio-proxy: with two handlers, the Pod is refused",
    action: "Warn",
    remedy: "Use preStop.exec on istio-proxy, which replaces the injected one, or leave preStop out.",
    atMutation: true,
  },
  nativePreStopReplaced: {
    text: "preStop of the native istio-proxy replaces Istio's own: clients keep sending until the app is gone",
    action: "Warn",
    remedy: "Leave it out, or let it run pilot-agent request --debug-port=15020 POST drain.",
  },
  noDrainHook: "istio-proxy stops {{seconds}} s after SIGTERM, whatever requests still run",
  noEffectOnNative: {
    text: "{{setting}} protects nothing on a native sidecar, which stops after the app anyway",
    action: "Warn",
    remedy: "Remove it; terminationGracePeriodSeconds is the time that app and sidecar have.",
  },
  notAwaited:
    "A sidecar that is not native would stop {{seconds}} s after SIGTERM, whatever requests still run",
  ownHookOnNative: {
    text: "foresail's drain hook is on a native istio-proxy, where Istio's own preStop belongs",
    remedy: "Leave it out, or let it run pilot-agent request --debug-port=15020 POST drain.",
  },
  preStopStays: { text: "istio-proxy has a preStop of its own, so no drain hook is added", action: "Audit" },
  proxyConfigUnreadable: {
    text: "Istio cannot read proxy.istio.io/config and refuses the Pod: {{problem}}",
    action: "Warn",
    remedy:
      "Write a YAML map, for example terminationDrainDuration: 30s, with what is under proxyMetadata in quotes.",
  },
} as const satisfies Messages;

type Found = Finding<typeof MESSAGES>;

/** What is known about one Pod. Paths in findings begin at the Pod's root. */
interface Situation {
  readonly kind: PodKind;
  readonly pod: PodTemplate;
  readonly settings: DrainSettings;
  readonly cluster: ClusterView<"Namespace">;
  readonly options: OptionValues<typeof OPTIONS>;
}

export default defineRule({
  id: "pod-drains-before-stop",
  title: "A Pod's proxy stops after its app",
  symptoms: [
    "Long requests are lost when a Pod stops",
    "502 or 503 responses and reset connections during a rolling update",
    "An app cannot reach other services while it shuts down",
  ],
  why:
    "Kubernetes sends SIGTERM to all containers of a Pod at once. A classic istio-proxy stops 5 s later, whatever requests its app still serves or makes. " +
    "A native sidecar does not: it stops after the app.",
  remedy:
    "Let istio-proxy wait: a preStop that ends when the app does, or EXIT_ON_ZERO_ACTIVE_CONNECTIONS in proxy.istio.io/config; best, native sidecars.",
  notes: [
    "Native sidecars (since Istio 1.20 and Kubernetes 1.29, by default in newer Istio) need none of this, nor any step of ASM's FAQ. There, terminationDrainDuration and EXIT_ON_ZERO_ACTIVE_CONNECTIONS have no effect.",
    "The drain hook remembers the ports on which the app listens, and waits while one of them listens or is connected. It ends at the latest 5 s and terminationDrainDuration before the grace period does. It needs a shell and netstat, which Istio's distroless images lack; those get EXIT_ON_ZERO_ACTIVE_CONNECTIONS, since Istio 1.12.",
    "A native sidecar of another kind next to a classic istio-proxy keeps its ports until istio-proxy is gone, so the drain hook takes all of its time.",
    "The preStop loop of ASM's FAQ counts every listener that is not envoy. pilot-agent itself listens on port 15020, so the loop runs until SIGKILL, and the proxy never drains. The strategy faq leaves pilot-agent out.",
    "The postStart of ASM's FAQ, pilot-agent wait, fails when the proxy is not ready after 60 s; Kubernetes then restarts the proxy.",
    "A fixed terminationDrainDuration, the first option of ASM's FAQ, keeps every Pod for that long, and is cut off when terminationGracePeriodSeconds is not longer.",
  ],
  zh: {
    title: "Pod 的代理在应用之后才停止",
    symptoms: [
      "Pod 停止时，耗时较长的请求丢失",
      "滚动更新期间出现 502、503 响应或连接被重置",
      "应用在退出过程中无法访问其他服务",
    ],
    why: "Kubernetes 会同时向 Pod 中的所有容器发送 SIGTERM。传统的 istio-proxy 在 5 秒后停止，不管应用是否还在处理或发出请求。原生 Sidecar 没有这个问题：它在应用之后才停止。",
    remedy:
      "让 istio-proxy 等待应用：添加在应用结束后才退出的 preStop，或在 proxy.istio.io/config 中设置 EXIT_ON_ZERO_ACTIVE_CONNECTIONS；最好使用原生 Sidecar。",
    notes: [
      "原生 Sidecar（Istio 1.20 配合 Kubernetes 1.29，在更新的 Istio 中为默认方式）不需要上述任何设置，也不需要 ASM 常见问题中的任何步骤。在原生 Sidecar 上，terminationDrainDuration 和 EXIT_ON_ZERO_ACTIVE_CONNECTIONS 不起作用。",
      "排空钩子会记住应用监听的端口，只要其中还有端口在监听或仍有连接，就继续等待。它最迟在宽限期结束前 5 秒加 terminationDrainDuration 时退出。它需要 shell 和 netstat，而 Istio 的 distroless 镜像中没有；自 Istio 1.12 起，这类镜像改用 EXIT_ON_ZERO_ACTIVE_CONNECTIONS。",
      "如果传统的 istio-proxy 旁边还有其他原生 Sidecar，后者会一直占用端口，直到 istio-proxy 退出，因此排空钩子会用满全部时间。",
      "ASM 常见问题中的 preStop 循环会统计除 envoy 之外的所有监听端口。pilot-agent 自己就监听 15020 端口，因此循环会一直运行到 SIGKILL，代理根本没有机会排空。faq 策略会把 pilot-agent 排除在外。",
      "ASM 常见问题中的 postStart 命令 pilot-agent wait 在代理 60 秒内未就绪时会失败，Kubernetes 随后会重启代理。",
      "ASM 常见问题的第一种方案是固定的 terminationDrainDuration：每个 Pod 都要等满这段时间，而且当 terminationGracePeriodSeconds 不比它长时会被截断。",
    ],
  },
  sources: [
    "Alibaba Cloud Service Mesh, Why long-running requests fail after sidecar proxy injection, https://www.alibabacloud.com/help/en/asm/support/why-do-time-consuming-requests-lose-or-fail-after-sidecar-proxy-is-injected-into-pod",
    "Istio issue 7136, Envoy shutting down before the thing it is wrapping, https://github.com/istio/istio/issues/7136",
    "Istio pull request 47226, Improve agent shutdown with native sidecar support, https://github.com/istio/istio/pull/47226",
    "Istio, pilot-agent, https://istio.io/latest/docs/reference/commands/pilot-agent/",
    "Istio, ProxyConfig, https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#ProxyConfig",
    "Kubernetes, Termination of Pods, https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination",
  ],
  example: {
    bad: `apiVersion: v1
kind: Pod
metadata:
  name: reports
  namespace: shop
spec:
  containers:
  - name: app
    image: reports:1.0
---
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio-injection: enabled
`,
    good: `apiVersion: v1
kind: Pod
metadata:
  name: reports
  namespace: shop
  annotations:
    proxy.istio.io/config: |
      proxyMetadata:
        EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"
        MINIMUM_DRAIN_DURATION: 5s
spec:
  containers:
  - name: app
    image: reports:1.0
---
apiVersion: v1
kind: Namespace
metadata:
  name: shop
  labels:
    istio-injection: enabled
`,
  },
  action: "Fix",
  kinds: POD_KINDS,
  operations: ["CREATE", "UPDATE"],
  reads: ["Namespace"],
  gates: ["exitOnZero", "nativeSidecarDrains", "nativeSidecarsRun"],
  options: OPTIONS,
  messages: MESSAGES,
  *check({ kind, namespace, object }, cluster, options) {
    const pod = podTemplateOf(kind, object);
    if (needsNoDrain(kind, pod)) return;
    const settings = drainSettingsOf(pod, cluster.mesh.defaultProxyConfig);
    const situation = { kind, pod, settings, cluster, options };
    const proxy = findInjectedProxy(pod.spec);
    if (proxy) {
      if (!isSidecar(proxy.container)) return;
      yield* fromRoot(pod.path, configProblem(situation));
      yield* fromRoot(
        pod.path,
        proxy.isNative ? nativeFindings(situation, proxy) : classicFindings(situation, proxy),
      );
    } else if (willBeInjected(pod, namespace, cluster)) {
      yield* fromRoot(pod.path, configProblem(situation));
      yield* fromRoot(pod.path, earlyFindings(situation));
    }
  },
});

/** Pods that end by themselves, and Pods with another proxy than a sidecar, or none. */
function needsNoDrain(kind: PodKind, { metadata, spec }: PodTemplate): boolean {
  if (kind === "Job" || kind === "CronJob" || (spec.restartPolicy ?? "Always") !== "Always") return true;
  if (metadata.ownerReferences?.some((owner) => owner.kind === "Job")) return true;
  const { labels = {}, annotations = {} } = metadata;
  return (
    spec.hostNetwork === true || isProxyless(annotations) || gatewayKindOf(labels, annotations) !== undefined
  );
}

function willBeInjected(
  { metadata, spec }: PodTemplate,
  namespace: string,
  cluster: Situation["cluster"],
): boolean {
  const query = {
    namespace,
    namespaceLabels: cluster.get("Namespace", "", namespace)?.metadata?.labels ?? {},
    podLabels: metadata.labels ?? {},
    podAnnotations: metadata.annotations ?? {},
    hostNetwork: spec.hostNetwork === true,
  };
  return injectionOf(query, cluster.mesh.injectors).takesEffect;
}

function* fromRoot(root: FieldPath, findings: Iterable<Found>): Iterable<Found> {
  for (const finding of findings) {
    const fix = changesBelow(root, finding.fix ?? []);
    yield { ...finding, field: [...root, ...finding.field], ...(fix.length === 0 ? {} : { fix }) };
  }
}

function* configProblem({ settings: { problem } }: Situation): Iterable<Found> {
  if (problem !== undefined)
    yield { message: "proxyConfigUnreadable", field: PROXY_CONFIG_FIELD, data: { problem } };
}

function* nativeFindings({ pod, settings }: Situation, proxy: InjectedProxy): Iterable<Found> {
  const { container, list, index } = proxy;
  const { exitOnZero, drainDuration } = settings;
  const own = exitOnZero?.field === PROXY_CONFIG_FIELD ? settings.config?.settings : environmentOf(container);
  const isOwn = own !== undefined && isOwnRepair(own);
  if (exitOnZero?.field && isTrue(exitOnZero.value) && !isOwn)
    yield { message: "noEffectOnNative", field: exitOnZero.field, data: { setting: EXIT_ON_ZERO } };
  if (drainDuration?.field)
    yield {
      message: "noEffectOnNative",
      field: drainDuration.field,
      data: { setting: "terminationDrainDuration" },
    };
  const preStop = container.lifecycle?.preStop;
  const field = ["spec", list, index, "lifecycle", "preStop"];
  const second = preStop?.exec && otherHandlerOf(container);
  if (second) yield { message: "handlerConflict", field, data: { handler: second } };
  else if (isDrainHook(preStop?.exec?.command ?? []))
    yield { message: "ownHookOnNative", field, fix: restoreIstioDrain(proxy, pod) };
  else if (preStop && !beginsIstioDrain(preStop.exec?.command ?? []))
    yield { message: "nativePreStopReplaced", field };
}

function environmentOf({ env = [] }: Container): ProxySettings {
  return { proxyMetadata: Object.fromEntries(env.map(({ name = "", value = "" }) => [name, value])) };
}

function* classicFindings(situation: Situation, proxy: InjectedProxy): Iterable<Found> {
  const { settings, options } = situation;
  const { image = "" } = proxy.container;
  yield* ignoredDrain(situation, image);
  if (options.strategy === "auto" && isDistroless(image)) {
    yield* together(withoutShell(situation, proxy), graceOf(situation, settings, { hasHook: false }));
  } else if (options.strategy === "exitOnZero" || options.strategy === "drainDuration") {
    yield* together(undefined, graceOf(situation, settings, { hasHook: false }));
  } else {
    const grace = graceOf(situation, settings, { hasHook: true });
    yield* together(withoutHook(situation, proxy, grace.seconds), grace);
  }
}

function withoutHook(
  { settings, options }: Situation,
  proxy: InjectedProxy,
  graceSeconds: number,
): Found | undefined {
  const field = ["spec", proxy.list, proxy.index, "lifecycle", "preStop"];
  const preStop = proxy.container.lifecycle?.preStop;
  const isFaq = options.strategy === "faq";
  if (preStop) {
    const { command = [] } = preStop.exec ?? {};
    return (isFaq ? isFaqHook(command) : isDrainHook(command))
      ? undefined
      : { message: "preStopStays", field };
  }
  const seconds = drainSecondsOf(settings);
  const fix = isFaq ? addFaqHooks(proxy) : addDrainHook(proxy, hookSeconds(graceSeconds, seconds));
  return { message: "noDrainHook", field, data: { seconds }, fix };
}

/** Nothing in a distroless image can wait, except the proxy's agent itself. */
function withoutShell(situation: Situation, proxy: InjectedProxy): Found | undefined {
  const { exitOnZero, drainDuration } = situation.settings;
  if (exitOnZero || drainDuration) return undefined;
  const field = ["spec", proxy.list, proxy.index, "env"];
  const version = versionWithoutExitOnZero(situation, proxy.container.image);
  if (version !== undefined) return { message: "exitOnZeroUnknown", field, data: { version } };
  return {
    message: "noDrainHook",
    field,
    data: { seconds: DEFAULT_DRAIN_SECONDS },
    fix: addExitOnZero(proxy),
  };
}

/** Before injection nobody knows what the sidecar will be, except by the Pod's own annotation. */
function* earlyFindings(situation: Situation): Iterable<Found> {
  const { pod, settings } = situation;
  const isNative = pod.metadata.annotations?.["sidecar.istio.io/nativeSidecar"];
  if (isNative !== "false") yield* handlerConflicts(situation);
  yield* ignoredDrain(situation);
  const additions = isNative === "true" ? undefined : additionsFor(situation);
  const merging = additions && withoutAdditions(situation, additions);
  const drain = merging?.fix && additions?.terminationDrainDuration;
  const planned = drain
    ? { ...settings, drainDuration: { value: drain, field: PROXY_CONFIG_FIELD } }
    : settings;
  const isCertain =
    isNative === "false" || (isNative !== "true" && planned.drainDuration?.field !== undefined);
  yield* together(merging, isCertain ? graceOf(situation, planned, { hasHook: false }) : undefined);
}

/** What belongs into the annotation; undefined where the user, the mesh or the second call takes care. */
function additionsFor({ kind, settings, options, cluster }: Situation): ProxySettings | undefined {
  if (settings.exitOnZero || settings.drainDuration) return undefined;
  const { strategy } = options;
  const isAwaited = cluster.mesh.injectors.length > 0;
  if (isAwaited && (strategy === "auto" || kind !== "Pod")) return undefined;
  if (strategy === "drainDuration") {
    const seconds = parseDuration(options.drainDuration) ?? parseDuration(OPTIONS.drainDuration.default);
    return { proxyMetadata: {}, terminationDrainDuration: `${seconds}s` };
  }
  if (strategy !== "auto" && strategy !== "exitOnZero") return undefined;
  return exitOnZeroSettings(cluster.mesh.defaultProxyConfig.proxyMetadata);
}

function withoutAdditions(situation: Situation, additions: ProxySettings): Found | undefined {
  const { config } = situation.settings;
  const field = PROXY_CONFIG_FIELD;
  if (!config) return undefined;
  // The other strategies have the hook on the second call; this one has nothing else.
  const version =
    situation.options.strategy === "exitOnZero" ? versionWithoutExitOnZero(situation) : undefined;
  if (version !== undefined) return { message: "exitOnZeroUnknown", field, data: { version } };
  return {
    message: "notAwaited",
    field,
    data: { seconds: DEFAULT_DRAIN_SECONDS },
    fix: addToProxyConfig(config, additions),
  };
}

/** The injected preStop is an exec; a handler of another kind is merged with it, not replaced. */
function* handlerConflicts({ pod, cluster }: Situation): Iterable<Found> {
  const needed = ["nativeSidecarDrains", "nativeSidecarsRun"] as const;
  if (needed.some((gate) => holds(gate, cluster.versions) === false)) return;
  for (const list of ["containers", "initContainers"] as const) {
    for (const [index, container] of (pod.spec[list] ?? []).entries()) {
      const handler = otherHandlerOf(container);
      if (container.name !== "istio-proxy" || handler === undefined) continue;
      yield {
        message: "handlerConflict",
        field: ["spec", list, index, "lifecycle", "preStop"],
        data: { handler },
      };
    }
  }
}

const OTHER_HANDLERS = ["httpGet", "sleep", "tcpSocket"] as const;

function otherHandlerOf({ lifecycle }: Container): (typeof OTHER_HANDLERS)[number] | undefined {
  return OTHER_HANDLERS.find((one) => lifecycle?.preStop?.[one] !== undefined);
}

function* ignoredDrain(situation: Situation, image?: string): Iterable<Found> {
  const { exitOnZero, drainDuration } = situation.settings;
  if (!isTrue(exitOnZero?.value) || !drainDuration?.field) return;
  if (versionWithoutExitOnZero(situation, image) !== undefined) return;
  yield { message: "drainIgnored", field: drainDuration.field };
}

/** Istio's version, if it is known and too old to read EXIT_ON_ZERO_ACTIVE_CONNECTIONS. */
function versionWithoutExitOnZero({ cluster }: Situation, image = ""): string | undefined {
  const known = cluster.versions.istio;
  const tag = versionOfImage(image);
  const istio =
    known?.from === "assume" || tag === undefined ? known : { value: tag, from: "image of istio-proxy" };
  return istio && holds("exitOnZero", { istio }) === false ? istio.value : undefined;
}

/** The grace period as it will be, and what is wrong with it. */
interface Grace {
  readonly seconds: number;
  readonly finding: Found | undefined;
}

/** Thirty seconds may be nobody's choice, and may be raised where the options allow it. */
function graceOf(
  { pod, options }: Situation,
  settings: DrainSettings,
  { hasHook }: { hasHook: boolean },
): Grace {
  const grace = pod.spec.terminationGracePeriodSeconds ?? DEFAULT_GRACE_SECONDS;
  const drain = settings.drainDuration?.value;
  if (drain === undefined || isTrue(settings.exitOnZero?.value))
    return { seconds: grace, finding: undefined };
  const mayRaise = options.raiseGracePeriod && grace === DEFAULT_GRACE_SECONDS;
  const drainSeconds = drainSecondsOf(settings);
  const least = mayRaise && hasHook ? leastGraceSeconds(drainSeconds) : Math.floor(drainSeconds) + 1;
  if (grace >= least) return { seconds: grace, finding: undefined };
  const field = ["spec", "terminationGracePeriodSeconds"];
  const needed = fullGraceSeconds(drainSeconds);
  const finding: Found = mayRaise
    ? { message: "gracePeriodRaised", field, data: { drain, grace }, fix: [{ path: field, value: needed }] }
    : { message: "gracePeriodTooShort", field, data: { drain, grace, needed } };
  return { seconds: mayRaise ? needed : grace, finding };
}

/** Findings whose fixes belong together: each carries all of them. */
function* together(repair: Found | undefined, grace: Grace | undefined): Iterable<Found> {
  const findings = [repair, grace?.finding].filter((finding) => finding !== undefined);
  const fix = findings.flatMap((finding) => finding.fix ?? []);
  for (const finding of findings) yield finding.fix ? { ...finding, fix } : finding;
}
