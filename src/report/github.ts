/** Workflow commands, which GitHub's runner shows as annotations at the lines of a pull request. */
import { entriesOf } from "./entries.ts";
import type { Entry } from "./entries.ts";
import type { Report, ReportedAction } from "./finding.ts";
import { summaryLine } from "./text.ts";

const COMMANDS: { readonly [A in ReportedAction]: string } = {
  Audit: "notice",
  Deny: "error",
  Fix: "notice",
  Warn: "warning",
};

/** A line a finding and a line a document that could not be read; the last line is the summary. */
export function renderGithub(report: Report, showAudit: boolean): string {
  return [
    ...entriesOf(report.findings, showAudit).map(annotationOf),
    ...report.problems.map(({ message, ...place }) => command("error", place, "foresail", message)),
    summaryLine(report, showAudit),
    "",
  ].join("\n");
}

function annotationOf({ finding, rules, text, isRepair }: Entry): string {
  const { action, remedy, docs } = finding.verdict;
  const lines = isRepair ? [text] : [text, ...(remedy === "" ? [] : [`fix: ${remedy}`]), `docs: ${docs}`];
  return command(COMMANDS[action], finding, rules, lines.join("\n"));
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

function command(name: string, { file, line, column }: Place, title: string, text: string): string {
  const properties = { ...(file === "-" ? {} : { file, line, col: column }), title };
  const list = Object.entries(properties).map(([key, value]) => `${key}=${escapeProperty(String(value))}`);
  return `::${name} ${list.join(",")}::${escapeData(text)}`;
}

// As actions/toolkit writes them (packages/core/src/command.ts), and the runner reads them.
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
