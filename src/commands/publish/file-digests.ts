import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import type { Context } from '../../core/context.ts';
import { Crc32 } from '../../core/crc32.ts';
import { describeCause, SaddlebagError } from '../../core/errors.ts';
import type { ContentDigest } from '../../publish/content.ts';

const chunkBytes = 1 << 20;

/**
 * Reads a file once and returns its digests; reports how far it is as the stage `check`.
 * @throws {SaddlebagError} `file-unreadable`; the reason of the signal
 */
export async function readDigests(
  file: string,
  { reporter, signal }: Pick<Context, 'reporter' | 'signal'>,
): Promise<ContentDigest> {
  const [hash, crc] = [createHash('sha256'), new Crc32()];
  try {
    await using handle = await open(file, 'r');
    const totalBytes = (await handle.stat()).size;
    const read = (buffer: Buffer, at: number) => handle.read(buffer, 0, buffer.length, at);
    const [first, second] = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)];
    let sizeBytes = 0;
    let [buffer, other] = [first, second];
    let next = read(buffer, 0);
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await next;
      if (bytesRead === 0) break;
      sizeBytes += bytesRead;
      // The next piece is read while this one is hashed.
      next = read(other, sizeBytes);
      const bytes = buffer.subarray(0, bytesRead);
      hash.update(bytes);
      crc.update(bytes);
      reporter.report({ kind: 'progress', stage: 'check', doneBytes: sizeBytes, totalBytes });
      [buffer, other] = [other, buffer];
    }
    return { sizeBytes, sha256: hash.digest('hex'), crc32: crc.value };
  } catch (cause) {
    signal.throwIfAborted();
    throw new SaddlebagError('file-unreadable', `cannot read ${file}: ${describeCause(cause)}`, { cause });
  }
}
