/** Findings for the tests of reports. */
import type { Verdict } from "../../src/engine/verdict.ts";
import type { Report, ReportedFinding } from "../../src/report/finding.ts";

export interface FindingChange extends Partial<Omit<ReportedFinding, "verdict" | "object">> {
  readonly verdict?: Partial<Verdict>;
  readonly object?: Partial<ReportedFinding["object"]>;
}

/** A warning about a Service, except for what is changed. */
export function finding({ verdict, object, ...place }: FindingChange = {}): ReportedFinding {
  return {
    file: "web.yaml",
    line: 4,
    column: 3,
    excerpt: { before: "  ", after: "labels: {}", isCut: false },
    stableField: "metadata.labels.owner",
    ...place,
    object: { apiVersion: "v1", kind: "Service", namespace: "shop", name: "web", ...object },
    verdict: {
      rule: "service-has-owner",
      messageId: "missing",
      action: "Warn",
      message: "Service web has no owner",
      remedy: "Set the label owner.",
      docs: "foresail explain service-has-owner",
      field: ["metadata", "labels", "owner"],
      patch: undefined,
      ...verdict,
    },
  };
}

export function reportOf(findings: readonly ReportedFinding[], counts: Partial<Report> = {}): Report {
  return {
    findings,
    documents: 3,
    objects: 2,
    skipped: 0,
    templates: 0,
    patches: 0,
    unreadable: 0,
    problems: [],
    ...counts,
  };
}
