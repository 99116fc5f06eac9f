/** What the answers to one review rest on and what nobody has confirmed yet. */
import { OWN_ID } from "../engine/evaluate.ts";
import type { Ground } from "../rules/cluster-view.ts";

export class OpenGrounds {
  /** By who asked. */
  readonly #noted = new Map<string, Map<string, Ground>>();
  readonly #taken = new Set<string>();
  /** Kinds that are not served, whoever asked. */
  readonly #absent = new Map<string, Ground>();
  readonly #isHeard: (asker: string) => boolean;
  /** Of who asks now; undefined if nothing can rest on it. */
  #current: Map<string, Ground> | undefined;

  /** `isHeard`: whether what rests on a rule's answers may have to be confirmed. */
  constructor(isHeard: (rule: string) => boolean) {
    this.#isHeard = (asker) => asker === OWN_ID || isHeard(asker);
  }

  /** Whose questions come from now on. */
  readonly setAsker = (asker: string): void => {
    this.#current = undefined;
    if (!this.#isHeard(asker)) return;
    this.#current = this.#noted.get(asker) ?? new Map<string, Ground>();
    this.#noted.set(asker, this.#current);
  };

  readonly add = (ground: Ground): void => {
    const { kind, plane = "data", namespace, name, labelSelector = "" } = ground;
    if (ground.isAbsent) {
      this.#absent.set(kind, ground);
      return;
    }
    this.#current?.set(`${plane}/${kind}/${namespace}/${name}?${labelSelector}`, ground);
  };

  /** The kinds that are not served, as far as the view knows: it may be a quarter of a minute behind. */
  absent(): readonly Ground[] {
    return [...this.#absent.values()];
  }

  /** Of these rules and of the engine, those that were never taken before, each once; what else was noted is forgotten. */
  take(rules: Iterable<string>): readonly Ground[] {
    const noted = [OWN_ID, ...rules].flatMap((rule) => [...(this.#noted.get(rule) ?? [])]);
    this.#noted.clear();
    return [...new Map(noted)].flatMap(([key, ground]) => {
      if (this.#taken.has(key)) return [];
      this.#taken.add(key);
      return ground;
    });
  }
}
