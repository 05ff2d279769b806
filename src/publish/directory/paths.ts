import { chmod, lstat, mkdir, readdir, realpath, rm, rmdir, stat } from 'node:fs/promises';
import { basename, dirname, join, sep } from 'node:path';
import { describeCause, SaddlebagError } from '../../core/errors.ts';
import { isTemporaryOf } from '../../core/files.ts';
import { keyProblem } from '../key.ts';

/** Makes the directories that are missing, one by one: a recursive mkdir(2) would follow a link out of the folder. */
export async function makeParents(root: string, components: readonly string[]): Promise<string> {
  let path = root;
  try {
    await makeDirectory(root);
    path = await realpath(root);
    for (const component of components) {
      path = join(path, component);
      const made = await mkdir(path).then(
        () => true,
        (cause: NodeJS.ErrnoException) => {
          if (cause.code === 'EEXIST') return false;
          throw cause;
        },
      );
      if (made) await chmod(path, 0o755);
      else await refuseLink(path);
    }
    return path;
  } catch (cause) {
    throw cause instanceof SaddlebagError ? cause : failed('write', path, cause);
  }
}

/**
 * Makes a directory and those above it. Not by a recursive `mkdir` of Node: that never ends where the file system says
 * ENOENT to every new name, as /proc does (tried on Node 26).
 */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(path) !== path && !(await exists(dirname(path)))) {
      await makeDirectory(dirname(path));
      await makeDirectory(path);
    } else if (code !== 'EEXIST') throw cause;
    else if (!(await stat(path)).isDirectory()) {
      throw new SaddlebagError('store-failed', `cannot write ${path}: it is not a folder`, {
        hint: 'give the path of a folder; one that is missing is made',
      });
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

/**
 * Finds the file of a key; undefined where there is none.
 * @throws {SaddlebagError} `link-refused`, `key-invalid`, `store-failed`
 */
export async function findFile(root: string, key: string): Promise<string | undefined> {
  let path = root;
  for (const component of splitKey(root, key)) {
    path = join(path, component);
    try {
      await refuseLink(path);
    } catch (cause) {
      if (isMissing(cause)) return undefined;
      throw cause instanceof SaddlebagError ? cause : failed('read', path, cause);
    }
  }
  return path;
}

/**
 * Removes the file of a key, and its directory where nothing else is in it; nothing where there is no such file.
 * @throws {SaddlebagError} `link-refused`, `key-invalid`, `store-failed`
 */
export async function removeFile(root: string, key: string): Promise<void> {
  const file = await findFile(root, key);
  if (file === undefined) return;
  try {
    await rm(file, { force: true });
  } catch (cause) {
    throw failed('remove', file, cause);
  }
  // Refused where something else is in it, which is as good.
  if (dirname(file) !== root) await rmdir(dirname(file)).catch(() => undefined);
}

/**
 * Removes what publishers that were killed have left of the file of a key; does what it can.
 * @throws {SaddlebagError} `link-refused`, `key-invalid`
 */
export async function removeTemporaries(root: string, key: string): Promise<void> {
  const file = await findFile(root, key);
  if (file === undefined) return;
  const names = await readdir(dirname(file)).catch(() => []);
  for (const name of names.filter((each) => isTemporaryOf(each, basename(file)))) {
    await rm(join(dirname(file), name), { force: true }).catch(() => undefined);
  }
}

async function refuseLink(path: string): Promise<void> {
  if (!(await lstat(path)).isSymbolicLink()) return;
  throw new SaddlebagError('link-refused', `cannot use ${path}: it is a symbolic link`, {
    hint: 'a store follows no links below its folder; replace it by a directory',
  });
}

/**
 * Takes a key apart into the names of a path.
 * @throws {SaddlebagError} `key-invalid`
 */
export function splitKey(root: string, key: string): string[] {
  const components = key.split('/');
  // Hidden files are what is being written (its temporary name begins with a dot), and `saddlebag serve` shows none.
  const problem =
    keyProblem(key) ??
    (components.some((component) => component.startsWith('.'))
      ? 'a component begins with a dot'
      : undefined) ??
    (sep !== '/' && key.includes(sep) ? `it holds a ${sep}` : undefined);
  if (problem === undefined) return components;
  throw new SaddlebagError(
    'key-invalid',
    `cannot use the key ${JSON.stringify(key)} in ${root}: ${problem}`,
    {
      hint: 'choose another name for the bundle',
    },
  );
}

function isMissing(cause: unknown): boolean {
  const code = (cause as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENOTDIR';
}

/** Makes the error of a file or directory that cannot be used. */
export function failed(verb: 'read' | 'write' | 'remove', path: string, cause: unknown): SaddlebagError {
  return new SaddlebagError('store-failed', `cannot ${verb} ${path}: ${describeCause(cause)}`, { cause });
}
