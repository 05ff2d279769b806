import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeAbandoned, showOwner } from './abandoned.ts';
import { describeCause, SaddlebagError } from './errors.ts';
import { noteLeftover } from './leftovers.ts';

/** What a work directory is for; its name begins so. */
export type WorkPrefix = 'saddlebag-' | 'saddlebag-up-' | 'saddlebag-job-';

/** All of them, with the six characters of mkdtemp(3). */
const workDirectories = /^saddlebag-(?:up-|job-)?[A-Za-z0-9]{6}$/;

/** What is free where nothing more can be written is less than one write. */
const roomBytes = 1 << 20;

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
    throw temporaryFailed(`make a directory in ${place}: ${describeCause(cause)}`, cause);
  });
  const gone = noteLeftover(directory);
  const release = await showOwner(directory);
  try {
    return await work(directory);
  } catch (cause) {
    if (!(await isForLackOfRoom(directory, cause))) throw cause;
    throw temporaryFailed(`write to ${place}: no space left on device`, cause);
  } finally {
    await rm(directory, { recursive: true, force: true });
    release();
    gone();
  }
}

/** Whether work failed since its directory took no more, whatever it took that for; an output may lie elsewhere. */
async function isForLackOfRoom(directory: string, failure: unknown): Promise<boolean> {
  if (failure instanceof SaddlebagError && failure.code === 'output-failed') return false;
  let cause = failure;
  while (cause instanceof SaddlebagError) ({ cause } = cause);
  if (!(cause instanceof Error) || !('code' in cause) || cause.code !== 'ENOSPC') return false;
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize < roomBytes;
}

function temporaryFailed(what: string, cause: unknown): SaddlebagError {
  const hint = 'set TMPDIR to a directory with room that you may write to';
  return new SaddlebagError('temporary-failed', `cannot ${what}`, { hint, cause });
}
