/** The report for people: a line a finding that editors jump from, then what to do, once per rule. */
import { printable } from "../engine/render.ts";
import { formatField } from "../kubernetes/field-path.ts";
import { findKind, groupOf } from "../kubernetes/objects.ts";
import { isPodKind } from "../kubernetes/pod-template.ts";
import { countByAction } from "./finding.ts";
import type { Report, ReportedAction, ReportedFinding } from "./finding.ts";
import type { Style, Terminal } from "./terminal.ts";

const STYLES: { readonly [A in ReportedAction]: Style } = {
  Audit: "dim",
  Deny: "red",
  Fix: "cyan",
  Warn: "yellow",
};
const SUMMARY_ORDER = ["Deny", "Warn", "Fix", "Audit"] as const satisfies readonly ReportedAction[];

/** `showAudit`: findings that only audit are listed, too; they are counted in any case. */
export function renderText(report: Report, showAudit: boolean, terminal: Terminal): string {
  const shown = report.findings.filter(({ verdict }) => showAudit || verdict.action !== "Audit");
  const blocks = [
    findingLines(shown, terminal),
    ...adviceBlocks(
      shown.filter((finding) => repairOf(finding) === undefined),
      terminal,
    ),
    [summaryLine(report, showAudit)],
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

/** A line a finding; what admission repairs is one line an object, where its first finding stands. */
function findingLines(findings: readonly ReportedFinding[], terminal: Terminal): string[] {
  const repairs = Map.groupBy(findings, (finding) =>
    repairOf(finding) === undefined ? undefined : identityOf(finding),
  );
  const lines: string[] = [];
  for (const finding of findings) {
    const repair = repairOf(finding);
    if (repair === undefined) lines.push(findingLine(finding, terminal));
    else {
      const ofObject = repairs.get(identityOf(finding)) ?? [];
      if (ofObject[0] === finding) lines.push(repairLine(ofObject, repair, terminal));
    }
  }
  return lines;
}

function findingLine(finding: ReportedFinding, terminal: Terminal): string {
  const { rule, message, field } = finding.verdict;
  const where = field.length === 0 ? "" : ` (${printable(formatField(field))})`;
  return `${placeAndAction(finding, terminal)} ${terminal.paint("bold", rule)}: ${message}${where}`;
}

function repairLine(findings: readonly ReportedFinding[], repair: string, terminal: Terminal): string {
  const [first] = findings;
  if (first === undefined) return "";
  const { kind, namespace, name } = first.object;
  const rules = [...new Set(findings.map(({ verdict }) => verdict.rule))].join(", ");
  const object = printable(`${kind} ${namespace}/${name}`);
  return `${placeAndAction(first, terminal)} ${terminal.paint("bold", rules)}: ${object}: ${repair}`;
}

function placeAndAction({ file, line, column, verdict }: ReportedFinding, terminal: Terminal): string {
  const place = `${printable(file)}:${line}:${column}:`;
  return `${place} ${terminal.paint(STYLES[verdict.action], verdict.action)}`;
}

/** What happens to the object without anyone's doing; undefined if nothing does. */
function repairOf({ verdict, object }: ReportedFinding): string | undefined {
  const kind = findKind(groupOf(object.apiVersion), object.kind);
  if (verdict.action !== "Fix" || kind === undefined || !isPodKind(kind)) return undefined;
  return kind === "Pod" ? "repaired at admission" : "its Pods are repaired at admission";
}

function identityOf({ file, object }: ReportedFinding): string {
  return JSON.stringify([file, object.apiVersion, object.kind, object.namespace, object.name]);
}

/** What to do and where to read more, a block a rule; remedies that name objects differ from finding to finding. */
function adviceBlocks(findings: readonly ReportedFinding[], terminal: Terminal): string[][] {
  const byRule = Map.groupBy(findings, ({ verdict }) => verdict.rule);
  return [...byRule].map(([rule, ofRule]) => {
    const remedies = new Set(ofRule.map(({ verdict }) => verdict.remedy).filter((remedy) => remedy !== ""));
    const docs = new Set(ofRule.map(({ verdict }) => verdict.docs));
    return [
      terminal.paint("bold", rule),
      ...[...remedies].map((remedy) => `  fix: ${remedy}`),
      ...[...docs].map((place) => `  docs: ${place}`),
    ];
  });
}

function summaryLine({ findings, objects, skipped, unreadable }: Report, showAudit: boolean): string {
  const counts = countByAction(findings);
  const found = SUMMARY_ORDER.filter((action) => counts[action] > 0).map((action) => {
    const isHidden = action === "Audit" && !showAudit;
    return `${counts[action]} ${action}${isHidden ? " (shown with --audit)" : ""}`;
  });
  return [
    `checked ${count(objects, "object")}${objects === 0 ? "" : `: ${found.join(", ") || "no findings"}`}`,
    ...(skipped > 0 ? [`skipped ${count(skipped, "file")} without Kubernetes objects`] : []),
    ...(unreadable > 0 ? [`could not read ${count(unreadable, "file")}`] : []),
  ].join("; ");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
