/** Keeps foresail from fighting over a field with someone who writes it again and again. Times in milliseconds. */

export interface WriteLimit {
  /** So many writes within `withinMs` are a fight, */
  readonly writes: number;
  readonly withinMs: number;
  /** in which foresail gives way for so long. */
  readonly pauseMs: number;
}

export interface WriteHistory {
  readonly writes: readonly number[];
  readonly pausedUntil: number;
}

/** A write every three seconds is what a round allows. */
export const WRITE_LIMIT: WriteLimit = { writes: 20, withinMs: 90_000, pauseMs: 120_000 };

export const NO_WRITES: WriteHistory = { writes: [], pausedUntil: 0 };

/** Whether to write now, and the history after that; `isFight` when a pause begins. */
export function planWrite(
  { writes, pausedUntil }: WriteHistory,
  limit: WriteLimit,
  now: number,
): { readonly mayWrite: boolean; readonly isFight: boolean; readonly history: WriteHistory } {
  if (now < pausedUntil) return { mayWrite: false, isFight: false, history: { writes, pausedUntil } };
  const recent = writes.filter((at) => at > now - limit.withinMs);
  if (recent.length >= limit.writes) {
    return { mayWrite: false, isFight: true, history: { writes: [], pausedUntil: now + limit.pauseMs } };
  }
  return { mayWrite: true, isFight: false, history: { writes: [...recent, now], pausedUntil } };
}
