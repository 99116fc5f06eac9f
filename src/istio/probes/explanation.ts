/** Who answers each probe of a Pod, whether the proxy comes between, and what mTLS does to it. */
import type { FieldPath } from "../../kubernetes/field-path.ts";
import type { Container, Probe } from "../../kubernetes/objects.ts";
import type { PodTemplate } from "../../kubernetes/pod-template.ts";
import { isAnsweredByAgent, isKnownUnrewritten } from "./repair.ts";
import type { ProbeSituation } from "./repair.ts";
import { appProbesOf, isPort, PROBE_NAMES } from "./probes.ts";
import type { AppProbe, ProbeKind, ProbeName } from "./probes.ts";

/**
 * - `app`: directly; `appThroughProxy`: its request goes through Envoy as plain text
 * - `agent`: the sidecar's agent, which asks the app; `proxy`: the proxy, about itself
 * - `sidecar`: Envoy accepts the connection, whatever the app does
 * - `nobody`: it fails; `elsewhere`: it is not sent to this Pod; `unknown`: that depends on the injector
 */
export type Answerer =
  | "app"
  | "appThroughProxy"
  | "agent"
  | "proxy"
  | "sidecar"
  | "nobody"
  | "elsewhere"
  | "unknown";

/** `refuses`: STRICT mTLS does, now; `wouldRefuse`: it would, and is not switched on; `nothing`: it never meets the probe. */
export type MtlsEffect = "nothing" | "refuses" | "wouldRefuse" | "unknown";

/** Completes "because": what of the Pod or the mesh decides. */
export type ProbeReason =
  | "exec"
  | "excluded"
  | "host"
  | "initContainer"
  | "noSidecar"
  | "notRewritten"
  | "ownProbe"
  | "rewritten"
  | "unknownRewriting"
  | "unresolvedPort";

export interface ExplainedProbe {
  readonly container: string;
  readonly probe: ProbeName;
  readonly kind: ProbeKind | "exec";
  /** Of the app, as written; undefined of an exec, and where it cannot be read. */
  readonly port: number | string | undefined;
  readonly field: FieldPath;
  readonly answeredBy: Answerer;
  /** Whether the connection goes through Envoy; undefined if that is not known. */
  readonly isSeenByProxy: boolean | undefined;
  readonly mtls: MtlsEffect;
  readonly reason: ProbeReason;
  /** The PeerAuthentication that refuses, or would if it met the probe. */
  readonly strictPolicy: string | undefined;
}

export interface ProbeSurroundings {
  /** Undefined if the Pod has no sidecar and gets none. */
  readonly situation: ProbeSituation | undefined;
  /** The name of the PeerAuthentication that makes mTLS STRICT on the port. */
  readonly strictPolicy: (port: number) => string | undefined;
}

export function explainProbes(pod: PodTemplate, surroundings: ProbeSurroundings): readonly ExplainedProbe[] {
  const appProbes = new Map(appProbesOf(pod).map((probe) => [keyOf(probe.field.slice(0, 4)), probe]));
  const explained: ExplainedProbe[] = [];
  for (const list of ["initContainers", "containers"] as const) {
    for (const [index, container] of (pod.spec[list] ?? []).entries()) {
      for (const name of PROBE_NAMES) {
        const field = ["spec", list, index, name];
        const isOver =
          list === "initContainers" &&
          container.restartPolicy !== "Always" &&
          container.name !== "istio-proxy";
        const subject = subjectOf(container, name, field, { isOver, appProbe: appProbes.get(keyOf(field)) });
        if (subject) explained.push({ ...subject, ...answerOf(subject, surroundings) });
      }
    }
  }
  return explained;
}

function keyOf(field: FieldPath): string {
  return field.join(".");
}

interface Subject extends Pick<ExplainedProbe, "container" | "probe" | "kind" | "port" | "field"> {
  readonly appProbe: AppProbe | undefined;
  /** What is known without one. */
  readonly reason: "host" | "initContainer" | "ownProbe" | "proxyPort" | "rewritten" | "unresolvedPort";
}

