import type { Reporter } from '../src/core/reporter.ts';
import { frameKey } from './cache/path-record.ts';
import type { RecordCache } from './cache/record-cache.ts';
import { type Compression, compressFrame } from './compression.ts';
import type { FrameRecord } from './format/index-table.ts';
import { allocateBuffer, freeBuffer } from './large-buffer.ts';
import { type Hashes, hideHashes, placeCuts } from './references.ts';

/** Takes the bytes of a file from first to last; they hold until it is done with them. */
export type Sink = (bytes: Buffer) => Promise<void>;

// What frames on their way may hold of tar, in usual frames a job: some are longer.
const frameRoom = 1.5;

/** How frames are compressed, and whom to tell. */
export interface FrameQueueOptions {
  readonly compression: Compression;
  /** Of the closure's store paths; they are kept out of the frames' bytes. */
  readonly hashes: Hashes;
  readonly jobs: number;
  /** Where compressed frames are found and kept. */
  readonly cache: RecordCache;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
  /** Bytes of content to come, for the progress. */
  readonly totalBytes: number;
}

interface FrameInFlight {
  readonly compressed: Promise<Buffer>;
  readonly record: Omit<FrameRecord, 'offset' | 'bytes'>;
  readonly contentBytes: number;
}

/** A piece of tar, and where it goes. */
export interface TarPiece {
  readonly tarBytes: number;
  /** SHA-256 of the tar, in hex. */
  readonly sha256: string;
  /** Gives the tar, which is then the caller's, to release; asked only where the frame is not in the cache. */
  readonly read: () => Promise<Buffer>;
  /** Of the image, the first row that may have content in it. */
  readonly firstRow: number;
  /** For the progress alone. */
  readonly contentBytes: number;
  /** Joins the frame of the piece before it instead of beginning one. */
  readonly continues: boolean;
  /** Whether the next piece may join its frame; else that is compressed at once, and no two wait in memory. */
  readonly isOpen: boolean;
}

interface OpenFrame {
  readonly tarOffset: number;
  readonly firstRow: number;
  readonly pieces: TarPiece[];
}

/**
 * Compresses up to `jobs` frames at once and writes them in the order in which they came. Frames much longer than usual
 * count for several.
 */
export class FrameQueue {
  readonly frames: FrameRecord[] = [];
  dataBytes = 0;
  /** Of all pieces so far: where the next one begins in the tar. */
  tarBytes = 0;
  readonly #inFlight: FrameInFlight[] = [];
  readonly #options: FrameQueueOptions;
  readonly #sink: Sink;
  #open: OpenFrame | undefined;
  #doneBytes = 0;
  #droppedBytes = 0;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(options: FrameQueueOptions, sink: Sink) {
    this.#options = options;
    this.#sink = sink;
  }

  /** Takes a piece over. Waits while `jobs` frames are on their way. */
  async add(piece: TarPiece): Promise<void> {
    this.#options.signal.throwIfAborted();
    if (!piece.continues) await this.#close();
    this.#open ??= { tarOffset: this.tarBytes, firstRow: piece.firstRow, pieces: [] };
    this.#open.pieces.push(piece);
    this.tarBytes += piece.tarBytes;
    if (!piece.isOpen) await this.#close();
  }

  /** Takes back a part of the bytes of content to come: files that turned out to equal others. */
  expectLess(contentBytes: number): void {
    this.#droppedBytes += contentBytes;
  }

  /** Writes all that was added. */
  async drain(): Promise<void> {
    await this.#close();
    while (this.#inFlight.length > 0) await this.#writeOldest();
  }

  async #close(): Promise<void> {
    const frame = this.#open;
    if (frame === undefined) return;
    this.#open = undefined;
    const tarBytes = frame.pieces.reduce((sum, piece) => sum + piece.tarBytes, 0);
    while (!this.#hasRoom(tarBytes)) await this.#writeOldest();
    const contentBytes = frame.pieces.reduce((sum, piece) => sum + piece.contentBytes, 0);
    const compressed = this.#compress(frame.pieces);
    // Awaited in order, later; without a handler a failure meanwhile would end the process.
    compressed.catch(() => undefined);
    const record = { tarOffset: frame.tarOffset, tarBytes, firstRow: frame.firstRow };
    this.#inFlight.push({ compressed, record, contentBytes });
  }

  /** Whether memory is meant to hold one more frame; a frame alone is always let in. */
  #hasRoom(tarBytes: number): boolean {
    const { jobs, compression } = this.#options;
    const inFlightBytes = this.#inFlight.reduce((sum, { record }) => sum + record.tarBytes, 0);
    const isLittle = inFlightBytes + tarBytes <= frameRoom * jobs * compression.frameBytes;
    return this.#inFlight.length === 0 || (this.#inFlight.length < jobs && isLittle);
  }

  async #compress(pieces: readonly TarPiece[]): Promise<Buffer> {
    const { cache, compression, hashes } = this.#options;
    let reading: Promise<Buffer> | undefined;
    const read = () => {
      reading ??= readAll(pieces);
      return reading;
    };
    const frame = await hideHashes(hashes, async (cutting) => {
      const key = frameKey(pieces, compression, cutting);
      const found = await this.#inOrder(async () => {
        const kept = await cache.read(key);
        return kept === undefined ? { tar: await read() } : { kept };
      });
      if ('kept' in found) return found.kept;
      const frame = await compressFrame(found.tar, compression, placeCuts(found.tar, cutting));
      await cache.write(key, frame);
      return frame;
    });
    if (reading !== undefined) freeBuffer(await reading);
    return frame;
  }

  /** Reads for one frame after the other: a store path's pieces are cheap to read in their order only. */
  #inOrder<T>(read: () => Promise<T>): Promise<T> {
    const result = this.#reading.then(read);
    this.#reading = result.catch(() => undefined);
    return result;
  }

  async #writeOldest(): Promise<void> {
    const oldest = this.#inFlight.shift();
    if (oldest === undefined) return;
    const bytes = await oldest.compressed;
    await this.#sink(bytes);
    this.frames.push({ ...oldest.record, offset: this.dataBytes, bytes: bytes.length });
    this.dataBytes += bytes.length;
    freeBuffer(bytes);
    this.#doneBytes += oldest.contentBytes;
    const totalBytes = this.#options.totalBytes - this.#droppedBytes;
    this.#options.reporter.report({
      kind: 'progress',
      stage: 'image',
      doneBytes: Math.min(this.#doneBytes, totalBytes),
      totalBytes,
    });
  }
}

/** Without a copy where there is one piece; of several, no two stand in memory twice. */
async function readAll(pieces: readonly TarPiece[]): Promise<Buffer> {
  const [first, second] = pieces;
  if (first !== undefined && second === undefined) return first.read();
  const joined = allocateBuffer(pieces.reduce((sum, { tarBytes }) => sum + tarBytes, 0));
  let length = 0;
  for (const piece of pieces) {
    const tar = await piece.read();
    length += tar.copy(joined, length);
    freeBuffer(tar);
  }
  return joined;
}
