/** SARIF 2.1.0, which code scanning reads: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html */
import { isAbsolute, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import { OWN_ID } from "../engine/evaluate.ts";
import { formatField } from "../kubernetes/field-path.ts";
import type { Position } from "../kubernetes/yaml/yaml.ts";
import type { AnyRule } from "../rules/rule.ts";
import { nameOf } from "./entries.ts";
import type { Report, ReportedAction, ReportedFinding, ReportedProblem } from "./finding.ts";
import { fingerprintOf } from "./fingerprint.ts";
import { renderSectionsAsMarkdown } from "./page/markdown.ts";
import type { Page } from "./page/page.ts";
import { ownPage, rulePage } from "./rule-page.ts";

const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
const FINGERPRINT = "foresail/v1";
const ROOT = "%SRCROOT%";

type Level = "error" | "warning" | "note" | "none";
const LEVELS: { readonly [A in ReportedAction]: Level } = {
  Audit: "note",
  Deny: "error",
  Fix: "note",
  Warn: "warning",
};

/** What stands in a file from `start` up to `end`, exclusively, and what is to stand there instead. */
export interface Replacement {
  readonly start: Position;
  readonly end: Position;
  readonly text: string;
}

export interface SarifContext {
  readonly rules: readonly AnyRule[];
  readonly version: string;
  /** Absolute; the files of the report are relative to it. */
  readonly folder: string;
  /** As in the configuration; empty if there are no pages. */
  readonly docsUrl: string;
  /** Undefined for what has no repair. */
  readonly replacementFor: (finding: ReportedFinding) => Replacement | undefined;
}

/** Every finding is in it, those that only audit included. */
export function renderSarif(report: Report, context: SarifContext): string {
  const { version, folder } = context;
  const rules = descriptorsOf(context);
  const indexes = new Map(rules.map(({ id }, index) => [id, index]));
  const fingerprints = fingerprintsOf(report.findings);
  const run = {
    tool: { driver: { name: "foresail", version, semanticVersion: version, rules } },
    invocations: [
      {
        executionSuccessful: report.unreadable === 0,
        toolExecutionNotifications: report.problems.map((problem) => ({
          level: "error",
          message: { text: problem.message },
          locations: [{ physicalLocation: physicalLocation(problem, folder) }],
        })),
      },
    ],
    originalUriBaseIds: { [ROOT]: { description: { text: "The folder in which foresail was started." } } },
    columnKind: "unicodeCodePoints",
    results: report.findings.map((finding, index) => ({
      ruleId: finding.verdict.rule,
      ruleIndex: indexes.get(finding.verdict.rule),
      level: LEVELS[finding.verdict.action],
      message: { text: messageOf(finding) },
      locations: [locationOf(finding, folder)],
      partialFingerprints: { [FINGERPRINT]: fingerprints[index] },
      ...fixesOf(finding, context),
      properties: propertiesOf(finding),
    })),
  };
  return `${JSON.stringify({ $schema: SCHEMA, version: "2.1.0", runs: [run] }, null, 2)}\n`;
}

function descriptorsOf({ rules, docsUrl }: SarifContext) {
  const descriptor = (id: string, level: Level, page: Page, texts: { why: string; help: string }) => ({
    id,
    shortDescription: { text: page.title },
    fullDescription: { text: texts.why },
    help: { text: texts.help, markdown: renderSectionsAsMarkdown(page) },
    ...(URL.canParse(docsUrl) ? { helpUri: docsUrl.replaceAll("{rule}", id) } : {}),
    defaultConfiguration: { level },
  });
  const own = ownPage("en");
  return [
    ...rules.map((rule) =>
      descriptor(rule.id, rule.action === "Off" ? "none" : LEVELS[rule.action], rulePage(rule, "en", []), {
        why: rule.why,
        help: `${rule.why}\n\n${rule.remedy}`,
      }),
    ),
    descriptor(OWN_ID, "warning", own, { why: own.title, help: own.title }),
  ];
}

/** Equal ones are told apart by their number. */
function fingerprintsOf(findings: readonly ReportedFinding[]): string[] {
  const seen = new Map<string, number>();
  return findings.map((finding) => {
    const fingerprint = fingerprintOf(finding);
    const count = (seen.get(fingerprint) ?? 0) + 1;
    seen.set(fingerprint, count);
    return `${fingerprint}:${count}`;
  });
}

function messageOf({ verdict: { message, field, remedy } }: ReportedFinding): string {
  const where = field.length === 0 ? "" : ` (${formatField(field)})`;
  const text = `${message}${where}${remedy === "" ? "" : `\nfix: ${remedy}`}`;
  // Section 3.11.6: this would be a link.
  return text.replace(/\[(?=[^\]]*\]\()/g, "\\[");
}

function locationOf(finding: ReportedFinding, folder: string) {
  const { object, excerpt, line, column } = finding;
  const { region, ...place } = physicalLocation(finding, folder);
  const isWhole = excerpt.after !== "" && !excerpt.isCut;
  const endColumn = column + Array.from(excerpt.after).length;
  return {
    physicalLocation: {
      ...place,
      region: isWhole ? { ...region, endLine: line, endColumn } : region,
    },
    logicalLocations: [{ name: object.name, fullyQualifiedName: nameOf(finding), kind: "resource" }],
  };
}

function physicalLocation(
  { file, line, column }: Pick<ReportedProblem, "file" | "line" | "column">,
  folder: string,
) {
  return {
    artifactLocation: artifactLocation(file, folder),
    region: { startLine: line, startColumn: column },
  };
}

/** Relative wherever that is possible: code scanning finds files by their place in the repository. */
function artifactLocation(file: string, folder: string): { uri: string; uriBaseId?: string } {
  const url = pathToFileURL(isAbsolute(file) ? file : `${folder}${sep}${file}`);
  const path = relative(folder, isAbsolute(file) ? file : `${folder}${sep}${file}`);
  if (path === ".." || path.startsWith(`..${sep}`) || isAbsolute(path)) return { uri: url.href };
  const uri = path
    .split(sep)
    .map((part) => encodeURIComponent(part.toWellFormed()))
    .join("/");
  return { uri, uriBaseId: ROOT };
}

function fixesOf(finding: ReportedFinding, { replacementFor, folder }: SarifContext) {
  const replacement = replacementFor(finding);
  if (replacement === undefined) return {};
  const { start, end, text } = replacement;
  const deletedRegion = {
    startLine: start.line,
    startColumn: start.column,
    endLine: end.line,
    endColumn: end.column,
  };
  const change = {
    artifactLocation: artifactLocation(finding.file, folder),
    replacements: [{ deletedRegion, insertedContent: { text } }],
  };
  const { remedy, message } = finding.verdict;
  return { fixes: [{ description: { text: remedy || message }, artifactChanges: [change] }] };
}

function propertiesOf({ verdict, object }: ReportedFinding) {
  const { action, messageId, field, docs } = verdict;
  return { action, messageId, field: formatField(field), docs, object };
}
