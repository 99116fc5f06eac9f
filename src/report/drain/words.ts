/** What `explain drain` says, whether as text, as JSON or in the picture. */
import type { ProxyKind } from "../../istio/drain/proxy-stop.ts";
import type {
  Bound,
  StopEvent,
  StopEventKind,
  StopTimeline,
  TrafficPhase,
} from "../../istio/drain/stop-timeline.ts";

/** One way in which the Pod may stop. */
export interface StopScenario {
  /** `asItIs`: the Pod shows it; `expected`: it will get this sidecar; `possible`: this or another one. */
  readonly certainty: "asItIs" | "expected" | "possible";
  readonly foresail: "without" | "with" | "either";
  /** Two handlers in one hook: the API server refuses the Pod. */
  readonly isRefused: boolean;
  readonly timeline: StopTimeline;
}

export interface PodStop {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** Its work ends by itself, and foresail changes nothing. */
  readonly isJob: boolean;
  readonly scenarios: readonly StopScenario[];
}

export const JOB_NOTE =
  "Pods of Jobs end with their work, and foresail leaves them alone. This is what happens when one is deleted before.";
export const REFUSED_NOTE =
  "The API server refuses this Pod: the preStop of istio-proxy would have two handlers, Istio's and its own.";

const SIDECARS: { readonly [P in ProxyKind]: string } = {
  none: "No sidecar",
  classic: "Classic sidecar",
  native: "Native sidecar",
  gateway: "Gateway",
  proxyless: "gRPC without a proxy",
};
const CERTAINTIES = {
  asItIs: "",
  expected: ", once it is injected",
  possible: ", if that is what is injected",
} as const;
const FORESAIL = { without: ", without foresail", with: ", with foresail", either: "" } as const;

/** `Classic sidecar, once it is injected, with foresail` */
export function titleOf({ certainty, foresail, timeline }: StopScenario): string {
  return SIDECARS[timeline.proxy] + CERTAINTIES[certainty] + FORESAIL[foresail];
}

/** The one sentence that matters most. */
export function summaryOf({ cutAfterSeconds, graceSeconds, proxy }: StopTimeline): string {
  if (proxy === "none" || proxy === "proxyless")
    return `The app has ${graceSeconds} s to finish what it does; then it is killed.`;
  if (cutAfterSeconds < graceSeconds)
    return `Whatever takes longer than ${cutAfterSeconds} s is cut, ${graceSeconds - cutAfterSeconds} s before the Pod is killed.`;
  return `Nothing is cut before the grace period of ${graceSeconds} s is over.`;
}

const EVENTS: { readonly [K in StopEventKind]: (detail: string) => string } = {
  deleted: () => "the Pod is deleted and leaves its Services; clients learn of it over the next seconds",
  hookBegins: (hook) => `its preStop begins: ${hook}`,
  drainHookBegins: (limit) =>
    `its drain hook begins: it waits while the app listens or has connections, at most ${limit} s`,
  faqHookBegins: () =>
    "its preStop begins: it waits until nothing but the proxy listens, as long as that takes",
  endlessHookBegins: () =>
    "its preStop begins: it waits until nothing but envoy listens, and pilot-agent always does, so it never ends",
  istioDrainBegins: () =>
    "Istio's preStop: Envoy begins to drain, still accepts requests, and sends clients away",
  terminated: (container) => `gets SIGTERM (${container})`,
  drainBegins: () => "gets SIGTERM: Envoy begins to drain, still accepts requests, and sends clients away",
  waitsForConnections: (seconds) =>
    `has drained for ${seconds} s; from here on it stops as soon as no connection is open`,
  listenersClose: () => "Envoy closes its listeners: no new connection is accepted",
  stops: (seconds) => `stops, ${seconds} s after SIGTERM: every connection that is open is cut, in and out`,
  stopsAtOnce: () => "gets SIGTERM when the app has ended, and stops at once",
  cut: () => "still runs, perhaps, but nobody reaches it, and it reaches nobody",
  killed: () => "SIGKILL for what still runs",
};

export function eventText({ kind, detail }: StopEvent): string {
  return EVENTS[kind](detail);
}

export function timeText(seconds: number, bound: Bound): string {
  if (bound === "afterApp") return "app ends";
  return bound === "atLatest" ? `by ${shown(seconds)} s` : `${shown(seconds)} s`;
}

/** Durations may be written in milliseconds. */
export function shown(seconds: number): string {
  return String(Math.round(seconds * 10) / 10);
}

const NEW_REQUESTS = {
  accepted: "new requests are accepted",
  sentAway: "new requests are accepted, and their clients told to connect elsewhere",
  refused: "new connections are refused",
  upToApp: "new requests are the app's own business",
} as const;

export function trafficText({ newRequests, runningRequests, ownRequests }: TrafficPhase): string {
  const running = runningRequests === "served" ? "running ones go on" : "running ones are cut";
  const own = ownRequests === "sent" ? "the app reaches others" : "the app reaches nobody";
  return `${NEW_REQUESTS[newRequests]}; ${running}; ${own}`;
}
