import { compareBytes } from '../../src/core/files.ts';
import type { PathRecord } from './header.ts';
import type { FrameRecord } from './index-table.ts';
import { rowBytes, rowKinds } from './layout.ts';
import { Reader } from './reader.ts';

/** The rows of one store path and their strings, as they stand in the file. */
export interface StoredSlice {
  readonly rows: Buffer;
  readonly strings: Buffer;
}

/** One entry of a store path, as the index has it. */
export interface Row {
  /** Below the store path; empty for the store path itself. */
  readonly path: string;
  readonly kind: keyof typeof rowKinds;
  readonly mode: number;
  /** Of a file; 0 for others. */
  readonly sizeBytes: number;
  /** Of a symbolic link; empty for others. */
  readonly target: string;
  /** Of a hard link: the number of the row of the file that it equals; 0 for others. */
  readonly linkRow: number;
  /** Where the content of a file begins in the tar; 0 for others and for empty files. */
  readonly dataOffset: number;
}

/** What a row has to be held against: the rows of its store path before it. */
interface Before {
  readonly kinds: number[];
  readonly directories: Set<string>;
  path: string;
  /** Where in the tar the contents so far end. */
  reached: number;
}

const directoryModes: readonly number[] = [0o555];
const fileModes: readonly number[] = [0o444, 0o555];
const modes: Readonly<Record<number, readonly number[]>> = {
  [rowKinds.directory]: directoryModes,
  [rowKinds.file]: fileModes,
  [rowKinds.symlink]: [0o777],
  [rowKinds.link]: fileModes,
};

/**
 * Refuses rows that the runtime would refuse. Source: FORMAT.md, "Index".
 * @returns for each row where in the tar its content ends, 0 where it has none
 * @throws {SaddlebagError} `bundle-damaged`
 */
export function checkRows(file: string, path: PathRecord, slice: StoredSlice): number[] {
  const reader = new Reader(file, `index of ${path.storePath}`, slice.rows);
  const before: Before = { kinds: [], directories: new Set(), path: '', reached: path.tarOffset };
  const ends: number[] = [];
  for (let at = 0; at < slice.rows.length; at += rowBytes) {
    checkRow(reader, at, before, slice.strings);
    ends.push(checkContent(reader, at, before, path.tarOffset + path.tarBytes));
  }
  return ends;
}

function checkRow(reader: Reader, at: number, before: Before, strings: Buffer): void {
  const path = reader.string(at, strings);
  const target = reader.string(at + 8, strings);
  const linkRow = reader.u64(at + 32);
  const [kind = 0] = reader.slice(at + 42, 1);
  const isTop = before.kinds.length === 0;
  reader.zeros(at + 43, 5);
  if (modes[kind]?.includes(reader.u16(at + 40)) !== true) {
    throw reader.error(`the row at ${at} has an impossible kind or mode`);
  }
  if ((kind === rowKinds.symlink) !== (target !== ''))
    throw reader.error(`the row at ${at} has no target, or one`);
  const isLinkSound = kind === rowKinds.link ? before.kinds[linkRow] === rowKinds.file : linkRow === 0;
  if (!isLinkSound) throw reader.error(`the hard link at ${at} names no earlier file`);
  if (isTop ? path !== '' || kind === rowKinds.link : !isInside(path, before)) {
    throw reader.error(`the row at ${at} has an impossible path`);
  }
  before.kinds.push(kind);
  before.path = path;
  if (kind === rowKinds.directory) before.directories.add(path);
}

/** Whether a path comes after the one before it, in a directory that has a row. */
function isInside(path: string, before: Before): boolean {
  const proper = path.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
  const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
  return proper && compareBytes(before.path, path) < 0 && before.directories.has(parent);
}

function checkContent(reader: Reader, at: number, before: Before, endOfPath: number): number {
  const sizeBytes = reader.u64(at + 16);
  const dataOffset = reader.u64(at + 24);
  const isFile = before.kinds.at(-1) === rowKinds.file;
  const isSound =
    sizeBytes === 0
      ? dataOffset === 0
      : isFile && dataOffset >= before.reached && dataOffset + sizeBytes <= endOfPath;
  if (!isSound) throw reader.error(`the content of the row at ${at} leaves its area`);
  if (sizeBytes === 0) return 0;
  before.reached = dataOffset + sizeBytes;
  return before.reached;
}

/**
 * Refuses frames whose first row would leave out a file that has content in them.
 * @param ends for each row of the index where its content ends
 * @throws {SaddlebagError} `bundle-damaged`
 */
export function checkFirstRows(file: string, frames: readonly FrameRecord[], ends: readonly number[]): void {
  let row = 0;
  for (const [number, frame] of frames.entries()) {
    let isSound = frame.firstRow >= row && frame.firstRow <= ends.length;
    for (; isSound && row < frame.firstRow; row++) isSound = (ends[row] ?? 0) <= frame.tarOffset;
    if (!isSound) {
      throw new Reader(file, 'frame table', Buffer.alloc(0)).error(
        `frame ${number} begins at an impossible row`,
      );
    }
  }
}

/** Returns the rows of a slice that `checkRows` let pass. */
export function decodeRows(file: string, path: PathRecord, slice: StoredSlice): Row[] {
  const reader = new Reader(file, `index of ${path.storePath}`, slice.rows);
  return Array.from({ length: slice.rows.length / rowBytes }, (_, index) => {
    const at = rowBytes * index;
    return {
      path: reader.string(at, slice.strings),
      target: reader.string(at + 8, slice.strings),
      sizeBytes: reader.u64(at + 16),
      dataOffset: reader.u64(at + 24),
      linkRow: reader.u64(at + 32),
      mode: reader.u16(at + 40),
      kind: decodeKind(reader, at + 42),
    };
  });
}

function decodeKind(reader: Reader, at: number): Row['kind'] {
  const [number] = reader.slice(at, 1);
  const kind = (Object.keys(rowKinds) as Row['kind'][]).find((name) => rowKinds[name] === number);
  if (kind === undefined) throw reader.error(`the kind at ${at} is unknown`);
  return kind;
}
