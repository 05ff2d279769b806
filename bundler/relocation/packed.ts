import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import type { Transform } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib';
import { type Entry, fromBufferPromise, openPromise, type ZipFile } from 'yauzl';
import { findNamed, type Obstacle, reachBytes } from './search.ts';

/** A format that packs content, so that nothing in it can be rewritten at its length or without its checksum. */
export type Packing = 'gzip' | 'zstd' | 'brotli' | 'zip';

const magics: readonly (readonly [Packing, Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b, 8])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
  ['zip', Buffer.from('PK\x03\x04')],
];
const zipEnd = Buffer.from('PK\x05\x06');
const zipEndBytes = 22;

/**
 * Tells how a file is packed from its name and its first bytes, or from its last: a zip may stand behind a script. xz and
 * bzip2 are not among them, for Node can't read them.
 */
export function packingOf(path: string, first: Buffer, last: Buffer): Packing | undefined {
  const found = magics.find(([, magic]) => first.subarray(0, magic.length).equals(magic));
  if (found !== undefined) return found[0];
  if (path.endsWith('.br')) return 'brotli';
  return isZipEnd(last) ? 'zip' : undefined;
}

/** Whether bytes end as a zip without a comment does. */
function isZipEnd(bytes: Buffer): boolean {
  const end = bytes.subarray(-zipEndBytes);
  return end.length === zipEndBytes && end.subarray(0, zipEnd.length).equals(zipEnd);
}

/** The obstacle that a packing is. */
export function obstacleOf(packing: Packing): Obstacle {
  return packing === 'zip' ? 'archived' : 'compressed';
}

/**
 * Finds every store path that a packed file names. What is no such file after all, or damaged, is searched as far as it can
 * be read: the app could read no more of it.
 * @returns hashes
 */
export async function findPacked(file: string, packing: Packing, signal: AbortSignal): Promise<Set<string>> {
  const found = new Set<string>();
  try {
    if (packing === 'zip') await searchZip(await openZip(file), { found, descends: true, signal });
    else await pipeline(createReadStream(file), decoder(packing), collectInto(found), { signal });
  } catch {
    signal.throwIfAborted();
  }
  return found;
}

function decoder(packing: Exclude<Packing, 'zip'>): Transform {
  if (packing === 'gzip') return createGunzip();
  return packing === 'zstd' ? createZstdDecompress() : createBrotliDecompress();
}

function collectInto(found: Set<string>): (content: AsyncIterable<Buffer>) => Promise<void> {
  return async (content) => {
    let carry: Buffer = Buffer.alloc(0);
    for await (const chunk of content) {
      const joined = Buffer.concat([carry, chunk]);
      for (const hash of findNamed(joined)) found.add(hash);
      carry = joined.subarray(-reachBytes);
    }
  };
}

// Names of members are of no interest, so none can be wrong.
const zipOptions = { autoClose: false, decodeStrings: false, lazyEntries: true };

// What a zip may take of memory, one in a zip too: web applications in Java are such. Zips inside those are left alone.
const zipInMemoryBytes = 64 << 20;

/** Opens a zip that may stand behind something else, with offsets that count from its own beginning. */
async function openZip(file: string): Promise<ZipFile> {
  const { size } = await stat(file);
  if (size > zipInMemoryBytes) return openPromise(file, zipOptions);
  const bytes = await readFile(file);
  const end = bytes.length - zipEndBytes;
  // Source: PKWARE's APPNOTE.TXT, 4.3.16: size and offset of the central directory, which is right before the end.
  const before = isZipEnd(bytes) ? end - bytes.readUInt32LE(end + 12) - bytes.readUInt32LE(end + 16) : 0;
  return fromBufferPromise(before > 0 ? bytes.subarray(before) : bytes, zipOptions);
}

interface Search {
  readonly found: Set<string>;
  /** Whether zips in the zip are searched as well. */
  readonly descends: boolean;
  readonly signal: AbortSignal;
}

async function searchZip(zip: ZipFile, search: Search): Promise<void> {
  try {
    for await (const entry of zip.eachEntry()) {
      search.signal.throwIfAborted();
      // One member that can't be read says nothing of the others.
      await searchMember(zip, entry, search).catch(() => undefined);
    }
  } finally {
    zip.close();
  }
}

async function searchMember(zip: ZipFile, entry: Entry, search: Search): Promise<void> {
  const { found, signal } = search;
  const content = await zip.openReadStreamPromise(entry);
  if (entry.uncompressedSize > zipInMemoryBytes) return pipeline(content, collectInto(found), { signal });
  const bytes = await buffer(content);
  for (const hash of findNamed(bytes)) found.add(hash);
  if (!search.descends || packingOf('', bytes, bytes) !== 'zip') return;
  await searchZip(await fromBufferPromise(bytes, zipOptions), { ...search, descends: false });
}
