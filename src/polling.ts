/** Does something again and again; for files and clocks that may change unseen. Used by all that follow files. */

export interface Polling {
  /** Does it now; resolves when it is done. Never rejects. */
  readonly check: () => Promise<void>;
  /** After this nothing is begun and nothing is reported; a task that runs sees its signal aborted. */
  readonly close: () => void;
}

const REPEAT_MS = 10 * 60_000;

/** Keeps what is tried again and again from being said each time, and from being said once and then forgotten. */
export class LastSaid {
  readonly #repeatMs: number;
  #text: string | undefined;
  #at = 0;

  constructor(repeatMs = REPEAT_MS) {
    this.#repeatMs = repeatMs;
  }

  /** Whether to say it: something else was said last, or nothing since all was well, or this long ago. */
  isNews(text: string): boolean {
    const now = performance.now();
    if (text === this.#text && now < this.#at + this.#repeatMs) return false;
    this.#text = text;
    this.#at = now;
    return true;
  }

  /** All is well. */
  forget(): void {
    this.#text = undefined;
  }
}

/**
 * Runs the task every interval, never twice at once, without keeping the process alive. What it throws is reported
 * once, and again only after another problem, a success, or ten minutes.
 */
export function startPolling(
  intervalMs: number,
  task: (signal: AbortSignal) => Promise<void>,
  onProblem: (problem: Error) => void,
): Polling {
  const closing = new AbortController();
  let last = Promise.resolve();
  let waiting = 0;
  const said = new LastSaid();

  const run = async () => {
    try {
      if (!closing.signal.aborted) await task(closing.signal);
      said.forget();
    } catch (error) {
      const problem = error instanceof Error ? error : new Error(String(error));
      if (!closing.signal.aborted && said.isNews(problem.message)) onProblem(problem);
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
