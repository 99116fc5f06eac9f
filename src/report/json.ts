/** The report for programs. Its shape is versioned: keys are only ever added within a version. */
import { formatField } from "../kubernetes/field-path.ts";
import { countByAction } from "./finding.ts";
import { suggestionOf } from "./suggestion.ts";
import type { Report, ReportedFinding } from "./finding.ts";

const VERSION = 1;

/** Every finding is in it, those that only audit included. */
export function renderJson(report: Report): string {
  const { findings, documents, objects, skipped, unreadable } = report;
  const summary = { documents, objects, findings: countByAction(findings), skipped, unreadable };
  const json = { version: VERSION, findings: findings.map(jsonOf), summary };
  return `${JSON.stringify(json, null, 2)}\n`;
}

function jsonOf({ verdict, object, file, line, column }: ReportedFinding): object {
  const { rule, messageId, action, message, docs, field, patch } = verdict;
  const suggestion = suggestionOf(verdict);
  const remedy = suggestion === "" ? verdict.remedy : `${verdict.remedy}\n\n${suggestion}`;
  return {
    rule,
    messageId,
    action,
    message,
    remedy,
    docs,
    object,
    field: formatField(field),
    file,
    line,
    column,
    fix: patch ?? null,
  };
}
