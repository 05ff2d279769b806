import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Context } from '../../core/context.ts';
import { Crc32 } from '../../core/crc32.ts';
import { describeCause, SaddlebagError } from '../../core/errors.ts';
import type { ContentDigest } from '../../publish/content.ts';

const chunkBytes = 1 << 20;

/** Digests of a file, and of its first bytes where those were asked for. */
export interface FileDigests extends ContentDigest {
  readonly crc32: number;
  /** SHA-256; undefined where the file ends before. */
  readonly frontSha256: string | undefined;
}

/**
 * Reads a file once and returns its digests; reports how far it is as the stage `check`.
 * @param frontBytes of how many bytes at its beginning `frontSha256` is
 * @throws {SaddlebagError} `file-unreadable`; the reason of the signal
 */
export async function readDigests(
  file: string,
  { reporter, signal }: Pick<Context, 'reporter' | 'signal'>,
  frontBytes = 0,
): Promise<FileDigests> {
  const hash = new FrontHash(frontBytes);
  const crc = new Crc32();
  try {
    await using handle = await open(file, 'r');
    const totalBytes = (await handle.stat()).size;
    const read = (buffer: Buffer, at: number) => handle.read(buffer, 0, buffer.length, at);
    const [first, second] = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)];
    let [buffer, other] = [first, second];
    let next = read(buffer, 0);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await next;
      if (bytesRead === 0) break;
      // The next piece is read while this one is hashed.
      next = read(other, hash.sizeBytes + bytesRead);
      const bytes = buffer.subarray(0, bytesRead);
      hash.update(bytes);
      crc.update(bytes);
      reporter.report({ kind: 'progress', stage: 'check', doneBytes: hash.sizeBytes, totalBytes });
      [buffer, other] = [other, buffer];
    }
    return { ...hash.digests(), crc32: crc.value };
  } catch (cause) {
    signal.throwIfAborted();
    throw new SaddlebagError('file-unreadable', `cannot read ${file}: ${describeCause(cause)}`, { cause });
  }
}

/** Takes the SHA-256 of bytes and, on the way, of the first of them. */
class FrontHash {
  sizeBytes = 0;
  readonly #frontBytes: number;
  readonly #hash = createHash('sha256');
  #frontSha256: string | undefined;

  constructor(frontBytes: number) {
    this.#frontBytes = frontBytes;
  }

  update(bytes: Uint8Array): void {
    const missingBytes = this.#frontBytes - this.sizeBytes;
    this.sizeBytes += bytes.length;
    if (missingBytes < 0 || missingBytes > bytes.length) {
      this.#hash.update(bytes);
      return;
    }
    this.#hash.update(bytes.subarray(0, missingBytes));
    this.#frontSha256 ??= this.#hash.copy().digest('hex');
    this.#hash.update(bytes.subarray(missingBytes));
  }

  digests(): Omit<FileDigests, 'crc32'> {
    return {
      sizeBytes: this.sizeBytes,
      sha256: this.#hash.digest('hex'),
      frontSha256: this.#frontSha256,
    };
  }
}
