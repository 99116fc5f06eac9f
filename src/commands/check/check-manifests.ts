/** Reviews manifests as if they were created one by one in a cluster that holds them all. */
import type { Manifest } from "../../cluster/files/manifests.ts";
import type { Store } from "../../cluster/store.ts";
import { createView } from "../../cluster/view.ts";
import type { ClusterState } from "../../cluster/view.ts";
import { evaluate, OWN_ID } from "../../engine/evaluate.ts";
import type { Circumstances, Verdict } from "../../engine/verdict.ts";
import { inWords } from "../../engine/words.ts";
import { formatStableField } from "../../kubernetes/field-path.ts";
import type { FieldPath } from "../../kubernetes/field-path.ts";
import { changesOf } from "../../kubernetes/json-patch.ts";
import type { Change } from "../../kubernetes/json-patch.ts";
import { sortFindings } from "../../report/finding.ts";
import type { ReportedFinding } from "../../report/finding.ts";
import { INPUT_MESSAGES } from "../../report/own-findings.ts";
import type { Policy } from "../../rules/policy.ts";
import type { AnyRule, MessageData } from "../../rules/rule.ts";
import { concerns, objectOf, overriddenAmong, subjectOf } from "./subjects.ts";
import type { Subject } from "./subjects.ts";

export interface Check {
  readonly manifests: readonly Manifest[];
  /** What is there besides; its store receives the manifests. */
  readonly state: ClusterState;
  /** Of namespaced objects that name none. */
  readonly namespace: string;
  readonly rules: readonly AnyRule[];
  readonly policy: Policy;
  /** `YYYY-MM-DD`, UTC. */
  readonly today: string;
  /** Called before each manifest, with how many were looked at and how many there are. */
  readonly onReview?: (done: number, all: number) => void;
}

/** A rule that threw on an object. */
export interface CheckFailure {
  readonly rule: string;
  readonly manifest: Manifest;
  readonly error: unknown;
}

/** A finding that can be made to go away. */
export interface Repair {
  readonly manifest: Manifest;
  readonly verdict: Verdict;
  readonly changes: () => readonly Change[];
}

export interface CheckOutcome {
  readonly findings: readonly ReportedFinding[];
  /** Of the findings that do more than audit. */
  readonly repairs: readonly Repair[];
  readonly failures: readonly CheckFailure[];
}

/**
 * Does not depend on the order of the manifests, except that of two with the same identity the last one counts, and that of two
 * CustomResourceDefinitions the later one is the second.
 */
export function checkManifests(check: Check): CheckOutcome {
  const subjects = check.manifests.map((manifest) => subjectOf(manifest, check.namespace));
  const overridden = overriddenAmong(subjects);
  const generatedNames = putInto(
    check.state.store,
    subjects.filter((subject) => !overridden.has(subject)),
  );

  const reviewed = new Set(
    subjects.filter((subject) => !overridden.has(subject)).map((one) => keyOf(one, generatedNames)),
  );
  const state: ClusterState = {
    ...check.state,
    isReviewed: ({ kind, namespace, name }) => reviewed.has(JSON.stringify([kind, namespace, name])),
  };

  const findings: ReportedFinding[] = [];
  const fields = new Texts();
  const repairs: Repair[] = [];
  const failures: CheckFailure[] = [];
  // In order of the manifests, whose places are found fastest so.
  for (const [index, subject] of subjects.entries()) {
    check.onReview?.(index, subjects.length);
    const { manifest } = subject;
    const winner = overridden.get(subject);
    const own = ownVerdicts(subject, winner, check.policy);
    const isReviewed = winner === undefined && check.rules.some((rule) => concerns(rule, subject));
    const object = own.length > 0 || isReviewed ? objectOf(subject) : undefined;
    const storedName = generatedNames.get(subject) ?? manifest.name;
    const { verdicts, failures: ofObject } = isReviewed
      ? review(subject, object, storedName, { ...check, state })
      : NO_REVIEW;
    findings.push(...[...own, ...verdicts].map((verdict) => report(subject, object, verdict, fields)));
    repairs.push(...verdicts.flatMap((verdict) => repairOf(subject, verdict)));
    failures.push(...ofObject.map(({ rule, error }) => ({ rule, error, manifest })));
  }
  return { findings: sortFindings(findings), repairs, failures };
}

