import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeCause, SaddlebagError } from './errors.ts';
import { noteLeftover } from './leftovers.ts';

/**
 * Gives `work` a private directory that is gone when it ends, and when the process does.
 * @param prefix its name begins so
 * @throws {SaddlebagError} `temporary-failed`; what `work` throws
 */
export async function withWorkDirectory<T>(
  prefix: string,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), prefix)).catch((cause: unknown) => {
    throw new SaddlebagError(
      'temporary-failed',
      `cannot make a directory in ${tmpdir()}: ${describeCause(cause)}`,
      { hint: 'set TMPDIR to a directory with room that you may write to', cause },
    );
  });
  const gone = noteLeftover(directory);
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
    gone();
  }
}
