/**
 * Keeps records from one run to the next. A record is found by a key that names all that its bytes depend on, so it never
 * changes and may be lost at any time: whoever asks can make it again.
 */
export interface RecordCache {
  /** Returns a record as it was written, or undefined where there is none, or only a damaged one. */
  read(key: string): Promise<Buffer | undefined>;
  /** Keeps a record; where that fails it is not kept. */
  write(key: string, record: Buffer): Promise<void>;
}

/** Keeps nothing. */
export const noCache: RecordCache = {
  read: async () => undefined,
  write: async () => undefined,
};
