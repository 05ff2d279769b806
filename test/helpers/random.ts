/** Returns numbers from 0 to below 1 that a seed decides (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws values, the same in each run for the same seed. */
export interface Random {
  /** A whole number from 0 to `below` (not included). */
  below(below: number): number;
  /** True in one of `of` draws. */
  once(of: number): boolean;
  pick<T>(values: readonly T[]): T;
  /** From none to `most` of what `make` gives. */
  several<T>(most: number, make: (index: number) => T): T[];
}

/** Makes draws that a seed decides. */
export function randomFrom(seed: number): Random {
  const next = seeded(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  return {
    below,
    once: (of) => below(of) === 0,
    pick: (values) => {
      const value = values[below(values.length)];
      if (value === undefined) throw new RangeError('nothing to pick from');
      return value;
    },
    several: (most, make) => Array.from({ length: below(most + 1) }, (_, index) => make(index)),
  };
}
