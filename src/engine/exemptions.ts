/** Exemptions: by annotation on the object, and by the configuration. */
import type { FieldPath } from "../kubernetes/field-path.ts";
import { readObject } from "../kubernetes/objects.ts";
import type { AnyObject, Kind, Labels, LabelSelector } from "../kubernetes/objects.ts";
import { isPodKind, podTemplateOf } from "../kubernetes/pod-template.ts";
import { matchesSelector } from "../kubernetes/selectors.ts";
import type { Exemption, Policy } from "../rules/policy.ts";
import type { MessageData } from "../rules/rule.ts";

export const EXEMPT_ANNOTATION = "foresail.io/exempt";

/** What foresail says about exemptions themselves; spoken under the id `foresail`. */
export const EXEMPTION_MESSAGES = {
  exemptionExpired: {
    text: "The exemption from {{rule}} ended on {{until}}; its reason was: {{reason}}",
    remedy: "Solve the finding, or set a later date after until=.",
  },
  exemptionInConfigurationExpired: {
    text: "The configuration's exemption from {{rule}} ended on {{until}}; its reason was: {{reason}}",
    remedy: "Solve the finding, or set a later date in the configuration, under exemptions.",
  },
  exemptionNotAllowed: {
    text: "The exemption from {{rule}} does not count in this namespace",
    remedy: "The configuration decides where the annotation counts: exemptionAnnotations.",
  },
  exemptionUnknownRule: {
    text: "The exemption from {{rule}} does not count: there is no rule of this name",
    remedy: "`foresail explain` lists the rules.",
  },
  exemptionWithoutReason: {
    text: "The exemption from {{rule}} does not count: it gives no reason",
    remedy: "Write RULE-ID; REASON and, if it shall end, ; until=YYYY-MM-DD.",
  },
  exemptionWithoutDate: {
    text: "The exemption from {{rule}} does not count: {{until}} is no date",
    remedy: "Write the last day as until=YYYY-MM-DD.",
  },
} as const;

export interface ExemptionProblem {
  readonly message: keyof typeof EXEMPTION_MESSAGES;
  readonly field: FieldPath;
  readonly data: MessageData;
}

/** Which rules are silent for an object, and what is wrong with its exemptions. */
export interface Exemptions {
  readonly rules: ReadonlySet<string>;
  readonly problems: readonly ExemptionProblem[];
  /** Ended exemptions by rule: spoken only where the rule has a finding again. */
  readonly expired: ReadonlyMap<string, ExemptionProblem>;
}

export interface Subject {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
  /** As it came, unread. */
  readonly object: unknown;
  readonly metadata: NonNullable<AnyObject["metadata"]>;
  /** Asked only if an exemption depends on them; undefined if the namespace is not known. */
  readonly labelsOfNamespace: () => Labels | undefined;
}

export interface ExemptionRules {
  readonly policy: Pick<Policy, "exemptions" | "exemptionAnnotations">;
  /** `YYYY-MM-DD`. */
  readonly today: string;
  /** Ids of the rules that look at the subject. */
  readonly due: ReadonlySet<string>;
  /** Ids of all rules. */
  readonly known: ReadonlySet<string>;
}

/** Who writes more wrong ones learns about the rest later. */
const MAX_PROBLEMS = 10;

export function exemptionsOf(subject: Subject, { policy, today, due, known }: ExemptionRules): Exemptions {
  const rules = new Set<string>();
  const problems: ExemptionProblem[] = [];
  const expired = new Map<string, ExemptionProblem>();
  const grant = (
    rule: string,
    reason: string,
    until: string | undefined,
    ended: Pick<ExemptionProblem, "field" | "message">,
  ) => {
    if (until === undefined || until >= today) rules.add(rule);
    else expired.set(rule, { ...ended, data: { rule, until, reason } });
  };

  const counts = annotationsCount(subject, policy.exemptionAnnotations);
  for (const { rule, reason, until, field } of annotatedEntries(subject)) {
    const message = known.has(rule) ? problemOf(reason, until, counts) : "exemptionUnknownRule";
    if (message === undefined) grant(rule, reason, until, { message: "exemptionExpired", field });
    else if (problems.length < MAX_PROBLEMS)
      problems.push({ message, field, data: { rule, until: until ?? "" } });
  }
  for (const exemption of policy.exemptions) {
    const concerned = exemption.rules.filter((rule) => due.has(rule));
    if (concerned.length === 0 || !covers(exemption, subject)) continue;
    const ended = { message: "exemptionInConfigurationExpired", field: ["metadata"] } as const;
    for (const rule of concerned) grant(rule, exemption.reason, exemption.until, ended);
  }
  return { rules, problems, expired };
}

