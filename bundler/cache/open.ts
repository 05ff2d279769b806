import type { Context } from '../../src/core/context.ts';
import { describeCause, SaddlebagError } from '../../src/core/errors.ts';
import { DirectoryCache } from './directory-cache.ts';
import { evictRecords } from './eviction.ts';
import { openCacheDirectory, placeCache } from './place.ts';
import { noCache, type RecordCache } from './record-cache.ts';

/** A cache in use. */
export interface OpenCache {
  readonly cache: RecordCache;
  /** Brings it back below its limit; to be called at the end, whatever came of the work. */
  close(): Promise<void>;
}

/** What there is where nothing is kept. */
export const closedCache: OpenCache = { cache: noCache, close: async () => undefined };

/**
 * Opens the cache of bundling, or none, with a warning, where it cannot be used: a bundle can always be made without.
 * @throws {SaddlebagError} `cache-size-invalid`
 */
export async function openCache({ env, reporter }: Pick<Context, 'env' | 'reporter'>): Promise<OpenCache> {
  const place = placeCache(env);
  if (place === null) return closedCache;
  const { directory, limitBytes } = place;
  try {
    await openCacheDirectory(directory);
  } catch (cause) {
    if (!(cause instanceof SaddlebagError)) throw cause;
    const { code, message, hint = '' } = cause;
    reporter.report({ kind: 'warning', stage: 'image', code, message, hint });
    return closedCache;
  }
  const cache = new DirectoryCache(directory, (cause) =>
    reporter.report({
      kind: 'warning',
      stage: 'image',
      code: 'cache-unwritable',
      message: `cannot keep what a later bundle could use in ${directory}: ${describeCause(cause)}`,
      hint: 'the bundle is whole without it; `saddlebag cache --clear` makes room',
    }),
  );
  return {
    cache,
    close: async () => {
      if (cache.hasGrown) await evictRecords(directory, limitBytes);
    },
  };
}
