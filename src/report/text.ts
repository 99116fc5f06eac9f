/** The report for people: a line a finding that editors jump from, then what to do, once per rule. */
import { oneLine, printable } from "../engine/render.ts";
import { entriesOf } from "./entries.ts";
import type { Entry } from "./entries.ts";
import { excerptLines } from "./excerpt.ts";
import { suggestionOf } from "./suggestion.ts";
import { countByAction } from "./finding.ts";
import type { Report, ReportedAction, ReportedFinding } from "./finding.ts";
import { ACTION_STYLES } from "./terminal.ts";
import type { Terminal } from "./terminal.ts";

const SUMMARY_ORDER = ["Deny", "Warn", "Fix", "Audit"] as const satisfies readonly ReportedAction[];

/** `showAudit`: findings that only audit are listed, too; they are counted in any case. */
export function renderText(report: Report, showAudit: boolean, terminal: Terminal): string {
  const entries = entriesOf(report.findings, showAudit);
  const toDo = entries.filter(({ isRepair }) => !isRepair).map(({ finding }) => finding);
  const blocks = [
    entries.flatMap((entry) => entryLines(entry, terminal)),
    ...adviceBlocks(toDo, terminal),
    [summaryLine(report, showAudit)],
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function entryLines({ finding, rules, text, isRepair }: Entry, terminal: Terminal): string[] {
  const { file, line, column, verdict } = finding;
  const place = `${printable(file)}:${line}:${column}:`;
  const action = terminal.paint(ACTION_STYLES[verdict.action], verdict.action);
  const first = `${place} ${action} ${terminal.paint("bold", rules)}: ${text}`;
  return isRepair ? [first] : [first, ...excerptLines(finding, terminal), ...suggestionLines(finding)];
}

function suggestionLines({ verdict }: ReportedFinding): string[] {
  const text = suggestionOf(verdict);
  if (text === "") return [];
  const lines = text.trimEnd().split("\n");
  return ["  suggestion:", ...lines.map((line) => `    ${oneLine(line)}`)];
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

/** `checked 2 objects: 1 Deny, 2 Warn`, and what was not checked. */
export function summaryLine(
  { findings, objects, skipped, templates, patches, unreadable }: Report,
  showAudit: boolean,
): string {
  const counts = countByAction(findings);
  const others = skipped - templates - patches;
  const found = SUMMARY_ORDER.filter((action) => counts[action] > 0).map((action) => {
    const isHidden = action === "Audit" && !showAudit;
    return `${counts[action]} ${action}${isHidden ? " (shown with --audit)" : ""}`;
  });
  return [
    `checked ${count(objects, "object")}${objects === 0 ? "" : `: ${found.join(", ") || "no findings"}`}`,
    ...(others > 0 ? [`skipped ${count(others, "file")} without Kubernetes objects`] : []),
    ...(templates > 0 ? [`skipped ${count(templates, "Helm template")}`] : []),
    ...(patches > 0 ? [`skipped ${patches} Kustomize ${patches === 1 ? "patch" : "patches"}`] : []),
    ...(unreadable > 0 ? [`could not read ${count(unreadable, "file")}`] : []),
  ].join("; ");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
