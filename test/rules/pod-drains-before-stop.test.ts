import { drainHookCommand, FAQ_HOOKS } from "../../src/istio/drain/drain.ts";
import rule from "../../src/rules/pod-drains-before-stop.ts";
import { testRule } from "./rule-tester.ts";

const ANNOTATION = "proxy.istio.io/config";
const FIELD = ["metadata", "annotations", ANNOTATION];
const MERGED = `proxyMetadata:
  EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"
  MINIMUM_DRAIN_DURATION: 5s
`;
const EXIT_ON_ZERO = { name: "EXIT_ON_ZERO_ACTIVE_CONNECTIONS", value: "true" };
const MINIMUM_DRAIN = { name: "MINIMUM_DRAIN_DURATION", value: "5s" };
const APP = { name: "app", image: "app:1" };
const PROXY = {
  name: "istio-proxy",
  image: "istio/proxyv2:1.22.3",
  args: ["proxy", "sidecar", "--domain", "x"],
};
const DISTROLESS = { ...PROXY, image: "istio/proxyv2:1.22.3-distroless" };
const ISTIO_DRAIN = { exec: { command: ["pilot-agent", "request", "--debug-port=15020", "POST", "drain"] } };
const NATIVE = { ...PROXY, restartPolicy: "Always", lifecycle: { preStop: ISTIO_DRAIN } };
const BROKEN = "line 1: unexpected end of the stream within a flow collection";
const SLEEP = { exec: { command: ["/bin/sh", "-c", "sleep 20"] } };

const MESHED = namespace({ "istio-injection": "enabled" });
const INJECTOR = {
  apiVersion: "admissionregistration.k8s.io/v1",
  kind: "MutatingWebhookConfiguration",
  metadata: { name: "istio-sidecar-injector", labels: { app: "sidecar-injector" } },
  webhooks: [
    {
      name: "rev.namespace.sidecar-injector.istio.io",
      namespaceSelector: { matchLabels: { "istio-injection": "enabled" } },
    },
  ],
};

function namespace(labels: Record<string, string>): object {
  return { apiVersion: "v1", kind: "Namespace", metadata: { name: "shop", labels } };
}

function meshConfig(mesh: string): object {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "istio", namespace: "istio-system" },
    data: { mesh },
  };
}

interface PodParts {
  readonly annotations?: Record<string, string>;
  readonly labels?: Record<string, string>;
  readonly ownerReferences?: readonly object[];
}

function pod(parts: PodParts = {}, spec: object = {}): object {
  const metadata = { name: "reports", namespace: "shop", ...parts };
  return { apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [APP], ...spec } };
}

function configured(config: string, spec: object = {}): object {
  return pod({ annotations: { [ANNOTATION]: config } }, spec);
}

/** The proxy stands second, as the injector puts it. */
function injected(proxy: object = PROXY, { spec = {}, ...parts }: PodParts & { spec?: object } = {}): object {
  return pod(parts, { containers: [APP, proxy], ...spec });
}

function native(proxy: object = NATIVE, parts: PodParts = {}): object {
  return pod(parts, { containers: [APP], initContainers: [{ name: "istio-init", image: "i:1" }, proxy] });
}

function deployment(template: object = {}, spec: object = {}): object {
  return workload("Deployment", "apps/v1", {
    template: { ...template, spec: { containers: [APP], ...spec } },
  });
}

function workload(kind: string, apiVersion: string, spec: object): object {
  return { apiVersion, kind, metadata: { name: "reports", namespace: "shop" }, spec };
}

const TEMPLATE = { template: { spec: { containers: [APP] } } };
const HOOK = ["spec", "containers", 1, "lifecycle", "preStop"];
const NATIVE_HOOK = ["spec", "initContainers", 1, "lifecycle", "preStop"];
const ENV = ["spec", "containers", 1, "env"];
const GRACE = ["spec", "terminationGracePeriodSeconds"];

function hookFix(seconds: number) {
  return [{ path: HOOK, value: { exec: { command: drainHookCommand(seconds) } } }];
}

function mergeFix(value: string) {
  return [{ path: FIELD, value }];
}

