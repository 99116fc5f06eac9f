/**
 * Warnings within the API server's limits (k8s.io/apiserver v0.36.3, pkg/endpoints/filters/warning.go): one with a control
 * character is dropped without a trace, equal ones are sent once, and as soon as all together are longer than 4096 code
 * points each is cut to 256 and the last ones are dropped.
 */
import type { RuleFailure, Verdict } from "../engine/verdict.ts";
import { findingLines, line, moreLine } from "./lines.ts";

/** In code points. */
const MAX_LENGTH = 256;
const MAX_TOTAL_LENGTH = 4095;

/** The most important first: `problem` of foresail itself, findings, rules that failed, and as many remedies as there is room for. */
export function warningsFor(
  verdicts: readonly Verdict[],
  failures: readonly RuleFailure[],
  problem?: string,
): readonly string[] {
  const { shown, more } = findingLines(verdicts, MAX_LENGTH);
  const lines = [
    ...(problem === undefined ? [] : [problem]),
    ...shown.map(({ text }) => text),
    ...(more > 0 ? [moreLine(more)] : []),
    ...failures.map(({ rule }) => `${rule}: internal error, not checked`),
    ...shown
      .filter(({ verdict }) => verdict.remedy !== "")
      .map(({ verdict }) => `${verdict.rule}: fix: ${verdict.remedy}`),
  ];
  return withinTotal(new Set(lines.map((text) => line(text, MAX_LENGTH))));
}

/** From the first that is too much, everything is left out. */
function withinTotal(lines: Iterable<string>): string[] {
  const kept: string[] = [];
  let total = 0;
  for (const text of lines) {
    total += Array.from(text).length;
    if (total > MAX_TOTAL_LENGTH) break;
    kept.push(text);
  }
  return kept;
}
