import { sha256Hex } from '../src/core/digest.ts';
import type { Reporter } from '../src/core/reporter.ts';
import type { Closure } from '../src/core/types.ts';
import type { RecordCache } from './cache/record-cache.ts';
import type { Compression } from './compression.ts';
import { type ClosureSurvey, surveyClosure, unknownSurvey } from './fingerprint.ts';
import type { FrameRecord } from './format/index-table.ts';
import { FrameQueue, type Sink, type TarPiece } from './frame-queue.ts';
import { PathWriter, type WrittenPath } from './path-writer.ts';
import { hashesOf } from './references.ts';
import { digestTarWriter, tarEnd } from './tar.ts';

/** How an image is written; only `compression` changes its bytes. */
export interface ImageOptions {
  readonly compression: Compression;
  /** Frames compressed at once; changes no byte. */
  readonly jobs: number;
  /** What earlier runs found out; changes no byte. */
  readonly cache: RecordCache;
  /** Of the closure, where someone looked at it already. */
  readonly survey?: ClosureSurvey;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
}

/** The frames that went into the sink, and all that the index must say of them. */
export interface WrittenImage {
  readonly paths: readonly WrittenPath[];
  readonly frames: readonly FrameRecord[];
  readonly dataBytes: number;
  readonly tarBytes: number;
  readonly contentBytes: number;
}

/**
 * Writes a closure's store paths, in their order, as zstd frames of one tar. A store path whose files are as they were in
 * an earlier run is not read again, a frame whose tar is as it was not compressed again. Memory depends on `jobs`, the size
 * of a frame and the number of entries of the largest store path, and on the rest of the closure only by its index.
 * @throws {SaddlebagError} what reading the closure's files throws
 */
export async function writeImage(closure: Closure, options: ImageOptions, sink: Sink): Promise<WrittenImage> {
  const { settledBeforeMs, paths: surveys } =
    options.survey ?? (await surveyClosure(closure, options.signal));
  const totalBytes = [...surveys.values()].reduce((sum, { contentBytes }) => sum + contentBytes, 0);
  const hashes = hashesOf(closure.paths.map(({ storePath }) => storePath));
  const queue = new FrameQueue({ ...options, totalBytes, hashes }, sink);
  const writer = new PathWriter({ ...options, settledBeforeMs, tarWriter: await digestTarWriter() }, queue);
  const paths: WrittenPath[] = [];
  let firstRow = 0;
  for (const [index, path] of closure.paths.entries()) {
    const survey = surveys.get(path.storePath) ?? unknownSurvey;
    const isLast = index === closure.paths.length - 1;
    const written = await writer.write({ path, survey, firstRow, isLast });
    firstRow += written.entryCount;
    paths.push(written);
  }
  await queue.add(endPiece(firstRow));
  await queue.drain();
  return {
    paths,
    frames: queue.frames,
    dataBytes: queue.dataBytes,
    tarBytes: queue.tarBytes,
    contentBytes: paths.reduce((sum, path) => sum + path.contentBytes, 0),
  };
}

function endPiece(firstRow: number): TarPiece {
  const sha256 = sha256Hex(tarEnd);
  const read = async () => tarEnd;
  return {
    tarBytes: tarEnd.length,
    sha256,
    read,
    firstRow,
    contentBytes: 0,
    continues: false,
    isOpen: false,
  };
}
