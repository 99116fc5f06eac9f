/** A problem as it stands in the log. */
import { ForesailError } from "../errors.ts";

export function problemFacts(problem: unknown) {
  return {
    problem: problem instanceof Error ? problem.message : String(problem),
    ...(problem instanceof ForesailError ? { hint: problem.hint } : {}),
  };
}
