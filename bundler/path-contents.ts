import { createHash, type Hash } from 'node:crypto';
import { sha256Hex } from '../src/core/digest.ts';
import type { ClosurePath, Entry } from '../src/core/types.ts';
import type { PathRecord, PieceRecord } from './cache/path-record.ts';
import { encodeSlice } from './format/index-table.ts';
import type { TarFrame } from './frames.ts';
import type { PathReader } from './path-reader.ts';
import { RelocationScanner } from './relocation/scanner.ts';

/** What one reading of a store path tells. */
export type PathContents = Omit<PathRecord, 'estimatedTarBytes'>;

/** Takes a piece over, its tar with it, to release. */
export type TakePiece = (piece: PieceRecord, tar: Buffer) => Promise<void>;

/**
 * Reads a store path once: what an image says of it, while its tar goes to `take` piece by piece.
 * @throws {SaddlebagError} as `PathReader.frames`; what `take` throws
 */
export async function readContents(
  path: ClosurePath,
  { reader, signal }: { readonly reader: PathReader; readonly signal: AbortSignal },
  take: TakePiece,
): Promise<PathContents> {
  const entries = await reader.entries();
  const hash = createHash('sha256');
  const dataOffsets = new Array<number>(entries.length).fill(0);
  const pieces: PieceRecord[] = [];
  const scanner = new RelocationScanner(path, entries);
  let tarBytes = 0;
  for await (const frame of reader.frames()) {
    noteContents(frame, tarBytes, dataOffsets);
    scanner.take(frame);
    const piece = describePiece(frame, hash);
    pieces.push(piece);
    tarBytes += piece.tarBytes;
    await take(piece, frame.tar);
  }
  return {
    entryCount: entries.length,
    contentBytes: contentBytesOf(entries),
    tarBytes,
    contentSha256: hash.digest('hex'),
    pieces,
    findings: await scanner.end(signal),
    ...encodeSlice(path.storePath.slice(1), entries, dataOffsets),
  };
}

function describePiece({ tar, group }: TarFrame, hash: Hash): PieceRecord {
  hash.update(tar);
  const contentBytes = Math.min(contentBytesOf(group.entries), tar.length);
  return { tarBytes: tar.length, sha256: sha256Hex(tar), firstRow: group.first, contentBytes, joins: false };
}

function contentBytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + (entry.kind === 'file' ? entry.sizeBytes : 0), 0);
}

/** Notes where contents begin in the store path's part of the tar, of which `tarBytes` came before this piece. */
function noteContents(frame: TarFrame, tarBytes: number, dataOffsets: number[]): void {
  for (const [index, offset] of frame.contentOffsets.entries()) {
    const entry = frame.group.entries[index];
    if (entry?.kind === 'file' && entry.sizeBytes > 0) {
      dataOffsets[frame.group.first + index] = tarBytes + offset;
    }
  }
}
