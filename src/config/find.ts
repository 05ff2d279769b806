import { lstat, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { geteuid } from 'node:process';
import { exitCodes, SaddlebagError } from '../core/errors.ts';

/** What the file is called. */
export const configFileName = 'saddlebag.hcl';

/**
 * Looks for a project's saddlebag.hcl in `cwd` and the directories above it, up to the root of the repository (where
 * `.git` is) or, outside of one, of the file system. Returns its absolute path, or undefined where there is none.
 * @param uid who asks
 * @throws {SaddlebagError} `config-untrusted`
 */
export async function findConfigFile(cwd: string, uid = geteuid?.()): Promise<string | undefined> {
  for (let directory = resolve(cwd); ; directory = dirname(directory)) {
    const file = join(directory, configFileName);
    if (await isThere(file)) {
      await refuseStrange(file, uid);
      return file;
    }
    if (directory === dirname(directory) || (await isThere(join(directory, '.git')))) return undefined;
  }
}

/** In a directory like /tmp anybody can put a file above the project of another, which would say what he deploys. */
async function refuseStrange(file: string, uid: number | undefined): Promise<void> {
  const [found, directory] = [await lstat(file), await stat(dirname(file))];
  if ((directory.mode & 0o002) === 0 || found.uid === uid || found.uid === 0) return;
  throw new SaddlebagError(
    'config-untrusted',
    `cannot use ${file}: it belongs to another user, and everybody may write to its directory`,
    { hint: `if it is yours all the same, name it: --config ${file}`, exitCode: exitCodes.usage },
  );
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
