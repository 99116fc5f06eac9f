/** What standard error says of the files of `check`. */
import type { Manifests, ReadProblem } from "../../cluster/manifests.ts";
import type { SkippedTemplates } from "../../cluster/templates.ts";
import { printable } from "../../engine/render.ts";

/** A file that is broken all over says no more with more lines. */
const MAX_LINES_OF_FILE = 10;

export function inputLines(
  { manifests, problems, templates }: Manifests,
  paths: readonly string[],
): string[] {
  const lines = [
    ...templates.map(templateLine),
    ...[...Map.groupBy(problems, ({ file }) => file)].flatMap(([file, ofFile]) => problemLines(file, ofFile)),
  ];
  if (problems.length > 0 || manifests.length > 0) return lines;
  return [
    ...lines,
    `foresail: nothing to check: no Kubernetes objects in ${paths.map(printable).join(", ")}`,
  ];
}

function problemLines(file: string, problems: readonly ReadProblem[]): string[] {
  const lines = problems
    .slice(0, MAX_LINES_OF_FILE)
    .map(({ line, column, message }) => `${printable(file)}:${line}:${column}: ${printable(message)}`);
  const more = problems.length - lines.length;
  return more === 0
    ? lines
    : [...lines, `${printable(file)}: and ${more} more documents that cannot be read`];
}

function templateLine({ origin, isChart, count }: SkippedTemplates): string {
  const skipped = `foresail: skipped ${count} Helm template${count === 1 ? "" : "s"}`;
  if (isChart) {
    return `${skipped} of the chart ${printable(origin)}: check what becomes of it with helm template ${printable(origin)} | foresail check -`;
  }
  const place = origin === "-" ? "on standard input" : `in ${printable(origin)}`;
  return `${skipped} ${place}: render it first, and pipe the result to foresail check -`;
}
