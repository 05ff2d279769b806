import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { TarArchive } from 'archiver';
import { describeCause, SaddlebagError } from '../src/core/errors.ts';
import type { Entry } from '../src/core/types.ts';

/** A tar's block; headers and contents begin at multiples of it. */
export const tarBlockBytes = 512;

/** What ends a tar: two blocks of zeros. */
export const tarEnd = Buffer.alloc(2 * tarBlockBytes);

// Nix's mtime. Python keeps its compiled files only while the sources' mtime stays what it was.
const mtime = new Date(1000);

// A file up to this size is read whole, which spares a stream for each of thousands of small files.
const wholeFileBytes = 1 << 20;

/**
 * Writes entries as one piece of a tar: headers and contents, without the two blocks that end a tar. The same entries
 * always give the same bytes.
 * @throws {SaddlebagError} `file-changed` when a file is not the size that its entry says, `file-unreadable`
 */
export async function* writeTar(entries: readonly Entry[], signal: AbortSignal): AsyncGenerator<Buffer> {
  const archive = new TarArchive({ statConcurrency: 1 });
  const appended = appendAll(archive, entries, signal).catch((cause: unknown) => {
    archive.destroy(cause as Error);
  });
  let held: Buffer = Buffer.alloc(0);
  try {
    for await (const chunk of archive as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      // The end of the tar may come in any number of chunks: always hold back as much as it has.
      held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
      if (held.length > tarEnd.length) {
        yield held.subarray(0, held.length - tarEnd.length);
        held = held.subarray(held.length - tarEnd.length);
      }
    }
  } finally {
    archive.destroy();
    await appended;
  }
  if (!held.equals(tarEnd)) throw new Error('the tar does not end in two blocks of zeros');
}

async function appendAll(archive: TarArchive, entries: readonly Entry[], signal: AbortSignal): Promise<void> {
  for (const entry of entries) {
    signal.throwIfAborted();
    if (entry.kind === 'file') await appendFile(archive, entry);
    else archive.append(Buffer.alloc(0), entryData(entry));
  }
  await archive.finalize();
}

async function appendFile(archive: TarArchive, entry: Extract<Entry, { kind: 'file' }>): Promise<void> {
  if (entry.sizeBytes > wholeFileBytes) {
    const stream = createReadStream(entry.file, { highWaterMark: 1 << 20 });
    stream.on('error', (cause) => archive.destroy(unreadable(entry.file, cause)));
    // archiver takes the size of a stream from its stats, and would otherwise hold all of it in memory.
    archive.append(stream, { ...entryData(entry), stats: { size: entry.sizeBytes } } as never);
    return;
  }
  const content = await readFile(entry.file).catch((cause: unknown) => {
    throw unreadable(entry.file, cause);
  });
  if (content.length !== entry.sizeBytes) throw changed(entry.file);
  archive.append(content, entryData(entry));
}

/** Keys beyond archiver's types (`linkname`, `pax`) pass through it to tar-stream, its engine. */
function entryData(entry: Entry): { name: string } {
  const data = {
    name: entry.path,
    type: entry.kind,
    mode: entry.kind === 'symlink' ? 0o777 : entry.mode,
    date: mtime,
    ...(entry.kind === 'symlink' || entry.kind === 'link' ? { linkname: entry.target } : {}),
    // archiver turns backslashes in names into slashes; a pax record, which readers prefer, has the real name.
    ...(entry.path.includes('\\') ? { pax: { path: entry.path } } : {}),
  };
  return data as { name: string };
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
