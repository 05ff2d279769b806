import { createReadStream } from 'node:fs';
import { chmod, lstat, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { sha256OfFile } from '../core/digest.ts';
import { describeCause, SaddlebagError } from '../core/errors.ts';
import { writeAtomically } from '../core/files.ts';
import type { Content } from './content.ts';
import { keyProblem } from './key.ts';
import type { PutOptions, PutOutcome, Store, StoredObject } from './store.ts';

/** Where `saddlebag serve FOLDER` answers by default. */
export const servedByDefaultAt = 'http://127.0.0.1:8000';

const chunkBytes = 1 << 20;

/**
 * Opens a folder as a store; it is made by the first `put`. Files are 0644, directories 0755, whatever the umask, since
 * another user may serve them. Only the folder itself may be a symbolic link: below it none is followed.
 * @throws {SaddlebagError} from the store: `store-failed`, `link-refused`, `key-invalid`, `output-failed`
 */
export function openDirectoryStore(directory: string): Store {
  const root = resolve(directory);
  return {
    downloadBase: servedByDefaultAt,
    describe: (key) => join(root, key),
    head: (key, signal) => head(root, key, signal),
    get: (key, signal) => get(root, key, signal),
    put: (key, content, options) => put(root, key, content, options),
  };
}

async function head(root: string, key: string, signal: AbortSignal): Promise<StoredObject | undefined> {
  const file = await findFile(root, key);
  if (file === undefined) return undefined;
  try {
    // The size is that of the bytes that were hashed, so that both speak of the same file.
    let sizeBytes = 0;
    const sha256 = await sha256OfFile(file, {
      signal,
      onBytes: (count) => {
        sizeBytes += count;
      },
    });
    return { sizeBytes, sha256 };
  } catch (cause) {
    throw failed('read', file, cause);
  }
}

async function* get(root: string, key: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
  const file = await findFile(root, key);
  try {
    yield* createReadStream(file ?? join(root, key), { highWaterMark: chunkBytes, signal });
  } catch (cause) {
    throw failed('read', file ?? join(root, key), cause);
  }
}

async function put(root: string, key: string, content: Content, options: PutOptions): Promise<PutOutcome> {
  const components = splitKey(root, key);
  const parent = await makeParents(root, components.slice(0, -1));
  const file = join(parent, components.at(-1) ?? '');
  try {
    await writeAtomically(
      file,
      { force: false, mode: 0o644, signal: options.signal },
      async (handle): Promise<void> => {
        let doneBytes = 0;
        for await (const chunk of content.chunks(chunkBytes)) {
          options.signal.throwIfAborted();
          await handle.writeFile(chunk);
          doneBytes += chunk.length;
          options.onProgress?.(doneBytes);
        }
      },
    );
    return 'stored';
  } catch (cause) {
    if (cause instanceof SaddlebagError && cause.code === 'output-exists') return 'taken';
    throw cause;
  }
}

/** Makes the directories that are missing, one by one: a recursive mkdir(2) would follow a link out of the folder. */
async function makeParents(root: string, components: readonly string[]): Promise<string> {
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

async function findFile(root: string, key: string): Promise<string | undefined> {
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

async function refuseLink(path: string): Promise<void> {
  if (!(await lstat(path)).isSymbolicLink()) return;
  throw new SaddlebagError('link-refused', `cannot use ${path}: it is a symbolic link`, {
    hint: 'a store follows no links below its folder; replace it by a directory',
  });
}

function splitKey(root: string, key: string): string[] {
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

function failed(verb: 'read' | 'write', path: string, cause: unknown): SaddlebagError {
  return new SaddlebagError('store-failed', `cannot ${verb} ${path}: ${describeCause(cause)}`, { cause });
}
