/** Who answers a Pod's probes, in words and as JSON. */
import type { Answerer, ExplainedProbe, MtlsEffect, ProbeReason } from "../istio/probes/explanation.ts";
import { formatField } from "../kubernetes/field-path.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";
import { hanging, padEnd } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

export interface PodProbes {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  readonly line: number;
  /** From the object's root to the Pod's. */
  readonly root: FieldPath;
  readonly sidecar: "none" | "injected" | "expected";
  readonly now: readonly ExplainedProbe[];
  /** As admission leaves it; the same probes in the same order. */
  readonly repaired: readonly ExplainedProbe[];
}

const SIDECARS = {
  none: "no sidecar",
  injected: "with a sidecar",
  expected: "gets a sidecar when it is created",
} as const;

const ANSWERS: { readonly [R in Exclude<ProbeReason, "notRewritten">]: string } = {
  exec: "the kubelet runs it in the container; the network is not involved",
  excluded: "the app: the sidecar does not intercept this port",
  host: "another host: the kubelet does not send it to this Pod",
  initContainer: "nobody: the API server refuses probes in an init container that is to end",
  noSidecar: "the app: there is no sidecar",
  ownProbe: "the proxy itself: the probe asks one of its own ports",
  rewritten: "the sidecar's agent: it asks the app, past Envoy, and passes the answer on",
  unknownRewriting:
    "not known: the sidecar's agent asks the app if the injector rewrites probes; if not, the probe meets Envoy",
  unresolvedPort: "nobody, and it fails: its port is missing, or is a name that no port of its container has",
};

const INTERCEPTED: { readonly [A in Answerer]?: string } = {
  appThroughProxy: "the app: the request goes through Envoy, as plain text",
  nobody: "nobody, and it fails: Envoy asks for a certificate of the mesh, and the kubelet has none",
  sidecar: "Envoy: it accepts every connection, so the probe succeeds whatever the app does",
};

export function renderProbes(pods: readonly PodProbes[], terminal: Terminal): string {
  return `${pods.map((pod) => podLines(pod, terminal).join("\n")).join("\n\n")}\n`;
}

function podLines(pod: PodProbes, terminal: Terminal): readonly string[] {
  const { kind, namespace, name, file, line, sidecar, now, repaired } = pod;
  const title = `${terminal.paint("bold", `${kind} ${namespace}/${name}`)} (${file}:${line}), ${SIDECARS[sidecar]}`;
  if (now.length === 0) return [title, "  It has no probes."];
  const blocks = now.flatMap((probe, index) => [
    "",
    ...probeLines(probe, repaired[index] ?? probe, terminal),
  ]);
  return [title, ...blocks];
}

function probeLines(now: ExplainedProbe, repaired: ExplainedProbe, terminal: Terminal): readonly string[] {
  const { container, probe, kind, port } = now;
  const title = `  ${terminal.paint("cyan", `${container} ${probe}`)} ${kind}${port === undefined ? "" : ` ${port}`}`;
  if (sentencesOn(now).join() === sentencesOn(repaired).join())
    return [title, ...answerLines("answered by", now, terminal)];
  return [title, ...answerLines("now", now, terminal), ...answerLines("with foresail", repaired, terminal)];
}

const LABEL_WIDTH = 19;

function answerLines(label: string, probe: ExplainedProbe, { columns }: Terminal): readonly string[] {
  const margin = " ".repeat(LABEL_WIDTH);
  return sentencesOn(probe).flatMap((sentence, index) =>
    hanging(index === 0 ? padEnd(`    ${label}`, LABEL_WIDTH) : margin, sentence, columns),
  );
}

function sentencesOn(probe: ExplainedProbe): readonly string[] {
  const { reason, answeredBy, mtls } = probe;
  const answer = reason === "notRewritten" ? (INTERCEPTED[answeredBy] ?? "") : ANSWERS[reason];
  return probe.kind === "exec" ? [answer] : [answer, `mTLS: ${mtlsSentence(mtls, probe)}`];
}

function mtlsSentence(mtls: MtlsEffect, { reason, strictPolicy = "" }: ExplainedProbe): string {
  if (mtls === "refuses") return `PeerAuthentication ${strictPolicy} is STRICT, and refuses the probe`;
  if (mtls === "wouldRefuse") return "plain text is accepted, until a PeerAuthentication says STRICT";
  if (mtls === "unknown")
    return strictPolicy === ""
      ? "refuses the probe if it is not rewritten and a PeerAuthentication says STRICT"
      : `PeerAuthentication ${strictPolicy} is STRICT, and refuses the probe if it is not rewritten`;
  return reason === "excluded"
    ? "does nothing to the probe, nor for anybody else on this port"
    : "does nothing to the probe";
}

export function renderProbesJson(pods: readonly PodProbes[]): string {
  const report = {
    version: 1,
    pods: pods.map(({ apiVersion, kind, namespace, name, file, line, sidecar, root, now, repaired }) => ({
      object: { apiVersion, kind, namespace, name },
      file,
      line,
      sidecar,
      probes: now.map((probe, index) => ({
        ...placeOf(probe, root),
        ...answerOf(probe),
        repaired: answerOf(repaired[index] ?? probe),
      })),
    })),
  };
  return `${JSON.stringify(report, null, 2)}\n`;
}

function placeOf({ container, probe, kind, port, field }: ExplainedProbe, root: FieldPath) {
  return { container, probe, kind, port: port ?? null, field: formatField([...root, ...field]) };
}

function answerOf(probe: ExplainedProbe) {
  const { answeredBy, isSeenByProxy, mtls, reason, strictPolicy } = probe;
  return {
    answeredBy,
    seenByProxy: isSeenByProxy ?? null,
    mtls,
    strictPolicy: strictPolicy ?? null,
    reason,
    text: sentencesOn(probe),
  };
}
