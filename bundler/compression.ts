import { once } from 'node:events';
import { versions } from 'node:process';
import { buffer } from 'node:stream/consumers';
import { constants, createZstdCompress, type ZstdOptions } from 'node:zlib';
import { sha256Hex } from '../src/core/digest.ts';
import { readZstdFrame } from './format/zstd-frame.ts';
import { roomFor } from './large-buffer.ts';

/** How hard frames are compressed. */
export interface Compression {
  /** zstd's, 1 to 22. */
  readonly level: number;
  /** Where it departs from its level: zstd's advanced parameters. */
  readonly tuning?: Tuning;
  /** The same for frames that mostly hold machine code, compiled modules and the like, instead of `tuning`. */
  readonly codeTuning?: Tuning;
  /** Nominal bytes of tar in a frame: more compresses better, fewer start and share better. */
  readonly frameBytes: number;
  /** Where frames are longer if the same stands in them again; missing where none are. */
  readonly joining?: Joining;
}

/** How pieces of a store path's tar are joined to frames. */
export interface Joining {
  /** Nominal bytes of tar in a piece, at most those of a frame. */
  readonly pieceBytes: number;
  /** Bytes of tar in the longest frame. */
  readonly mostBytes: number;
  /** For frames longer than usual, instead of `tuning`. */
  readonly tuning: Tuning;
}

/** Nominal bytes of a piece, which is a frame where none are joined. */
export function pieceBytesOf({ frameBytes, joining }: Compression): number {
  return joining?.pieceBytes ?? frameBytes;
}

/** Half of what the longest frame may hold, as the header has it. */
export function headerFrameBytes({ frameBytes, joining }: Compression): number {
  return Math.max(frameBytes, Math.ceil((joining?.mostBytes ?? 0) / 2));
}

/** Names a level of `--compress`. */
export type CompressionName = 'fast' | 'balanced' | 'small';

/** Source: zstd.h, "Advanced compression API". */
const tuningParameters = {
  windowLog: constants.ZSTD_c_windowLog,
  minMatch: constants.ZSTD_c_minMatch,
  hashLog: constants.ZSTD_c_hashLog,
  chainLog: constants.ZSTD_c_chainLog,
  searchLog: constants.ZSTD_c_searchLog,
  targetLength: constants.ZSTD_c_targetLength,
  strategy: constants.ZSTD_c_strategy,
  enableLongDistanceMatching: constants.ZSTD_c_enableLongDistanceMatching,
  ldmHashLog: constants.ZSTD_c_ldmHashLog,
  ldmHashRateLog: constants.ZSTD_c_ldmHashRateLog,
} as const;

type Tuning = Readonly<Partial<Record<keyof typeof tuningParameters, number>>>;

const mebibyte = 1024 * 1024;

// The window is that of the longest frame: its level's own ends at 8 MiB. With room for that, the tables are over 32 MiB,
// from where on malloc gives back at once what is freed.
const smallTuning: Tuning = { windowLog: 26, hashLog: 21, chainLog: 22 };

/** The levels of `--compress`; docs/decisions.md has the measurements that chose them. */
export const compressions: Readonly<Record<CompressionName, Compression>> = {
  fast: { level: 3, frameBytes: mebibyte },
  balanced: {
    level: 12,
    tuning: { minMatch: 4, hashLog: 21 },
    codeTuning: {
      strategy: constants.ZSTD_btopt,
      minMatch: 3,
      searchLog: 1,
      targetLength: 16,
      hashLog: 17,
      chainLog: 18,
    },
    frameBytes: 4 * mebibyte,
  },
  small: {
    level: 19,
    tuning: smallTuning,
    frameBytes: 16 * mebibyte,
    joining: {
      pieceBytes: 8 * mebibyte,
      mostBytes: 64 * mebibyte,
      tuning: { ...smallTuning, enableLongDistanceMatching: 1, ldmHashRateLog: 7, ldmHashLog: 19 },
    },
  },
};

/** Names the encoder: `zstd 1.5.7 level 19`, with `tuned` behind it where it departs from its level. */
export function describeEncoder({ level, tuning }: Compression): string {
  return `zstd ${versions.zstd ?? 'of unknown version'} level ${level}${tuning === undefined ? '' : ' tuned'}`;
}

/** Names it in a bundle, where frames of one name and one content have the same bytes. */
export function nameEncoder(compression: Compression): string {
  return `${describeEncoder(compression)} ${sha256Hex(encoderKey(compression)).slice(0, 8)}`;
}

