/** Findings that are accepted as they are today: a file that is kept beside the manifests. */
import { ForesailError } from "../errors.ts";
import { list, number, object, string } from "../kubernetes/shape.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { ReportedFinding } from "./finding.ts";

const VERSION = 1;

/** How many findings of each fingerprint are accepted, and of which rule they are. */
export type Baseline = ReadonlyMap<string, { readonly rule: string; readonly count: number }>;

interface Entry {
  readonly rule: string;
  readonly messageId: string;
  /** For people, as is all but fingerprint, rule and count. */
  readonly object: string;
  readonly field: string;
  readonly count: number;
  readonly fingerprint: string;
}

/** A line an entry, in an order that does not depend on that of the findings: changes of it read well. */
export function renderBaseline(findings: readonly ReportedFinding[]): string {
  const entries = new Map<string, Entry>();
  for (const finding of findings) {
    const fingerprint = fingerprintOf(finding);
    const { kind, namespace, name } = finding.object;
    entries.set(fingerprint, {
      rule: finding.verdict.rule,
      messageId: finding.verdict.messageId,
      object: `${kind} ${namespace === "" ? name : `${namespace}/${name}`}`,
      field: finding.stableField,
      count: (entries.get(fingerprint)?.count ?? 0) + 1,
      fingerprint,
    });
  }
  const lines = [...entries.values()].map((entry) => `\n    ${JSON.stringify(entry)}`).toSorted();
  return `{\n  "version": ${VERSION},\n  "findings": [${lines.join(",")}${lines.length > 0 ? "\n  " : ""}]\n}\n`;
}

const baselineShape = object({
  version: number,
  findings: list(object({ rule: string, count: number, fingerprint: string })),
});

/** @throws ForesailError BASELINE_UNREADABLE; `file` is only named in it */
export function parseBaseline(file: string, text: string): Baseline {
  const { version, findings } = baselineShape.read(parseJson(file, text)) ?? {};
  if (version === undefined || findings === undefined) throw unreadable(file, "it is no baseline");
  if (version !== VERSION) {
    throw unreadable(file, `it is of version ${version}, and this foresail reads version ${VERSION}`);
  }
  const baseline = new Map<string, { rule: string; count: number }>();
  for (const [index, { rule, count = 1, fingerprint }] of findings.entries()) {
    if (rule === undefined || fingerprint === undefined || !Number.isInteger(count) || count < 1) {
      throw unreadable(file, `findings[${index}] needs rule, fingerprint and a count from 1`);
    }
    // What was merged by hand or by git may stand there twice.
    const before = baseline.get(fingerprint)?.count ?? 0;
    baseline.set(fingerprint, { rule, count: Math.max(before, count) });
  }
  return baseline;
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (error) {
    throw unreadable(file, error instanceof Error ? error.message : String(error));
  }
}

function unreadable(file: string, reason: string): ForesailError {
  return new ForesailError({
    code: "BASELINE_UNREADABLE",
    message: `the baseline ${file} cannot be read: ${reason}`,
    hint: `Write it anew: foresail check PATH... --write-baseline ${file}`,
  });
}

export interface Compared {
  readonly findings: readonly ReportedFinding[];
  readonly hidden: number;
  /** Accepted findings that are no longer there. */
  readonly gone: number;
}

/** Of findings with the same fingerprint the first ones are hidden. What `isWanted` says no to was not looked for. */
export function hideKnown(
  findings: readonly ReportedFinding[],
  baseline: Baseline,
  isWanted: (rule: string) => boolean,
): Compared {
  const left = new Map([...baseline].map(([fingerprint, { count }]) => [fingerprint, count]));
  const shown = findings.filter((finding) => {
    const fingerprint = fingerprintOf(finding);
    const count = left.get(fingerprint) ?? 0;
    if (count > 0) left.set(fingerprint, count - 1);
    return count === 0;
  });
  let gone = 0;
  for (const [fingerprint, { rule }] of baseline) {
    if (isWanted(rule)) gone += left.get(fingerprint) ?? 0;
  }
  return { findings: shown, hidden: findings.length - shown.length, gone };
}
