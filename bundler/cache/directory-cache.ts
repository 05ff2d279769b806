import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { temporaryPrefix } from './eviction.ts';
import type { RecordCache } from './record-cache.ts';

const digestBytes = 32;

// Records are dated when they are used; once in a while is enough to tell which were not used for long.
const redateAfterMs = 3_600_000;

/**
 * Keeps records as files of one directory, which several processes may use at once: a record appears by rename, whole or
 * not at all, and two that write the same key write the same bytes. Each file is the SHA-256 of its key and its record,
 * then the record; a file that does not fit its digest is removed and counts as none. Nothing is synced: what a power
 * loss tears is found out in that way.
 */
export class DirectoryCache implements RecordCache {
  /** Whether any record was added. */
  hasGrown = false;
  readonly #directory: string;
  readonly #onFailure: (cause: unknown) => void;
  #isFull = false;

  /**
   * @param directory absolute, checked by `openCacheDirectory`
   * @param onFailure told once, with the system's error, when a record cannot be kept; no further one is then tried
   */
  constructor(directory: string, onFailure: (cause: unknown) => void) {
    this.#directory = directory;
    this.#onFailure = onFailure;
  }

  async read(key: string): Promise<Buffer | undefined> {
    const file = this.#fileOf(key);
    const bytes = await readAndDate(file).catch(() => undefined);
    if (bytes === undefined) return undefined;
    const record = bytes.subarray(digestBytes);
    if (digestOf(key, record).equals(bytes.subarray(0, digestBytes))) return record;
    await rm(file, { force: true }).catch(() => undefined);
    return undefined;
  }

  async write(key: string, record: Buffer): Promise<void> {
    if (this.#isFull) return;
    const temporary = join(this.#directory, `${temporaryPrefix}${randomBytes(8).toString('hex')}`);
    try {
      await writeFile(temporary, [digestOf(key, record), record], { flag: 'wx', mode: 0o600 });
      const file = this.#fileOf(key);
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await rename(temporary, file);
      this.hasGrown = true;
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => undefined);
      if (!this.#isFull) this.#onFailure(cause);
      this.#isFull = true;
    }
  }

  #fileOf(key: string): string {
    return join(this.#directory, key.slice(0, 2), key.slice(2));
  }
}

function digestOf(key: string, record: Buffer): Buffer {
  return createHash('sha256').update(key).update(record).digest();
}

async function readAndDate(file: string): Promise<Buffer> {
  await using handle = await open(file, 'r');
  const { size, mtimeMs } = await handle.stat();
  const now = Date.now();
  if (now - mtimeMs > redateAfterMs) await handle.utimes(now / 1000, now / 1000).catch(() => undefined);
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size; ) {
    const { bytesRead } = await handle.read(bytes, at, size - at, at);
    if (bytesRead === 0) return bytes.subarray(0, at);
    at += bytesRead;
  }
  return bytes;
}
