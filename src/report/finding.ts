/** What `check` found, with the place of each finding in the files. */
import type { Verdict } from "../engine/verdict.ts";
import type { Excerpt } from "../kubernetes/yaml/yaml.ts";

export interface ReportedFinding {
  readonly verdict: Verdict;
  readonly object: {
    readonly apiVersion: string;
    readonly kind: string;
    /** "" for cluster-scoped objects. */
    readonly namespace: string;
    readonly name: string;
  };
  /** As given by the user; `-` for standard input. */
  readonly file: string;
  /** From 1: where the field stands, or its nearest parent that is there. */
  readonly line: number;
  readonly column: number;
  /** The line around the place. */
  readonly excerpt: Excerpt;
  /** The field as it stays when items of lists move. */
  readonly stableField: string;
}

export interface Report {
  /** In order of file, line, column, rule and message id. */
  readonly findings: readonly ReportedFinding[];
  /** YAML documents that could be read, those without a Kubernetes object among them. */
  readonly documents: number;
  readonly objects: number;
  /** Files in folders that hold no Kubernetes objects, templates, and patches. */
  readonly skipped: number;
  /** Those of the skipped that are templates, which become manifests only when they are rendered. */
  readonly templates: number;
  /** Those that are Kustomize's patches, which are only parts of objects. */
  readonly patches: number;
  /** Files that cannot be parsed. */
  readonly unreadable: number;
  /** What in them cannot be, each in one line. */
  readonly problems: readonly ReportedProblem[];
}

export interface ReportedProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** The weakest action that makes the exit code 1. */
export const FAIL_ON = ["warn", "deny", "fix"] as const;
export type FailOn = (typeof FAIL_ON)[number];

const FAILING: { readonly [F in FailOn]: readonly ReportedAction[] } = {
  warn: ["Deny", "Warn"],
  deny: ["Deny"],
  fix: ["Deny", "Warn", "Fix"],
};

export function countsAsFailure(action: ReportedAction, failOn: FailOn): boolean {
  return FAILING[failOn].includes(action);
}

export type ReportedAction = Verdict["action"];

export function countByAction(findings: readonly ReportedFinding[]): Record<ReportedAction, number> {
  const counts = { Audit: 0, Warn: 0, Deny: 0, Fix: 0 };
  for (const { verdict } of findings) counts[verdict.action]++;
  return counts;
}

/** By file, line, column, rule, message id and field: the same findings in the same order, whatever order they came in. */
export function sortFindings(findings: readonly ReportedFinding[]): ReportedFinding[] {
  return findings.toSorted(
    (one, other) =>
      compare(one.file, other.file) ||
      one.line - other.line ||
      one.column - other.column ||
      compare(one.verdict.rule, other.verdict.rule) ||
      compare(one.verdict.messageId, other.verdict.messageId) ||
      compare(one.verdict.message, other.verdict.message),
  );
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}
