/** What the answers to one review rest on and what nobody has confirmed yet. */
import type { Ground } from "../rules/cluster-view.ts";

export class OpenGrounds {
  #noted: Ground[] = [];
  readonly #taken = new Set<string>();

  add(ground: Ground): void {
    this.#noted.push(ground);
  }

  /** Those that were added since the last time and never taken, each once; the others among them are forgotten. */
  take(isWanted: (ground: Ground) => boolean = () => true): readonly Ground[] {
    const noted = this.#noted;
    this.#noted = [];
    return noted.filter((ground) => {
      const { kind, namespace, name, labelSelector = "" } = ground;
      const key = `${kind}/${namespace}/${name}?${labelSelector}`;
      if (!isWanted(ground) || this.#taken.has(key)) return false;
      this.#taken.add(key);
      return true;
    });
  }
}
