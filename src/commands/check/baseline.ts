/** `--baseline` and `--write-baseline`: the file of findings that are accepted. */
import { readFile } from "node:fs/promises";
import { ForesailError } from "../../errors.ts";
import { hideKnown, parseBaseline, renderBaseline } from "../../report/baseline.ts";
import type { ReportedFinding } from "../../report/finding.ts";
import type { CheckOptions } from "../options.ts";
import { writeWhole } from "../write-file.ts";

export interface Accepted {
  /** Those that are not accepted. */
  readonly findings: readonly ReportedFinding[];
  /** For standard error. */
  readonly lines: readonly string[];
}

/** What is accepted is decided once the findings are known; a baseline that cannot be read is an error before. */
export async function openBaseline(
  { baseline: file, writeBaseline }: CheckOptions,
  isWanted: (rule: string) => boolean,
): Promise<(findings: readonly ReportedFinding[]) => Promise<Accepted>> {
  if (writeBaseline !== undefined) {
    return async (findings) => {
      await writeWhole(writeBaseline, renderBaseline(findings));
      const line = `foresail: wrote ${findingsOf(findings.length)} to ${writeBaseline}; leave them out with --baseline ${writeBaseline}`;
      return { findings: [], lines: [line] };
    };
  }
  if (file === undefined) return (findings) => Promise.resolve({ findings, lines: [] });
  const baseline = parseBaseline(file, await readBaseline(file));
  return (all) => {
    const { findings, hidden, gone } = hideKnown(all, baseline, isWanted);
    const line = `foresail: ${file}: ${findingsOf(hidden)} left out`;
    const rest = `, ${gone} no longer ${gone === 1 ? "occurs" : "occur"} (write it anew with --write-baseline ${file})`;
    return Promise.resolve({ findings, lines: [gone === 0 ? line : line + rest] });
  };
}

async function readBaseline(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const isMissing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw new ForesailError({
      code: "BASELINE_UNREADABLE",
      message: `the baseline ${file} cannot be read: ${isMissing ? "no such file" : String(cause)}`,
      hint: `Write it first: foresail check PATH... --write-baseline ${file}`,
      cause,
    });
  }
}

function findingsOf(count: number): string {
  return `${count} finding${count === 1 ? "" : "s"}`;
}
