import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { sharedBytes, sketchOf } from '../../bundler/sketch.ts';

const length = 1 << 20;

describe('sketchOf', () => {
  it('knows what stands elsewhere again, wherever it moved', () => {
    const [one, other] = [randomBytes(length), randomBytes(length)];
    const half = Buffer.concat([randomBytes(12_345), one.subarray(0, length / 2), other]);
    const shared = sharedBytes(sketchOf(one), sketchOf(half));
    expect(shared).toBeGreaterThan(length * 0.4);
    expect(shared).toBeLessThan(length * 0.6);
    expect(sharedBytes(sketchOf(one), sketchOf(other))).toBeLessThan(length / 100);
  });

  it('takes what stands in one piece many times for once', () => {
    const word = randomBytes(4096);
    const repeated = sketchOf(Buffer.concat(Array.from({ length: 64 }, () => word)));
    expect(sharedBytes(repeated, repeated)).toBeLessThan(2 * word.length);
    expect(sketchOf(Buffer.alloc(length))).toHaveLength(0);
  });

  it('finds nothing in what is too short', () => {
    expect(sketchOf(randomBytes(64))).toHaveLength(0);
    expect(sketchOf(Buffer.alloc(0))).toHaveLength(0);
  });
});
