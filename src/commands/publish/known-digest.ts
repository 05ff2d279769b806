import type { BigIntStats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { DirectoryCache } from '../../../bundler/cache/directory-cache.ts';
import { openCacheDirectory, placeCache } from '../../../bundler/cache/place.ts';
import { noCache, type RecordCache } from '../../../bundler/cache/record-cache.ts';
import type { Context } from '../../core/context.ts';
import { sha256Hex } from '../../core/digest.ts';
import type { ContentDigest } from '../../publish/content.ts';

/** Raised when a digest that is kept says something else than before of the file that it belongs to. */
const recordVersion = 1;

/**
 * Returns the digests of a file by remembering them, or else by `read`, which also checks the file, and keeps them then. A
 * file is the one that was read before while its device, inode, size and its times of modification and of change are the
 * same, by which git knows its files too. Who sends what was only remembered takes the digest once more: see
 * `ContentDigest`.
 * @throws what `read` throws
 */
export async function knownDigests(
  file: string,
  read: () => Promise<ContentDigest>,
  context: Pick<Context, 'env'>,
): Promise<ContentDigest> {
  const key = await keyOf(file);
  if (key === undefined) return read();
  const cache = await openCache(context);
  const record = (await cache.read(key))?.toString() ?? '';
  if (record !== '') return { ...(JSON.parse(record) as Remembered), crc32: null };
  // A file that changes meanwhile is another one to whoever asks for it later.
  const digests = await read();
  await keep(cache, key, digests);
  return digests;
}

/** Keeps the digest of a file that was just written, and that says what it should. */
export async function rememberDigest(
  { file, ...digests }: Remembered & { readonly file: string },
  context: Pick<Context, 'env'>,
): Promise<void> {
  const key = await keyOf(file);
  if (key !== undefined) await keep(await openCache(context), key, digests);
}

/** Forgets the digest of a file, which turned out to be another. */
export async function forgetDigest(file: string, context: Pick<Context, 'env'>): Promise<void> {
  const key = await keyOf(file);
  if (key !== undefined) await (await openCache(context)).write(key, Buffer.alloc(0));
}

type Remembered = Pick<ContentDigest, 'sizeBytes' | 'sha256'>;

async function keep(cache: RecordCache, key: string, { sizeBytes, sha256 }: Remembered): Promise<void> {
  await cache.write(key, Buffer.from(JSON.stringify({ sizeBytes, sha256 } satisfies Remembered)));
}

/** Undefined where there is no file: whoever reads it says so. */
async function keyOf(file: string): Promise<string | undefined> {
  const stats: BigIntStats | undefined = await stat(file, { bigint: true }).catch(() => undefined);
  if (stats === undefined) return undefined;
  const { dev, ino, size, mtimeNs, ctimeNs } = stats;
  return sha256Hex(
    JSON.stringify(['digest', recordVersion, ...[dev, ino, size, mtimeNs, ctimeNs].map(String)]),
  );
}

/** Nothing is said of one that cannot be used: reading the file again is all that it costs. */
async function openCache({ env }: Pick<Context, 'env'>): Promise<RecordCache> {
  try {
    const place = placeCache(env);
    if (place === null) return noCache;
    await openCacheDirectory(place.directory);
    return new DirectoryCache(place.directory, () => undefined);
  } catch {
    return noCache;
  }
}
