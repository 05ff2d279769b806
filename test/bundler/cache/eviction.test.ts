import { readdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DirectoryCache } from '../../../bundler/cache/directory-cache.ts';
import { clearCache, evictRecords, measureCache, temporaryPrefix } from '../../../bundler/cache/eviction.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const recordBytes = 968;
const fileBytes = 1000;

function keyOf(digit: number): string {
  return `${digit}`.repeat(64);
}

/** Ten records; the higher the digit, the later each was used. */
async function tenRecords() {
  const directory = await temporaryDirectory();
  const cache = new DirectoryCache(directory, () => undefined);
  const nowSeconds = Date.now() / 1000;
  for (let digit = 0; digit < 10; digit++) {
    const key = keyOf(digit);
    await cache.write(key, Buffer.alloc(recordBytes, digit));
    const used = nowSeconds - 86_400 * (10 - digit);
    await utimes(join(directory, key.slice(0, 2), key.slice(2)), used, used);
  }
  return { directory, cache };
}

async function digitsLeft(cache: DirectoryCache): Promise<number[]> {
  const left: number[] = [];
  for (let digit = 0; digit < 10; digit++) if (await cache.read(keyOf(digit))) left.push(digit);
  return left;
}

describe('evictRecords', () => {
  it('removes nothing up to the limit', async () => {
    const { directory } = await tenRecords();
    await evictRecords(directory, 10 * fileBytes);
    expect(await measureCache(directory)).toEqual({ records: 10, sizeBytes: 10 * fileBytes });
  });

  it('removes those that were not used for longest, and some more to have room', async () => {
    const { directory, cache } = await tenRecords();
    // Reading the oldest makes it the latest.
    await cache.read(keyOf(0));
    await evictRecords(directory, 5 * fileBytes);
    expect(await digitsLeft(cache)).toEqual([0, 7, 8, 9]);
  });

  it('removes what a killed process left, and not what one is writing', async () => {
    const { directory } = await tenRecords();
    await writeFile(join(directory, `${temporaryPrefix}old`), 'x');
    await utimes(join(directory, `${temporaryPrefix}old`), 1, 1);
    await writeFile(join(directory, `${temporaryPrefix}now`), 'x');
    await evictRecords(directory, 1e9);
    expect((await readdir(directory)).filter((name) => name.startsWith(temporaryPrefix))).toEqual([
      `${temporaryPrefix}now`,
    ]);
  });
});

describe('clearCache', () => {
  it('removes the records and nothing else', async () => {
    const { directory } = await tenRecords();
    await writeFile(join(directory, 'CACHEDIR.TAG'), 'tag');
    await writeFile(join(directory, 'mine'), 'text');
    expect(await clearCache(directory)).toEqual({ records: 10, sizeBytes: 10 * fileBytes });
    expect((await readdir(directory)).sort()).toEqual(['CACHEDIR.TAG', 'mine']);
  });

  it('is content where there is no cache', async () => {
    expect(await clearCache(join(await temporaryDirectory(), 'none'))).toEqual({ records: 0, sizeBytes: 0 });
  });
});
