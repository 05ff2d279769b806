import { versions } from 'node:process';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { constants, createZstdCompress, type ZstdOptions, zstdCompress } from 'node:zlib';
import { cutHashes, findHashes, type Hashes } from './references.ts';

/** How hard frames are compressed. */
export interface Compression {
  /** zstd's, 1 to 22. */
  readonly level: number;
  /** Nominal bytes of tar in a frame: more compresses better, fewer start and share better. */
  readonly frameBytes: number;
}

/** Names a level of `--compress`. */
export type CompressionName = 'fast' | 'balanced' | 'small';

const mebibyte = 1024 * 1024;

/** The levels of `--compress`; docs/decisions.md has the measurements that chose them. */
export const compressions: Readonly<Record<CompressionName, Compression>> = {
  fast: { level: 3, frameBytes: mebibyte },
  balanced: { level: 12, frameBytes: 4 * mebibyte },
  small: { level: 19, frameBytes: 16 * mebibyte },
};

/** Names the encoder, whose version decides the bytes: `zstd 1.5.7 level 16`. */
export function describeEncoder(compression: Compression): string {
  return `zstd ${versions.zstd ?? 'of unknown version'} level ${compression.level}`;
}

const compress = promisify(zstdCompress);

/**
 * Compresses one frame on a thread of the pool, with its content size and a checksum. None of `hashes` stands in it in
 * clear: zstd keeps literals as they are where coding them gains nothing, and Nix would take those for references.
 */
export async function compressFrame(tar: Buffer, compression: Compression, hashes: Hashes): Promise<Buffer> {
  // zstdCompressSync gives other bytes.
  let frame: Buffer = await compress(tar, frameOptions(tar, compression));
  const clear = new Set<string>();
  let cuts: readonly number[] = [];
  // What is said a second time is a copy of the first to zstd, so the first place is nearly always the one.
  for (let count = 1; ; count *= 2) {
    const found = findHashes(frame, hashes);
    if (found.length === 0) return frame;
    for (const { hash } of found) clear.add(hash);
    const next = cutHashes(tar, clear, count);
    if (next.length === cuts.length) throw new Error(`the hash ${found[0]?.hash} cannot be hidden`);
    cuts = next;
    frame = await compressInBlocks(tar, cuts, compression);
  }
}

/** Compresses one frame in which a block ends at each of `cuts`: no run of literals reaches over it. */
async function compressInBlocks(
  tar: Buffer,
  cuts: readonly number[],
  compression: Compression,
): Promise<Buffer> {
  // Ended by hand: after a flush, the stream's own end would add an empty frame.
  const encoder = createZstdCompress({
    ...frameOptions(tar, compression),
    finishFlush: constants.ZSTD_e_continue,
  });
  const output = buffer(encoder);
  let start = 0;
  for (const end of [...cuts, tar.length]) {
    encoder.write(tar.subarray(start, end));
    encoder.flush(end === tar.length ? constants.ZSTD_e_end : constants.ZSTD_e_flush);
    start = end;
  }
  encoder.end();
  return output;
}

function frameOptions(tar: Buffer, compression: Compression): ZstdOptions {
  return {
    params: {
      [constants.ZSTD_c_compressionLevel]: compression.level,
      [constants.ZSTD_c_contentSizeFlag]: 1,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
    // Without it the content size would be missing from the frame.
    pledgedSrcSize: tar.length,
  };
}
