import { constants, type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { sha256Hex } from '../src/core/digest.ts';
import { describeCause, SaddlebagError } from '../src/core/errors.ts';
import type { ByteSource } from '../src/core/piece.ts';
import type { Header, PathRecord } from './format/header.ts';
import { decodeHeader } from './format/header-reader.ts';
import { decodeFrames, type FrameRecord } from './format/index-table.ts';
import {
  frameRecordBytes,
  headerFrameMagic,
  indexFrameMagic,
  paddingTo,
  rowBytes,
  skippableHeaderBytes,
  trailerBytes,
} from './format/layout.ts';
import { decodeMetadata, type Metadata } from './format/metadata.ts';
import { readRange } from './format/range.ts';
import { damaged, Reader } from './format/reader.ts';
import { checkFirstRows, checkRows, type StoredSlice } from './format/rows.ts';
import { decodeTrailer, type Trailer } from './format/trailer.ts';

/** What tells how a bundle is cut into frames, and what is in them. */
export interface IndexedHeader {
  readonly header: Header;
  readonly frames: readonly FrameRecord[];
  readonly metadata: Metadata;
}

/** A bundle whose header and index were read and checked; its frames were not. */
export interface OpenBundle extends IndexedHeader, AsyncDisposable {
  /** Absolute. */
  readonly file: string;
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  /** The rows of each store path, in the order of the header. */
  readonly slices: readonly StoredSlice[];
}

/**
 * Opens a bundle, reads header and index and checks them: digests, offsets, counts. Ends with its disposal.
 * @throws {SaddlebagError} `bundle-unreadable`, `not-a-bundle`, `bundle-newer`, `bundle-older`, `bundle-damaged`
 */
export async function openBundle(path: string): Promise<OpenBundle> {
  const file = resolve(path);
  // Without O_NONBLOCK the opening of a pipe would wait for who writes to it.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw unreadable(file, new Error('it is not a file'));
    const source = {
      sizeBytes: stats.size,
      read: (offset: number, length: number) => readRange(handle, file, offset, length),
    };
    const { header, trailer } = await readHeader(source, file);
    await checkSkippableFrames(handle, file, header, trailer);
    const index = await readIndex(handle, file, header);
    return {
      file,
      handle,
      sizeBytes: stats.size,
      header,
      ...index,
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (cause) {
    await handle.close();
    throw cause;
  }
}

/** Of two million frames, or a hundred thousand store paths that all refer to many. */
const mostTableBytes = 64 << 20;

function unreadable(file: string, cause: unknown): SaddlebagError {
  return new SaddlebagError('bundle-unreadable', `cannot read ${file}: ${describeCause(cause)}`, {
    hint: 'give the path of a bundle, as `saddlebag bundle` printed it',
    cause,
  });
}

/**
 * Reads header, frame table and metadata of a bundle that need not be a file here, and checks them; no rows.
 * @param name for errors
 * @throws {SaddlebagError} `not-a-bundle`, `bundle-newer`, `bundle-older`, `bundle-damaged`; what `source` throws
 */
export async function readFrameTable(source: ByteSource, name: string): Promise<IndexedHeader> {
  const { header } = await readHeader(source, name);
  if (header.indexOffset + indexBytes(header) > source.sizeBytes)
    throw damaged(name, 'its index leaves the file');
  // A server says how long the file is, and may say anything.
  if (Math.max(frameRecordBytes * header.frameCount, header.metadataBytes) > mostTableBytes)
    throw damaged(name, 'its index is larger than any');
  const table = await source.read(header.indexOffset, frameRecordBytes * header.frameCount);
  const metadataAt = header.indexOffset + indexBytes(header) - header.metadataBytes;
  const metadata = await source.read(metadataAt, header.metadataBytes);
  return {
    header,
    frames: checkFrameTable(name, table, header),
    metadata: decodeMetadata(name, metadata, header.paths.length),
  };
}

async function readHeader(
  source: ByteSource,
  file: string,
): Promise<{ readonly header: Header; readonly trailer: Trailer }> {
  const { sizeBytes } = source;
  const trailerAt = Math.max(0, sizeBytes - trailerBytes);
  const trailer = decodeTrailer(file, await source.read(trailerAt, sizeBytes - trailerAt), sizeBytes);
  const bytes = await source.read(trailer.headerOffset, trailer.headerBytes);
  if (sha256Hex(bytes) !== trailer.headerSha256) {
    throw damaged(file, 'its header is damaged (the digest differs)');
  }
  return { header: decodeHeader(file, bytes), trailer };
}

function checkFrameTable(file: string, table: Buffer, header: Header): FrameRecord[] {
  if (sha256Hex(table) !== header.framesSha256)
    throw damaged(file, 'its frame table is damaged (the digest differs)');
  return decodeFrames(file, table, header);
}

/** Checks that index and header stand in skippable frames of the right length, behind zeros only. */
async function checkSkippableFrames(
  handle: FileHandle,
  file: string,
  header: Header,
  trailer: { readonly headerOffset: number; readonly fileBytes: number },
): Promise<void> {
  const dataEnd = header.dataOffset + header.dataBytes;
  const indexEnd = header.indexOffset + indexBytes(header);
  await checkSkippableFrame(handle, file, [dataEnd, header.indexOffset, indexEnd], indexFrameMagic);
  await checkSkippableFrame(
    handle,
    file,
    [indexEnd, trailer.headerOffset, trailer.fileBytes],
    headerFrameMagic,
  );
}

async function checkSkippableFrame(
  handle: FileHandle,
  file: string,
  [start, content, end]: readonly [start: number, content: number, end: number],
  magic: number,
): Promise<void> {
  const lead = content - start;
  if (lead !== skippableHeaderBytes + paddingTo(start + skippableHeaderBytes, 8)) {
    throw damaged(file, 'its header is damaged (index and header are not where they should be)');
  }
  const reader = new Reader(file, 'index', await readRange(handle, file, start, lead));
  if (reader.u32(0) !== magic || reader.u32(4) !== end - start - skippableHeaderBytes) {
    throw reader.error('a frame of its own is not what it should be');
  }
  reader.zeros(skippableHeaderBytes, lead - skippableHeaderBytes);
}

function indexBytes(header: Header): number {
  const tables = frameRecordBytes * header.frameCount + rowBytes * header.rowCount;
  return tables + header.rowStringsBytes + header.metadataBytes;
}

async function readIndex(
  handle: FileHandle,
  file: string,
  header: Header,
): Promise<Pick<OpenBundle, 'frames' | 'metadata' | 'slices'>> {
  const bytes = await readRange(handle, file, header.indexOffset, indexBytes(header));
  const rowsAt = frameRecordBytes * header.frameCount;
  const stringsAt = rowsAt + rowBytes * header.rowCount;
  const metadataAt = stringsAt + header.rowStringsBytes;
  const frames = checkFrameTable(file, bytes.subarray(0, rowsAt), header);
  const slices = header.paths.map((path) => cutSlice(bytes, path, rowsAt, stringsAt));
  const ends = header.paths.map((path, index) => {
    const slice = slices[index];
    if (slice === undefined || sha256Hex(Buffer.concat([slice.rows, slice.strings])) !== path.sliceSha256) {
      throw damaged(file, `its index is damaged (the digest of ${path.storePath} differs)`);
    }
    return checkRows(file, path, slice);
  });
  checkFirstRows(file, frames, ends.flat());
  return {
    frames,
    slices,
    metadata: decodeMetadata(file, bytes.subarray(metadataAt), header.paths.length),
  };
}

function cutSlice(index: Buffer, path: PathRecord, rowsAt: number, stringsAt: number): StoredSlice {
  const rows = rowsAt + rowBytes * path.firstRow;
  const strings = stringsAt + path.rowStringsOffset;
  return {
    rows: index.subarray(rows, rows + rowBytes * path.rowCount),
    strings: index.subarray(strings, strings + path.rowStringsBytes),
  };
}
