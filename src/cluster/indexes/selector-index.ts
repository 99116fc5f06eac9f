/** Services by one pair of their selector, so that those of a Pod are found through its labels. */
import type { Kinds, Labels } from "../../kubernetes/objects.ts";
import { matchesLabels } from "../../kubernetes/selectors.ts";

export class SelectorIndex {
  readonly #byPair = new Map<string, Map<string, Kinds["Service"]>>();

  add(service: Kinds["Service"], namespace: string, name: string): void {
    const key = keyOf(service, namespace);
    if (key === undefined) return;
    const services = this.#byPair.get(key) ?? new Map<string, Kinds["Service"]>();
    services.set(name, service);
    this.#byPair.set(key, services);
  }

  delete(service: Kinds["Service"], namespace: string, name: string): void {
    const key = keyOf(service, namespace);
    if (key === undefined) return;
    const services = this.#byPair.get(key);
    if (services?.delete(name) && services.size === 0) this.#byPair.delete(key);
  }

  /** With their names, in order of name. */
  selecting(namespace: string, labels: Labels): readonly (readonly [string, Kinds["Service"]])[] {
    return Object.entries(labels)
      .flatMap(([label, value]) => [...(this.#byPair.get(pairKey(namespace, label, value)) ?? [])])
      .filter(([, service]) => matchesLabels(service.spec?.selector ?? {}, labels))
      .toSorted(([one], [other]) => (one < other ? -1 : 1));
  }
}

/** A Service without a selector selects nothing; the selector of an ExternalName Service is ignored. */
function keyOf(service: Kinds["Service"], namespace: string): string | undefined {
  if (service.spec?.type === "ExternalName") return undefined;
  const [pair] = Object.entries(service.spec?.selector ?? {});
  return pair && pairKey(namespace, ...pair);
}

function pairKey(namespace: string, label: string, value: string): string {
  return `${namespace}/${label}=${value}`;
}
