import { sha256Hex } from '../../src/core/digest.ts';
import type { StorePath } from '../../src/core/store-path.ts';
import type { Compression } from '../compression.ts';
import { encoderKey } from '../compression.ts';
import type { Cutting } from '../references.ts';
import type { Finding } from '../relocation/scanner.ts';
import type { RecordCache } from './record-cache.ts';

/** One piece of a store path's tar. */
export interface PieceRecord {
  readonly tarBytes: number;
  readonly sha256: string;
  /** Of the store path, the first row that may have content in it. */
  readonly firstRow: number;
  /** For the progress alone. */
  readonly contentBytes: number;
  /** Goes into the frame of the store path's piece before it. */
  readonly joins: boolean;
}

/** All that an image says of one store path, wherever in an image it stands. */
export interface PathRecord {
  readonly entryCount: number;
  readonly contentBytes: number;
  /** What `estimateTarBytes` says of its entries together. */
  readonly estimatedTarBytes: number;
  readonly tarBytes: number;
  /** SHA-256 of its part of the tar. */
  readonly contentSha256: string;
  readonly pieces: readonly PieceRecord[];
  /** What in it could not be relocated. */
  readonly findings: readonly Finding[];
  /** Its rows of the index; where contents begin is counted from the start of its part of the tar. */
  readonly rows: Buffer;
  /** The strings of the rows, as they stand in the file. */
  readonly strings: Buffer;
}

/**
 * Raised when anything but the tar's own bytes changes in what a record holds, or in how trees are read, cut or
 * searched.
 */
const recordVersion = 4;

/** Returns the key of a store path: of all that decides its part of the tar, how that is cut and what is found in it. */
export function pathKey(parts: {
  readonly storePath: StorePath;
  readonly references: readonly StorePath[];
  readonly fingerprint: string;
  readonly compression: Compression;
  /** `digestTarWriter()` */
  readonly tarWriter: string;
}): string {
  const { storePath, references, fingerprint, compression, tarWriter } = parts;
  const cut = [compression.frameBytes, compression.joining];
  return sha256Hex(
    JSON.stringify(['path', recordVersion, tarWriter, cut, storePath, references, fingerprint]),
  );
}

/** Returns the key of a frame: of the tar that it holds, piece by piece, of the encoder, and of where its blocks end. */
export function frameKey(
  pieces: readonly Pick<PieceRecord, 'sha256'>[],
  compression: Compression,
  cutting: Cutting,
): string {
  const { hashes, count } = cutting;
  const tars = pieces.map(({ sha256 }) => sha256);
  return sha256Hex(JSON.stringify(['frame', encoderKey(compression), tars, hashes, count]));
}

/** Reads what is known of a store path; undefined where nothing is. */
export async function readPathRecord(cache: RecordCache, key: string): Promise<PathRecord | undefined> {
  const bytes = await cache.read(key);
  if (bytes === undefined) return undefined;
  // Behind its digest stands what `writePathRecord` of the same version wrote.
  const headEnd = 4 + bytes.readUInt32LE(0);
  const { rowsBytes, ...facts } = JSON.parse(bytes.toString('utf8', 4, headEnd)) as RecordHead;
  const rowsEnd = headEnd + rowsBytes;
  return { ...facts, rows: bytes.subarray(headEnd, rowsEnd), strings: bytes.subarray(rowsEnd) };
}

/** Keeps what is known of a store path. */
export async function writePathRecord(cache: RecordCache, key: string, record: PathRecord): Promise<void> {
  const { rows, strings, ...facts } = record;
  const head = Buffer.from(JSON.stringify({ ...facts, rowsBytes: rows.length } satisfies RecordHead));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length);
  await cache.write(key, Buffer.concat([length, head, rows, strings]));
}

type RecordHead = Omit<PathRecord, 'rows' | 'strings'> & { readonly rowsBytes: number };
