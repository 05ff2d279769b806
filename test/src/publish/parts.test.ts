import { describe, expect, it } from 'vitest';
import { planParts } from '../../../src/publish/parts.ts';

const mebibyte = 1 << 20;
const gibibyte = 1024 * mebibyte;

describe('planParts', () => {
  it.each([
    [0, 1],
    [8 * mebibyte, 1],
    [8 * mebibyte + 1, 2],
    [80_000 * mebibyte, 10_000],
  ])('cuts %i bytes into %i parts of 8 MiB', (sizeBytes, count) => {
    expect(planParts(sizeBytes)).toEqual({ partBytes: 8 * mebibyte, count });
  });

  it.each([80_000 * mebibyte + 1, 500 * gibibyte, 5 * 1024 * gibibyte])(
    'stays within the 10,000 parts of S3 for %i bytes',
    (sizeBytes) => {
      const { partBytes, count } = planParts(sizeBytes);
      expect(count).toBeLessThanOrEqual(10_000);
      expect(partBytes * count).toBeGreaterThanOrEqual(sizeBytes);
      expect(partBytes * (count - 1)).toBeLessThan(sizeBytes);
      expect(partBytes).toBeGreaterThan(8 * mebibyte);
    },
  );
});
