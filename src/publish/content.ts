import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { sha256Hex } from '../core/digest.ts';
import { describeCause, SaddlebagError } from '../core/errors.ts';

/** What is known of bytes before they are sent. */
export interface ContentDigest {
  readonly sizeBytes: number;
  readonly sha256: string;
  /**
   * Of all bytes: cheap enough to be taken once more while they are sent. Null where nobody has read them yet and the
   * SHA-256 is only remembered: then it is that which is taken while they are sent.
   */
  readonly crc32: number | null;
}

/** Bytes to be stored, with the digests that were promised for them. */
export interface Content extends ContentDigest {
  /**
   * Yields the bytes in order, in chunks of `chunkBytes` but the last; each chunk is the caller's to keep. Ends with an
   * error when they were not the promised ones, so a store shows an object only after the last chunk was taken.
   */
  chunks(chunkBytes: number): AsyncGenerator<Uint8Array, void>;

  /** Opens it for who reads part by part. What was read is checked by the caller. */
  open(): Promise<OpenContent>;

  /** Makes the error for bytes that were not the promised ones. */
  changed(): SaddlebagError;
}

/** Content that can be read at any place, until its disposal. */
export interface OpenContent extends AsyncDisposable {
  /** Fills `buffer` with what begins at `offset`. */
  read(buffer: Uint8Array, offset: number): Promise<void>;
}

/**
 * Makes content of a file.
 * @throws {SaddlebagError} from its methods: `file-unreadable`, `file-changed`
 */
export function fileContent(file: string, { sizeBytes, sha256, crc32: crc }: ContentDigest): Content {
  const promised = { sizeBytes, sha256, crc32: crc };
  return {
    ...promised,
    chunks: (chunkBytes) => fileChunks(file, promised, chunkBytes),
    open: async () => {
      const handle = await openFile(file);
      return {
        read: (buffer, offset) => fill(handle, file, buffer, offset),
        [Symbol.asyncDispose]: () => handle.close(),
      };
    },
    changed: () => changed(file),
  };
}

/**
 * Reads content of which the SHA-256 is only remembered, where nothing of it is sent; nothing is read of other content.
 * @throws {SaddlebagError} `file-unreadable`, `file-changed`; the reason of the signal
 */
export async function proveContent(content: Content, signal: AbortSignal): Promise<void> {
  if (content.crc32 !== null) return;
  for await (const _ of content.chunks(1 << 20)) signal.throwIfAborted();
}

/**
 * Makes content of a text, in UTF-8.
 */
export function textContent(text: string): Content {
  const bytes = Buffer.from(text);
  return {
    sizeBytes: bytes.length,
    sha256: sha256Hex(bytes),
    crc32: crc32(bytes),
    async *chunks(chunkBytes) {
      for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
    },
    open: async () => ({
      read: async (buffer, offset) => {
        buffer.set(bytes.subarray(offset, offset + buffer.length));
      },
      [Symbol.asyncDispose]: async () => undefined,
    }),
    changed: () => changed('a text'),
  };
}

async function* fileChunks(
  file: string,
  promised: ContentDigest,
  chunkBytes: number,
): AsyncGenerator<Uint8Array, void> {
  const handle = await openFile(file);
  try {
    const hash = createHash('sha256');
    for (let at = 0; at < promised.sizeBytes; at += chunkBytes) {
      const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, promised.sizeBytes - at));
      await fill(handle, file, chunk, at);
      hash.update(chunk);
      yield chunk;
    }
    const after = await handle.stat();
    if (after.size !== promised.sizeBytes || hash.digest('hex') !== promised.sha256) throw changed(file);
  } finally {
    await handle.close();
  }
}

async function openFile(file: string): Promise<FileHandle> {
  return open(file).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
}

async function fill(handle: FileHandle, file: string, buffer: Uint8Array, offset: number): Promise<void> {
  let filled = 0;
  // read(2) may return less than asked for; nothing at all means that the file was cut.
  while (filled < buffer.length) {
    const { bytesRead } = await handle
      .read(buffer, filled, buffer.length - filled, offset + filled)
      .catch((cause: unknown) => {
        throw unreadable(file, cause);
      });
    if (bytesRead === 0) throw changed(file);
    filled += bytesRead;
  }
}

function unreadable(file: string, cause: unknown): SaddlebagError {
  return new SaddlebagError('file-unreadable', `cannot read ${file}: ${describeCause(cause)}`, { cause });
}

function changed(file: string): SaddlebagError {
  return new SaddlebagError('file-changed', `cannot publish ${file}: it changed while it was published`, {
    hint: 'wait until nothing writes it any more, then publish again',
  });
}
