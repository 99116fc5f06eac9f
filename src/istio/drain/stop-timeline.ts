/** What happens from the deletion of a Pod to its end: who is told what when, what is still accepted, and what is cut. */
import type { Container } from "../../kubernetes/objects.ts";
import type { PodTemplate } from "../../kubernetes/pod-template.ts";
import { DEFAULT_GRACE_SECONDS } from "./drain.ts";
import type { DrainSettings } from "./settings.ts";
import { describeHandler, proxyStopOf } from "./proxy-stop.ts";
import type { HookKind, ProxyKind, ProxyStop } from "./proxy-stop.ts";

/**
 * `atLatest`: or earlier, as soon as the app is done, or as no connection is open. `afterApp`: when the app has ended, at the
 * latest with the grace period.
 */
export type Bound = "at" | "atLatest" | "afterApp";

export type StopEventKind =
  | HookKind
  | "deleted"
  | "terminated"
  | "drainBegins"
  | "waitsForConnections"
  | "listenersClose"
  | "stops"
  | "stopsAtOnce"
  | "cut"
  | "killed";

export interface StopEvent {
  readonly seconds: number;
  readonly bound: Bound;
  readonly who: "Kubernetes" | "app" | "istio-proxy";
  readonly kind: StopEventKind;
  /** A container, a hook, a number of seconds: what completes the sentence. */
  readonly detail: string;
}

type NewRequests = "accepted" | "sentAway" | "refused" | "upToApp";

/** From here until the next phase begins, or the Pod ends. */
export interface TrafficPhase {
  readonly seconds: number;
  readonly bound: Bound;
  readonly newRequests: NewRequests;
  readonly runningRequests: "served" | "cut";
  readonly ownRequests: "sent" | "fail";
}

type SpanKind = "hook" | "runs" | "drains" | "waits";

/** A bar of the picture, as long as it can become. */
export interface Span {
  readonly from: number;
  readonly to: number;
  readonly kind: SpanKind;
  readonly endsEarly: boolean;
}

export interface StopTimeline {
  readonly proxy: ProxyKind;
  readonly graceSeconds: number;
  /** A request that needs longer than that after the deletion is cut, if the app does not end it before. */
  readonly cutAfterSeconds: number;
  /** In order of time. */
  readonly events: readonly StopEvent[];
  readonly traffic: readonly TrafficPhase[];
  readonly lanes: readonly { readonly who: "app" | "istio-proxy"; readonly spans: readonly Span[] }[];
}

export function stopTimelineOf(pod: PodTemplate, settings: DrainSettings): StopTimeline {
  const grace = graceSecondsOf(pod);
  const apps = (pod.spec.containers ?? []).filter(({ name }) => name !== "istio-proxy");
  const stop = proxyStopOf(pod, settings, grace);
  const end = Math.min(stop.end, grace);
  return {
    proxy: stop.proxy,
    graceSeconds: grace,
    cutAfterSeconds: end,
    events: inOrder([
      event("deleted", "Kubernetes", 0),
      ...apps.flatMap((app) => appEvents(app, grace)),
      ...proxyEvents(stop, grace),
      event("killed", "Kubernetes", grace),
    ]),
    traffic: trafficOf(stop, grace),
    lanes: lanesOf(stop, apps, grace),
  };
}

/** Of a negative one the API server makes one second. */
function graceSecondsOf({
  spec: { terminationGracePeriodSeconds = DEFAULT_GRACE_SECONDS },
}: PodTemplate): number {
  return terminationGracePeriodSeconds < 0 ? 1 : terminationGracePeriodSeconds;
}

function event(
  kind: StopEventKind,
  who: StopEvent["who"],
  seconds: number,
  { bound = "at", detail = "" }: { bound?: Bound; detail?: string } = {},
): StopEvent {
  return { seconds, bound, who, kind, detail };
}

/** Of what happens at the same moment, what comes first in the list comes first. */
function inOrder(events: readonly StopEvent[]): readonly StopEvent[] {
  return events.toSorted((one, other) => one.seconds - other.seconds);
}

function appEvents({ name = "", lifecycle }: Container, grace: number): readonly StopEvent[] {
  const { preStop } = lifecycle ?? {};
  if (!preStop) return [event("terminated", "app", 0, { detail: name })];
  const seconds = preStop.sleep?.seconds;
  const begins = event("hookBegins", "app", 0, { detail: `${name}: ${describeHandler(preStop)}` });
  const terminated =
    seconds === undefined
      ? event("terminated", "app", grace, { detail: name, bound: "atLatest" })
      : event("terminated", "app", Math.min(seconds, grace), { detail: name });
  return [begins, terminated];
}

