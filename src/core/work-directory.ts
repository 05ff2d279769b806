import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { noteLeftover } from './leftovers.ts';

/**
 * Gives `work` a private directory that is gone when it ends, and when the process does.
 * @param prefix its name begins so
 * @throws what `work` throws
 */
export async function withWorkDirectory<T>(
  prefix: string,
  work: (directory: string) => Promise<T>,
): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), prefix));
  const gone = noteLeftover(directory);
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
    gone();
  }
}
