import { type FileHandle, open } from 'node:fs/promises';
import { resolve } from 'node:path';
import { sha256Hex, sha256OfFile } from '../src/core/digest.ts';
import { describeCause, SaddlebagError } from '../src/core/errors.ts';
import type { Bundle, ImagePath } from '../src/core/types.ts';
import type { Header, PathRecord } from './format/header.ts';
import { decodeHeader } from './format/header-reader.ts';
import { decodeFrames, type FrameRecord } from './format/index-table.ts';
import {
  frameRecordBytes,
  headerFrameMagic,
  indexFrameMagic,
  rowBytes,
  skippableHeaderBytes,
  trailerBytes,
} from './format/layout.ts';
import { decodeMetadata, type Metadata } from './format/metadata.ts';
import { readRange } from './format/range.ts';
import { damaged, Reader } from './format/reader.ts';
import { checkFirstRows, checkRows } from './format/rows.ts';
import { decodeTrailer } from './format/trailer.ts';
import { runSettings } from './run-settings.ts';
import { verifyFrames } from './verify.ts';

/** How a bundle is read. */
export interface InspectOptions {
  readonly signal: AbortSignal;
  /** Called with the bytes of content checked so far. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
}

/**
 * Reads a bundle and checks every byte of it: digests of header, index and runtime, and each frame decoded and compared
 * with the digests of the store paths.
 * @throws {SaddlebagError} `bundle-unreadable`, `not-a-bundle`, `bundle-newer`, `bundle-older`, `bundle-damaged`
 */
export async function inspectBundle(path: string, options: InspectOptions): Promise<Bundle> {
  const file = resolve(path);
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw unreadable(file, new Error('it is not a file'));
    const header = await readHeader(handle, file, stats.size);
    const { frames, metadata } = await readIndex(handle, file, header);
    await verifyFrames(handle, file, { header, metadata, frames }, options);
    const sha256 = await sha256OfFile(file, { signal: options.signal });
    return describeBundle({ file, sizeBytes: stats.size, sha256, header, metadata, frames });
  } finally {
    await handle.close();
  }
}

function unreadable(file: string, cause: unknown): SaddlebagError {
  return new SaddlebagError('bundle-unreadable', `cannot read ${file}: ${describeCause(cause)}`, {
    hint: 'give the path of a bundle, as `saddlebag bundle` printed it',
    cause,
  });
}

async function readHeader(handle: FileHandle, file: string, sizeBytes: number): Promise<Header> {
  const trailerAt = Math.max(0, sizeBytes - trailerBytes);
  const trailer = decodeTrailer(
    file,
    await readRange(handle, file, trailerAt, sizeBytes - trailerAt),
    sizeBytes,
  );
  const bytes = await readRange(handle, file, trailer.headerOffset, trailer.headerBytes);
  if (sha256Hex(bytes) !== trailer.headerSha256) {
    throw damaged(file, 'its header is damaged (the digest differs)');
  }
  const header = decodeHeader(file, bytes);
  await checkSkippableFrames(handle, file, header, trailer);
  return header;
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
  if (lead < skippableHeaderBytes || lead >= 2 * skippableHeaderBytes) {
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
): Promise<{ readonly frames: readonly FrameRecord[]; readonly metadata: Metadata }> {
  const bytes = await readRange(handle, file, header.indexOffset, indexBytes(header));
  const rowsAt = frameRecordBytes * header.frameCount;
  const stringsAt = rowsAt + rowBytes * header.rowCount;
  const metadataAt = stringsAt + header.rowStringsBytes;
  const table = bytes.subarray(0, rowsAt);
  if (sha256Hex(table) !== header.framesSha256)
    throw damaged(file, 'its frame table is damaged (the digest differs)');
  const ends = header.paths.map((path) => {
    const slice = cutSlice(bytes, path, rowsAt, stringsAt);
    if (sha256Hex(Buffer.concat([slice.rows, slice.strings])) !== path.sliceSha256) {
      throw damaged(file, `its index is damaged (the digest of ${path.storePath} differs)`);
    }
    return checkRows(file, path, slice);
  });
  const frames = decodeFrames(file, table, header);
  checkFirstRows(file, frames, ends.flat());
  return {
    frames,
    metadata: decodeMetadata(file, bytes.subarray(metadataAt), header.paths.length),
  };
}

function cutSlice(index: Buffer, path: PathRecord, rowsAt: number, stringsAt: number) {
  const rows = rowsAt + rowBytes * path.firstRow;
  const strings = stringsAt + path.rowStringsOffset;
  return {
    rows: index.subarray(rows, rows + rowBytes * path.rowCount),
    strings: index.subarray(strings, strings + path.rowStringsBytes),
  };
}

/**
 * Describes a bundle from what stands in it; shared by who writes it and who reads it, so both say the same.
 */
export function describeBundle(parts: {
  readonly file: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly header: Header;
  readonly metadata: Metadata;
  readonly frames: readonly FrameRecord[];
}): Bundle {
  const { header, metadata, frames } = parts;
  const storePaths = header.paths.map(({ storePath }) => storePath);
  const paths: ImagePath[] = header.paths.map((path, index) => ({
    storePath: path.storePath,
    references: storePaths.filter((_, other) => metadata.references[index]?.includes(other)),
    entries: path.rowCount,
    contentBytes: path.contentBytes,
    compressedBytes: compressedBytesOf(path, frames),
    contentSha256: path.contentSha256,
  }));
  const { entrypoint, programs, binds, root } = runSettings(header, metadata);
  return {
    version: 2,
    name: header.name,
    appVersion: header.appVersion,
    file: parts.file,
    arch: header.arch,
    source: metadata.source,
    entrypoint,
    programs,
    binds,
    root,
    relocateRefusal: header.relocateRefusal,
    runtimeOptions: header.runtimeOptions,
    sizeBytes: parts.sizeBytes,
    sha256: parts.sha256,
    closureSha256: header.closureSha256,
    toolVersion: header.toolVersion,
    tailOffset: header.dataOffset + 1,
    image: {
      sizeBytes: header.dataBytes,
      frames: frames.length,
      frameBytes: header.frameBytes,
      tarBytes: header.tarBytes,
      contentBytes: header.contentBytes,
      encoder: header.encoder,
      paths,
    },
  };
}

/** Sums a store path's share of the frames that hold it, in bytes; of a shared frame by the length of its part. */
function compressedBytesOf(path: PathRecord, frames: readonly FrameRecord[]): number {
  const pathEnd = path.tarOffset + path.tarBytes;
  const sum = frames.reduce((bytes, frame) => {
    const start = Math.max(path.tarOffset, frame.tarOffset);
    const end = Math.min(pathEnd, frame.tarOffset + frame.tarBytes);
    return end > start ? bytes + (frame.bytes * (end - start)) / frame.tarBytes : bytes;
  }, 0);
  return Math.round(sum);
}