function proxyEvents(stop: ProxyStop, grace: number): readonly StopEvent[] {
  const { proxy, hook, drain } = stop;
  if (proxy === "none" || proxy === "proxyless") return [];
  const events: StopEvent[] = [];
  if (hook) events.push(event(hook.event, "istio-proxy", 0, { detail: hook.detail }));
  if (stop.proxy === "native") {
    events.push(
      event(stop.drainsAtOnce ? "stopsAtOnce" : "drainBegins", "istio-proxy", grace, { bound: "afterApp" }),
    );
    return events;
  }
  const begin = hook?.limit ?? 0;
  if (begin >= grace) return events;
  const bound: Bound = hook?.isEarly ? "atLatest" : "at";
  events.push(event("drainBegins", "istio-proxy", begin, { bound }));
  const closing = listenersCloseOf(stop);
  if (begin + closing < grace)
    events.push(event("listenersClose", "istio-proxy", begin + closing, { bound }));
  if (drain.untilIdle) {
    const idleFrom = begin + drain.seconds;
    if (idleFrom < grace)
      events.push(
        event("waitsForConnections", "istio-proxy", idleFrom, { bound, detail: `${drain.seconds}` }),
      );
  } else if (begin + drain.seconds < grace) {
    const detail = `${drain.seconds}`;
    events.push(event("stops", "istio-proxy", begin + drain.seconds, { bound, detail }));
    if (proxy === "classic") events.push(event("cut", "app", begin + drain.seconds, { bound }));
  }
  return events;
}

/** From SIGTERM on; Infinity if the proxy stops before. */
function listenersCloseOf({ drain }: ProxyStop): number {
  return drain.untilIdle || drain.listenersClose < drain.seconds
    ? drain.listenersClose
    : Number.POSITIVE_INFINITY;
}

const OPEN = { runningRequests: "served", ownRequests: "sent" } as const;
const GONE = { newRequests: "refused", runningRequests: "cut", ownRequests: "fail" } as const;

function trafficOf(stop: ProxyStop, grace: number): readonly TrafficPhase[] {
  const { proxy, hook, drain, drainsAtOnce } = stop;
  if (proxy === "none" || proxy === "proxyless" || (proxy === "native" && !drainsAtOnce)) {
    const newRequests = proxy === "native" ? "accepted" : "upToApp";
    return [{ seconds: 0, bound: "at", newRequests, ...OPEN }];
  }
  const begin = proxy === "native" ? 0 : (hook?.limit ?? 0);
  const bound: Bound = hook?.isEarly && proxy !== "native" ? "atLatest" : "at";
  const phases: TrafficPhase[] = [];
  if (begin > 0) phases.push({ seconds: 0, bound: "at", newRequests: "accepted", ...OPEN });
  phases.push({ seconds: begin, bound: begin > 0 ? bound : "at", newRequests: "sentAway", ...OPEN });
  // Istio's preStop has it drain for ever (pkg/envoy: DrainNow).
  if (proxy === "native") return phases;
  phases.push({ seconds: begin + listenersCloseOf(stop), bound, newRequests: "refused", ...OPEN });
  if (!drain.untilIdle) phases.push({ seconds: begin + drain.seconds, bound, ...GONE });
  return phases.filter(({ seconds }) => seconds < grace || seconds === 0);
}

function lanesOf(stop: ProxyStop, apps: readonly Container[], grace: number): StopTimeline["lanes"] {
  const lanes: StopTimeline["lanes"][number][] = [];
  if (apps.length > 0) lanes.push({ who: "app", spans: withLength(appSpans(apps, grace)) });
  if (stop.proxy !== "none") lanes.push({ who: "istio-proxy", spans: withLength(proxySpans(stop, grace)) });
  return lanes;
}

/** Until the last of the containers has had its SIGTERM, a hook is running. */
function appSpans(apps: readonly Container[], grace: number): readonly Span[] {
  const hooks = apps.map(({ lifecycle }) => {
    const { preStop } = lifecycle ?? {};
    return preStop ? Math.min(preStop.sleep?.seconds ?? grace, grace) : 0;
  });
  const hookEnd = Math.max(0, ...hooks);
  const isTimed = apps.every(({ lifecycle }) => !lifecycle?.preStop || lifecycle.preStop.sleep);
  const hook: Span = { from: 0, to: hookEnd, kind: "hook", endsEarly: !isTimed };
  const rest: Span = { from: hookEnd, to: grace, kind: "runs", endsEarly: true };
  return [hook, rest];
}

function proxySpans({ proxy, hook, drain, drainsAtOnce }: ProxyStop, grace: number): readonly Span[] {
  if (proxy === "native" || proxy === "proxyless")
    return [{ from: 0, to: grace, kind: drainsAtOnce ? "drains" : "runs", endsEarly: true }];
  const begin = Math.min(hook?.limit ?? 0, grace);
  const drained = Math.min(begin + drain.seconds, grace);
  return [
    { from: 0, to: begin, kind: "hook", endsEarly: hook?.isEarly ?? false },
    { from: begin, to: drained, kind: "drains", endsEarly: false },
    { from: drained, to: drain.untilIdle ? grace : drained, kind: "waits", endsEarly: true },
  ];
}

function withLength(spans: readonly Span[]): readonly Span[] {
  return spans.filter(({ from, to }) => to > from);
}
