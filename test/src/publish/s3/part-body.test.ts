import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { PartBody } from '../../../../src/publish/s3/part-body.ts';

describe('PartBody', () => {
  it.each([0, 1, 256 * 1024, 1_000_000])(
    'yields %i bytes, and says how far they have come',
    async (sizeBytes) => {
      const bytes = randomBytes(sizeBytes);
      const taken: number[] = [];
      const body = new PartBody(bytes, { onTaken: (takenBytes) => taken.push(takenBytes) });
      expect(Buffer.concat(await Array.fromAsync<Buffer>(body)).equals(bytes)).toBe(true);
      expect(taken).toEqual(taken.toSorted((a, b) => a - b));
      expect(taken.every((count) => count > 0 && count < sizeBytes)).toBe(true);
      expect(taken).toHaveLength(Math.max(0, Math.ceil(sizeBytes / (256 * 1024)) - 1));
    },
  );
});
