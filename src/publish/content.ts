import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { sha256Hex } from '../core/digest.ts';
import { describeCause, SaddlebagError } from '../core/errors.ts';

/** Bytes to be stored, with the digest that was promised for them. */
export interface Content {
  readonly sizeBytes: number;
  readonly sha256: string;
  /**
   * Yields the bytes in order, in chunks of `chunkBytes` but the last; each chunk is the caller's to keep. Ends with an
   * error when they were not the promised ones, so a store shows an object only after the last chunk was taken.
   */
  chunks(chunkBytes: number): AsyncGenerator<Uint8Array, void>;
}

/**
 * Makes content of a file. It is read once for each call of `chunks`, and hashed in the same pass: what was sent is what
 * was checked, also when the file is changed meanwhile.
 * @throws {SaddlebagError} from `chunks`: `file-unreadable`, `file-changed`
 */
export function fileContent(
  file: string,
  promised: { readonly sizeBytes: number; readonly sha256: string },
): Content {
  const { sizeBytes, sha256 } = promised;
  return { sizeBytes, sha256, chunks: (chunkBytes) => fileChunks(file, promised, chunkBytes) };
}

/**
 * Makes content of a text, in UTF-8.
 */
export function textContent(text: string): Content {
  const bytes = Buffer.from(text);
  return {
    sizeBytes: bytes.length,
    sha256: sha256Hex(bytes),
    async *chunks(chunkBytes) {
      for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
    },
  };
}

async function* fileChunks(
  file: string,
  promised: { readonly sizeBytes: number; readonly sha256: string },
  chunkBytes: number,
): AsyncGenerator<Uint8Array, void> {
  const handle = await open(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  try {
    const hash = createHash('sha256');
    for (let at = 0; at < promised.sizeBytes; at += chunkBytes) {
      const chunk = await readChunk(handle, file, at, Math.min(chunkBytes, promised.sizeBytes - at));
      hash.update(chunk);
      yield chunk;
    }
    const after = await handle.stat();
    if (after.size !== promised.sizeBytes || hash.digest('hex') !== promised.sha256) throw changed(file);
  } finally {
    await handle.close();
  }
}

async function readChunk(handle: FileHandle, file: string, at: number, bytes: number): Promise<Uint8Array> {
  const chunk = Buffer.allocUnsafe(bytes);
  let filled = 0;
  // read(2) may return less than asked for; nothing at all means that the file was cut.
  while (filled < bytes) {
    const { bytesRead } = await handle
      .read(chunk, filled, bytes - filled, at + filled)
      .catch((cause: unknown) => {
        throw unreadable(file, cause);
      });
    if (bytesRead === 0) throw changed(file);
    filled += bytesRead;
  }
  return chunk;
}

function unreadable(file: string, cause: unknown): SaddlebagError {
  return new SaddlebagError('file-unreadable', `cannot read ${file}: ${describeCause(cause)}`, { cause });
}

function changed(file: string): SaddlebagError {
  return new SaddlebagError('file-changed', `cannot publish ${file}: it changed while it was published`, {
    hint: 'wait until nothing writes it any more, then publish again',
  });
}
