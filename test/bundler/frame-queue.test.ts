import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { noCache } from '../../bundler/cache/record-cache.ts';
import { FrameQueue, type TarPiece } from '../../bundler/frame-queue.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import { silentReporter } from '../../src/core/reporter.ts';

const frameBytes = 1 << 20;
const count = 12;

/**
 * Adds `count` pieces that begin a frame each, and notes what of them is in memory whenever one more is read.
 * @param usualBytes of a frame; the pieces have `frameBytes`
 */
async function run(
  jobs: number,
  usualBytes = frameBytes,
): Promise<{ readonly most: number; readonly left: number }> {
  const tars: Buffer[] = [];
  const inMemory = () => tars.filter(({ length }) => length > 0).length;
  let most = 0;
  const signal = new AbortController().signal;
  const compression = { level: 1, frameBytes: usualBytes };
  const options = { compression, hashes: new Set<string>(), jobs, cache: noCache, signal, totalBytes: 0 };
  const queue = new FrameQueue({ ...options, reporter: silentReporter }, async () => undefined);
  for (let firstRow = 0; firstRow < count; firstRow++) {
    const content = randomBytes(frameBytes);
    const piece: TarPiece = {
      tarBytes: frameBytes,
      sha256: sha256Hex(content),
      read: async () => {
        tars.push(content);
        most = Math.max(most, inMemory());
        return content;
      },
      firstRow,
      contentBytes: frameBytes,
      continues: false,
      isOpen: false,
    };
    await queue.add(piece);
  }
  await queue.drain();
  expect(queue.frames).toHaveLength(count);
  return { most, left: inMemory() };
}

describe('FrameQueue', () => {
  it.each([1, 2, 5])(
    'has the tar of no more than %d frames in memory, and lets go of it at once',
    async (jobs) => {
      const { most, left } = await run(jobs);
      expect(most).toBeLessThanOrEqual(jobs);
      expect(left).toBe(0);
    },
  );

  it('lets in frames much longer than usual one at a time', async () => {
    expect(await run(2, frameBytes / 2)).toEqual({ most: 1, left: 0 });
    expect(await run(4, frameBytes / 2)).toEqual({ most: 3, left: 0 });
  });
});