interface Entry {
  readonly rule: string;
  readonly reason: string;
  readonly until: string | undefined;
  readonly field: FieldPath;
}

/** From the object, and for workloads from the Pod template too. */
function annotatedEntries({ kind, object, metadata }: Subject): Entry[] {
  const places: { path: FieldPath; metadata: AnyObject["metadata"] }[] = [{ path: [], metadata }];
  if (isPodKind(kind) && kind !== "Pod") places.push(podTemplateOf(kind, readObject(kind, object)));
  return places.flatMap(({ path, ...place }) => {
    const text = place.metadata?.annotations?.[EXEMPT_ANNOTATION] ?? "";
    const field = [...path, "metadata", "annotations", EXEMPT_ANNOTATION];
    return text
      .split(/[\n|]/)
      .filter((line) => line.trim() !== "")
      .map((line) => ({ ...parseEntry(line), field }));
  });
}

/** `RULE-ID; REASON[; until=YYYY-MM-DD]`; a reason may hold semicolons of its own. */
function parseEntry(line: string): Omit<Entry, "field"> {
  const [rule = "", ...rest] = line.split(";").map((part) => part.trim());
  const dates = rest.map(untilOf);
  const dateAt = dates.findLastIndex((date) => date !== undefined);
  const reason = rest.filter((part, index) => part !== "" && index !== dateAt).join("; ");
  return { rule, reason, until: dates[dateAt] };
}

/** What stands after `until=`. Without the sign it is a date or part of the reason: an end must not be overlooked. */
function untilOf(part: string): string | undefined {
  if (part.slice(0, UNTIL.length).toLowerCase() !== UNTIL) return undefined;
  const rest = part.slice(UNTIL.length).trim();
  const date = rest.slice(/^[=:]/.test(rest) ? 1 : 0).trim();
  return rest.startsWith("=") || isDate(date) ? date : undefined;
}
const UNTIL = "until";

function problemOf(
  reason: string,
  until: string | undefined,
  counts: boolean,
): keyof typeof EXEMPTION_MESSAGES | undefined {
  if (reason === "") return "exemptionWithoutReason";
  if (until !== undefined && !isDate(until)) return "exemptionWithoutDate";
  return counts ? undefined : "exemptionNotAllowed";
}

const DATE = /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const DAYS_OF_SHORT_MONTHS = new Map([
  ["02", 29],
  ["04", 30],
  ["06", 30],
  ["09", 30],
  ["11", 30],
]);

/** `YYYY-MM-DD` of a day that can be; 29 February counts in every year, which only makes an exemption end later. */
function isDate(text: string): boolean {
  const [, , month = "", day = ""] = DATE.exec(text) ?? [];
  return day !== "" && Number(day) <= (DAYS_OF_SHORT_MONTHS.get(month) ?? 31);
}

/** A Namespace is in itself, as it is to the selectors of webhooks; other cluster-scoped objects are in none: "". */
function namespaceOf({ kind, namespace, name }: Subject): string {
  return kind === "Namespace" ? name : namespace;
}

function annotationsCount(subject: Subject, where: Policy["exemptionAnnotations"]): boolean {
  return typeof where === "boolean" ? where : where.includes(namespaceOf(subject));
}

function covers({ namespaces, namespaceSelector, objectSelector }: Exemption, subject: Subject): boolean {
  if (namespaces === undefined && namespaceSelector === undefined && objectSelector === undefined)
    return false;
  return (
    (namespaces === undefined || namespaces.includes(namespaceOf(subject))) &&
    (objectSelector === undefined || matchesSelector(objectSelector, subject.metadata.labels ?? {})) &&
    (namespaceSelector === undefined || isInSelected(namespaceSelector, subject))
  );
}

function isInSelected(selector: LabelSelector, subject: Subject): boolean {
  const namespace = namespaceOf(subject);
  if (namespace === "") return false;
  const labels = subject.kind === "Namespace" ? subject.metadata.labels : subject.labelsOfNamespace();
  return matchesSelector(selector, { ...labels, "kubernetes.io/metadata.name": namespace });
}
