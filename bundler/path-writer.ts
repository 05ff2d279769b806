import type { StorePath } from '../src/core/store-path.ts';
import type { ClosurePath } from '../src/core/types.ts';
import { type PathRecord, pathKey, readPathRecord, writePathRecord } from './cache/path-record.ts';
import type { RecordCache } from './cache/record-cache.ts';
import { type Compression, pieceBytesOf } from './compression.ts';
import { type Survey, surveyPath } from './fingerprint.ts';
import { placeSlice, type Slice } from './format/index-table.ts';
import { FramePlan } from './frame-plan.ts';
import type { FrameQueue } from './frame-queue.ts';
import { freeBuffer } from './large-buffer.ts';
import { type PathContents, readContents } from './path-contents.ts';
import { PathReader } from './path-reader.ts';
import type { Finding } from './relocation/scanner.ts';
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
    const reader = new PathReader(path, pieceBytesOf(this.#options.compression), this.#options.signal);
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
    const { storePath, references } = path;
    return fingerprint === null
      ? null
      : pathKey({ storePath, references, fingerprint, compression, tarWriter });
  }

  #continues({ path, isLast }: NextPath, estimatedTarBytes: number): boolean {
    return this.#sharing.continues({ storePath: path.storePath, estimatedTarBytes, isLast });
  }

  async #addKnown(known: PathContents, reader: PathReader, begin: Begin): Promise<void> {
    for (const [index, piece] of known.pieces.entries()) {
      await this.#queue.add({
        ...piece,
        firstRow: begin.firstRow + piece.firstRow,
        continues: index === 0 ? begin.continues : piece.joins,
        isOpen: known.pieces[index + 1]?.joins ?? begin.isOpen,
        read: () => reader.piece(index, known.pieces),
      });
    }
  }

  async #addFresh(path: ClosurePath, reader: PathReader, begin: Begin): Promise<PathContents> {
    const { compression, signal } = this.#options;
    const { frameBytes, joining } = compression;
    if (joining !== undefined) {
      const plan = new FramePlan(frameBytes, joining);
      const contents = await readContents(path, { reader, signal }, async (_, tar) => {
        plan.add(tar);
        freeBuffer(tar);
      });
      // Later pieces decide on the frames of those before: all are read once more, and no frame waits in memory for that.
      const known = { ...contents, pieces: plan.apply(contents.pieces) };
      await this.#addKnown(known, reader, begin);
      return known;
    }
    let { continues } = begin;
    return readContents(path, { reader, signal }, async (piece, tar) => {
      const firstRow = begin.firstRow + piece.firstRow;
      await this.#queue.add({ ...piece, firstRow, continues, isOpen: begin.isOpen, read: async () => tar });
      continues = false;
    });
  }

  /** Keeps what was found out, unless the files changed meanwhile: then nobody knows which of both was read. */
  async #keep(key: string, record: PathRecord, { path, survey }: NextPath): Promise<void> {
    const again = await surveyPath(path, this.#options);
    if (again.fingerprint === survey.fingerprint) await writePathRecord(this.#options.cache, key, record);
  }
}
