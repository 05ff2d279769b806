import { describe, expect, it } from 'vitest';
import { inTurn } from './measure.ts';
import { differences, quantile, ratios, summarize } from './statistics.ts';

describe('statistics', () => {
  it('takes the middle of an odd number of values, and between the two of an even one', () => {
    expect(quantile([9, 1, 4], 0.5)).toBe(4);
    expect(quantile([9, 1, 4, 5], 0.5)).toBe(4.5);
  });

  it('summarizes by quartiles, whatever the order', () => {
    expect(summarize([5, 1, 4, 2, 3])).toEqual({ median: 3, low: 2, high: 4, count: 5 });
  });

  it('has no median of nothing', () => {
    expect(quantile([], 0.5)).toBeNaN();
  });

  it('pairs values of the same round', () => {
    expect(differences([5, 9], [2, 4])).toEqual([3, 5]);
    expect(ratios([5, 9], [2, 3])).toEqual([2.5, 3]);
  });

  it('refuses to pair rounds that differ in number', () => {
    expect(() => differences([5, 9], [2])).toThrow('2 rounds cannot be paired with 1');
  });
});

describe('the order of a round', () => {
  it('brings each contender to the front once before any comes again', () => {
    const fronts = [0, 2, 4].map((round) => inTurn(['a', 'b', 'c'], round)[0]);
    expect(fronts.toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('puts each of two before the other every other time', () => {
    const orders = [0, 1, 2, 3].map((round) => inTurn(['a', 'b'], round).join(''));
    expect(orders.filter((order) => order === 'ab')).toHaveLength(2);
  });
});
