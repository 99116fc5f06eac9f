/** Findings that a change brings, and those that it solves: of every rule, on every object that can have others than before. */
import type { Manifest } from "../cluster/files/manifests.ts";
import type { StateObject } from "../cluster/files/mesh-state.ts";
import { evaluate } from "../engine/evaluate.ts";
import type { Circumstances, ReviewRequest } from "../engine/verdict.ts";
import { isOfEachPlane } from "../istio/planes.ts";
import { formatStableField } from "../kubernetes/field-path.ts";
import { KIND_FACTS, readObject } from "../kubernetes/objects.ts";
import type { Kind } from "../kubernetes/objects.ts";
import { missingIn } from "./finding-difference.ts";
import type { ImpactFinding } from "./finding-difference.ts";
import { identity, isChanged } from "./change.ts";
import type { Change, ChangedObject } from "./change.ts";
import { isJudged, judgingOfOthers } from "./judging.ts";
import type { Judging } from "./judging.ts";
import type { IsSuspect } from "./suspects.ts";
import { viewWithout } from "./touched.ts";
import type { Moment, Moments } from "./touched.ts";

export interface FindingChanges {
  readonly added: readonly ImpactFinding[];
  readonly solved: readonly ImpactFinding[];
}

export function findingChanges(
  { objects, before, after }: Change,
  moments: Moments,
  isSuspect: IsSuspect,
  judging: Judging,
): FindingChanges {
  const changed = objects.filter(isChanged);
  const own = new Map(changed.map((object) => [keyOfChanged(object), object]));
  const elsewhere = judgingOfOthers(judging, changed, moments);
  const others = (list: readonly StateObject[]) =>
    list
      // Rules judge a Namespace as one of the cluster.
      .filter(({ kind, plane }) => isJudged(kind, elsewhere) && !(plane === "mesh" && isOfEachPlane(kind)))
      .map(subjectOf)
      .filter((subject) => isSuspect(subject) && !own.has(keyOf(subject)));
  const old = [
    ...others(before).flatMap((subject) => review(subject, moments.before, elsewhere)),
    ...changed.flatMap((object) => findingsBefore(object, moments.before, judging)),
  ];
  const current = [
    ...others(after).flatMap((subject) => review(subject, moments.after, elsewhere)),
    ...changed.flatMap((object) => findingsAfter(object, moments, judging)),
  ];
  return { added: missingIn(old, current), solved: missingIn(current, old) };
}

interface Subject {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  readonly object: unknown;
  readonly manifest: Manifest | undefined;
}

function subjectOf({ kind, value }: StateObject): Subject {
  const { name, generateName = "", namespace } = readObject("Namespace", value).metadata ?? {};
  const place = KIND_FACTS[kind].namespaced ? namespace || "default" : "";
  return { kind, namespace: place, name: name || `${generateName}*`, object: value, manifest: undefined };
}

function keyOf({ kind, namespace, name }: Subject): string {
  return identity(kind, namespace, name);
}

function keyOfChanged({ manifest, namespace }: ChangedObject): string {
  return identity(manifest.kind ?? "", namespace, manifest.name);
}

function findingsBefore(changed: ChangedObject, moment: Moment, judging: Judging): readonly ImpactFinding[] {
  const subject = changedSubject(changed, changed.before);
  return subject ? review({ ...subject, manifest: undefined }, moment, judging) : [];
}

/** Rules may speak of what stands there, and of what is done to it. */
function findingsAfter(
  changed: ChangedObject,
  { after: moment, deletion }: Moments,
  judging: Judging,
): readonly ImpactFinding[] {
  const current = changedSubject(changed, changed.after);
  const old = changedSubject(changed, changed.before);
  if (!current)
    return old
      ? review(old, deletion, judging, { operation: "DELETE", object: undefined, oldObject: old.object })
      : [];
  const standing = review(current, moment, judging);
  if (!old) return standing;
  const done = review(current, moment, judging, {
    operation: "UPDATE",
    object: current.object,
    oldObject: old.object,
  });
  return [...standing, ...missingIn(standing, done)];
}

function changedSubject({ manifest, namespace }: ChangedObject, object: unknown): Subject | undefined {
  const { kind, name } = manifest;
  return kind === undefined || object === undefined ? undefined : { kind, namespace, name, object, manifest };
}

type Action = Pick<ReviewRequest, "object" | "oldObject" | "operation">;

/** Repairs of Pods are no findings here: what the next start repairs is compared by itself. */
function review(
  subject: Subject,
  moment: Moment,
  judging: Judging,
  action: Action = { operation: "CREATE", object: subject.object, oldObject: undefined },
): readonly ImpactFinding[] {
  const { kind, namespace, name, manifest } = subject;
  const circumstances: Circumstances = {
    ...judging,
    moment: "check",
    cluster: viewWithout(moment, { kind, namespace, name }),
    expired: () => false,
  };
  const { verdicts, failures } = evaluate({ kind, namespace, name, ...action }, circumstances);
  judging.onFailures(failures);
  const facts = KIND_FACTS[kind];
  const version = facts.versions.at(-1) ?? "";
  const apiVersion = manifest?.apiVersion ?? (facts.group === "" ? version : `${facts.group}/${version}`);
  const object = { apiVersion, kind: facts.kind, namespace, name };
  return verdicts
    .filter((verdict) => verdict.action !== "Fix")
    .map((verdict) => {
      const stableField = formatStableField(verdict.field, subject.object);
      return { verdict, object, stableField, manifest };
    });
}
