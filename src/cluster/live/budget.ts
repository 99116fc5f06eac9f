/** So many a second, and some more after a while without any. */
export class Budget {
  readonly #perSecond: number;
  readonly #burst: number;
  /** Below zero while some wait for their turn. */
  #left: number;
  #countedAt = performance.now();

  constructor(perSecond: number, burst: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#left = burst;
  }

  /** Takes one, and returns how many milliseconds it has to wait; undefined, and none is taken, if that is too long. */
  reserve(maxWaitMs: number): number | undefined {
    const now = performance.now();
    this.#left = Math.min(this.#burst, this.#left + ((now - this.#countedAt) / 1000) * this.#perSecond);
    this.#countedAt = now;
    const waitMs = Math.max(0, ((1 - this.#left) / this.#perSecond) * 1000);
    if (waitMs > maxWaitMs) return undefined;
    this.#left -= 1;
    return waitMs;
  }
}
