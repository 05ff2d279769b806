import { createHash } from 'node:crypto';
import type { Reporter } from '../src/core/reporter.ts';
import type { StorePath } from '../src/core/store-path.ts';
import type { Closure, ClosurePath, Entry } from '../src/core/types.ts';
import type { Compression } from './compression.ts';
import { readEntries } from './entries.ts';
import { encodeSlice, type FrameRecord, type Slice } from './format/index-table.ts';
import { FrameQueue, type Sink } from './frame-queue.ts';
import { planGroups, type TarFrame, tarFrames } from './frames.ts';
import { hashesOf } from './references.ts';
import { planSharing } from './sharing.ts';
import { tarEnd } from './tar.ts';

/** How an image is written; only `compression` changes its bytes. */
export interface ImageOptions {
  readonly compression: Compression;
  /** Frames compressed at once; changes no byte. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
}

/** One store path of a written image. */
export interface WrittenPath {
  readonly storePath: StorePath;
  readonly references: readonly StorePath[];
  readonly entryCount: number;
  readonly contentBytes: number;
  readonly contentSha256: string;
  readonly slice: Slice;
  /** Where its part of the tar begins, and how long it is. */
  readonly tarOffset: number;
  readonly tarBytes: number;
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
 * Writes a closure's store paths, in their order, as zstd frames of one tar. Memory depends on `jobs` and the size of a
 * frame, not on the closure, but for some hundred bytes an entry.
 * @throws {SaddlebagError} what reading the closure's files throws
 */
export async function writeImage(closure: Closure, options: ImageOptions, sink: Sink): Promise<WrittenImage> {
  const trees: Tree[] = [];
  for (const path of closure.paths) {
    trees.push({ path, entries: await readEntries(path, options.signal) });
  }
  const totalBytes = trees.reduce((sum, { entries }) => sum + contentBytesOf(entries), 0);
  const hashes = hashesOf(closure.paths.map(({ storePath }) => storePath));
  const queue = new FrameQueue({ ...options, totalBytes, hashes }, sink);
  const paths: WrittenPath[] = [];
  const sharing = planSharing(trees, options.compression.frameBytes);
  let firstRow = 0;
  for (const [index, tree] of trees.entries()) {
    paths.push(await writePath({ ...tree, firstRow, continues: sharing[index] ?? false }, options, queue));
    firstRow += tree.entries.length;
  }
  await queue.add({ tar: tarEnd, firstRow, contentBytes: 0, continues: false });
  await queue.drain();
  return {
    paths,
    frames: queue.frames,
    dataBytes: queue.dataBytes,
    tarBytes: queue.tarBytes,
    contentBytes: paths.reduce((sum, path) => sum + path.contentBytes, 0),
  };
}

interface Tree {
  readonly path: ClosurePath;
  readonly entries: readonly Entry[];
}

interface PlacedTree extends Tree {
  readonly firstRow: number;
  /** Begins in the frame of the store path before it. */
  readonly continues: boolean;
}

function contentBytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.sizeBytes : 0), 0);
}

async function writePath(
  tree: PlacedTree,
  { compression, signal }: ImageOptions,
  queue: FrameQueue,
): Promise<WrittenPath> {
  const { path, entries, firstRow } = tree;
  const tarOffset = queue.tarBytes;
  const hash = createHash('sha256');
  const dataOffsets = new Array<number>(entries.length).fill(0);
  for (const group of planGroups(entries, compression.frameBytes)) {
    const contentBytes = contentBytesOf(group.entries);
    for await (const frame of tarFrames(group, compression.frameBytes, signal)) {
      noteContents(frame, queue.tarBytes, dataOffsets);
      hash.update(frame.tar);
      await queue.add({
        tar: frame.tar,
        firstRow: firstRow + group.first,
        contentBytes: Math.min(contentBytes, frame.tar.length),
        continues: tree.continues && queue.tarBytes === tarOffset,
      });
    }
  }
  return {
    storePath: path.storePath,
    references: path.references,
    entryCount: entries.length,
    contentBytes: contentBytesOf(entries),
    contentSha256: hash.digest('hex'),
    slice: encodeSlice(path.storePath.slice(1), entries, dataOffsets),
    tarOffset,
    tarBytes: queue.tarBytes - tarOffset,
  };
}

function noteContents(frame: TarFrame, tarOffset: number, dataOffsets: number[]): void {
  for (const [index, offset] of frame.contentOffsets.entries()) {
    const entry = frame.group.entries[index];
    if (entry?.kind === 'file' && entry.sizeBytes > 0) {
      dataOffsets[frame.group.first + index] = tarOffset + offset;
    }
  }
}
