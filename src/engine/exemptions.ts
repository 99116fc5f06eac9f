/** Exemptions: by annotation on the object, and by the configuration. */
import type { FieldPath } from "../kubernetes/field-path.ts";
import { readObject } from "../kubernetes/objects.ts";
import type { AnyObject, Kind, Labels } from "../kubernetes/objects.ts";
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
  /** As it came, unread. */
  readonly object: unknown;
  readonly metadata: AnyObject["metadata"];
  readonly namespaceLabels: Labels;
}

/** `today` is `YYYY-MM-DD`. */
export function exemptionsOf(
  subject: Subject,
  policy: Policy,
  isRule: (id: string) => boolean,
  today: string,
): Exemptions {
  const rules = new Set<string>();
  const problems: ExemptionProblem[] = [];
  const expired = new Map<string, ExemptionProblem>();

  for (const { rule, reason, until, field } of annotatedEntries(subject)) {
    const problem = problemOf(rule, reason, until, subject.namespace, policy, isRule);
    if (problem) problems.push({ message: problem, field, data: { rule, until: until ?? "" } });
    else if (until !== undefined && until < today) {
      expired.set(rule, { message: "exemptionExpired", field, data: { rule, until, reason } });
    } else rules.add(rule);
  }
  for (const exemption of policy.exemptions.filter((one) => covers(one, subject))) {
    for (const rule of exemption.rules) {
      const { until, reason } = exemption;
      if (until === undefined || until >= today) rules.add(rule);
      else
        expired.set(rule, {
          message: "exemptionExpired",
          field: ["metadata"],
          data: { rule, until, reason },
        });
    }
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
  const until = /^until\s*=\s*(.*)$/.exec(rest.at(-1) ?? "")?.[1];
  const reason = (until === undefined ? rest : rest.slice(0, -1)).join("; ");
  return { rule, reason, until };
}

function problemOf(
  rule: string,
  reason: string,
  until: string | undefined,
  namespace: string,
  policy: Policy,
  isRule: (id: string) => boolean,
): keyof typeof EXEMPTION_MESSAGES | undefined {
  if (!isRule(rule)) return "exemptionUnknownRule";
  if (reason === "") return "exemptionWithoutReason";
  if (until !== undefined && !isDate(until)) return "exemptionWithoutDate";
  const { exemptionAnnotations } = policy;
  const isAllowed =
    typeof exemptionAnnotations === "boolean"
      ? exemptionAnnotations
      : exemptionAnnotations.includes(namespace);
  return isAllowed ? undefined : "exemptionNotAllowed";
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

function covers(exemption: Exemption, { namespace, namespaceLabels, metadata }: Subject): boolean {
  const { namespaces, namespaceSelector, objectSelector } = exemption;
  if (namespaces === undefined && namespaceSelector === undefined && objectSelector === undefined)
    return false;
  const labelsOfNamespace = { "kubernetes.io/metadata.name": namespace, ...namespaceLabels };
  return (
    (namespaces === undefined || namespaces.includes(namespace)) &&
    (namespaceSelector === undefined || matchesSelector(namespaceSelector, labelsOfNamespace)) &&
    (objectSelector === undefined || matchesSelector(objectSelector, metadata?.labels ?? {}))
  );
}
