/** Reviews manifests as if they were created one by one in a cluster that holds them all. */
import type { Manifest } from "../cluster/manifests.ts";
import { createView } from "../cluster/view.ts";
import type { ClusterState } from "../cluster/view.ts";
import { evaluate, OWN_ID } from "../engine/evaluate.ts";
import { render } from "../engine/render.ts";
import type { Circumstances, Verdict } from "../engine/verdict.ts";
import { formatStableField } from "../kubernetes/field-path.ts";
import { changesOf } from "../kubernetes/json-patch.ts";
import type { Change } from "../kubernetes/json-patch.ts";
import { isObject } from "../kubernetes/json.ts";
import { groupOf, KIND_FACTS } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { sortFindings } from "../report/finding.ts";
import type { ReportedFinding } from "../report/finding.ts";
import { DUPLICATE_OBJECT } from "../report/own-findings.ts";
import type { Policy } from "../rules/policy.ts";
import type { AnyRule } from "../rules/rule.ts";

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
  readonly changes: readonly Change[];
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
  const lasting = [...last.values()];
  for (const { kind, object } of lasting) if (kind !== undefined) check.state.store.put(kind, object);

  const findings: ReportedFinding[] = [];
  const repairs: Repair[] = [];
  const failures: CheckFailure[] = [];
  for (const subject of subjects) {
    const winner = last.get(subject.identity);
    if (winner && winner !== subject) {
      findings.push(place(subject, duplicateVerdict(subject, winner, check.policy)));
    }
  }
  for (const subject of lasting) {
    const { verdicts, failures: ofObject } = review(subject, check);
    findings.push(...verdicts.map((verdict) => place(subject, verdict)));
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
  readonly object: unknown;
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
  const object = isNamespaced && namespace !== "" ? inNamespace(manifest.object, namespace) : manifest.object;
  return { manifest, kind, namespace, object, identity };
}

/** As the API server stores it. */
function inNamespace(object: unknown, namespace: string): unknown {
  if (!isObject(object)) return object;
  const { metadata } = object;
  return { ...object, metadata: { ...(isObject(metadata) ? metadata : {}), namespace } };
}

type Review = Pick<ReturnType<typeof evaluate>, "verdicts" | "failures">;

function review({ kind, namespace, object, manifest: { name } }: Subject, check: Check): Review {
  const { rules, policy, today, state } = check;
  if (kind === undefined || !rules.some(({ kinds }) => kinds.includes(kind))) {
    return { verdicts: [], failures: [] };
  }
  const circumstances: Circumstances = {
    moment: "check",
    rules,
    cluster: createView(state, { kind, namespace, name }),
    policy,
    today,
    expired: () => false,
  };
  return evaluate(
    { operation: "CREATE", kind, namespace, name, object, oldObject: undefined },
    circumstances,
  );
}

function repairOf({ manifest, object }: Subject, verdict: Verdict): Repair[] {
  if (verdict.patch === undefined || verdict.action === "Audit") return [];
  return [{ manifest, verdict, changes: changesOf(object, verdict.patch) }];
}

function duplicateVerdict(earlier: Subject, { manifest: later }: Subject, policy: Policy): Verdict {
  const { kindName, name } = earlier.manifest;
  const { line } = later.position([]);
  const data = {
    kind: kindName,
    object: earlier.namespace === "" ? name : `${earlier.namespace}/${name}`,
    place: `${later.file}:${line}`,
  };
  return {
    rule: OWN_ID,
    messageId: DUPLICATE_OBJECT.id,
    action: "Audit",
    message: render(DUPLICATE_OBJECT.text, data, policy.crossNamespaceDetails),
    remedy: DUPLICATE_OBJECT.remedy,
    docs: policy.docsUrl === "" ? `foresail explain ${OWN_ID}` : policy.docsUrl.replaceAll("{rule}", OWN_ID),
    field: ["metadata", "name"],
    patch: undefined,
  };
}

function place({ manifest, namespace }: Subject, verdict: Verdict): ReportedFinding {
  const { apiVersion, kindName, name, file } = manifest;
  const { line, column } = manifest.position(verdict.field);
  return {
    verdict,
    object: { apiVersion, kind: kindName, namespace, name },
    file,
    line,
    column,
    excerpt: manifest.excerpt(verdict.field),
    stableField: formatStableField(verdict.field, manifest.object),
  };
}
