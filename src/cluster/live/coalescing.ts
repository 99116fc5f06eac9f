/** Questions that many ask at once, asked once. */
export class Coalescing<T> {
  readonly #running = new Map<string, Promise<T>>();
  readonly #next = new Map<string, Promise<T>>();

  /** The answer of a call of `ask` that began now or later: one that is under way may have seen an earlier state. */
  get(key: string, ask: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key);
    if (running === undefined) return this.#start(key, ask);
    const start = () => {
      this.#next.delete(key);
      return this.#start(key, ask);
    };
    const next = this.#next.get(key) ?? running.then(start, start);
    this.#next.set(key, next);
    return next;
  }

  #start(key: string, ask: () => Promise<T>): Promise<T> {
    const running = ask().finally(() => {
      if (this.#running.get(key) === running) this.#running.delete(key);
    });
    this.#running.set(key, running);
    return running;
  }
}