function subjectOf(
  container: Container,
  name: ProbeName,
  field: FieldPath,
  { isOver, appProbe }: { readonly isOver: boolean; readonly appProbe: AppProbe | undefined },
): Subject | undefined {
  const probe = container[name];
  if (!probe) return undefined;
  const { httpGet, tcpSocket, grpc } = probe;
  const kind = appProbe?.kind ?? (httpGet ? "httpGet" : tcpSocket ? "tcpSocket" : grpc ? "grpc" : "exec");
  return {
    container: container.name ?? "",
    probe: name,
    kind,
    port: appProbe?.writtenPort ?? (httpGet ?? tcpSocket ?? grpc)?.port,
    field,
    appProbe,
    reason: isOver ? "initContainer" : reasonWithoutApp(container, probe),
  };
}

function reasonWithoutApp({ name }: Container, { httpGet, tcpSocket, grpc }: Probe): Subject["reason"] {
  if (name === "istio-proxy") return "ownProbe";
  if ((httpGet ?? tcpSocket)?.host) return "host";
  if (httpGet?.path?.startsWith("/app-health/")) return "rewritten";
  const port = (httpGet ?? tcpSocket ?? grpc)?.port ?? "";
  return port === "" || (typeof port === "number" && !isPort(port)) ? "unresolvedPort" : "proxyPort";
}

type Answer = Pick<ExplainedProbe, "answeredBy" | "isSeenByProxy" | "mtls" | "reason" | "strictPolicy">;

function answerOf(subject: Subject, { situation, strictPolicy }: ProbeSurroundings): Answer {
  const unseen = { isSeenByProxy: false, mtls: "nothing", strictPolicy: undefined } as const;
  const { kind, appProbe } = subject;
  if (subject.reason === "initContainer") return { ...unseen, answeredBy: "nobody", reason: subject.reason };
  if (kind === "exec") return { ...unseen, answeredBy: "app", reason: "exec" };
  if (!appProbe) {
    const { reason } = subject;
    if (reason === "proxyPort" && !situation) return { ...unseen, answeredBy: "app", reason: "noSidecar" };
    const { [reason]: answeredBy } = ANSWERED_WITHOUT_APP;
    return { ...unseen, answeredBy, reason: reason === "proxyPort" ? "ownProbe" : reason };
  }
  const { port } = appProbe;
  if (port === undefined) return { ...unseen, answeredBy: "nobody", reason: "unresolvedPort" };
  if (!situation) return { ...unseen, answeredBy: "app", reason: "noSidecar" };
  if (isAnsweredByAgent(appProbe, situation)) return { ...unseen, answeredBy: "agent", reason: "rewritten" };
  if (situation.interception(port) === "none") return { ...unseen, answeredBy: "app", reason: "excluded" };
  const policy = strictPolicy(port);
  if (!isKnownUnrewritten(appProbe, situation)) {
    const mtls = kind === "tcpSocket" ? "nothing" : "unknown";
    return {
      answeredBy: "unknown",
      isSeenByProxy: undefined,
      mtls,
      reason: "unknownRewriting",
      strictPolicy: policy,
    };
  }
  return { ...intercepted(kind, policy), isSeenByProxy: true, reason: "notRewritten", strictPolicy: policy };
}

const ANSWERED_WITHOUT_APP = {
  host: "elsewhere",
  ownProbe: "proxy",
  proxyPort: "proxy",
  rewritten: "agent",
  unresolvedPort: "nobody",
} as const;

/** Envoy accepts connections before it asks for a certificate: a TCP probe is content with that. */
function intercepted(kind: ProbeKind, policy: string | undefined): Pick<Answer, "answeredBy" | "mtls"> {
  if (kind === "tcpSocket") return { answeredBy: "sidecar", mtls: "nothing" };
  return policy === undefined
    ? { answeredBy: "appThroughProxy", mtls: "wouldRefuse" }
    : { answeredBy: "nobody", mtls: "refuses" };
}
