import { stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

/** What the file is called. */
export const configFileName = 'saddlebag.hcl';

/**
 * Looks for a project's saddlebag.hcl in `cwd` and the directories above it, up to the root of the repository (where
 * `.git` is) or, outside of one, of the file system. Returns its absolute path, or undefined where there is none.
 */
export async function findConfigFile(cwd: string): Promise<string | undefined> {
  for (let directory = resolve(cwd); ; directory = dirname(directory)) {
    const file = join(directory, configFileName);
    if (await isThere(file)) return file;
    if (directory === dirname(directory) || (await isThere(join(directory, '.git')))) return undefined;
  }
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
