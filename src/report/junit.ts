/** JUnit's XML as CI servers read it: a test suite a file, a test case a finding. */
import { entriesOf, nameOf } from "./entries.ts";
import type { Entry } from "./entries.ts";
import { countsAsFailure } from "./finding.ts";
import type { FailOn, Report } from "./finding.ts";
import { summaryLine } from "./text.ts";

interface Case {
  readonly file: string;
  readonly name: string;
  readonly line: number;
  readonly outcome: "failure" | "error" | "system-out";
  readonly type: string;
  readonly message: string;
  readonly text: string;
}

/** What would make the exit code 1 is a failure, every other finding a test that passes and says something. */
export function renderJunit(report: Report, failOn: FailOn, showAudit: boolean): string {
  const entries = entriesOf(report.findings, showAudit);
  const cases = [
    ...entries.map((entry) => caseOf(entry, failOn)),
    ...report.problems.map(({ file, line, column, message }): Case => ({
      file,
      name: "can be read",
      line,
      outcome: "error",
      type: "unreadable",
      message,
      text: `${file}:${line}:${column}: ${message}`,
    })),
  ];
  const suites = [...Map.groupBy(cases, ({ file }) => file)].map(([file, ofFile]) => suite(file, ofFile));
  // A report without a test case counts as no report in some servers.
  const summary = `  <testsuite name="foresail" tests="1" failures="0" errors="0">
    <testcase name="${escapeAttribute(summaryLine(report, showAudit))}" classname="foresail"/>
  </testsuite>`;
  const all = countsOf(cases, 1);
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="foresail" ${all}>
${[summary, ...suites].join("\n")}
</testsuites>
`;
}

function caseOf({ finding, rules, text, isRepair }: Entry, failOn: FailOn): Case {
  const { file, line, column, verdict } = finding;
  const { action, remedy, docs } = verdict;
  const advice = isRepair ? [] : [...(remedy === "" ? [] : [`fix: ${remedy}`]), `docs: ${docs}`];
  return {
    file,
    name: `${rules}: ${nameOf(finding)}`,
    line,
    outcome: countsAsFailure(action, failOn) ? "failure" : "system-out",
    type: action,
    message: text,
    text: [`${file}:${line}:${column}: ${action} ${text}`, ...advice].join("\n"),
  };
}

function suite(file: string, cases: readonly Case[]): string {
  return `  <testsuite name="${escapeAttribute(file)}" ${countsOf(cases, 0)}>
${cases.map(testCase).join("\n")}
  </testsuite>`;
}

function testCase({ file, name, line, outcome, type, message, text }: Case): string {
  const facts =
    outcome === "system-out" ? "" : ` type="${escapeAttribute(type)}" message="${escapeAttribute(message)}"`;
  return `    <testcase name="${escapeAttribute(name)}" classname="${escapeAttribute(file)}" file="${escapeAttribute(file)}" line="${line}">
      <${outcome}${facts}>${escapeText(text)}</${outcome}>
    </testcase>`;
}

function countsOf(cases: readonly Case[], others: number): string {
  const count = (outcome: Case["outcome"]) => cases.filter((one) => one.outcome === outcome).length;
  return `tests="${cases.length + others}" failures="${count("failure")}" errors="${count("error")}"`;
}

/** What XML 1.0 cannot hold, not even escaped (section 2.2). */
const NOT_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;
const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

function escapeText(text: string): string {
  return escapeCharacters(text, /[&<>\r]/g);
}

/** A reader makes a blank of every blank character that is not escaped. */
function escapeAttribute(text: string): string {
  return escapeCharacters(text, /[&<>"\t\n\r]/g);
}

function escapeCharacters(text: string, characters: RegExp): string {
  return text.replace(NOT_XML, "\uFFFD").replace(characters, (character) => ESCAPES[character] ?? character);
}
