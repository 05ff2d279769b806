import { createHash, type Hash } from 'node:crypto';
import { type BigIntStats, lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { sha256OfFile } from '../src/core/digest.ts';
import type { StorePath } from '../src/core/store-path.ts';
import type { Closure, ClosurePath } from '../src/core/types.ts';

/** What a look at a store path's files tells without reading them. */
export interface Survey {
  /** SHA-256 in hex that differs where a file does; null where the tree could not be looked at as a whole. */
  readonly fingerprint: string | null;
  /** Sum of its files. */
  readonly contentBytes: number;
}

/** Looks at all store paths of a closure. */
export interface ClosureSurvey {
  /** As in `SurveyOptions`, for a second look that is to be held against the first. */
  readonly settledBeforeMs: number;
  readonly paths: ReadonlyMap<StorePath, Survey>;
}

/** Of a tree that nobody looked at. */
export const unknownSurvey: Survey = { fingerprint: null, contentBytes: 0 };

/** When a tree is looked at, and until when. */
export interface SurveyOptions {
  /** A file that changed since then (milliseconds since 1970) is taken by its content. */
  readonly settledBeforeMs: number;
  readonly signal: AbortSignal;
}

// How long a file must have been left alone: longer than the steps in which any common file system counts time.
const settlingMs = 2000;

// So many files take some 50 ms.
const filesBetweenBreaths = 4000;

/**
 * Looks at every file of a closure.
 * @throws the reason of `signal`
 */
export async function surveyClosure(
  { paths }: Pick<Closure, 'paths'>,
  signal: AbortSignal,
): Promise<ClosureSurvey> {
  const settledBeforeMs = Date.now() - settlingMs;
  const surveys = new Map<StorePath, Survey>();
  for (const path of paths) surveys.set(path.storePath, await surveyPath(path, { settledBeforeMs, signal }));
  return { settledBeforeMs, paths: surveys };
}

/**
 * Looks at every file of a store path. A file counts as unchanged while its path, mode, size, inode and its times of
 * modification and of change are the same: the last is the kernel's own, which no program can set back. A file that
 * changed only just now could change again without a new time, so that one's content is read.
 *
 * The calls are synchronous: as promises they take three times as long, and all that they ask is in memory, or a disk
 * away once.
 * @throws the reason of `signal`
 */
export async function surveyPath(path: ClosurePath, options: SurveyOptions): Promise<Survey> {
  const { directory, files, references: _, ...others } = path;
  // What else there is to a store path, links for one, is small and stands for itself.
  const hash = createHash('sha256').update(`${JSON.stringify(others)}\0`);
  const surveyor = new Surveyor(hash, options);
  try {
    if (directory !== null) await surveyor.tree(directory, '');
    for (const [inside, file] of Object.entries(files)) await surveyor.tree(file, inside);
  } catch {
    options.signal.throwIfAborted();
    // Whoever reads the tree says what is wrong with it.
    return { fingerprint: null, contentBytes: surveyor.contentBytes };
  }
  return { fingerprint: hash.digest('hex'), contentBytes: surveyor.contentBytes };
}

class Surveyor {
  contentBytes = 0;
  readonly #hash: Hash;
  readonly #options: SurveyOptions;
  readonly #settledBeforeNs: bigint;
  #files = 0;

  constructor(hash: Hash, options: SurveyOptions) {
    this.#hash = hash;
    this.#options = options;
    this.#settledBeforeNs = BigInt(Math.trunc(options.settledBeforeMs)) * 1_000_000n;
  }

  async tree(file: string, path: string): Promise<void> {
    const stats = lstatSync(file, { bigint: true });
    this.#files += 1;
    if (this.#files % filesBetweenBreaths === 0) {
      await breathe();
      this.#options.signal.throwIfAborted();
    }
    // A path holds no NUL, so that no two trees give the same text.
    this.#hash.update(`${path}\0${stats.mode} ${await this.#describe(file, stats)}\0`);
    if (!stats.isDirectory()) return;
    const names = readdirSync(file).sort();
    for (const name of names) await this.tree(join(file, name), path === '' ? name : `${path}/${name}`);
  }

  async #describe(file: string, stats: BigIntStats): Promise<string> {
    if (stats.isDirectory()) return 'directory';
    if (stats.isFile()) this.contentBytes += Number(stats.size);
    const { size, ino, mtimeNs, ctimeNs } = stats;
    if (ctimeNs < this.#settledBeforeNs) return `${size} ${ino} ${mtimeNs} ${ctimeNs}`;
    if (stats.isSymbolicLink()) return `to ${readlinkSync(file)}`;
    // To read a fifo is to wait for a writer; whoever reads the tree refuses it.
    if (!stats.isFile()) return 'not a file';
    return `sha256 ${await sha256OfFile(file, { signal: this.#options.signal })}`;
  }
}
