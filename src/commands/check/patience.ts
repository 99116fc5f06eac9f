import type { Progress } from "../result.ts";

/** Milliseconds since the process began: before that nobody wonders. */
const PATIENCE_MS = 1000;
const BETWEEN_LINES_MS = 100;

/** Shows how far a command is, once it takes long. */
export class Patience {
  readonly #progress: Progress | undefined;
  readonly #now: () => number;
  #next = PATIENCE_MS;

  /** Without a progress nothing is shown; `now` is in milliseconds since the process began. */
  constructor(progress: Progress | undefined, now: () => number = () => performance.now()) {
    this.#progress = progress;
    this.#now = now;
  }

  /** May be called often. */
  at(line: () => string): void {
    if (this.#progress === undefined) return;
    const now = this.#now();
    if (now < this.#next) return;
    this.#next = now + BETWEEN_LINES_MS;
    this.#progress.show(line());
  }
}
