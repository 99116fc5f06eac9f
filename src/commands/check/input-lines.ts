/** What standard error says of the files of `check`. */
import type { Manifests, ReadProblem } from "../../cluster/files/manifests.ts";
import { printable } from "../../engine/render.ts";
import { skippedLines } from "../skipped-lines.ts";

/** A file that is broken all over says no more with more lines. */
const MAX_LINES_OF_FILE = 10;

export function inputLines(input: Manifests, paths: readonly string[]): string[] {
  const { manifests, problems } = input;
  const lines = [
    ...skippedLines(input),
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
