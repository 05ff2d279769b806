import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setImmediate as breathe } from 'node:timers/promises';
import { readSmallFile } from './small-file.ts';

/** Returns the SHA-256 of bytes or UTF-8 text, as lower-case hex. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

// So many files take some 10 ms.
const filesBetweenBreaths = 256;
let smallFiles = 0;

/**
 * Reads a file once and returns its SHA-256 as lower-case hex.
 * @throws the system's error when it cannot be read; the reason of `signal`
 */
export async function sha256OfFile(
  file: string,
  options: {
    readonly signal?: AbortSignal;
    readonly onBytes?: (count: number) => void;
  } = {},
): Promise<string> {
  const small = readSmallFile(file);
  if (small !== null) {
    // Nothing above waits: without this, whoever digests many files would hear no Ctrl-C and keep threads idle.
    smallFiles += 1;
    if (smallFiles % filesBetweenBreaths === 0) await breathe();
    options.signal?.throwIfAborted();
    options.onBytes?.(small.length);
    return sha256Hex(small);
  }
  const hash = createHash('sha256');
  await using handle = await open(file, 'r');
  // One buffer: a stream allocates one for each chunk.
  const buffer = Buffer.allocUnsafe(1 << 20);
  for (;;) {
    options.signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.length, null);
    if (bytesRead === 0) return hash.digest('hex');
    hash.update(buffer.subarray(0, bytesRead));
    options.onBytes?.(bytesRead);
  }
}
