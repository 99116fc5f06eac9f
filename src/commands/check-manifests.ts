/** Reviews manifests as if they were created one by one in a cluster that holds them all. */
import type { Manifest } from "../cluster/manifests.ts";
import type { Store } from "../cluster/store.ts";
import { createView } from "../cluster/view.ts";
import type { ClusterState } from "../cluster/view.ts";
import { evaluate, OWN_ID } from "../engine/evaluate.ts";
import type { Circumstances, Verdict } from "../engine/verdict.ts";
import { inWords } from "../engine/words.ts";
import { formatStableField } from "../kubernetes/field-path.ts";
import type { FieldPath } from "../kubernetes/field-path.ts";
import { changesOf } from "../kubernetes/json-patch.ts";
import type { Change } from "../kubernetes/json-patch.ts";
import { isObject } from "../kubernetes/json.ts";
import { groupOf, KIND_FACTS } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { sortFindings } from "../report/finding.ts";
import type { ReportedFinding } from "../report/finding.ts";
import { INPUT_MESSAGES } from "../report/own-findings.ts";
import type { Policy } from "../rules/policy.ts";
import type { AnyRule, MessageData } from "../rules/rule.ts";

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

/** Does not depend on the order of the manifests, except that of two with the same identity the last one counts. */
export function checkManifests(check: Check): CheckOutcome {
  const subjects = check.manifests.map((manifest) => subjectOf(manifest, check.namespace));
  const last = new Map(subjects.map((subject) => [subject.identity, subject]));
  const storedNames = putInto(check.state.store, last.values());
  const places = placesOfWinners(subjects, last);

  const findings: ReportedFinding[] = [];
  const repairs: Repair[] = [];
  const failures: CheckFailure[] = [];
  // In order of the manifests, whose places are found fastest so.
  for (const [index, subject] of subjects.entries()) {
    check.onReview?.(index, subjects.length);
    const place = places.get(last.get(subject.identity) ?? subject);
    const own = ownVerdicts(
      subject,
      last.get(subject.identity) === subject ? undefined : place,
      check.policy,
    );
    const storedName = storedNames.get(subject);
    const object = own.length > 0 || storedName !== undefined ? objectOf(subject) : undefined;
    const { verdicts, failures: ofObject } =
      storedName === undefined ? NO_REVIEW : review(subject, object, storedName, check);
    findings.push(...[...own, ...verdicts].map((verdict) => report(subject, object, verdict)));
    repairs.push(...verdicts.flatMap((verdict) => repairOf(subject, verdict)));
    failures.push(...ofObject.map(({ rule, error }) => ({ rule, error, manifest: subject.manifest })));
  }
  return { findings: sortFindings(findings), repairs, failures };
}

/** An object with the namespace that it would get. */
interface Subject {
  readonly manifest: Manifest;
  readonly kind: Kind | undefined;
  /** "" for cluster-scoped objects, and where nobody knows. */
  readonly namespace: string;
  /** Equal for objects that are the same one to the API server. */
  readonly identity: unknown;
}

function subjectOf(manifest: Manifest, defaultNamespace: string): Subject {
  const { kind, apiVersion, kindName, name } = manifest;
  const isNamespaced = kind === undefined || KIND_FACTS[kind].namespaced;
  const fallback = kind === undefined ? "" : defaultNamespace;
  const namespace = isNamespaced ? manifest.namespace || fallback : "";
  // Without a name of its own, every object is another one.
  const identity = name.endsWith("*")
    ? manifest
    : JSON.stringify([groupOf(apiVersion), kindName, namespace, name]);
  return { manifest, kind, namespace, identity };
}

function objectOf({ manifest, namespace }: Subject): unknown {
  return namespace === "" ? manifest.object : inNamespace(manifest.object, namespace);
}

/** The names under which the store has the objects that rules can ask about. */
function putInto(store: Store, subjects: Iterable<Subject>): ReadonlyMap<Subject, string> {
  const names = new Map<Subject, string>();
  for (const subject of subjects) {
    if (subject.kind !== undefined) names.set(subject, store.put(subject.kind, objectOf(subject)));
  }
  return names;
}

/** `FILE:LINE` of the objects that take the place of others. */
function placesOfWinners(
  subjects: readonly Subject[],
  last: ReadonlyMap<unknown, Subject>,
): ReadonlyMap<Subject, string> {
  const winners = new Set<Subject>();
  for (const subject of subjects) {
    const winner = last.get(subject.identity);
    if (winner !== undefined && winner !== subject) winners.add(winner);
  }
  const inOrder = subjects.filter((subject) => winners.has(subject));
  return new Map(
    inOrder.map((subject) => {
      const { file } = subject.manifest;
      return [subject, `${file}:${subject.manifest.position([]).line}`];
    }),
  );
}

/** As the API server stores it. */
function inNamespace(object: unknown, namespace: string): unknown {
  if (!isObject(object)) return object;
  const { metadata } = object;
  return { ...object, metadata: { ...(isObject(metadata) ? metadata : {}), namespace } };
}

type Review = Pick<ReturnType<typeof evaluate>, "verdicts" | "failures">;
const NO_REVIEW: Review = { verdicts: [], failures: [] };

function review(
  { kind, namespace, manifest: { name } }: Subject,
  object: unknown,
  storedName: string,
  { rules, policy, today, state }: Check,
): Review {
  if (kind === undefined || !rules.some(({ kinds }) => kinds.includes(kind))) return NO_REVIEW;
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

function report({ manifest, namespace }: Subject, object: unknown, verdict: Verdict): ReportedFinding {
  const { apiVersion, kindName, name, file } = manifest;
  const { line, column } = manifest.position(verdict.field);
  return {
    verdict,
    object: { apiVersion, kind: kindName, namespace, name },
    file,
    line,
    column,
    excerpt: manifest.excerpt(verdict.field),
    stableField: formatStableField(verdict.field, object),
  };
}
