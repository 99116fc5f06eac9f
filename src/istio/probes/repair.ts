/** What is to be done about each probe of a Pod with a sidecar. */
import type { Interception } from "./inbound-ports.ts";
import type { AppProbe, ProbeKind } from "./probes.ts";

export interface ProbeSituation {
  readonly isInjected: boolean;
  /** Before injection; on an injected Pod each probe shows it. */
  readonly rewriting: "on" | "off" | "unknown";
  /** The Pod itself says that its probes are not to be rewritten. */
  readonly isRefused: boolean;
  /** An injector is known but not its settings: what it excludes by itself is seen only on the injected Pod. */
  readonly isListHidden: boolean;
  readonly exclude: "dedicatedPorts" | "always" | "never";
  canRewrite(kind: ProbeKind): boolean;
  /** Whether a Service targets the port. */
  isServed(port: number): boolean;
  interception(port: number): Interception;
}

/**
 * - `reachesApp`: nothing to do; `left`: nothing that may be done; `awaited`: nothing before injection
 * - `exclude`, `rewrite`: the repair
 * - `refused`: rewriting would help, and the user forbids it
 * - `served`: only excluding a Service's port would help now
 * - `listed`: only excluding would help, and includeInboundPorts makes that pointless
 */
export type ProbeOutcome =
  | "reachesApp"
  | "left"
  | "awaited"
  | "exclude"
  | "rewrite"
  | "refused"
  | "served"
  | "listed";

export interface JudgedProbe {
  readonly probe: AppProbe & { readonly port: number };
  readonly outcome: ProbeOutcome;
}

export function judgeProbes(probes: readonly AppProbe[], situation: ProbeSituation): readonly JudgedProbe[] {
  const judged = probes.filter(hasPort).map((probe) => ({ probe, outcome: outcomeOf(probe, situation) }));
  if (!judged.some(({ outcome }) => outcome === "rewrite")) return judged;
  return judged.map(({ probe, outcome }) => ({
    probe,
    outcome: situation.canRewrite(probe.kind) ? WITH_REWRITING[outcome] : outcome,
  }));
}

/** The annotation that serves one probe serves all that the version can rewrite. */
const WITH_REWRITING: { readonly [O in ProbeOutcome]: ProbeOutcome } = {
  reachesApp: "reachesApp",
  left: "reachesApp",
  awaited: "reachesApp",
  exclude: "rewrite",
  rewrite: "rewrite",
  refused: "rewrite",
  served: "rewrite",
  listed: "rewrite",
};

function hasPort(probe: AppProbe): probe is AppProbe & { readonly port: number } {
  return probe.port !== undefined;
}

/** Whether the kubelet asks the agent, now or after injection, as far as that is known. */
export function isAnsweredByAgent(probe: AppProbe, situation: ProbeSituation): boolean {
  if (situation.isInjected) return probe.isRewritten;
  return situation.rewriting === "on" && situation.canRewrite(probe.kind);
}

/** Whether it is known that the kubelet asks the port itself. */
export function isKnownUnrewritten(probe: AppProbe, situation: ProbeSituation): boolean {
  if (situation.isInjected) return !probe.isRewritten;
  return situation.rewriting === "off" || !situation.canRewrite(probe.kind);
}

function outcomeOf(probe: JudgedProbe["probe"], situation: ProbeSituation): ProbeOutcome {
  const { exclude, isListHidden, isInjected } = situation;
  const interception = situation.interception(probe.port);
  if (interception === "none") return "reachesApp";
  const isAnswered = isAnsweredByAgent(probe, situation);
  if (exclude === "always" && interception === "byDefault")
    return isListHidden && !isInjected ? "awaited" : "exclude";
  if (isAnswered) return "reachesApp";
  if (exclude !== "always" && situation.isServed(probe.port)) return outcomeOfServed(probe, situation);
  if (exclude === "never") return "left";
  return outcomeOfDedicated(probe, situation, interception);
}

function outcomeOfServed(probe: AppProbe, situation: ProbeSituation): ProbeOutcome {
  if (situation.isInjected || !situation.canRewrite(probe.kind)) return "served";
  return situation.isRefused ? "refused" : "rewrite";
}

function outcomeOfDedicated(
  probe: AppProbe,
  situation: ProbeSituation,
  interception: Interception,
): ProbeOutcome {
  const { isInjected, rewriting, isListHidden, exclude } = situation;
  const mustWait = isListHidden && !isInjected;
  const mayRewrite = exclude !== "always" && rewriting === "unknown" && situation.canRewrite(probe.kind);
  if (mustWait && mayRewrite) return "rewrite";
  if (interception === "asListed") return "listed";
  return mustWait ? "awaited" : "exclude";
}
