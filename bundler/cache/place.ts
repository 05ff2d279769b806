import { lstat, mkdir, writeFile } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { geteuid } from 'node:process';
import { describeCause, exitCodes, SaddlebagError } from '../../src/core/errors.ts';

/** Where records are kept, and how many bytes of them. */
export interface CachePlace {
  /** Absolute. */
  readonly directory: string;
  readonly limitBytes: number;
}

const defaultLimitBytes = 5_000_000_000;

const units: Readonly<Record<string, number>> = { '': 1, K: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/**
 * Says where the cache lies: `SADDLEBAG_BUILD_CACHE`, else below `XDG_CACHE_HOME`, else below `HOME`; null where none is
 * set. `SADDLEBAG_BUILD_CACHE_SIZE` limits it, 5 GB unless set. Creates nothing.
 * @throws {SaddlebagError} `cache-size-invalid`
 */
export function placeCache(env: Readonly<Record<string, string | undefined>>): CachePlace | null {
  const limitBytes = parseLimit(env.SADDLEBAG_BUILD_CACHE_SIZE ?? '');
  const named = absolute(env.SADDLEBAG_BUILD_CACHE);
  if (named !== undefined) return { directory: named, limitBytes };
  const home = absolute(env.HOME);
  // Source: XDG Base Directory Specification: a relative path is to be ignored.
  const base = absolute(env.XDG_CACHE_HOME) ?? (home === undefined ? undefined : join(home, '.cache'));
  return base === undefined ? null : { directory: join(base, 'saddlebag', 'frames'), limitBytes };
}

function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}

function parseLimit(text: string): number {
  if (text === '') return defaultLimitBytes;
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)B?$/i.exec(text);
  const unit = units[(match?.[2] ?? '?').toUpperCase()];
  if (match?.[1] !== undefined && unit !== undefined) return Number(match[1]) * unit;
  throw new SaddlebagError(
    'cache-size-invalid',
    `cannot limit the cache: expected a size such as 500M or 20G, got "${text}" (from SADDLEBAG_BUILD_CACHE_SIZE)`,
    { hint: 'K, M, G and T count in thousands', exitCode: exitCodes.usage },
  );
}

/**
 * Creates the cache's directory where it is missing, for us alone, and refuses one that somebody else could write to: a
 * record's digest guards against accidents, not against who can write both.
 * @throws {SaddlebagError} `cache-unusable`
 */
export async function openCacheDirectory(directory: string): Promise<void> {
  await create(directory).catch((cause: unknown) => {
    throw unusable(directory, describeCause(cause), cause);
  });
  const stats = await lstat(directory);
  if (!stats.isDirectory()) throw unusable(directory, 'it is no directory');
  if (stats.uid !== geteuid?.()) throw unusable(directory, 'it belongs to another user');
  if ((stats.mode & 0o022) !== 0) throw unusable(directory, 'other users may write to it');
}

async function create(directory: string): Promise<void> {
  const created = await mkdir(directory, { recursive: true, mode: 0o700 });
  if (created === undefined) return;
  // Source: https://bford.info/cachedir/: backups leave out a directory with this file.
  const tag = 'Signature: 8a477f597d28d172789f06886806bc55\n# Made by saddlebag; all of it may be removed.\n';
  await writeFile(join(directory, 'CACHEDIR.TAG'), tag);
}

function unusable(directory: string, reason: string, cause?: unknown): SaddlebagError {
  return new SaddlebagError('cache-unusable', `cannot use the cache ${directory}: ${reason}`, {
    hint: 'set SADDLEBAG_BUILD_CACHE to a directory of your own, or pass --no-cache',
    cause,
  });
}
