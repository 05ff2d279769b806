import { createHash } from 'node:crypto';

/** Where FORMAT.md puts things. */
const trailerBytes = 72;
const headerFixedBytes = 232;
const pathRecordBytes = 128;
const frameRecordBytes = 32;
const rowBytes = 48;

/** The parts of a bundle, as views: what is written to them is written to the file. */
export interface BundleBytes {
  readonly file: Buffer;
  /** Header and its strings. */
  readonly header: Buffer;
  readonly trailer: Buffer;
  readonly frames: Buffer;
  /** Rows and their strings. */
  readonly rows: Buffer;
  /** The data frames but the last, which ends the tar and of which the runtime knows nothing. */
  readonly data: Buffer;
}

const sha256 = (...parts: readonly Buffer[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

const u64 = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at));

/** Cuts a sound bundle into its parts. */
export function cutBundle(file: Buffer): BundleBytes {
  const trailer = file.subarray(file.length - trailerBytes);
  const header = file.subarray(u64(trailer, 0), file.length - trailerBytes);
  const index = u64(header, 40);
  const framesEnd = index + frameRecordBytes * u64(header, 48);
  const rowsEnd = framesEnd + rowBytes * u64(header, 56) + u64(header, 64);
  const data = u64(header, 8);
  const lastFrame = u64(file, framesEnd - frameRecordBytes);
  return {
    file,
    header,
    trailer,
    frames: file.subarray(index, framesEnd),
    rows: file.subarray(framesEnd, rowsEnd),
    data: file.subarray(data, data + lastFrame),
  };
}

/**
 * Makes every digest right again, so that what is tested is the check behind it. Ranges that leave the bundle are
 * digested as far as they go: they are refused for what they are.
 */
export function signBundle({ header, trailer, frames, rows }: BundleBytes): void {
  const rowCount = u64(header, 56);
  const strings = rows.subarray(rowBytes * rowCount);
  const end = Math.min(header.length, headerFixedBytes + pathRecordBytes * header.readUInt32LE(144));
  for (let at = headerFixedBytes; at + pathRecordBytes <= end; at += pathRecordBytes) {
    const record = header.subarray(at, at + pathRecordBytes);
    const first = u64(record, 8);
    const firstString = u64(record, 24);
    sha256(
      rows.subarray(rowBytes * first, rowBytes * (first + u64(record, 16))),
      strings.subarray(firstString, firstString + u64(record, 32)),
    ).copy(record, 80);
  }
  sha256(frames).copy(header, 80);
  sha256(header).copy(trailer, 32);
}

/** Returns the bundle without its runtime: data at 0, everything else as far from it as before. */
export function withoutRuntime(file: Buffer): Buffer {
  const dataOffset = u64(cutBundle(file).header, 8);
  const bare = Buffer.from(file.subarray(dataOffset));
  const trailer = bare.subarray(bare.length - trailerBytes);
  const headerOffset = u64(trailer, 0) - dataOffset;
  trailer.writeBigUInt64LE(BigInt(headerOffset), 0);
  trailer.writeBigUInt64LE(BigInt(bare.length), 16);
  const header = bare.subarray(headerOffset);
  header.writeBigUInt64LE(0n, 8);
  header.writeBigUInt64LE(BigInt(u64(header, 40) - dataOffset), 40);
  signBundle(cutBundle(bare));
  return bare;
}
