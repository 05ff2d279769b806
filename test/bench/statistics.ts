/** What repeated measurements come to: the median and the middle half of them. */
export interface Summary {
  readonly median: number;
  /** The quartiles. */
  readonly low: number;
  readonly high: number;
  readonly count: number;
}

/**
 * Returns the value below which a share of the values lies, interpolated between neighbours; NaN where there are none.
 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(at)], sorted[Math.ceil(at)]];
  if (below === undefined || above === undefined) return Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

export function summarize(values: readonly number[]): Summary {
  return {
    median: median(values),
    low: quantile(values, 0.25),
    high: quantile(values, 0.75),
    count: values.length,
  };
}

/**
 * Returns what each value is over the one of the same round.
 * @throws {RangeError} where the rounds are not the same
 */
export function differences(values: readonly number[], base: readonly number[]): readonly number[] {
  return pair(values, base).map(([value, beside]) => value - beside);
}

/**
 * Returns how many times the one of the same round each value is.
 * @throws {RangeError} where the rounds are not the same
 */
export function ratios(values: readonly number[], base: readonly number[]): readonly number[] {
  return pair(values, base).map(([value, beside]) => value / beside);
}

function pair(values: readonly number[], base: readonly number[]): readonly (readonly [number, number])[] {
  return Array.from({ length: Math.max(values.length, base.length) }, (_, round) => {
    const [value, beside] = [values[round], base[round]];
    if (value === undefined || beside === undefined) {
      throw new RangeError(`${values.length} rounds cannot be paired with ${base.length}`);
    }
    return [value, beside] as const;
  });
}