/** The names that the store has made for objects without one of their own. */
function putInto(store: Store, subjects: readonly Subject[]): ReadonlyMap<Subject, string> {
  const names = new Map<Subject, string>();
  for (const subject of subjects) {
    const { kind, manifest } = subject;
    if (kind === undefined) continue;
    const name = store.put(kind, objectOf(subject));
    if (name !== manifest.name) names.set(subject, name);
  }
  return names;
}

function keyOf(subject: Subject, storedNames: ReadonlyMap<Subject, string>): string {
  const { kind, namespace, manifest } = subject;
  return JSON.stringify([kind, namespace, storedNames.get(subject) ?? manifest.name]);
}

type Review = Pick<ReturnType<typeof evaluate>, "verdicts" | "failures">;
const NO_REVIEW: Review = { verdicts: [], failures: [] };

function review(
  { kind, namespace, manifest: { name } }: Subject,
  object: unknown,
  storedName: string,
  { rules, policy, today, state }: Check,
): Review {
  if (kind === undefined) return NO_REVIEW;
  const circumstances: Circumstances = {
    moment: "check",
    rules,
    cluster: createView(state, { kind, namespace, name: storedName }),
    policy,
    today,
    expired: () => false,
  };
  return evaluate(
    { operation: "CREATE", kind, namespace, name, object, oldObject: undefined },
    circumstances,
  );
}

function repairOf(subject: Subject, verdict: Verdict): Repair[] {
  const { patch, action } = verdict;
  if (patch === undefined || action === "Audit") return [];
  return [{ manifest: subject.manifest, verdict, changes: () => changesOf(objectOf(subject), patch) }];
}

/** What is wrong with the manifest itself. `winner` is where the object is defined again. */
function ownVerdicts(
  { manifest, namespace }: Subject,
  winner: string | undefined,
  policy: Policy,
): readonly Verdict[] {
  const { kindName: kind, name, duplicateKeys } = manifest;
  const verdicts = duplicateKeys.map(({ field, isSame }) =>
    ownVerdict(isSame ? "repeatedKey" : "duplicateKey", field, { key: String(field.at(-1)) }, policy),
  );
  if (winner === undefined) return verdicts;
  const data = { kind, object: namespace === "" ? name : `${namespace}/${name}`, place: winner };
  return [...verdicts, ownVerdict("duplicateObject", ["metadata", "name"], data, policy)];
}

function ownVerdict(
  messageId: keyof typeof INPUT_MESSAGES,
  field: FieldPath,
  data: MessageData,
  policy: Policy,
): Verdict {
  const message = INPUT_MESSAGES[messageId];
  const words = inWords({ rule: OWN_ID, remedy: "", messageId, message }, { field, data }, policy);
  return { ...words, action: message.action, patch: undefined };
}

function report(
  { manifest, namespace }: Subject,
  object: unknown,
  verdict: Verdict,
  fields: Texts,
): ReportedFinding {
  const { apiVersion, kindName, name, file } = manifest;
  const { line, column } = manifest.position(verdict.field);
  return {
    verdict,
    object: { apiVersion, kind: kindName, namespace, name },
    file,
    line,
    column,
    excerpt: manifest.excerpt(verdict.field),
    stableField: fields.once(formatStableField(verdict.field, object)),
  };
}

/** Texts of which there are many and few different ones, kept once. */
class Texts {
  readonly #known = new Map<string, string>();

  once(text: string): string {
    const known = this.#known.get(text);
    if (known === undefined) this.#known.set(text, text);
    return known ?? text;
  }
}
