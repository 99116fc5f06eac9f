/** Findings in lines, for warnings and denials. */
import { oneLine } from "../engine/render.ts";
import type { Verdict } from "../engine/verdict.ts";
import { formatField } from "../kubernetes/field-path.ts";

/** Of one kind in one answer; the rest is counted. */
const MAX_FINDINGS = 10;
/** A hostile object may cause any number of findings: those beyond are counted without a look for doubles. */
const MAX_COMPARED = 1000;

/** A line, and the finding it is about. */
interface FindingLine {
  readonly text: string;
  readonly verdict: Verdict;
}

export interface FindingLines {
  /** In the order of the verdicts, none twice. */
  readonly shown: readonly FindingLine[];
  /** How many more there are; exact unless there are very many. */
  readonly more: number;
}

export function findingLines(verdicts: readonly Verdict[], maxLength: number): FindingLines {
  const lines = new Map<string, FindingLine>();
  for (const verdict of verdicts.slice(0, MAX_COMPARED)) {
    const text = line(`${verdict.rule}: ${verdict.message}${inBrackets(fieldOf(verdict))}`, maxLength);
    if (!lines.has(text)) lines.set(text, { text, verdict });
  }
  const shown = [...lines.values()].slice(0, MAX_FINDINGS);
  return { shown, more: lines.size - shown.length + Math.max(0, verdicts.length - MAX_COMPARED) };
}

export function moreLine(more: number): string {
  return `and ${more} more: foresail check`;
}

/** "" for the object as a whole. */
export function fieldOf({ field }: Verdict): string {
  return oneLine(formatField(field));
}

/** One line of at most so many code points, cut at the end. */
export function line(text: string, maxLength: number): string {
  const clean = oneLine(text);
  // A code point takes one or two UTF-16 units, so most lines need no counting.
  if (clean.length <= maxLength) return clean;
  const characters = Array.from(clean);
  return characters.length <= maxLength ? clean : `${characters.slice(0, maxLength - 1).join("")}…`;
}

function inBrackets(field: string): string {
  return field === "" ? "" : ` (${field})`;
}