const notAwaited = { message: "notAwaited", field: FIELD, data: { seconds: 5 } };
const noDrainHook = { message: "noDrainHook", field: HOOK, data: { seconds: 5 } };

testRule(rule, {
  valid: [
    { name: "the namespace is unknown and nothing wants injection", object: pod() },
    { name: "the namespace is not injected", object: pod(), cluster: [namespace({})] },
    {
      name: "the Pod opts out",
      object: pod({ labels: { "sidecar.istio.io/inject": "false" } }),
      cluster: [MESHED],
    },
    { name: "the injector will call again", object: pod(), cluster: [MESHED, INJECTOR] },
    {
      name: "the injector will call again for a template's Pods",
      object: deployment(),
      cluster: [MESHED, INJECTOR],
    },
    { name: "the injectors select other namespaces", object: pod(), cluster: [namespace({}), INJECTOR] },
    {
      name: "the sidecar will be native by annotation",
      object: pod({ annotations: { "sidecar.istio.io/nativeSidecar": "true" } }),
      cluster: [MESHED],
    },
    { name: "the annotation is merged already", object: configured(MERGED), cluster: [MESHED] },
    {
      name: "what was merged before injection ends up on a native sidecar",
      object: native(NATIVE, { annotations: { [ANNOTATION]: MERGED } }),
      cluster: [MESHED],
    },
    {
      name: "the user decides against EXIT_ON_ZERO",
      object: configured('proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "false"}'),
      cluster: [MESHED],
    },
    {
      name: "the user sets a duration",
      object: configured("terminationDrainDuration: 20s"),
      cluster: [MESHED],
    },
    {
      name: "the user sets EXIT_ON_ZERO on the container that the injector will merge",
      object: injected({ name: "istio-proxy", image: "auto", env: [EXIT_ON_ZERO] }),
      cluster: [MESHED],
    },
    {
      name: "the mesh sets a duration",
      object: pod(),
      cluster: [MESHED, meshConfig("defaultConfig: {terminationDrainDuration: 20s}")],
    },
    {
      name: "the mesh sets EXIT_ON_ZERO",
      object: deployment(),
      cluster: [
        MESHED,
        meshConfig('defaultConfig: {proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"}}'),
      ],
    },
    {
      name: "the mesh's long duration may meet a native sidecar",
      object: pod(),
      cluster: [MESHED, meshConfig("defaultConfig: {terminationDrainDuration: 90s}")],
    },
    { name: "the sidecar is native", object: native(), cluster: [MESHED] },
    { name: "the native sidecar has no preStop", object: native({ ...PROXY, restartPolicy: "Always" }) },
    {
      name: "the native sidecar's own preStop begins Istio's drain all the same",
      object: native({
        ...NATIVE,
        lifecycle: {
          preStop: {
            exec: { command: ["sh", "-c", "sleep 3; pilot-agent request --debug-port=15020 POST drain"] },
          },
        },
      }),
    },
    {
      name: "the whole mesh has settings that do nothing on this native sidecar",
      object: native({
        ...NATIVE,
        env: [
          { name: "PROXY_CONFIG", value: '{"proxyMetadata":{"EXIT_ON_ZERO_ACTIVE_CONNECTIONS":"true"}}' },
          EXIT_ON_ZERO,
        ],
      }),
      cluster: [meshConfig("defaultConfig: {terminationDrainDuration: 90s}")],
    },
    {
      name: "a native sidecar's EXIT_ON_ZERO is off",
      object: native({ ...NATIVE, env: [{ name: EXIT_ON_ZERO.name, value: "false" }] }),
    },
    {
      name: "the hook is there",
      object: injected({ ...PROXY, lifecycle: { preStop: hookFix(20)[0]?.value } }),
    },
    {
      name: "the hook is there with another limit",
      object: injected({ ...PROXY, lifecycle: { preStop: hookFix(99)[0]?.value } }),
    },
    {
      name: "the distroless proxy has its environment",
      object: injected({ ...DISTROLESS, env: [EXIT_ON_ZERO, MINIMUM_DRAIN] }),
    },
    {
      name: "the distroless proxy's user decides against EXIT_ON_ZERO",
      object: injected({ ...DISTROLESS, env: [{ name: EXIT_ON_ZERO.name, value: "false" }] }),
    },
    {
      name: "the distroless proxy's user sets a duration",
      object: injected(DISTROLESS, { annotations: { [ANNOTATION]: "terminationDrainDuration: 20s" } }),
    },
    {
      name: "a Job owns the Pod",
      object: injected(PROXY, { ownerReferences: [{ kind: "Job", name: "j" }] }),
    },
    { name: "the Pod runs once", object: injected(PROXY, { spec: { restartPolicy: "Never" } }) },
    {
      name: "the Pod runs until it succeeds",
      object: pod({}, { restartPolicy: "OnFailure" }),
      cluster: [MESHED],
    },
    { name: "the template is a Job's", object: workload("Job", "batch/v1", TEMPLATE), cluster: [MESHED] },
    {
      name: "the template is a CronJob's",
      object: workload("CronJob", "batch/v1", { jobTemplate: { spec: TEMPLATE } }),
      cluster: [MESHED],
    },
    {
      name: "the Pod is a gateway by its label",
      object: injected(PROXY, { labels: { istio: "ingressgateway" } }),
    },
    {
      name: "the Pod will be a gateway by its template",
      object: pod(
        { annotations: { "inject.istio.io/templates": "gateway" } },
        { containers: [{ name: "istio-proxy", image: "auto" }] },
      ),
      cluster: [MESHED],
    },
    { name: "the proxy is a router", object: injected({ ...PROXY, args: ["proxy", "router"] }) },
    { name: "the proxy is a waypoint", object: injected({ ...PROXY, args: ["proxy", "waypoint"] }) },
    {
      name: "the proxy is ztunnel",
      object: workload("DaemonSet", "apps/v1", {
        template: {
          spec: {
            containers: [{ name: "istio-proxy", image: "istio/ztunnel:1.24", args: ["proxy", "ztunnel"] }],
          },
        },
      }),
    },
    {
      name: "gRPC has no proxy",
      object: injected(PROXY, { annotations: { "inject.istio.io/templates": "grpc-agent" } }),
    },
    {
      name: "gRPC will have no proxy",
      object: pod({ annotations: { "inject.istio.io/templates": "grpc-simple" } }),
      cluster: [MESHED],
    },
    { name: "the Pod is on the host's network", object: pod({}, { hostNetwork: true }), cluster: [MESHED] },
    {
      name: "the Pod with a proxy is on the host's network",
      object: injected(PROXY, { spec: { hostNetwork: true } }),
    },
    {
      name: "preStop of the proxy to be will be classic by annotation",
      object: pod(
        { annotations: { "sidecar.istio.io/nativeSidecar": "false", [ANNOTATION]: MERGED } },
        {
          containers: [
            { name: "istio-proxy", image: "auto", lifecycle: { preStop: { sleep: { seconds: 5 } } } },
          ],
        },
      ),
      cluster: [MESHED],
    },
    {
      name: "preStop of the proxy to be is an exec",
      object: configured(MERGED, {
        containers: [APP, { name: "istio-proxy", image: "auto", lifecycle: { preStop: SLEEP } }],
      }),
      cluster: [MESHED],
    },
    {
      name: "a distroless sidecar became native after the first call",
      object: native({ ...NATIVE, env: [EXIT_ON_ZERO, MINIMUM_DRAIN] }),
    },
    {
      name: "Kubernetes is too old to run native sidecars, so that no preStop is injected",
      object: configured(MERGED, {
        containers: [
          APP,
          { name: "istio-proxy", image: "auto", lifecycle: { preStop: { sleep: { seconds: 5 } } } },
        ],
      }),
      cluster: [MESHED, INJECTOR],
      settings: { assume: { kubernetes: "1.28" } },
    },
    {
      name: "Istio is too old to inject a preStop of its own",
      object: configured("terminationDrainDuration: 9s", {
        containers: [
          APP,
          { name: "istio-proxy", image: "auto", lifecycle: { preStop: { httpGet: { port: 1 } } } },
        ],
      }),
      cluster: [MESHED],
      settings: { assume: { istio: "1.10" } },
    },
    {
      name: "the app sleeps in its own preStop",
      object: configured(MERGED, {
        containers: [{ ...APP, lifecycle: { preStop: { sleep: { seconds: 5 } } } }],
      }),
      cluster: [MESHED],
    },
    {
      name: "the annotation is broken, and no sidecar reads it",
      object: configured("a: ["),
      cluster: [namespace({})],
    },
    {
      name: "the duration is shorter than the grace period",
      object: configured("terminationDrainDuration: 29s"),
      cluster: [MESHED],
    },
    {
      name: "the duration is shorter than the user's grace period",
      object: configured("terminationDrainDuration: 90s", { terminationGracePeriodSeconds: 120 }),
      cluster: [MESHED],
    },
    {
      name: "the mesh's EXIT_ON_ZERO sets the mesh's duration aside",
      object: configured("concurrency: 2"),
      cluster: [
        MESHED,
        meshConfig(
          'defaultConfig: {terminationDrainDuration: 20s, proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"}}',
        ),
      ],
    },
    {
      name: "the strategy is only about injected Pods",
      object: pod(),
      cluster: [MESHED],
      options: { strategy: "preStop" },
    },
    {
      name: "the FAQ is only about injected Pods",
      object: pod(),
      cluster: [MESHED],
      options: { strategy: "faq" },
    },
    {
      name: "the strategy acts before injection only",
      object: injected(),
      options: { strategy: "exitOnZero" },
    },
    {
      name: "the duration is set before injection only",
      object: injected(),
      options: { strategy: "drainDuration" },
    },
    {
      name: "the FAQ's hooks are there",
      object: injected({
        ...PROXY,
        lifecycle: {
          postStart: { exec: { command: FAQ_HOOKS.postStart } },
          preStop: { exec: { command: FAQ_HOOKS.preStop } },
        },
      }),
      options: { strategy: "faq" },
    },
    {
      name: "a template's Pods get the duration at admission",
      object: deployment(),
      cluster: [MESHED, INJECTOR],
      options: { strategy: "drainDuration" },
    },
  ],
  invalid: [
    {
      name: "a namespace injects and no injector is known",
      object: pod(),
      cluster: [MESHED],
      findings: [{ ...notAwaited, fix: mergeFix(MERGED) }],
    },
    {
      name: "the Pod's own label wants injection",
      object: pod({ labels: { "sidecar.istio.io/inject": "true" } }),
      findings: [{ ...notAwaited, fix: mergeFix(MERGED) }],
    },
    {
      name: "the annotation holds other settings",
      object: configured('concurrency: 2\nproxyMetadata: {A: b, MINIMUM_DRAIN_DURATION: "9s"}\n'),
      cluster: [MESHED],
      findings: [
        {
          ...notAwaited,
          fix: mergeFix(
            'concurrency: 2\nproxyMetadata: {A: b, MINIMUM_DRAIN_DURATION: "9s", EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"}\n',
          ),
        },
      ],
    },
    {
      name: "the annotation is empty",
      object: configured(""),
      cluster: [MESHED],
      findings: [{ ...notAwaited, fix: mergeFix(MERGED) }],
    },
    {
      name: "the mesh sets only the least duration",
      object: pod(),
      cluster: [MESHED, meshConfig("defaultConfig: {proxyMetadata: {MINIMUM_DRAIN_DURATION: 20s}}")],
      findings: [
        { ...notAwaited, fix: mergeFix('proxyMetadata:\n  EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"\n') },
      ],
    },
    {
      name: "the annotation is no YAML",
      object: configured("concurrency: 2\nproxyMetadata: ["),
      cluster: [MESHED],
      findings: [
        {
          message: "proxyConfigUnreadable",
          field: FIELD,
          data: { problem: "line 2: unexpected end of the stream within a flow collection" },
        },
      ],
    },
    {
      name: "the annotation's proxyMetadata is a list",
      object: configured("proxyMetadata: [a]"),
      cluster: [MESHED],
      findings: [
        { message: "proxyConfigUnreadable", field: FIELD, data: { problem: "proxyMetadata is no map" } },
      ],
    },
    {
      name: "Istio is too old for what the strategy wants",
      object: pod(),
      cluster: [MESHED],
      settings: { assume: { istio: "1.10" } },
      options: { strategy: "exitOnZero" },
      findings: [{ message: "exitOnZeroUnknown", field: FIELD, data: { version: "1.10" } }],
    },
    {
      name: "Istio is too old, and the hook will do it",
      object: pod(),
      cluster: [MESHED],
      settings: { assume: { istio: "1.10" } },
      findings: [{ ...notAwaited, fix: mergeFix(MERGED) }],
    },
    {
      name: "a Deployment's Pods will be injected",
      object: deployment(),
      oldObject: deployment(),
      cluster: [MESHED],
      findings: [
        {
          ...notAwaited,
          field: ["spec", "template", ...FIELD],
          fix: [{ path: ["spec", "template", ...FIELD], value: MERGED }],
        },
      ],
    },
    {
      name: "a DaemonSet's Pods will be injected",
      object: workload("DaemonSet", "apps/v1", TEMPLATE),
      cluster: [MESHED],
      findings: [{ ...notAwaited, field: ["spec", "template", ...FIELD] }],
    },
    {
      name: "a ReplicaSet's Pods will be injected",
      object: workload("ReplicaSet", "apps/v1", TEMPLATE),
      cluster: [MESHED],
      findings: [{ ...notAwaited, field: ["spec", "template", ...FIELD] }],
    },
    {
      name: "a StatefulSet's Pods will be injected",
      object: workload("StatefulSet", "apps/v1", TEMPLATE),
      cluster: [MESHED],
      findings: [{ ...notAwaited, field: ["spec", "template", ...FIELD] }],
    },
    {
      name: "the sidecar is classic",
      object: injected(),
      cluster: [MESHED, INJECTOR],
      findings: [{ ...noDrainHook, fix: hookFix(20) }],
    },
    {
      name: "the classic sidecar waits in postStart only",
      object: injected({
        ...PROXY,
        lifecycle: { postStart: { exec: { command: ["pilot-agent", "wait"] } } },
      }),
      findings: [{ ...noDrainHook, fix: hookFix(20) }],
    },
    {
      name: "the sidecar is classic, and its image has only a digest",
      object: injected({ ...PROXY, image: "istio/proxyv2@sha256:00" }),
      findings: [{ ...noDrainHook, fix: hookFix(20) }],
    },
    {
      name: "the classic sidecar stands in a template",
      object: deployment({}, { containers: [APP, PROXY], terminationGracePeriodSeconds: 60 }),
      findings: [
        {
          ...noDrainHook,
          field: ["spec", "template", ...HOOK],
          fix: [{ path: ["spec", "template", ...HOOK], value: { exec: { command: drainHookCommand(50) } } }],
        },
      ],
    },
    {
      name: "the classic sidecar drains longer by annotation",
      object: injected(PROXY, {
        annotations: { [ANNOTATION]: "terminationDrainDuration: 1m" },
        spec: { terminationGracePeriodSeconds: 120 },
      }),
      findings: [{ message: "noDrainHook", field: HOOK, data: { seconds: 60 }, fix: hookFix(55) }],
    },
    {
      name: "the classic sidecar drains longer by what the injector wrote",
      object: injected({
        ...PROXY,
        env: [{ name: "PROXY_CONFIG", value: '{"terminationDrainDuration":"10s"}\n' }],
      }),
      cluster: [meshConfig("defaultConfig: {terminationDrainDuration: 20s}")],
      findings: [{ message: "noDrainHook", field: HOOK, data: { seconds: 10 }, fix: hookFix(15) }],
    },
    {
      name: "the grace period is short",
      object: injected(PROXY, { spec: { terminationGracePeriodSeconds: 6 } }),
      findings: [{ ...noDrainHook, fix: hookFix(1) }],
    },
    {
      name: "the classic sidecar's EXIT_ON_ZERO takes the place of the duration",
      object: injected(PROXY, {
        annotations: { [ANNOTATION]: `${MERGED}terminationDrainDuration: 60s` },
      }),
      findings: [
        { message: "drainIgnored", field: FIELD },
        { ...noDrainHook, fix: hookFix(20) },
      ],
    },
    {
      name: "the annotation of a classic sidecar's Pod is broken",
      object: injected(PROXY, { annotations: { [ANNOTATION]: "a: [" } }),
      findings: [
        { message: "proxyConfigUnreadable", field: FIELD, data: { problem: BROKEN } },
        { ...noDrainHook, fix: hookFix(20) },
      ],
    },
    {
      name: "the annotation of a native sidecar's Pod is broken",
      object: native(NATIVE, { annotations: { [ANNOTATION]: "a: [" } }),
      findings: [{ message: "proxyConfigUnreadable", field: FIELD, data: { problem: BROKEN } }],
    },
    {
      name: "the annotation is broken and nothing is to be added",
      object: configured("a: ["),
      cluster: [MESHED, INJECTOR],
      findings: [{ message: "proxyConfigUnreadable", field: FIELD, data: { problem: BROKEN } }],
    },
    {
      name: "what Istio takes as text only is not in quotes, and all the same is not lost",
      object: configured("proxyMetadata: {A: true}"),
      cluster: [MESHED],
      findings: [
        {
          message: "proxyConfigUnreadable",
          field: FIELD,
          data: { problem: "proxyMetadata.A is not in quotes" },
        },
        {
          ...notAwaited,
          fix: mergeFix(
            'proxyMetadata: {A: true, EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true", MINIMUM_DRAIN_DURATION: "5s"}',
          ),
        },
      ],
    },
    {
      name: "the drain duration has no unit",
      object: configured("terminationDrainDuration: 30"),
      cluster: [MESHED, INJECTOR],
      findings: [
        {
          message: "proxyConfigUnreadable",
          field: FIELD,
          data: { problem: "terminationDrainDuration 30 is no duration such as 30s" },
        },
      ],
    },
    {
      name: "the classic sidecar has a preStop",
      object: injected({ ...PROXY, lifecycle: { preStop: SLEEP } }),
      findings: [{ message: "preStopStays", field: HOOK }],
    },
    {
      name: "the classic sidecar has a preStop of another kind",
      object: injected({ ...PROXY, lifecycle: { preStop: { sleep: { seconds: 9 } } } }),
      findings: [{ message: "preStopStays", field: HOOK }],
    },
    {
      name: "the classic sidecar is distroless",
      object: injected(DISTROLESS),
      findings: [
        {
          ...noDrainHook,
          field: ENV,
          fix: [
            { path: [...ENV, 0], value: EXIT_ON_ZERO },
            { path: [...ENV, 1], value: MINIMUM_DRAIN },
          ],
        },
      ],
    },
    {
      name: "the distroless sidecar has an environment",
      object: injected({
        ...DISTROLESS,
        env: [
          { name: "A", value: "b" },
          { name: MINIMUM_DRAIN.name, value: "9s" },
        ],
      }),
      findings: [{ ...noDrainHook, field: ENV, fix: [{ path: [...ENV, 2], value: EXIT_ON_ZERO }] }],
    },
    {
      name: "the distroless sidecar is too old",
      object: injected({ ...PROXY, image: "istio/proxyv2:1.11.8-distroless" }),
      findings: [{ message: "exitOnZeroUnknown", field: ENV, data: { version: "1.11.8" } }],
    },
    {
      name: "the distroless sidecar is assumed to be too old",
      object: injected(DISTROLESS),
      settings: { assume: { istio: "1.11" } },
      findings: [{ message: "exitOnZeroUnknown", field: ENV, data: { version: "1.11" } }],
    },
    {
      name: "settings on the Pod do nothing on its native sidecar",
      object: native(NATIVE, { annotations: { [ANNOTATION]: `${MERGED}terminationDrainDuration: 60s` } }),
      cluster: [MESHED, INJECTOR],
      findings: [
        { message: "noEffectOnNative", field: FIELD, data: { setting: EXIT_ON_ZERO.name } },
        { message: "noEffectOnNative", field: FIELD, data: { setting: "terminationDrainDuration" } },
      ],
    },
    {
      name: "the environment of the native sidecar does nothing",
      object: native({ ...NATIVE, env: [{ name: "A", value: "b" }, EXIT_ON_ZERO] }),
      findings: [
        {
          message: "noEffectOnNative",
          field: ["spec", "initContainers", 1, "env", 1],
          data: { setting: EXIT_ON_ZERO.name },
        },
      ],
    },
    ...["15020", "16020"].map((port) => ({
      name: `the hook of the first call is on a sidecar that became native, its agent on port ${port}`,
      object: native(
        { ...NATIVE, lifecycle: { preStop: { exec: { command: drainHookCommand(20) } } } },
        port === "15020" ? {} : { annotations: { "status.sidecar.istio.io/port": port } },
      ),
      cluster: [MESHED, INJECTOR],
      findings: [
        {
          message: "ownHookOnNative",
          field: NATIVE_HOOK,
          fix: [
            {
              path: NATIVE_HOOK,
              value: {
                exec: { command: ["pilot-agent", "request", `--debug-port=${port}`, "POST", "drain"] },
              },
            },
          ],
        },
      ],
    })),
    {
      name: "a preStop replaces the native sidecar's",
      object: native({ ...NATIVE, lifecycle: { preStop: SLEEP } }),
      findings: [
        { message: "nativePreStopReplaced", field: ["spec", "initContainers", 1, "lifecycle", "preStop"] },
      ],
    },
    {
      name: "a preStop of another kind has met the injected one",
      object: native({ ...NATIVE, lifecycle: { preStop: { ...ISTIO_DRAIN, sleep: { seconds: 5 } } } }),
      findings: [
        {
          message: "handlerConflict",
          field: ["spec", "initContainers", 1, "lifecycle", "preStop"],
          data: { handler: "sleep" },
        },
      ],
    },
    {
      name: "a preStop of another kind will meet the injected one",
      object: configured(MERGED, {
        containers: [
          APP,
          { name: "istio-proxy", image: "auto", lifecycle: { preStop: { sleep: { seconds: 5 } } } },
        ],
      }),
      cluster: [MESHED, INJECTOR],
      findings: [{ message: "handlerConflict", field: HOOK, data: { handler: "sleep" } }],
    },
    {
      name: "a preStop in a template will meet the injected one",
      object: deployment(
        { metadata: { annotations: { "sidecar.istio.io/nativeSidecar": "true" } } },
        {
          initContainers: [
            {
              name: "istio-proxy",
              image: "auto",
              lifecycle: { preStop: { httpGet: { port: 15000, path: "/quit" } } },
            },
          ],
        },
      ),
      cluster: [MESHED],
      findings: [
        {
          message: "handlerConflict",
          field: ["spec", "template", "spec", "initContainers", 0, "lifecycle", "preStop"],
          data: { handler: "httpGet" },
        },
      ],
    },
    {
      name: "EXIT_ON_ZERO takes the place of the duration before injection",
      object: configured(`${MERGED}terminationDrainDuration: 60s`),
      cluster: [MESHED, INJECTOR],
      findings: [{ message: "drainIgnored", field: FIELD }],
    },
    {
      name: "the mesh's EXIT_ON_ZERO takes the place of the Pod's duration",
      object: configured("terminationDrainDuration: 60s"),
      cluster: [
        MESHED,
        meshConfig('defaultConfig: {proxyMetadata: {EXIT_ON_ZERO_ACTIVE_CONNECTIONS: "true"}}'),
      ],
      findings: [{ message: "drainIgnored", field: FIELD }],
    },
    {
      name: "the Pod's duration is as long as the grace period",
      object: configured("terminationDrainDuration: 30s", { terminationGracePeriodSeconds: 30 }),
      cluster: [MESHED],
      findings: [
        { message: "gracePeriodTooShort", field: GRACE, data: { drain: "30s", grace: 30, needed: 55 } },
      ],
    },
    {
      name: "the mesh's duration is as long as the classic sidecar's grace period",
      object: injected(),
      cluster: [meshConfig("defaultConfig: {terminationDrainDuration: 40s}")],
      findings: [
        { message: "noDrainHook", field: HOOK, data: { seconds: 40 }, fix: hookFix(1) },
        { message: "gracePeriodTooShort", field: GRACE, data: { drain: "40s", grace: 30, needed: 65 } },
      ],
    },
    {
      name: "the grace period of a classic sidecar may be raised",
      object: injected(PROXY, { annotations: { [ANNOTATION]: "terminationDrainDuration: 40s" } }),
      options: { raiseGracePeriod: true },
      findings: [
        {
          message: "noDrainHook",
          field: HOOK,
          data: { seconds: 40 },
          fix: [...hookFix(20), { path: GRACE, value: 65 }],
        },
        {
          message: "gracePeriodRaised",
          field: GRACE,
          data: { drain: "40s", grace: 30 },
          fix: [...hookFix(20), { path: GRACE, value: 65 }],
        },
      ],
    },
    {
      name: "the hook needs a longer grace period",
      object: injected(PROXY, {
        annotations: { [ANNOTATION]: "terminationDrainDuration: 25s" },
        spec: { terminationGracePeriodSeconds: 30 },
      }),
      options: { raiseGracePeriod: true },
      findings: [
        { message: "noDrainHook", field: HOOK, data: { seconds: 25 } },
        { message: "gracePeriodRaised", field: GRACE, data: { drain: "25s", grace: 30 } },
      ],
    },
    {
      name: "the user's own grace period is not raised",
      object: configured("terminationDrainDuration: 90s", { terminationGracePeriodSeconds: 60 }),
      cluster: [MESHED],
      options: { raiseGracePeriod: true },
      findings: [
        { message: "gracePeriodTooShort", field: GRACE, data: { drain: "90s", grace: 60, needed: 115 } },
      ],
    },
    {
      name: "the strategy wants EXIT_ON_ZERO though an injector is known",
      object: pod(),
      cluster: [MESHED, INJECTOR],
      options: { strategy: "exitOnZero" },
      findings: [{ ...notAwaited, fix: mergeFix(MERGED) }],
    },
    {
      name: "the strategy wants a duration, which Istio reads in seconds only",
      object: pod({}, { terminationGracePeriodSeconds: 120 }),
      cluster: [MESHED, INJECTOR],
      options: { strategy: "drainDuration", drainDuration: "1m30s" },
      findings: [{ ...notAwaited, fix: mergeFix("terminationDrainDuration: 90s\n") }],
    },
    {
      name: "the strategy's duration needs a longer grace period",
      object: pod(),
      cluster: [MESHED],
      settings: { assume: { istio: "1.10" } },
      options: { strategy: "drainDuration", raiseGracePeriod: true },
      findings: [
        {
          ...notAwaited,
          fix: [...mergeFix("terminationDrainDuration: 30s\n"), { path: GRACE, value: 55 }],
        },
        { message: "gracePeriodRaised", field: GRACE, data: { drain: "30s", grace: 30 } },
      ],
    },
    {
      name: "the strategy wants the hook on every classic sidecar",
      object: injected(DISTROLESS),
      options: { strategy: "preStop" },
      findings: [{ ...noDrainHook, fix: hookFix(20) }],
    },
    {
      name: "the strategy wants the FAQ's pair",
      object: injected(),
      options: { strategy: "faq" },
      findings: [
        {
          ...noDrainHook,
          fix: [
            { path: [...HOOK.slice(0, -1), "postStart"], value: { exec: { command: FAQ_HOOKS.postStart } } },
            { path: HOOK, value: { exec: { command: FAQ_HOOKS.preStop } } },
          ],
        },
      ],
    },
    {
      name: "the strategy wants the FAQ's pair and a postStart is there",
      object: injected({ ...PROXY, lifecycle: { postStart: SLEEP } }),
      options: { strategy: "faq" },
      findings: [{ ...noDrainHook, fix: [{ path: HOOK, value: { exec: { command: FAQ_HOOKS.preStop } } }] }],
    },
  ],
});
