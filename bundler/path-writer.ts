import { createHash, type Hash } from 'node:crypto';
import { sha256Hex } from '../src/core/digest.ts';
import type { StorePath } from '../src/core/store-path.ts';
import type { ClosurePath, Entry } from '../src/core/types.ts';
import {
  type PathRecord,
  type PieceRecord,
  pathKey,
  readPathRecord,
  writePathRecord,
} from './cache/path-record.ts';
import type { RecordCache } from './cache/record-cache.ts';
import type { Compression } from './compression.ts';
import { type Survey, surveyPath } from './fingerprint.ts';
import { encodeSlice, placeSlice, type Slice } from './format/index-table.ts';
import type { FrameQueue } from './frame-queue.ts';
import type { TarFrame } from './frames.ts';
import { PathReader } from './path-reader.ts';
import { type Finding, RelocationScanner } from './relocation/scanner.ts';
import { FrameSharing } from './sharing.ts';

/** One store path of a written image. */
export interface WrittenPath {
  readonly storePath: StorePath;
  readonly references: readonly StorePath[];
  readonly entryCount: number;
  readonly contentBytes: number;
  readonly contentSha256: string;
  /** What in it could not be relocated. */
  readonly findings: readonly Finding[];
  readonly slice: Slice;
  /** Where its part of the tar begins, and how long it is. */
  readonly tarOffset: number;
  readonly tarBytes: number;
}

/** How store paths are written; only `compression` changes their bytes. */
export interface PathWriterOptions {
  readonly compression: Compression;
  readonly cache: RecordCache;
  /** As for `surveyPath`; the same as for the surveys that `write` is given. */
  readonly settledBeforeMs: number;
  /** `digestTarWriter()` */
  readonly tarWriter: string;
  readonly signal: AbortSignal;
}

/** The store path that is next in the image. */
export interface NextPath {
  readonly path: ClosurePath;
  readonly survey: Survey;
  /** Rows of the store paths before it. */
  readonly firstRow: number;
  readonly isLast: boolean;
}

/** How a store path joins the image. */
interface Begin {
  readonly firstRow: number;
  readonly continues: boolean;
  /** Whether the next store path may join its frame. */
  readonly isOpen: boolean;
}

/** Writes store paths one by one into the frames of an image: from what the cache knows of them, else from their files. */
export class PathWriter {
  readonly #options: PathWriterOptions;
  readonly #queue: FrameQueue;
  readonly #sharing: FrameSharing;

  constructor(options: PathWriterOptions, queue: FrameQueue) {
    this.#options = options;
    this.#queue = queue;
    this.#sharing = new FrameSharing(options.compression.frameBytes);
  }

  /**
   * Writes the next store path.
   * @throws {SaddlebagError} what reading its files throws
   */
  async write(next: NextPath): Promise<WrittenPath> {
    const { path, survey } = next;
    const tarOffset = this.#queue.tarBytes;
    const reader = new PathReader(path, this.#options.compression.frameBytes, this.#options.signal);
    const key = this.#keyOf(next);
    const known = key === null ? undefined : await readPathRecord(this.#options.cache, key);
    const estimatedTarBytes = known?.estimatedTarBytes ?? (await reader.estimateTarBytes());
    const continues = this.#continues(next, estimatedTarBytes);
    const begin = { firstRow: next.firstRow, continues, isOpen: this.#sharing.isOpen };
    if (known !== undefined) await this.#addKnown(known, reader, begin);
    const record = known ?? { ...(await this.#addFresh(path, reader, begin)), estimatedTarBytes };
    if (known === undefined && key !== null) await this.#keep(key, record, next);
    this.#queue.expectLess(survey.contentBytes - record.contentBytes);
    return {
      storePath: path.storePath,
      references: path.references,
      entryCount: record.entryCount,
      contentBytes: record.contentBytes,
      contentSha256: record.contentSha256,
      findings: record.findings,
      slice: placeSlice(record, tarOffset),
      tarOffset,
      tarBytes: record.tarBytes,
    };
  }

  #keyOf({ path, survey }: NextPath): string | null {
    const { compression, tarWriter } = this.#options;
    const { fingerprint } = survey;
    const { frameBytes } = compression;
    const { storePath, references } = path;
    return fingerprint === null
      ? null
      : pathKey({ storePath, references, fingerprint, frameBytes, tarWriter });
  }

  #continues({ path, isLast }: NextPath, estimatedTarBytes: number): boolean {
    return this.#sharing.continues({ storePath: path.storePath, estimatedTarBytes, isLast });
  }

  async #addKnown(known: PathRecord, reader: PathReader, begin: Begin): Promise<void> {
    for (const [index, piece] of known.pieces.entries()) {
      await this.#queue.add({
        ...piece,
        firstRow: begin.firstRow + piece.firstRow,
        continues: begin.continues && index === 0,
        isOpen: begin.isOpen,
        read: () => reader.piece(index, known.pieces),
      });
    }
  }

  async #addFresh(
    path: ClosurePath,
    reader: PathReader,
    begin: Begin,
  ): Promise<Omit<PathRecord, 'estimatedTarBytes'>> {
    const entries = await reader.entries();
    const hash = createHash('sha256');
    const dataOffsets = new Array<number>(entries.length).fill(0);
    const pieces: PieceRecord[] = [];
    const scanner = new RelocationScanner(path, entries);
    let tarBytes = 0;
    for await (const frame of reader.frames()) {
      noteContents(frame, tarBytes, dataOffsets);
      scanner.take(frame);
      const piece = describePiece(frame, hash);
      await this.#queue.add({
        ...piece,
        firstRow: begin.firstRow + piece.firstRow,
        continues: begin.continues && pieces.length === 0,
        isOpen: begin.isOpen,
        read: async () => frame.tar,
      });
      pieces.push(piece);
      tarBytes += piece.tarBytes;
    }
    return {
      entryCount: entries.length,
      contentBytes: contentBytesOf(entries),
      tarBytes,
      contentSha256: hash.digest('hex'),
      pieces,
      findings: await scanner.end(this.#options.signal),
      ...encodeSlice(path.storePath.slice(1), entries, dataOffsets),
    };
  }

  /** Keeps what was found out, unless the files changed meanwhile: then nobody knows which of both was read. */
  async #keep(key: string, record: PathRecord, { path, survey }: NextPath): Promise<void> {
    const again = await surveyPath(path, this.#options);
    if (again.fingerprint === survey.fingerprint) await writePathRecord(this.#options.cache, key, record);
  }
}

function describePiece({ tar, group }: TarFrame, hash: Hash): PieceRecord {
  hash.update(tar);
  const contentBytes = Math.min(contentBytesOf(group.entries), tar.length);
  return { tarBytes: tar.length, sha256: sha256Hex(tar), firstRow: group.first, contentBytes };
}

function contentBytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.sizeBytes : 0), 0);
}

/** Notes where contents begin in the store path's part of the tar, of which `tarBytes` came before this frame. */
function noteContents(frame: TarFrame, tarBytes: number, dataOffsets: number[]): void {
  for (const [index, offset] of frame.contentOffsets.entries()) {
    const entry = frame.group.entries[index];
    if (entry?.kind === 'file' && entry.sizeBytes > 0) {
      dataOffsets[frame.group.first + index] = tarBytes + offset;
    }
  }
}
