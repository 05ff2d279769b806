import { open } from 'node:fs/promises';
import { TarArchive } from 'archiver';
import { pack } from 'tar-stream';
import { sha256Hex } from '../src/core/digest.ts';
import { describeCause, SaddlebagError } from '../src/core/errors.ts';
import { readInto } from '../src/core/small-file.ts';
import type { Entry } from '../src/core/types.ts';
import { tarEndBytes } from './format/layout.ts';
import { freeBuffer } from './large-buffer.ts';

type FileEntry = Extract<Entry, { kind: 'file' }>;

/** A tar's block; headers and contents begin at multiples of it. */
export const tarBlockBytes = 512;

/** What ends a tar: two blocks of zeros. */
export const tarEnd = Buffer.alloc(tarEndBytes);

// Nix's mtime. Python keeps its compiled files only while the sources' mtime stays what it was.
const mtime = new Date(1000);

// Files up to this size are read whole, as many at once as fit into it together; larger ones in pieces of it.
const contentBytes = 1 << 20;

/**
 * Writes entries as one piece of a tar: headers and contents, without the two blocks that end a tar. The same entries
 * always give the same bytes. A chunk holds only until the next is asked for.
 * @throws {SaddlebagError} `file-changed` when a file is not the size that its entry says, `file-unreadable`
 */
export async function* writeTar(entries: readonly Entry[], signal: AbortSignal): AsyncGenerator<Buffer> {
  // For all contents, one after the other. A byte more shows that a file has grown.
  const memory = Buffer.allocUnsafeSlow(contentBytes + 1);
  let batch: Entry[] = [];
  let batchBytes = 0;
  try {
    for (const entry of entries) {
      const sizeBytes = entry.kind === 'file' ? entry.sizeBytes : 0;
      if (batchBytes + sizeBytes > contentBytes) {
        yield* await archiveEntries(batch, memory, signal);
        batch = [];
        batchBytes = 0;
      }
      if (entry.kind === 'file' && sizeBytes > contentBytes) yield* writeLargeFile(entry, memory, signal);
      else batch.push(entry);
      batchBytes += sizeBytes > contentBytes ? 0 : sizeBytes;
    }
    yield* await archiveEntries(batch, memory, signal);
  } finally {
    freeBuffer(memory);
  }
}

/**
 * Returns a digest that differs where another version of this file, or of the libraries below it, would write another tar:
 * that of one with every kind of entry and name.
 */
export async function digestTarWriter(): Promise<string> {
  const long = 'directory/'.repeat(30);
  const entries: Entry[] = ['short', 'back\\slash', 'é', `${long}name`].flatMap((path): Entry[] => [
    { kind: 'directory', path, mode: 0o555 },
    { kind: 'file', path, mode: 0o444, sizeBytes: 0, file: '/dev/null' },
    { kind: 'symlink', path, target: `${long}target` },
    { kind: 'link', path, mode: 0o555, target: 'short' },
  ]);
  const chunks = await archiveEntries(entries, Buffer.alloc(1), new AbortController().signal);
  return sha256Hex(Buffer.concat(chunks));
}

/** Archives entries whose contents fit into `memory` together, less a byte; the chunks hold until that is used again. */
async function archiveEntries(
  entries: readonly Entry[],
  memory: Buffer,
  signal: AbortSignal,
): Promise<readonly Buffer[]> {
  if (entries.length === 0) return [];
  const archive = new TarArchive({ statConcurrency: 1 });
  let at = 0;
  for (const entry of entries) {
    signal.throwIfAborted();
    const content = entry.kind === 'file' ? readWhole(entry, memory.subarray(at)) : Buffer.alloc(0);
    archive.append(content, headerData(entry));
    at += content.length;
  }
  const archived = Array.fromAsync(archive as AsyncIterable<Buffer>);
  await archive.finalize();
  const chunks = await archived;
  const end = chunks.pop();
  if (end?.equals(tarEnd) !== true) throw new Error('a tar does not end in two blocks of zeros');
  return chunks;
}

function readWhole({ file, sizeBytes }: FileEntry, memory: Buffer): Buffer {
  let length: number;
  try {
    length = readInto(file, memory.subarray(0, sizeBytes + 1));
  } catch (cause) {
    throw unreadable(file, cause);
  }
  if (length !== sizeBytes) throw changed(file);
  return memory.subarray(0, length);
}

