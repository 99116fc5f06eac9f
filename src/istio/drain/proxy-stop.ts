/** How the proxy of one Pod stops, once Kubernetes ends the Pod. */
import type { Container } from "../../kubernetes/objects.ts";
import type { PodTemplate } from "../../kubernetes/pod-template.ts";
import {
  beginsIstioDrain,
  DEFAULT_DRAIN_SECONDS,
  drainHookLimit,
  isEndlessFaqHook,
  isFaqHook,
  isSidecar,
  isTrue,
  MINIMUM_DRAIN,
} from "./drain.ts";
import { drainSecondsOf } from "./settings.ts";
import type { DrainSettings } from "./settings.ts";
import { parseDuration } from "../duration.ts";
import { findInjectedProxy, gatewayKindOf, isProxyless } from "../injection.ts";
import { holds } from "../gates.ts";
import { versionOfImage } from "../versions.ts";

export type ProxyKind = "none" | "classic" | "native" | "gateway" | "proxyless";

/** What the preStop is: Istio's own, foresail's, that of ASM's FAQ as foresail writes it or as it is there, or any other. */
export type HookKind =
  | "hookBegins"
  | "drainHookBegins"
  | "faqHookBegins"
  | "endlessHookBegins"
  | "istioDrainBegins";

interface ProxyHook {
  readonly event: HookKind;
  readonly detail: string;
  /** Seconds after which SIGTERM is sent at the latest. */
  readonly limit: number;
  /** It may end before its limit. */
  readonly isEarly: boolean;
}

export interface ProxyStop {
  readonly proxy: ProxyKind;
  readonly hook: ProxyHook | undefined;
  /** From SIGTERM on: for so long, and then, if `untilIdle`, until no connection is open. */
  readonly drain: {
    readonly seconds: number;
    readonly untilIdle: boolean;
    /** Then Envoy closes its listeners, if it still runs. */
    readonly listenersClose: number;
  };
  /** A native sidecar whose preStop is Istio's. */
  readonly drainsAtOnce: boolean;
  /** Seconds after which it is gone at the latest; Infinity if only the grace period ends it. */
  readonly end: number;
}

export function proxyStopOf(pod: PodTemplate, settings: DrainSettings, grace: number): ProxyStop {
  const { labels = {}, annotations = {} } = pod.metadata;
  const injected = findInjectedProxy(pod.spec);
  const drain = drainOf(settings, injected?.container ?? {});
  const without = { hook: undefined, drain, drainsAtOnce: false };
  if (!injected) return { ...without, proxy: "none", end: Number.POSITIVE_INFINITY };
  if (isProxyless(annotations)) return { ...without, proxy: "proxyless", end: Number.POSITIVE_INFINITY };
  const isGateway = gatewayKindOf(labels, annotations) !== undefined || !isSidecar(injected.container);
  const hook = hookOf(injected.container, grace);
  if (injected.isNative && !isGateway) {
    const drainsAtOnce = hook?.event === "istioDrainBegins";
    return { proxy: "native", hook, drain, drainsAtOnce, end: Number.POSITIVE_INFINITY };
  }
  const end = drain.untilIdle ? Number.POSITIVE_INFINITY : (hook?.limit ?? 0) + drain.seconds;
  return { proxy: isGateway ? "gateway" : "classic", hook, drain, drainsAtOnce: false, end };
}

function drainOf(settings: DrainSettings, { image = "", env = [] }: Container): ProxyStop["drain"] {
  const value = versionOfImage(image);
  const isKnown =
    value === undefined || holds("exitOnZero", { istio: { value, from: "image of istio-proxy" } }) !== false;
  const { listenersCloseSeconds: listenersClose } = settings;
  if (!isKnown || !isTrue(settings.exitOnZero?.value))
    return { seconds: drainSecondsOf(settings), untilIdle: false, listenersClose };
  const least =
    settings.config?.settings.proxyMetadata[MINIMUM_DRAIN] ??
    env.find(({ name }) => name === MINIMUM_DRAIN)?.value ??
    "";
  return { seconds: parseDuration(least) ?? DEFAULT_DRAIN_SECONDS, untilIdle: true, listenersClose };
}

function hookOf({ lifecycle }: Container, grace: number): ProxyHook | undefined {
  const { preStop } = lifecycle ?? {};
  if (!preStop) return undefined;
  const { command = [] } = preStop.exec ?? {};
  const limit = drainHookLimit(command);
  if (limit !== undefined)
    return { event: "drainHookBegins", detail: `${limit}`, limit: Math.min(limit, grace), isEarly: true };
  if (isFaqHook(command)) return { event: "faqHookBegins", detail: "", limit: grace, isEarly: true };
  if (isEndlessFaqHook(command))
    return { event: "endlessHookBegins", detail: "", limit: grace, isEarly: false };
  const detail = describeHandler(preStop);
  if (preStop.sleep) {
    const seconds = preStop.sleep.seconds ?? 0;
    return { event: "hookBegins", detail, limit: Math.min(seconds, grace), isEarly: false };
  }
  if (beginsIstioDrain(command)) return { event: "istioDrainBegins", detail, limit: 0, isEarly: false };
  return { event: "hookBegins", detail, limit: grace, isEarly: true };
}

/** In a few words: a script is long. */
export function describeHandler({
  exec,
  httpGet,
  sleep,
}: NonNullable<NonNullable<Container["lifecycle"]>["preStop"]>): string {
  if (sleep) return `sleep ${sleep.seconds ?? 0} s`;
  if (httpGet) return `GET ${httpGet.path ?? "/"} on port ${httpGet.port ?? ""}`;
  if (!exec) return "a handler of another kind";
  const words = (exec.command ?? []).join(" ").split("\n")[0] ?? "";
  return words.length > MAX_WORDS ? `${words.slice(0, MAX_WORDS)}...` : words;
}

const MAX_WORDS = 60;

/** Whether the API server refuses the container: a hook may have one handler only. */
export function hasTwoHandlers({ lifecycle }: Container): boolean {
  return Object.keys(lifecycle?.preStop ?? {}).length > 1;
}
