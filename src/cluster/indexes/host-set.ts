/** Hostnames, wildcards among them, found by what covers them and by what they cover. */
import { coversHost, isWildcard } from "../../istio/hosts.ts";

export class HostSet {
  readonly #hosts = new Set<string>();
  /** Under every suffix that begins with a dot, the hosts that end in it; under "" all. */
  readonly #bySuffix = new Map<string, Set<string>>();
  /** How many wildcards there are of each length; there are few lengths. */
  readonly #wildcardLengths = new Map<number, number>();

  add(host: string): void {
    if (this.#hosts.has(host)) return;
    this.#hosts.add(host);
    if (isWildcard(host)) this.#countWildcard(host, 1);
    for (const suffix of suffixesOf(host)) addTo(this.#bySuffix, suffix, host);
  }

  delete(host: string): void {
    if (!this.#hosts.delete(host)) return;
    if (isWildcard(host)) this.#countWildcard(host, -1);
    for (const suffix of suffixesOf(host)) deleteFrom(this.#bySuffix, suffix, host);
  }

  /** Those that this one covers, itself included. Lazily, in no order. */
  *coveredBy(host: string): Iterable<string> {
    if (!isWildcard(host)) {
      if (this.#hosts.has(host)) yield host;
      return;
    }
    const dot = host.indexOf(".");
    for (const one of this.#bySuffix.get(dot < 0 ? "" : host.slice(dot)) ?? []) {
      if (coversHost(host, one)) yield one;
    }
  }

  /** Wildcards that cover this host and are not the same, the narrowest first. */
  *wildcardsAbove(host: string): Iterable<string> {
    // Parts of labels are wildcards as well: `*-a.example.com`.
    const longest = isWildcard(host) ? host.length - 1 : host.length + 1;
    const lengths = [...this.#wildcardLengths.keys()].filter((length) => length <= longest);
    for (const length of lengths.toSorted((one, other) => other - one)) {
      const wildcard = `*${host.slice(host.length - length + 1)}`;
      if (this.#hosts.has(wildcard)) yield wildcard;
    }
  }

  /** Those of which some hostname can be covered by both. */
  *meeting(host: string): Iterable<string> {
    yield* this.coveredBy(host);
    yield* this.wildcardsAbove(host);
  }

  #countWildcard({ length }: string, change: number): void {
    const count = (this.#wildcardLengths.get(length) ?? 0) + change;
    if (count === 0) this.#wildcardLengths.delete(length);
    else this.#wildcardLengths.set(length, count);
  }
}

/** `.b.svc`, `.svc` and "" of `a.b.svc`: the longest first. */
function suffixesOf(host: string): readonly string[] {
  const suffixes: string[] = [];
  for (let dot = host.indexOf("."); dot >= 0; dot = host.indexOf(".", dot + 1)) {
    suffixes.push(host.slice(dot));
  }
  return [...suffixes, ""];
}

/** Adds to the set that stands under the key. */
export function addTo(index: Map<string, Set<string>>, key: string, value: string): void {
  const values = index.get(key);
  if (values) values.add(value);
  else index.set(key, new Set([value]));
}

/** Leaves no empty set behind. */
export function deleteFrom(index: Map<string, Set<string>>, key: string, value: string): void {
  const values = index.get(key);
  if (values?.delete(value) && values.size === 0) index.delete(key);
}