/**
 * Writes one file in chunks. Only its header comes from tar-stream: when a content that streams through archiver ends
 * early (the file changed, Ctrl-C), the engine throws where no one can catch it.
 */
async function* writeLargeFile(
  entry: FileEntry,
  memory: Buffer,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  yield await tarHeader(entry);
  let seenBytes = 0;
  try {
    await using handle = await open(entry.file, 'r');
    for (;;) {
      signal.throwIfAborted();
      const { bytesRead } = await handle.read(memory, 0, memory.length, null);
      if (bytesRead === 0) break;
      seenBytes += bytesRead;
      if (seenBytes > entry.sizeBytes) throw changed(entry.file);
      yield memory.subarray(0, bytesRead);
    }
  } catch (cause) {
    throw cause instanceof SaddlebagError || signal.aborted ? cause : unreadable(entry.file, cause);
  }
  if (seenBytes < entry.sizeBytes) throw changed(entry.file);
  yield Buffer.alloc(roundToBlock(seenBytes) - seenBytes);
}

async function tarHeader(entry: FileEntry): Promise<Buffer> {
  const engine = pack();
  const { date, ...data } = headerData(entry);
  const sink = engine.entry({ ...data, mtime: date, size: entry.sizeBytes });
  // It fails, as it must, when the engine is left below before the content came.
  sink.on('error', () => undefined);
  let header = Buffer.alloc(0);
  for await (const chunk of engine as AsyncIterable<Buffer>) {
    header = Buffer.concat([header, chunk]);
    const [end] = locateContents(header, [entry]).offsets;
    if (header.length === end) break;
  }
  return header;
}

interface HeaderData {
  readonly name: string;
  readonly type: 'file';
  readonly mode: number;
  readonly date: Date;
}

/** Keys and kinds beyond archiver's types (`linkname`, `pax`, `link`) pass through it to tar-stream, its engine. */
function headerData(entry: Entry): HeaderData {
  return {
    name: entry.path.replaceAll('\\', '_'),
    type: entry.kind as 'file',
    mode: entry.kind === 'symlink' ? 0o777 : entry.mode,
    date: mtime,
    ...(entry.kind === 'symlink' || entry.kind === 'link' ? { linkname: entry.target } : {}),
    // archiver turns backslashes in names into slashes, and takes what then ends in one for a directory: they get
    // another name there, and the real one in a pax record, which readers prefer.
    ...(entry.path.includes('\\') ? { pax: { path: entry.path } } : {}),
  };
}

function unreadable(file: string, cause: unknown): SaddlebagError {
  return new SaddlebagError('file-unreadable', `cannot bundle ${file}: ${describeCause(cause)}`, { cause });
}

function changed(file: string): SaddlebagError {
  return new SaddlebagError('file-changed', `cannot bundle ${file}: it changed while it was read`, {
    hint: 'bundle again once nothing writes to it',
  });
}

/**
 * Finds where each entry's content begins in the tar that `writeTar` made of them.
 * @param tar from the first header on; what follows the last entry's headers may be missing
 * @returns offsets from the start of `tar`, and the length of the whole in bytes
 */
export function locateContents(
  tar: Buffer,
  entries: readonly Entry[],
): { readonly offsets: readonly number[]; readonly tarBytes: number } {
  const offsets: number[] = [];
  let at = 0;
  for (const entry of entries) {
    if (tar[at + 156] === paxHeaderType) {
      const paxBytes = Number.parseInt(tar.toString('latin1', at + 124, at + 136), 8);
      at += tarBlockBytes + roundToBlock(paxBytes);
    }
    at += tarBlockBytes;
    offsets.push(at);
    if (entry.kind === 'file') at += roundToBlock(entry.sizeBytes);
  }
  return { offsets, tarBytes: at };
}

const paxHeaderType = 'x'.charCodeAt(0);

/** Rounds up to whole blocks. */
export function roundToBlock(sizeBytes: number): number {
  return Math.ceil(sizeBytes / tarBlockBytes) * tarBlockBytes;
}
