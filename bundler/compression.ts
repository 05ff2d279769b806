import { versions } from 'node:process';
import { promisify } from 'node:util';
import { constants, zstdCompress } from 'node:zlib';

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
 * Compresses one frame on a thread of the pool, with its content size and a checksum.
 */
export async function compressFrame(tar: Buffer, compression: Compression): Promise<Buffer> {
  // zstdCompressSync gives other bytes. Without the pledged size the content size would be missing from the frame.
  return compress(tar, {
    params: {
      [constants.ZSTD_c_compressionLevel]: compression.level,
      [constants.ZSTD_c_contentSizeFlag]: 1,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
    pledgedSrcSize: tar.length,
  });
}
