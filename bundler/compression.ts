import { constrainedMemory, versions } from 'node:process';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { constants, createZstdCompress, type ZstdOptions, zstdCompress } from 'node:zlib';

/** How hard frames are compressed. */
export interface Compression {
  /** zstd's, 1 to 22. */
  readonly level: number;
  /** Where it departs from its level: zstd's advanced parameters. */
  readonly tuning?: Tuning;
  /** Nominal bytes of tar in a frame: more compresses better, fewer start and share better. */
  readonly frameBytes: number;
}

/** Names a level of `--compress`. */
export type CompressionName = 'fast' | 'balanced' | 'small';

/** Source: zstd.h, "Advanced compression API". */
const tuningParameters = {
  minMatch: constants.ZSTD_c_minMatch,
  hashLog: constants.ZSTD_c_hashLog,
  chainLog: constants.ZSTD_c_chainLog,
} as const;

type Tuning = Readonly<Partial<Record<keyof typeof tuningParameters, number>>>;

const mebibyte = 1024 * 1024;

/** The levels of `--compress`; docs/decisions.md has the measurements that chose them. */
export const compressions: Readonly<Record<CompressionName, Compression>> = {
  fast: { level: 3, frameBytes: mebibyte },
  balanced: { level: 12, tuning: { minMatch: 4, hashLog: 21 }, frameBytes: 4 * mebibyte },
  small: { level: 19, tuning: { hashLog: 20, chainLog: 23 }, frameBytes: 16 * mebibyte },
};

/** Names the encoder, all of which decides the bytes: `zstd 1.5.7 level 12 minMatch 4 hashLog 21`. */
export function describeEncoder({ level, tuning = {} }: Compression): string {
  const departures = Object.entries(tuning).map(([name, value]) => ` ${name} ${value}`);
  return `zstd ${versions.zstd ?? 'of unknown version'} level ${level}${departures.join('')}`;
}

/** What the frames on their way may take together, in bytes, on a machine with little memory. */
const leastMemoryBytes = 192 * mebibyte;

/**
 * Says how many frames to compress at once: one a processor, unless that would take more than a sixteenth of the memory.
 */
export function chooseJobs(
  { level, frameBytes }: Compression,
  machine: { readonly processors: number; readonly memoryBytes: number },
): number {
  // Measured: the tar, what comes of it, and zstd's own tables, most of them from level 13 on.
  const jobBytes = 2 * frameBytes + (level > 12 ? 64 : 24) * mebibyte;
  // A container's limit; 0 or beyond all bounds where there is none.
  const limitBytes = constrainedMemory() || machine.memoryBytes;
  const memoryBytes = Math.max(leastMemoryBytes, Math.min(limitBytes, machine.memoryBytes) / 16);
  return Math.max(1, Math.min(machine.processors, Math.floor(memoryBytes / jobBytes)));
}

const compress = promisify(zstdCompress);

/**
 * Compresses one frame on a thread of the pool, with its content size and a checksum. A block ends at each of `cuts`, which
 * are offsets in `tar` in their order: no run of literals reaches over it.
 */
export async function compressFrame(
  tar: Buffer,
  compression: Compression,
  cuts: readonly number[] = [],
): Promise<Buffer> {
  // zstdCompressSync gives other bytes.
  if (cuts.length === 0) return compress(tar, frameOptions(tar, compression));
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

function frameOptions(tar: Buffer, { level, tuning = {} }: Compression): ZstdOptions {
  const tuned = Object.entries(tuning).map(([name, value]) => [
    tuningParameters[name as keyof Tuning],
    value,
  ]);
  return {
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      [constants.ZSTD_c_contentSizeFlag]: 1,
      [constants.ZSTD_c_checksumFlag]: 1,
      ...Object.fromEntries(tuned),
    },
    // Without it the content size would be missing from the frame.
    pledgedSrcSize: tar.length,
    // Each chunk of output is a way to the main thread and back, which may be busy.
    chunkSize: Math.max(minimumChunkBytes, tar.length),
  };
}

const minimumChunkBytes = 16 * 1024;
