import type { Reporter } from '../src/core/reporter.ts';
import { type Compression, compressFrame } from './compression.ts';
import type { FrameRecord } from './format/index-table.ts';
import type { Hashes } from './references.ts';

/** Takes the bytes of a file from first to last. */
export type Sink = (bytes: Buffer) => Promise<void>;

/** How frames are compressed, and whom to tell. */
export interface FrameQueueOptions {
  readonly compression: Compression;
  /** Of the closure's store paths; they are kept out of the frames' bytes. */
  readonly hashes: Hashes;
  readonly jobs: number;
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
  readonly tar: Buffer;
  /** Of the image, the first row that may have content in it. */
  readonly firstRow: number;
  /** For the progress alone. */
  readonly contentBytes: number;
  /** Joins the frame of the piece before it instead of beginning one. */
  readonly continues: boolean;
}

interface OpenFrame {
  readonly tarOffset: number;
  readonly firstRow: number;
  readonly pieces: TarPiece[];
}

/** Compresses up to `jobs` frames at once and writes them in the order in which they came. */
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
    this.tarBytes += piece.tar.length;
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
    while (this.#inFlight.length >= this.#options.jobs) await this.#writeOldest();
    const tar = Buffer.concat(frame.pieces.map((piece) => piece.tar));
    const compressed = compressFrame(tar, this.#options.compression, this.#options.hashes);
    // Awaited in order, later; without a handler a failure meanwhile would end the process.
    compressed.catch(() => undefined);
    const record = { tarOffset: frame.tarOffset, tarBytes: tar.length, firstRow: frame.firstRow };
    const contentBytes = frame.pieces.reduce((sum, piece) => sum + piece.contentBytes, 0);
    this.#inFlight.push({ compressed, record, contentBytes });
  }

  async #writeOldest(): Promise<void> {
    const oldest = this.#inFlight.shift();
    if (oldest === undefined) return;
    const bytes = await oldest.compressed;
    await this.#sink(bytes);
    this.frames.push({ ...oldest.record, offset: this.dataBytes, bytes: bytes.length });
    this.dataBytes += bytes.length;
    this.#doneBytes += oldest.contentBytes;
    this.#options.reporter.report({
      kind: 'progress',
      stage: 'image',
      doneBytes: Math.min(this.#doneBytes, this.#options.totalBytes),
      totalBytes: this.#options.totalBytes,
    });
  }
}
