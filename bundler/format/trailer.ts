import { open } from 'node:fs/promises';
import { SaddlebagError } from '../../src/core/errors.ts';
import { formatVersion, magic, maxHeaderBytes, trailerBytes } from './layout.ts';
import { damaged, Reader } from './reader.ts';

/** The last 72 bytes of a bundle. Source: FORMAT.md, "Trailer". */
export interface Trailer {
  readonly headerOffset: number;
  readonly headerBytes: number;
  readonly fileBytes: number;
  readonly headerSha256: string;
}

/** Returns the 72 bytes. */
export function encodeTrailer(trailer: Trailer): Buffer {
  const bytes = Buffer.alloc(trailerBytes);
  bytes.writeBigUInt64LE(BigInt(trailer.headerOffset), 0);
  bytes.writeBigUInt64LE(BigInt(trailer.headerBytes), 8);
  bytes.writeBigUInt64LE(BigInt(trailer.fileBytes), 16);
  bytes.writeUInt32LE(formatVersion, 24);
  Buffer.from(trailer.headerSha256, 'hex').copy(bytes, 32);
  magic.copy(bytes, 64);
  return bytes;
}

/**
 * Reads a trailer.
 * @param sizeBytes what the file really has
 * @throws {SaddlebagError} `not-a-bundle`, `bundle-newer`, `bundle-older`, `bundle-damaged`
 */
export function decodeTrailer(file: string, bytes: Buffer, sizeBytes: number): Trailer {
  if (bytes.length !== trailerBytes || !bytes.subarray(64).equals(magic)) {
    throw new SaddlebagError('not-a-bundle', `cannot read ${file}: not a bundle, or cut off or stripped`, {
      hint: 'make one with `saddlebag bundle`, or fetch it again',
    });
  }
  const reader = new Reader(file, 'trailer', bytes);
  const version = reader.u32(24);
  if (version !== formatVersion) throw otherVersion(file, version);
  reader.zeros(28, 4);
  const trailer: Trailer = {
    headerOffset: reader.u64(0),
    headerBytes: reader.u64(8),
    fileBytes: reader.u64(16),
    headerSha256: reader.hex(32, 32),
  };
  if (trailer.fileBytes !== sizeBytes) {
    throw damaged(
      file,
      `truncated, or something was appended (${sizeBytes} bytes instead of ${trailer.fileBytes})`,
    );
  }
  if (
    trailer.headerBytes > maxHeaderBytes ||
    trailer.headerOffset % 8 !== 0 ||
    trailer.headerOffset + trailer.headerBytes + trailerBytes !== sizeBytes
  ) {
    throw reader.error('the header is not where it should be');
  }
  return trailer;
}

function otherVersion(file: string, version: number): SaddlebagError {
  return version > formatVersion
    ? new SaddlebagError(
        'bundle-newer',
        `cannot read ${file}: written by a newer Saddlebag (format ${version})`,
        { hint: 'install the newest Saddlebag' },
      )
    : new SaddlebagError(
        'bundle-older',
        `cannot read ${file}: written by an older Saddlebag (format ${version})`,
        { hint: 'it still runs; to inspect or publish it, bundle the app again' },
      );
}

/**
 * Tells by its last bytes whether a file is, or claims to be, a bundle; false where it cannot be read.
 */
export async function endsAsBundle(file: string): Promise<boolean> {
  const handle = await open(file).catch(() => undefined);
  if (handle === undefined) return false;
  try {
    const { size } = await handle.stat();
    const { buffer } = await handle.read(
      Buffer.alloc(magic.length),
      0,
      magic.length,
      Math.max(0, size - magic.length),
    );
    return buffer.equals(magic);
  } finally {
    await handle.close();
  }
}
