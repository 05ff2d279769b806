import { constants, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readZstdFrame } from '../../bundler/format/zstd-frame.ts';

const content = Buffer.from('content\n'.repeat(40_000));

function compress(
  options: { readonly checksum?: number; readonly size?: number; readonly windowLog?: number } = {},
) {
  return zstdCompressSync(content, {
    params: {
      [constants.ZSTD_c_checksumFlag]: options.checksum ?? 1,
      [constants.ZSTD_c_contentSizeFlag]: options.size ?? 1,
      ...(options.windowLog === undefined ? {} : { [constants.ZSTD_c_windowLog]: options.windowLog }),
    },
    pledgedSrcSize: content.length,
  });
}

describe('the outside of a zstd frame', () => {
  it.each([undefined, 10, 17])(
    'says where it ends, and how long its content is (window 2^%s)',
    (windowLog) => {
      const frame = compress(windowLog === undefined ? {} : { windowLog });
      const expected = { bytes: frame.length, contentBytes: content.length };
      expect(readZstdFrame(frame)).toEqual(expected);
      expect(readZstdFrame(Buffer.concat([frame, frame]))).toEqual(expected);
    },
  );

  it('is refused without a checksum, without a size, cut off, or with another magic', () => {
    const frame = compress();
    expect(readZstdFrame(compress({ checksum: 0 }))).toBeUndefined();
    expect(readZstdFrame(compress({ size: 0 }))).toBeUndefined();
    for (const length of [0, 4, 5, 8]) expect(readZstdFrame(frame.subarray(0, length))).toBeUndefined();
    expect(readZstdFrame(Buffer.concat([Buffer.from([0]), frame]))).toBeUndefined();
  });
});
