/** Errors a person can act on, and what to suggest for a misspelt word. Used by all folders, imports nothing. */

/** Each has a row in docs/errors.md. Never reused. */
export type ErrorCode =
  | "BASELINE_UNREADABLE"
  | "CERTIFICATE_UNREADABLE"
  | "CLUSTER_FORBIDDEN"
  | "CLUSTER_UNREACHABLE"
  | "CONFIG_INVALID"
  | "KUBECONFIG_UNREADABLE"
  | "NAMESPACE_NOT_FINALIZED"
  | "NAMESPACE_UNKNOWN"
  | "STATE_UNREADABLE"
  | "USAGE";

/** `message` is one sentence on what failed, `hint` one on what to do. */
export class ForesailError extends Error {
  override readonly name = "ForesailError";
  readonly code: ErrorCode;
  readonly hint: string;

  constructor(problem: { code: ErrorCode; message: string; hint: string; cause?: unknown }) {
    super(problem.message, { cause: problem.cause });
    this.code = problem.code;
    this.hint = problem.hint;
  }
}

/** A word further away than this share of its length is no misspelling of it. */
const MISSPELT_SHARE = 0.4;

/** The candidate that was most likely meant, or undefined if none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length * MISSPELT_SHARE)) + 1;
  for (const candidate of candidates) {
    // The lengths alone are further apart, and a long text costs no time.
    if (Math.abs(word.length - candidate.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/**
 * Levenshtein distance in UTF-16 units, in which two neighbours that changed places count once. What is further than the limit is
 * only known to be so.
 */
export function editDistance(from: string, to: string, limit = Number.POSITIVE_INFINITY): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = (previous[column - 1] ?? 0) + (from[row - 1] === to[column - 1] ? 0 : 1);
      const changed = Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1);
      const isSwapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      current.push(isSwapped ? Math.min(changed, (beforePrevious[column - 2] ?? 0) + 1) : changed);
    }
    if (Math.min(...current) > limit && Math.min(...previous) > limit) return limit + 1;
    [beforePrevious, previous] = [previous, current];
  }
  return previous[to.length] ?? 0;
}
