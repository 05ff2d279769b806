import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeAbandoned, showOwner } from './abandoned.ts';
import { describeCause, SaddlebagError } from './errors.ts';
import { noteLeftover } from './leftovers.ts';

/** What a work directory is for; its name begins so. */
export type WorkPrefix = 'saddlebag-' | 'saddlebag-up-' | 'saddlebag-job-';

/** All of them, with the six characters of mkdtemp(3). */
const workDirectories = /^saddlebag-(?:up-|job-)?[A-Za-z0-9]{6}$/;

/**
 * Gives `work` a private directory that is gone when it ends, and when the process does; what earlier runs left that were
 * killed goes as well.
 * @throws {SaddlebagError} `temporary-failed`; what `work` throws
 */
export async function withWorkDirectory<T>(
  prefix: WorkPrefix,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const place = tmpdir();
  await removeAbandoned(place, workDirectories);
  const directory = await mkdtemp(join(place, prefix)).catch((cause: unknown) => {
    throw new SaddlebagError(
      'temporary-failed',
      `cannot make a directory in ${place}: ${describeCause(cause)}`,
      {
        hint: 'set TMPDIR to a directory with room that you may write to',
        cause,
      },
    );
  });
  const gone = noteLeftover(directory);
  const release = await showOwner(directory);
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
    release();
    gone();
  }
}
