import { sha256Hex } from '../../src/core/digest.ts';
import type { Entry } from '../../src/core/types.ts';
import { frameRecordBytes, rowBytes, rowKinds } from './layout.ts';
import { Reader } from './reader.ts';
import { StringArea, writeReference } from './strings.ts';

/** One frame, as the index records it. Source: FORMAT.md, "Frame record". */
export interface FrameRecord {
  /** From dataOffset. */
  readonly offset: number;
  readonly tarOffset: number;
  readonly bytes: number;
  readonly tarBytes: number;
  readonly firstRow: number;
}

/** Returns the frame table. */
export function encodeFrames(frames: readonly FrameRecord[]): Buffer {
  const bytes = Buffer.alloc(frameRecordBytes * frames.length);
  for (const [index, frame] of frames.entries()) {
    const at = frameRecordBytes * index;
    bytes.writeBigUInt64LE(BigInt(frame.offset), at);
    bytes.writeBigUInt64LE(BigInt(frame.tarOffset), at + 8);
    bytes.writeUInt32LE(frame.bytes, at + 16);
    bytes.writeUInt32LE(frame.tarBytes, at + 20);
    bytes.writeBigUInt64LE(BigInt(frame.firstRow), at + 24);
  }
  return bytes;
}

/** What zstd needs at most, and some more: for each block of 128 KiB, which it then stores as it is, a few bytes. */
function mostCompressed(tarBytes: number): number {
  return tarBytes + (tarBytes >> 7) + 4096;
}

/**
 * Reads a frame table and refuses one whose frames do not follow one another, in the file as in the tar.
 * @throws {SaddlebagError} `bundle-damaged`
 */
export function decodeFrames(
  file: string,
  bytes: Buffer,
  limits: { readonly dataBytes: number; readonly tarBytes: number; readonly frameBytes: number },
): FrameRecord[] {
  const reader = new Reader(file, 'frame table', bytes);
  const frames: FrameRecord[] = [];
  let offset = 0;
  let tarOffset = 0;
  for (let at = 0; at < bytes.length; at += frameRecordBytes) {
    const frame: FrameRecord = {
      offset: reader.u64(at),
      tarOffset: reader.u64(at + 8),
      bytes: reader.u32(at + 16),
      tarBytes: reader.u32(at + 20),
      firstRow: reader.u64(at + 24),
    };
    const follows = frame.offset === offset && frame.tarOffset === tarOffset;
    const isInBounds =
      frame.tarBytes <= 2 * limits.frameBytes && frame.bytes <= mostCompressed(frame.tarBytes);
    if (!follows || frame.bytes === 0 || frame.tarBytes === 0 || !isInBounds) {
      throw reader.error(`frame ${frames.length} is out of place`);
    }
    offset += frame.bytes;
    tarOffset += frame.tarBytes;
    frames.push(frame);
  }
  if (offset !== limits.dataBytes || tarOffset !== limits.tarBytes) {
    throw reader.error('its frames do not cover the data');
  }
  return frames;
}

/** The rows and strings of one store path, wherever its part of the tar begins. */
export interface RelativeSlice {
  /** As in the file, but that contents begin where they do from the start of the store path's part of the tar. */
  readonly rows: Buffer;
  /** As in the file. */
  readonly strings: Buffer;
}

/** The rows and strings of one store path, as they stand in the file. */
export interface Slice {
  readonly rows: Buffer;
  readonly strings: Buffer;
  /** SHA-256 of the rows followed by the strings. */
  readonly sha256: string;
}

/**
 * Encodes the entries of one store path.
 * @param top the tar name of the store path: `nix/store/<hash>-<name>`
 * @param dataOffsets for each entry, where its content begins in the store path's part of the tar; 0 for those without
 *   content
 */
export function encodeSlice(
  top: string,
  entries: readonly Entry[],
  dataOffsets: readonly number[],
): RelativeSlice {
  const strings = new StringArea();
  const rows = Buffer.alloc(rowBytes * entries.length);
  const rowOf = new Map(entries.map((entry, row) => [entry.path, row]));
  for (const [row, entry] of entries.entries()) {
    const at = rowBytes * row;
    writeReference(rows, at, strings.add(entry.path.slice(top.length + 1)));
    writeReference(rows, at + 8, strings.add(entry.kind === 'symlink' ? entry.target : ''));
    rows.writeBigUInt64LE(BigInt(entry.kind === 'file' ? entry.sizeBytes : 0), at + 16);
    rows.writeBigUInt64LE(BigInt(dataOffsets[row] ?? 0), at + dataOffsetAt);
    rows.writeBigUInt64LE(BigInt(entry.kind === 'link' ? (rowOf.get(entry.target) ?? 0) : 0), at + 32);
    rows.writeUInt16LE(entry.kind === 'symlink' ? 0o777 : entry.mode, at + 40);
    rows.writeUInt8(rowKinds[entry.kind], at + 42);
  }
  return { rows, strings: strings.encode() };
}

/** Puts a slice to where its store path's part of the tar begins. */
export function placeSlice({ rows, strings }: RelativeSlice, tarOffset: number): Slice {
  const placed = Buffer.from(rows);
  for (let at = dataOffsetAt; at < placed.length; at += rowBytes) {
    const offset = placed.readBigUInt64LE(at);
    // A header stands before each content, so that 0 is where there is none.
    if (offset > 0n) placed.writeBigUInt64LE(offset + BigInt(tarOffset), at);
  }
  return { rows: placed, strings, sha256: sha256Hex(Buffer.concat([placed, strings])) };
}

const dataOffsetAt = 24;
