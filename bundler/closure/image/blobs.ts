import { createReadStream, createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract } from 'tar-stream';
import { sha256Hex } from '../../../src/core/digest.ts';
import { describeCause, SaddlebagError } from '../../../src/core/errors.ts';
import { openDecompressed } from './decompress.ts';

/** The files of an image, by their names in its layout. */
export interface Blobs {
  /** Absolute; for messages. */
  readonly image: string;
  has(name: string): boolean | Promise<boolean>;
  /** Reads a small file. @throws {SaddlebagError} `image-invalid` where it is absent or large */
  read(name: string): Promise<Buffer>;
  /** Opens a file of any size. @throws {SaddlebagError} `image-invalid` where it is absent */
  open(name: string): Promise<Readable>;
}

/** A manifest or configuration; registries allow 4 MiB. */
const largestJsonBytes = 4 * 1024 * 1024;

/** Makes the error for an image that breaks its format. */
export function invalidImage(
  image: string,
  reason: string,
  {
    cause,
    hint = 'an OCI layout, or the archive that `docker save` or `podman save` writes, is read',
  }: { readonly cause?: unknown; readonly hint?: string } = {},
): SaddlebagError {
  return new SaddlebagError('image-invalid', `cannot read ${image}: ${reason}`, { hint, cause });
}

/** What to do about a file that is not what was saved. */
export const saveAgain = 'save it, or fetch it, again';

function isInside(name: string): boolean {
  return name
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'));
}

/** Gives the files of an OCI layout in a directory. */
export function directoryBlobs(image: string): Blobs {
  const fileOf = async (name: string) => {
    // Those of a manifest.json are its own.
    if (!isInside(name)) throw invalidImage(image, `${JSON.stringify(name)} would lie outside it`);
    const file = join(image, name);
    const found = await stat(file).catch((cause: unknown) => {
      throw invalidImage(image, `${name}: ${describeCause(cause)}`, { cause });
    });
    if (!found.isFile()) throw invalidImage(image, `${name} is not a file`);
    return { file, sizeBytes: found.size };
  };
  return {
    image,
    has: (name) =>
      stat(join(image, name)).then(
        (found) => found.isFile(),
        () => false,
      ),
    read: async (name) => {
      const { file, sizeBytes } = await fileOf(name);
      refuseLarge(image, name, sizeBytes);
      return readFile(file);
    },
    open: async (name) => createReadStream((await fileOf(name)).file),
  };
}

/**
 * Unpacks an archive of an image, compressed or not, into files of `workDirectory`, and gives them by their names.
 * Nothing of the archive decides where anything is written.
 * @throws {SaddlebagError} `image-invalid`; the reason of `signal`
 */
export async function archiveBlobs(
  image: string,
  workDirectory: string,
  signal: AbortSignal,
): Promise<Blobs> {
  const spool = sha256Hex(image).slice(0, 16);
  const files = new Map<string, { readonly file: string; readonly sizeBytes: number }>();
  const links = new Map<string, string>();
  const reader = extract();
  const read = async () => {
    for await (const entry of reader) {
      signal.throwIfAborted();
      const { name, type, linkname, size } = entry.header;
      const clean = posix.normalize(name).replace(/^(\.?\/)+/, '');
      if (type === 'symlink' && linkname) links.set(clean, posix.join(posix.dirname(clean), linkname));
      else if (type === 'link' && linkname) links.set(clean, posix.normalize(linkname));
      if (type !== 'file') {
        entry.resume();
        continue;
      }
      const file = join(workDirectory, `image-${spool}-${files.size}`);
      await pipeline(entry, createWriteStream(file, { flags: 'wx', mode: 0o600 }), { signal });
      files.set(clean, { file, sizeBytes: size ?? 0 });
    }
  };
  await Promise.all([
    pipeline(await openDecompressed(createReadStream(image)), reader, { signal }),
    read(),
  ]).catch((cause: unknown) => {
    signal.throwIfAborted();
    throw invalidImage(image, describeCause(cause), { cause, hint: saveAgain });
  });
  const find = (name: string) => files.get(name) ?? files.get(links.get(name) ?? '');
  const require = (name: string) => {
    const found = find(name);
    if (found === undefined) throw invalidImage(image, `it holds no ${name}`);
    return found;
  };
  return {
    image,
    has: (name) => find(name) !== undefined,
    read: (name) => {
      const { file, sizeBytes } = require(name);
      refuseLarge(image, name, sizeBytes);
      return readFile(file);
    },
    open: async (name) => createReadStream(require(name).file),
  };
}

function refuseLarge(image: string, name: string, sizeBytes: number): void {
  if (sizeBytes > largestJsonBytes) throw invalidImage(image, `${name} is too large for what it should be`);
}
