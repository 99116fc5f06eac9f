/** Choices that a seed repeats. */
export interface Random {
  /** From 0 to below `count`. */
  below(count: number): number;
  /** True in this share of the cases. */
  chance(share: number): boolean;
  one<T>(choices: readonly [T, ...T[]]): T;
  /** Different ones, in random order. */
  some<T>(choices: readonly T[], count: number): T[];
}

/** The generator "mulberry32": a counter whose bits are mixed, with a period of 2^32. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (count: number): number => Math.floor(next() * count);
  return {
    below,
    chance: (share) => next() < share,
    one: ([first, ...others]) => {
      const index = below(others.length + 1);
      return index === 0 ? first : (others[index - 1] ?? first);
    },
    some(choices, count) {
      const left = [...choices];
      const taken = [];
      while (taken.length < count && left.length > 0) taken.push(...left.splice(below(left.length), 1));
      return taken;
    },
  };
}
