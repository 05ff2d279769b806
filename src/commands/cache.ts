import { clearCache, measureCache } from '../../bundler/cache/eviction.ts';
import { openCacheDirectory, placeCache } from '../../bundler/cache/place.ts';
import type { Context } from '../core/context.ts';
import { exitCodes, SaddlebagError } from '../core/errors.ts';
import { formatBytes } from '../core/units.ts';
import type { CommandResult } from './result.ts';

/** The flags of `saddlebag cache`. */
export interface CacheFlags {
  readonly clear?: boolean;
}

/**
 * Says what bundling keeps to be quicker the next time, or removes it.
 * @returns a page for people; as JSON `{version, directory, records, sizeBytes, limitBytes, cleared}`, the numbers as they
 *   were before it was cleared
 * @throws {SaddlebagError} `cache-unusable`, `cache-size-invalid`
 */
export async function runCache(
  { flags }: { readonly flags: CacheFlags },
  { env }: Context,
): Promise<CommandResult> {
  const place = placeCache(env);
  if (place === null) throw nowhere();
  const { directory, limitBytes } = place;
  const cleared = flags.clear === true;
  // Nothing is removed from a directory that is not our own.
  if (cleared) await openCacheDirectory(directory);
  const content = await (cleared ? clearCache : measureCache)(directory);
  return {
    text: cleared
      ? `removed ${formatBytes(content.sizeBytes)} from ${directory}`
      : `${formatBytes(content.sizeBytes)} of at most ${formatBytes(limitBytes)} in ${directory}`,
    json: { version: 1, directory, ...content, limitBytes, cleared },
    exitCode: exitCodes.done,
  };
}

function nowhere(): SaddlebagError {
  return new SaddlebagError('cache-unusable', 'cannot find the cache: HOME is not set', {
    hint: 'set SADDLEBAG_BUILD_CACHE to a directory of your own',
  });
}
