/** What `--fix` writes, and where: into the files, to standard output, or nowhere. */
import { unifiedDiff } from "../../report/unified-diff.ts";
import type { CheckOutcome } from "./check-manifests.ts";
import { fixManifests } from "./fix-files.ts";
import type { Fixed, FixRequest } from "./fix-files.ts";
import type { CheckOptions } from "../options.ts";
import { writeWhole } from "../write-file.ts";

export type RepairRequest = Omit<FixRequest, "isForWriting">;

export interface Repaired {
  /** What is found in the files as they are now. */
  readonly outcome: CheckOutcome;
  /** For standard output, instead of the report: a diff, or the fixed standard input. */
  readonly output: string | undefined;
  /** For standard error. */
  readonly fixLines: readonly string[];
}

export async function repair(
  { dryRun: isDry = false }: CheckOptions,
  request: RepairRequest,
): Promise<Repaired> {
  const fixed = await fixManifests({ ...request, isForWriting: !isDry });
  const fixLines = [...fixed.refusals, summaryLine(fixed, isDry)];
  if (isDry) {
    const diffs = fixed.texts.map(({ file, before, after }) => unifiedDiff(file, before, after));
    return { outcome: request.outcome, output: diffs.join(""), fixLines };
  }
  let output = request.standardInput;
  for (const { file, after } of fixed.texts) {
    if (file === "-") output = after;
    else await writeWhole(file, after);
  }
  return { outcome: fixed.outcome, output, fixLines };
}

function summaryLine({ texts, count, refusals }: Fixed, isDry: boolean): string {
  if (count === 0) return `foresail: ${refusals.length === 0 ? "nothing to fix" : "nothing could be fixed"}`;
  const files = `${texts.length} ${texts.length === 1 ? "file" : "files"}`;
  return `foresail: ${isDry ? "would make" : "made"} ${count} ${count === 1 ? "repair" : "repairs"} in ${files}`;
}
