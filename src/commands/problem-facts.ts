/** A problem as it stands in the log. */
import { ApiStatusError } from "../api-server/status-error.ts";
import { ForesailError } from "../errors.ts";

const UNAUTHORIZED = 401;
const FORBIDDEN = 403;

export function problemFacts(problem: unknown) {
  const hint = hintFor(problem);
  return {
    problem: problem instanceof Error ? problem.message : String(problem),
    ...(hint === undefined ? {} : { hint }),
  };
}

/** Whether the API server does not let foresail do it, as it is. */
export function isRefusal(problem: unknown): boolean {
  return problem instanceof ApiStatusError && [UNAUTHORIZED, FORBIDDEN].includes(problem.status);
}

function hintFor(problem: unknown): string | undefined {
  if (problem instanceof ForesailError) return problem.hint;
  if (!(problem instanceof ApiStatusError)) return undefined;
  if (problem.status === UNAUTHORIZED) {
    return "The API server does not know foresail's token: is its ServiceAccount there? Restart the Pod, or log in again.";
  }
  if (problem.status !== FORBIDDEN) return undefined;
  return "Give foresail its rights back: kubectl apply -k manifests/, or foresail manifests | kubectl apply -f -. It needs no restart.";
}
