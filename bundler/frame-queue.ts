import type { Reporter } from '../src/core/reporter.ts';
import { type Compression, compressFrame } from './compression.ts';
import type { FrameRecord } from './format/index-table.ts';

/** Takes the bytes of a file from first to last. */
export type Sink = (bytes: Buffer) => Promise<void>;

export interface FrameQueueOptions {
  readonly compression: Compression;
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

/** Compresses up to `jobs` frames at once and writes them in the order in which they came. */
export class FrameQueue {
  readonly frames: FrameRecord[] = [];
  frameCount = 0;
  dataBytes = 0;
  tarBytes = 0;
  readonly #inFlight: FrameInFlight[] = [];
  readonly #options: FrameQueueOptions;
  readonly #sink: Sink;
  #doneBytes = 0;

  constructor(options: FrameQueueOptions, sink: Sink) {
    this.#options = options;
    this.#sink = sink;
  }

  /** Takes over `tar`. Waits while `jobs` frames are on their way. `contentBytes` is for the progress alone. */
  async add(tar: Buffer, firstRow: number, contentBytes: number): Promise<void> {
    this.#options.signal.throwIfAborted();
    while (this.#inFlight.length >= this.#options.jobs) await this.#writeOldest();
    const compressed = compressFrame(tar, this.#options.compression);
    // Awaited in order, later; without a handler a failure meanwhile would end the process.
    compressed.catch(() => undefined);
    const record = { tarOffset: this.tarBytes, tarBytes: tar.length, firstRow };
    this.#inFlight.push({ compressed, record, contentBytes });
    this.frameCount += 1;
    this.tarBytes += tar.length;
  }

  async drain(): Promise<void> {
    while (this.#inFlight.length > 0) await this.#writeOldest();
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
