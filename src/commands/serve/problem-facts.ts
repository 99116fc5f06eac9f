/** A problem as it stands in the log. */
import { ApiStatusError } from "../../api-server/status-error.ts";
import { ForesailError } from "../../errors.ts";

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;

const MISSING_RIGHTS =
  "Apply foresail's Roles, ClusterRole and bindings again, as `foresail manifests` prints them; all that it prints would set the ConfigMap back, too. No restart is needed.";

/** `missingRights`: what to do about rights that are missing, if it is something special. */
export function problemFacts(problem: unknown, missingRights = MISSING_RIGHTS) {
  const hint = hintFor(problem, missingRights);
  return {
    problem: problem instanceof Error ? problem.message : String(problem),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Whether the API server does not let foresail do it, as it is. */
export function isRefusal(problem: unknown): boolean {
  return problem instanceof ApiStatusError && [UNAUTHORIZED, FORBIDDEN].includes(problem.status);
}

function hintFor(problem: unknown, missingRights: string): string | undefined {
  if (problem instanceof ForesailError) return problem.hint;
  if (!(problem instanceof ApiStatusError)) return undefined;
  if (problem.status === UNAUTHORIZED) {
    return "The API server does not know foresail's token: is its ServiceAccount there? Restart the Pod, or log in again.";
  }
  return problem.status === FORBIDDEN ? missingRights : undefined;
}
