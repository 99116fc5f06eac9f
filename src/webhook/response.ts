/** From what the rules found to what the API server is told. */
import { OWN_ID } from "../engine/evaluate.ts";
import type { Outcome, Verdict } from "../engine/verdict.ts";
import type { Policy } from "../rules/policy.ts";
import type { AdmissionResponse, AdmissionStatus, Endpoint } from "./admission-review.ts";
import { fieldOf, findingLines, line, moreLine } from "./lines.ts";
import { warningsFor } from "./warnings.ts";

/** Of a line in a denial, in code points: long enough for every field that people write. */
const MAX_DENIAL_LINE = 1024;
const MAX_ANNOTATION_LENGTH = 1024;

/** What the metric says of an answer; `error` is one that was given instead of a decision. */
export type Decision = "allowed" | "warned" | "denied" | "patched" | "error";

export interface Answer {
  readonly response: AdmissionResponse;
  readonly decision: Decision;
}

/** What keeps foresail from deciding. */
export type Obstacle = "deadline" | "internal" | "oversize";

const OBSTACLES: {
  readonly [O in Obstacle]: { readonly code: number; readonly reason: string; readonly message: string };
} = {
  deadline: { code: 500, reason: "InternalError", message: "out of time, not all rules were checked" },
  internal: { code: 500, reason: "InternalError", message: "internal error, not all rules were checked" },
  oversize: {
    code: 413,
    reason: "RequestEntityTooLarge",
    message: "too large a review, no rule was checked",
  },
};

/** Without a word. */
export function allow(uid: string): Answer {
  return { response: { uid, allowed: true }, decision: "allowed" };
}

/** `hash` is the configuration's. */
export function answerFor(uid: string, endpoint: Endpoint, outcome: Outcome, hash: string): Answer {
  const { verdicts, failures } = outcome;
  if (verdicts.length === 0 && failures.length === 0) return allow(uid);
  const denying = verdicts.filter(({ action }) => action === "Deny");
  const isAllowed = denying.length === 0;
  const warnings = warningsFor(withAction(verdicts, ["Warn"]), failures);
  const patch = isAllowed && endpoint === "mutate" ? outcome.patch : [];
  const response = {
    uid,
    allowed: isAllowed,
    ...(isAllowed ? {} : { status: denial(denying, outcome.confirmCommand) }),
    ...(patch.length === 0 ? {} : { patch: base64(JSON.stringify(patch)), patchType: "JSONPatch" as const }),
    ...spoken(warnings),
    ...annotated(outcome, patch.length > 0, hash),
  };
  return { response, decision: decisionOf(response) };
}

/** The configuration decides about what foresail could not; what was found until then is said in any case. */
export function answerTo(
  obstacle: Obstacle,
  uid: string,
  onInternalError: Policy["onInternalError"],
  outcome: Pick<Outcome, "failures" | "verdicts"> = { failures: [], verdicts: [] },
): Answer {
  const { message, ...status } = OBSTACLES[obstacle];
  const problem = `${OWN_ID}: ${message}`;
  const isAllowed = onInternalError === "Allow";
  const found = withAction(outcome.verdicts, ["Deny", "Warn"]);
  const response = {
    uid,
    allowed: isAllowed,
    ...(isAllowed ? {} : { status: { ...status, message: problem } }),
    ...spoken(warningsFor(found, outcome.failures, isAllowed ? problem : undefined)),
  };
  return { response, decision: "error" };
}

/** The ids of the rules whose fixes are in the patch. */
export function appliedFixes({ verdicts }: Pick<Outcome, "verdicts">): readonly string[] {
  return [...new Set(withAction(verdicts, ["Fix"]).map(({ rule }) => rule))];
}

function withAction(verdicts: readonly Verdict[], actions: readonly Verdict["action"][]): Verdict[] {
  return verdicts.filter(({ action }) => actions.includes(action));
}

function decisionOf({ allowed, patch, warnings }: AdmissionResponse): Decision {
  if (!allowed) return "denied";
  if (patch !== undefined) return "patched";
  return warnings ? "warned" : "allowed";
}

/** Not `Invalid`: kubectl would print the causes only, without this message and the webhook's name. */
function denial(denying: readonly Verdict[], confirmCommand: string | undefined): AdmissionStatus {
  const { shown, more } = findingLines(denying, MAX_DENIAL_LINE);
  const lines = shown.flatMap(({ text, verdict: { remedy, docs } }) => [
    text,
    ...(remedy === "" ? [] : [line(`fix: ${remedy}`, MAX_DENIAL_LINE)]),
    line(`docs: ${docs}`, MAX_DENIAL_LINE),
  ]);
  return {
    code: 403,
    reason: "Forbidden",
    message: [
      ...lines,
      ...(more > 0 ? [moreLine(more)] : []),
      ...(confirmCommand === undefined
        ? []
        : [line(`to delete it all the same: ${confirmCommand}`, MAX_DENIAL_LINE)]),
    ].join("\n"),
    details: {
      causes: shown.map(({ verdict }) => ({
        reason: verdict.rule,
        field: line(fieldOf(verdict), MAX_DENIAL_LINE),
        message: line(verdict.message, MAX_DENIAL_LINE),
      })),
    },
  };
}

function spoken(warnings: readonly string[]): Pick<AdmissionResponse, "warnings"> {
  return warnings.length === 0 ? {} : { warnings };
}

/** For the audit log of the API server, which prefixes the keys with the webhook's name. */
function annotated(
  outcome: Outcome,
  isPatched: boolean,
  hash: string,
): Pick<AdmissionResponse, "auditAnnotations"> {
  const { verdicts } = outcome;
  if (verdicts.length === 0) return {};
  // The most severe comes first, and a rule is named once.
  const actions = new Map(verdicts.toReversed().map(({ rule, action }) => [rule, action]));
  const rules = [...new Set(verdicts.map(({ rule }) => rule))].map((rule) => `${rule}=${actions.get(rule)}`);
  const fixes = isPatched ? { fixes: joined(appliedFixes(outcome)) } : {};
  return { auditAnnotations: { rules: joined(rules), ...fixes, config: hash } };
}

function joined(entries: readonly string[]): string {
  return line(entries.join(","), MAX_ANNOTATION_LENGTH);
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
