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

/** Makes a source of numbers from a seed. Source: G. Marsaglia, "Xorshift RNGs". */
export function randomFrom(seed: number): Random {
  // Seeds that are neighbours would begin alike.
  let state = (Math.imul(seed + 1, 0x9e3779b9) ^ 0x5bf03635) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  const below = (limit: number) => next() % limit;
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
