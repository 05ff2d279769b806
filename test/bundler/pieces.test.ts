import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { openBundle } from '../../bundler/bundle-file.ts';
import { piecesOf, readPieces } from '../../bundler/pieces.ts';
import type { ByteSource } from '../../src/core/piece.ts';
import { bundleRandom, writeLibrary } from '../helpers/random-bundle.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

async function cut(file: string) {
  await using bundle = await openBundle(file);
  return piecesOf(bundle);
}

function sourceOf(bytes: Buffer): ByteSource & { readonly asked: number[] } {
  const asked: number[] = [];
  return {
    asked,
    sizeBytes: bytes.length,
    read: async (offset, length) => {
      asked.push(length);
      return bytes.subarray(offset, offset + length);
    },
  };
}

describe('pieces of a bundle', () => {
  it('hold the same bytes where they are called the same, and are called alike where they hold the same', async () => {
    const place = await temporaryDirectory();
    // Large ones with frames of their own, and small ones that share some.
    const sizes = [700_000, 300_000, 3_000, 4_000, 2_000, 5_000];
    const libraries = await Promise.all(
      sizes.map((size, index) => writeLibrary(place, 'abcdfg'[index] ?? '', size)),
    );
    const other = await writeLibrary(place, 'h', 1_500);
    const variants = [
      { libraries, app: 'one' },
      { libraries, app: 'two' },
      { libraries: libraries.with(3, other), app: 'one' },
      { libraries: libraries.with(0, other), app: 'one', runtime: 'another' },
      { libraries: libraries.toReversed(), app: 'one' },
    ];
    const seen = new Map<string, string>();
    let shared = 0;
    for (const variant of variants) {
      const { file } = await bundleRandom({ ...variant, directory: await temporaryDirectory() });
      const bytes = await readFile(file);
      for (const { offset, sizeBytes, identity } of await cut(file)) {
        const content = bytes.toString('base64', offset, offset + sizeBytes);
        const key = `${sizeBytes} ${identity}`;
        if (seen.has(key)) shared += 1;
        expect(seen.get(key) ?? content).toBe(content);
        seen.set(key, content);
      }
    }
    expect(shared).toBeGreaterThan(variants.length);
    expect(new Set(seen.values()).size).toBe(seen.size);
  });

  it('cover runtime and frames without a gap', async () => {
    const place = await temporaryDirectory();
    const { file } = await bundleRandom({
      libraries: [await writeLibrary(place, 'a', 600_000)],
      app: 'one',
      directory: place,
    });
    await using bundle = await openBundle(file);
    let offset = 0;
    for (const piece of piecesOf(bundle)) {
      expect(piece.offset).toBe(offset);
      offset += piece.sizeBytes;
    }
    expect(offset).toBe(bundle.header.dataOffset + bundle.header.dataBytes);
  });

  it('are read without the frames and the rows', async () => {
    const place = await temporaryDirectory();
    const { file } = await bundleRandom({
      libraries: [await writeLibrary(place, 'a', 600_000)],
      app: 'one',
      directory: place,
    });
    const source = sourceOf(await readFile(file));
    expect(await readPieces(source, 'web')).toEqual(await cut(file));
    expect(source.asked.reduce((sum, length) => sum + length, 0)).toBeLessThan(4000);
  });

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['cut off', (bytes) => bytes.subarray(0, -9)],
    ['no bundle', () => Buffer.from('#!/bin/sh\n')],
    ['empty', () => Buffer.alloc(0)],
  ])('are refused of what is %s', async (_, harm) => {
    const place = await temporaryDirectory();
    const { file } = await bundleRandom({ libraries: [], app: 'one', directory: place });
    const source = sourceOf(harm(await readFile(file)));
    await expect(readPieces(source, 's3://apps/web')).rejects.toMatchObject({
      code: 'not-a-bundle',
      message: expect.stringContaining('cannot read s3://apps/web: '),
    });
  });

  it('are refused where the frame table is damaged', async () => {
    const place = await temporaryDirectory();
    const { file } = await bundleRandom({ libraries: [], app: 'one', directory: place });
    const bytes = await readFile(file);
    await using bundle = await openBundle(file);
    bytes[bundle.header.indexOffset] = 1;
    await expect(readPieces(sourceOf(bytes), 'web')).rejects.toMatchObject({ code: 'bundle-damaged' });
  });
});
