import { describe, expect, it } from 'vitest';
import { planParts } from '../../../src/publish/parts.ts';

const mebibyte = 1 << 20;
const gibibyte = 1024 * mebibyte;

describe('planParts', () => {
  it.each([
    [0, [0]],
    [16 * mebibyte, [16 * mebibyte]],
    [16 * mebibyte + 1, [16 * mebibyte, 1]],
    [40 * mebibyte, [16 * mebibyte, 16 * mebibyte, 8 * mebibyte]],
  ])('cuts %i bytes into %j', (sizeBytes, sizes) => {
    const parts = planParts(sizeBytes);
    expect(parts.map((part) => part.sizeBytes)).toEqual(sizes);
    expect(parts.map(({ kind, offset }) => `${kind} ${offset}`)).toEqual(
      sizes.map((_, index) => `upload ${index * 16 * mebibyte}`),
    );
  });

  it.each([160_000 * mebibyte, 160_000 * mebibyte + 1, 500 * gibibyte, 5 * 1024 * gibibyte])(
    'stays within the 10,000 parts of S3 for %i bytes',
    (sizeBytes) => {
      const parts = planParts(sizeBytes);
      expect(parts.length).toBeLessThanOrEqual(10_000);
      expect(parts.reduce((sum, part) => sum + part.sizeBytes, 0)).toBe(sizeBytes);
      expect(new Set(parts.slice(0, -1).map((part) => part.sizeBytes)).size).toBe(1);
      expect(parts.at(-1)?.offset).toBe(sizeBytes - (parts.at(-1)?.sizeBytes ?? 0));
    },
  );
});
