import { createHash, randomBytes } from 'node:crypto';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { compressFrame } from '../../bundler/compression.ts';
import { findHashes, type Hashes, hashesOf, hideHashes, placeCuts } from '../../bundler/references.ts';
import { parseStorePath } from '../../src/core/store-path.ts';

const first = parseStorePath('/nix/store/f45gsdgzxjmlkpkp22ymh2hcp01s1rlj-one');
const second = parseStorePath('/nix/store/0ix55801kvwscqm4766j545jdlszmccp-two');
const hashes = hashesOf([first, second]);
const compression = { level: 19, frameBytes: 1 << 20 };

/** Bytes that no encoder makes smaller, the same in each run. */
function noise(length: number): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < length; at += 32) parts.push(createHash('sha256').update(String(at)).digest());
  return Buffer.concat(parts).subarray(0, length);
}

describe('findHashes', () => {
  it.each([
    ['at the start', '', ''],
    ['at the end of 32 bytes that are none', '\n'.repeat(32), ''],
    ['behind digits', 'abc123', 'xyz'],
    ['behind 31 digits', '1'.repeat(31), ''],
  ])('finds one %s', (_, before, after) => {
    const hash = '0123456789abcdfghijklmnpqrsvwxyz';
    const bytes = Buffer.from(`${before}${hash}${after}`);
    expect(findHashes(bytes, new Set([hash]))).toEqual([{ at: before.length, hash }]);
  });

  it('finds each of several, and none that it was not asked for', () => {
    const text = `${first} ${'1'.repeat(32)}-c ${second.slice(0, -5)} ${second}`;
    expect(findHashes(Buffer.from(text), hashes).map(({ at }) => at)).toEqual([
      text.indexOf('f45'),
      text.lastIndexOf('0ix'),
    ]);
  });
});

/** Compresses a frame as the frames of a closure with these hashes are. */
function compressHiding(tar: Buffer, closure: Hashes): Promise<Buffer> {
  return hideHashes(closure, (cutting) => compressFrame(tar, compression, placeCuts(tar, cutting)));
}

describe('hideHashes', () => {
  it.each([
    ['a few bytes', Buffer.from(`#!${first}/bin/sh\n`)],
    ['what cannot be compressed', Buffer.concat([noise(300_000), Buffer.from(first), noise(300_000)])],
    [
      'many places',
      Buffer.concat(
        Array.from({ length: 40 }, (_, index) =>
          Buffer.concat([noise(5000 + index), Buffer.from(`${index % 3 ? first : second}/${index}`)]),
        ),
      ),
    ],
  ])('keeps hashes out of the frame of %s, and every byte in it', async (_, tar) => {
    const frame = await compressHiding(tar, hashes);
    // Without this the test would show nothing: the hash does stand in the plain frame.
    expect(findHashes(await compressHiding(tar, new Set()), hashes)).not.toEqual([]);
    expect(findHashes(frame, hashes)).toEqual([]);
    expect(zstdDecompressSync(frame).equals(tar)).toBe(true);
    expect(frame.equals(await compressHiding(tar, hashes))).toBe(true);
    // One frame, not several.
    expect(frame.lastIndexOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))).toBe(0);
    // Content size and checksum are still there: the frame header's descriptor. Source: RFC 8878, 3.1.1.1.1.
    const descriptor = frame[4] ?? 0;
    expect([descriptor & 0x04, descriptor & 0x20]).toEqual([0x04, 0x20]);
  });

  it('changes nothing where there is nothing to hide', async () => {
    const tar = Buffer.concat([randomBytes(1000), Buffer.alloc(100_000, 'text ')]);
    expect(await compressHiding(tar, hashes)).toEqual(await compressHiding(tar, new Set()));
  });
});
