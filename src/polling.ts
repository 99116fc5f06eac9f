/** Does something again and again; for files and clocks that may change unseen. Used by all that follow files. */

export interface Polling {
  /** Does it now; resolves when it is done. Never rejects. */
  readonly check: () => Promise<void>;
  /** After this nothing is begun and nothing is reported; a task that runs sees its signal aborted. */
  readonly close: () => void;
}

/**
 * Runs the task every interval, never twice at once, without keeping the process alive. What it throws is reported
 * once, and again only after another problem or a success.
 */
export function startPolling(
  intervalMs: number,
  task: (signal: AbortSignal) => Promise<void>,
  onProblem: (problem: Error) => void,
): Polling {
  const closing = new AbortController();
  let last = Promise.resolve();
  let waiting = 0;
  let reported: string | undefined;

  const run = async () => {
    try {
      if (!closing.signal.aborted) await task(closing.signal);
      reported = undefined;
    } catch (error) {
      const problem = error instanceof Error ? error : new Error(String(error));
      if (!closing.signal.aborted && problem.message !== reported) onProblem(problem);
      reported = problem.message;
    } finally {
      waiting--;
    }
  };
  const check = () => {
    waiting++;
    last = last.then(run);
    return last;
  };
  const timer = setInterval(() => {
    if (waiting === 0) void check();
  }, intervalMs);
  timer.unref();
  return {
    check,
    close: () => {
      closing.abort();
      clearInterval(timer);
    },
  };
}
