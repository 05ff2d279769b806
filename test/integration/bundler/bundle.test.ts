import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { inspectBundle } from '../../../bundler/inspect.ts';
import type { Bundle } from '../../../src/core/types.ts';
import { appClosure, bundle } from '../../bundler/app-bundle.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const signal = new AbortController().signal;

describe('a bundle', () => {
  it('is one tar for any zstd decoder behind the runtime, with no store path in the clear', async () => {
    const directory = await temporaryDirectory();
    const written = await bundle(await appClosure(directory), join(directory, 'out'));
    const file = await readFile(written.file);
    const names = execFileSync('tar', ['tf', '-'], { input: decodeAll(file, written), encoding: 'utf8' });
    expect(names.split('\n').filter((name) => name.includes('-app-1.0'))).toEqual([
      `nix/store/${'c'.repeat(32)}-app-1.0/`,
      `nix/store/${'c'.repeat(32)}-app-1.0/bin/`,
      `nix/store/${'c'.repeat(32)}-app-1.0/bin/app`,
      `nix/store/${'c'.repeat(32)}-app-1.0/share/`,
      `nix/store/${'c'.repeat(32)}-app-1.0/share/big`,
      `nix/store/${'c'.repeat(32)}-app-1.0/share/link`,
    ]);
    expect(file.subarray(written.tailOffset - 1 + written.image.sizeBytes).includes('c'.repeat(32))).toBe(
      false,
    );
  });

  it('notices any byte that differs', async () => {
    const directory = await temporaryDirectory();
    const written = await bundle(await appClosure(directory), join(directory, 'out'));
    const bytes = await readFile(written.file);
    const offsets = Array.from({ length: 150 }, (_, index) => Math.floor((index * (bytes.length - 1)) / 149));
    // Where the structures are dense, every byte: the end of the index, the header and the trailer.
    for (let at = bytes.length - 900; at < bytes.length; at++) offsets.push(at);
    for (const at of offsets) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      await writeFile(written.file, flipped);
      await expect(inspectBundle(written.file, { signal }), `byte ${at}`).rejects.toMatchObject({
        code: expect.stringMatching(/^(bundle-damaged|not-a-bundle|bundle-newer)$/),
      });
    }
  }, 60_000);
});

/** Decodes a bundle's frames as `zstd -d` does: from the first data frame to the end of the file. */
function decodeAll(file: Buffer, bundle: Bundle): Buffer {
  const data = file.subarray(bundle.tailOffset - 1, bundle.tailOffset - 1 + bundle.image.sizeBytes);
  return zstdDecompressSync(data);
}
