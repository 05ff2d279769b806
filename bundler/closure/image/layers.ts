import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { chmod, copyFile, lstat, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type Extract, extract, type Header } from 'tar-stream';
import { describeCause, SaddlebagError } from '../../../src/core/errors.ts';
import { type Blobs, invalidImage, saveAgain } from './blobs.ts';
import { openDecompressed } from './decompress.ts';
import type { Layer } from './manifest.ts';
import { resolveInTree } from './scoped-path.ts';

type Entry = Extract extends AsyncIterable<infer Member> ? Member : never;

/** What of an image has no place in a bundle, for a warning. */
export interface LeftOut {
  /** Devices, fifos: paths in the image. */
  readonly special: readonly string[];
  /** Programs that would run as another user: paths in the image. */
  readonly privileged: readonly string[];
}

/** Where layers are applied, and what is noticed on the way. */
interface Site {
  readonly blobs: Blobs;
  readonly tree: string;
  readonly signal: AbortSignal;
  readonly special: Set<string>;
  readonly privileged: Set<string>;
}

const whiteout = '.wh.';
const opaqueWhiteout = '.wh..wh..opq';
const setIds = 0o6000;
/** PATH_MAX of Linux; what a tar may hold is a thousand times as long, and looked at directory by directory. */
const longestPath = 4096;

/**
 * Applies layers, from the lowest up, to the empty directory `tree`: whiteouts remove what lies below, an opaque
 * directory hides what it had. Links are made as they are and never followed out of the tree. Owners, times, extended
 * attributes, set-user-id bits and devices are dropped.
 * Source: OCI image specification, "Image Layer Filesystem Changeset".
 * @throws {SaddlebagError} `image-invalid`; the reason of `signal`
 */
export async function applyLayers(
  layers: readonly Layer[],
  { blobs, tree, signal }: Pick<Site, 'blobs' | 'tree' | 'signal'>,
): Promise<LeftOut> {
  const site: Site = { blobs, tree, signal, special: new Set(), privileged: new Set() };
  for (const layer of layers) await applyLayer(layer, site);
  return { special: [...site.special].sort(), privileged: [...site.privileged].sort() };
}

async function applyLayer({ name, diffSha256 }: Layer, site: Site): Promise<void> {
  const { blobs, signal } = site;
  const hash = createHash('sha256');
  const tee = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  const reader = extract();
  // What this layer itself brought is not hidden by its own opaque markers.
  const made = new Set<string>();
  const apply = async () => {
    for await (const entry of reader) {
      signal.throwIfAborted();
      await applyEntry(entry, made, site);
      entry.resume();
    }
  };
  const content = await openDecompressed(await blobs.open(name));
  await Promise.all([pipeline(content, tee, reader, { signal }), apply()]).catch((cause: unknown) => {
    signal.throwIfAborted();
    if (cause instanceof SaddlebagError) throw cause;
    throw invalidImage(blobs.image, `layer ${name}: ${describeCause(cause)}`, {
      cause,
      hint: saveAgain,
    });
  });
  if (hash.digest('hex') !== diffSha256) {
    throw invalidImage(blobs.image, `layer ${name} is damaged (its digest differs)`, {
      hint: saveAgain,
    });
  }
}

async function applyEntry(entry: Entry, made: Set<string>, site: Site): Promise<void> {
  const { header } = entry;
  const path = posix.normalize(`/${header.name}`).replace(/\/$/, '').slice(1);
  if (path === '') return;
  if (Buffer.byteLength(path) > longestPath) {
    throw invalidImage(site.blobs.image, `/${path.slice(0, 100)}… is longer than any path can be`);
  }
  const name = posix.basename(path);
  const parent = await makeParent(posix.dirname(path), site);
  if (name === opaqueWhiteout) return emptyBelow(parent, made);
  if (name.startsWith(whiteout)) {
    const hidden = name.slice(whiteout.length);
    if (['', '.', '..'].includes(hidden)) throw invalidImage(site.blobs.image, `/${path} hides no file`);
    return remove(join(parent, hidden));
  }
  const file = join(parent, name);
  made.add(file);
  if (header.type === 'directory') return makeDirectory(file);
  await makeNode(entry, { file, path }, site);
}

async function makeNode(
  entry: Entry,
  { file, path }: { readonly file: string; readonly path: string },
  site: Site,
): Promise<void> {
  const { header } = entry;
  await remove(file);
  switch (header.type) {
    case 'file':
    case 'contiguous-file':
      if (((header.mode ?? 0) & setIds) !== 0) site.privileged.add(`/${path}`);
      await pipeline(entry, createWriteStream(file, { flags: 'wx' }), { signal: site.signal });
      return chmod(file, modeOf(header));
    case 'symlink':
      return symlink(header.linkname ?? '', file);
    case 'link':
      return copyLinked(file, path, { header, site });
    default:
      site.special.add(`/${path}`);
  }
}

/** A hard link is copied: equal content is stored once anyway, and a later layer may change one of the two. */
async function copyLinked(
  file: string,
  path: string,
  { header, site }: { readonly header: Header; readonly site: Site },
): Promise<void> {
  const target = posix.normalize(`/${header.linkname ?? ''}`).slice(1, longestPath);
  const source = join(await makeParent(posix.dirname(target), site), posix.basename(target));
  const found = await lstat(source).catch(() => undefined);
  if (found?.isFile() !== true) {
    throw invalidImage(site.blobs.image, `/${path} links to /${target}, which is no file`);
  }
  await copyFile(source, file);
  await chmod(file, found.mode & 0o777);
}

function modeOf({ mode }: Header): number {
  return ((mode ?? 0) & 0o111) === 0 ? 0o644 : 0o755;
}

/** Returns the directory that a path of the image leads to, links followed inside the tree, made where it is missing. */
async function makeParent(path: string, { tree, blobs }: Site): Promise<string> {
  const directory = await resolveInTree(tree, path);
  if (directory === undefined) throw invalidImage(blobs.image, `/${path} leads through too many links`);
  await mkdir(directory, { recursive: true }).catch(async (cause: unknown) => {
    throw invalidImage(blobs.image, `/${path}: ${describeCause(cause)}`, { cause });
  });
  return directory;
}

async function makeDirectory(file: string): Promise<void> {
  const found = await lstat(file).catch(() => undefined);
  if (found?.isDirectory()) return;
  if (found !== undefined) await remove(file);
  await mkdir(file);
}

async function emptyBelow(directory: string, made: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(directory)) {
    const file = join(directory, name);
    if (made.has(file)) await emptyBelow(file, made).catch(ignoreFile);
    else await remove(file);
  }
}

/** What was made and is no directory has nothing below it. */
function ignoreFile(cause: NodeJS.ErrnoException): void {
  if (cause.code !== 'ENOTDIR') throw cause;
}

async function remove(file: string): Promise<void> {
  await rm(file, { recursive: true, force: true });
}