/** Raised when the same parameters give other bytes. */
const encoderVersion = 2;

/** Returns a text that differs where the same tar would be compressed to other bytes. */
export function encoderKey({ level, tuning, codeTuning, frameBytes, joining }: Compression): string {
  const long = joining && [frameBytes, joining.tuning];
  return JSON.stringify([
    encoderVersion,
    versions.zstd,
    level,
    tuning,
    codeTuning,
    codePart,
    codeStride,
    long,
  ]);
}

// From this part of bytes on that no text has, what finds short matches gains most; below, it loses.
const codePart = 0.2;
// So many bytes apart a look is taken; odd, for much that is compiled repeats every 8.
const codeStride = 7;

/** Says whether bytes are mostly code: by those beyond ASCII and by control characters, but not by zeros. */
function isMostlyCode(tar: Buffer): boolean {
  let count = 0;
  for (let at = 0; at < tar.length; at += codeStride) {
    const byte = tar[at] ?? 0;
    if (byte >= 0x80 || (byte > 0 && byte < 9)) count += 1;
  }
  return count * codeStride > tar.length * codePart;
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
  const jobBytes = 2 * frameBytes + (level > 12 ? 48 : 24) * mebibyte;
  const memoryBytes = Math.max(leastMemoryBytes, machine.memoryBytes / 16);
  return Math.max(1, Math.min(machine.processors, Math.floor(memoryBytes / jobBytes)));
}

/**
 * Compresses one frame on a thread of the pool, with its content size and a checksum. A block ends at each of `cuts`, which
 * are offsets in `tar` in their order: no run of literals reaches over it.
 */
export async function compressFrame(
  tar: Buffer,
  compression: Compression,
  cuts: readonly number[] = [],
): Promise<Buffer> {
  const options = frameOptions(tar, compression);
  return cuts.length === 0 ? compressWhole(tar, options) : compressCut(tar, options, cuts);
}

/**
 * Compresses from where the tar lies: zstd is told with the bytes that the frame ends there. `zstdCompress` tells it
 * afterwards, and so zstd keeps a copy of its window, which is as long as the frame.
 */
async function compressWhole(tar: Buffer, options: ZstdOptions): Promise<Buffer> {
  const encoder = createZstdCompress({ ...options, flush: constants.ZSTD_e_end });
  encoder.write(tar);
  const [frame] = (await once(encoder, 'data')) as [Buffer];
  // Not ended: that would add an empty frame.
  encoder.destroy();
  if (readZstdFrame(frame)?.bytes !== frame.length) throw new Error('zstd gave a frame in parts');
  return frame;
}

async function compressCut(tar: Buffer, options: ZstdOptions, cuts: readonly number[]): Promise<Buffer> {
  // Ended by hand: after a flush, the stream's own end would add an empty frame.
  const encoder = createZstdCompress({ ...options, finishFlush: constants.ZSTD_e_continue });
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

function tuningFor(tar: Buffer, { tuning, codeTuning, frameBytes, joining }: Compression): Tuning {
  if (joining !== undefined && tar.length > frameBytes) return joining.tuning;
  return (codeTuning !== undefined && isMostlyCode(tar) ? codeTuning : tuning) ?? {};
}

function frameOptions(tar: Buffer, compression: Compression): ZstdOptions {
  const tuned = Object.entries(tuningFor(tar, compression)).map(([name, value]) => [
    tuningParameters[name as keyof Tuning],
    value,
  ]);
  return {
    params: {
      [constants.ZSTD_c_compressionLevel]: compression.level,
      [constants.ZSTD_c_contentSizeFlag]: 1,
      [constants.ZSTD_c_checksumFlag]: 1,
      ...Object.fromEntries(tuned),
    },
    // Without it the content size would be missing from the frame.
    pledgedSrcSize: tar.length,
    // One that surely suffices: what stays empty of it takes no memory, and further chunks would each be a way to the main
    // thread and back, which may be busy.
    chunkSize: roomFor(boundOf(tar.length)),
  };
}

/** At most so many bytes come of compressing. Source: zstd.h, ZSTD_COMPRESSBOUND. */
function boundOf(tarBytes: number): number {
  const small = 128 * 1024;
  return tarBytes + (tarBytes >> 8) + (tarBytes < small ? (small - tarBytes) >> 11 : 0);
}
