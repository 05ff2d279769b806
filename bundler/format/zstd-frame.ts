import { maxWindowBytes } from './layout.ts';

/** What the outside of a zstd frame says, in bytes. */
export interface ZstdFrame {
  /** The frame itself; what follows it belongs to something else. */
  readonly bytes: number;
  readonly contentBytes: number;
}

const magic = 0xfd2fb528;
const checksumBytes = 4;
const blockHeaderBytes = 3;
const contentSizeBytes = [0, 2, 4, 8] as const;
const blockTypes = { rle: 1, reserved: 3 } as const;

/**
 * Finds where the zstd frame at the start of `bytes` ends and how long its content is; undefined where there is none as
 * FORMAT.md, "Data frames", has them: with content size and checksum, without a dictionary. Its blocks are not decoded.
 * Source: RFC 8878, 3.1.1.
 */
export function readZstdFrame(bytes: Buffer): ZstdFrame | undefined {
  if (bytes.length < 5 || bytes.readUInt32LE(0) !== magic) return undefined;
  const descriptor = bytes.readUInt8(4);
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const hasChecksum = (descriptor & 0x04) !== 0;
  const sizeBytes = Math.max(contentSizeBytes[(descriptor >> 6) as 0 | 1 | 2 | 3], isSingleSegment ? 1 : 0);
  // Bit 3 is reserved, bits 0 and 1 are about a dictionary.
  if (!hasChecksum || sizeBytes === 0 || (descriptor & 0x0b) !== 0) return undefined;
  const sizeAt = isSingleSegment ? 5 : 6;
  if (sizeAt + sizeBytes > bytes.length) return undefined;
  const contentBytes = readContentSize(bytes, sizeAt, sizeBytes);
  const windowBytes = isSingleSegment ? contentBytes : readWindow(bytes.readUInt8(5));
  const end = findEnd(bytes, sizeAt + sizeBytes);
  if (windowBytes > maxWindowBytes || end === undefined) return undefined;
  return { bytes: end + checksumBytes, contentBytes };
}

function readContentSize(bytes: Buffer, at: number, sizeBytes: number): number {
  if (sizeBytes === 8) return Number(bytes.readBigUInt64LE(at));
  // Those of two bytes begin where those of one end.
  return bytes.readUIntLE(at, sizeBytes) + (sizeBytes === 2 ? 256 : 0);
}

function readWindow(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** Returns where the last block ends, or undefined where the blocks leave `bytes`. */
function findEnd(bytes: Buffer, start: number): number | undefined {
  for (let at = start; at + blockHeaderBytes <= bytes.length; ) {
    const header = bytes.readUIntLE(at, blockHeaderBytes);
    const type = (header >> 1) & 3;
    if (type === blockTypes.reserved) return undefined;
    at += blockHeaderBytes + (type === blockTypes.rle ? 1 : header >> 3);
    if ((header & 1) !== 0) return at;
  }
  return undefined;
}
