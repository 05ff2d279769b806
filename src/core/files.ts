import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import {
  access,
  constants,
  type FileHandle,
  link,
  lstat,
  open,
  readdir,
  rename,
  rm,
  stat,
} from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { describeCause, SaddlebagError } from './errors.ts';
import { noteLeftover } from './leftovers.ts';

/** How a file is written. */
export interface WriteAtomicallyOptions {
  /** Replace a file that is there; without it, one that is there is kept and an error. */
  readonly force: boolean;
  readonly mode: number;
  /** Checked before the file appears. */
  readonly signal?: AbortSignal;
  /** Called with the finished file before it gets its name; where it throws, nothing appears. */
  readonly accept?: (temporaryFile: string) => Promise<void>;
}

/**
 * Writes a file beside its place and renames it in: it appears whole or not at all, whatever the umask.
 * @throws {SaddlebagError} what `refuseTaken` throws, `output-failed`; what `write` and `accept` throw passes unchanged
 */
export async function writeAtomically<T>(
  file: string,
  options: WriteAtomicallyOptions,
  write: (handle: FileHandle, temporaryFile: string) => Promise<T>,
): Promise<T> {
  await refuseTaken(file, options);
  const temporary = join(
    dirname(file),
    `${temporaryPrefix(basename(file))}${randomBytes(6).toString('hex')}.tmp`,
  );
  const handle = await open(temporary, 'wx+', 0o600).catch((cause: unknown) => {
    throw outputFailed(file, cause);
  });
  const gone = noteLeftover(temporary);
  try {
    const result = await write(handle, temporary);
    await settle(handle, file, options.mode);
    await options.accept?.(temporary);
    options.signal?.throwIfAborted();
    if (options.force) await rename(temporary, file);
    else await placeNew(temporary, file);
    return result;
  } catch (cause) {
    await handle.close().catch(() => undefined);
    throw isErrno(cause) ? outputFailed(file, cause) : cause;
  } finally {
    await rm(temporary, { force: true });
    gone();
  }
}

/** Tells whether `name` is one that `writeAtomically` gives a file called `fileName` until it is whole. */
export function isTemporaryOf(name: string, fileName: string): boolean {
  const prefix = temporaryPrefix(fileName);
  return name.startsWith(prefix) && /^[0-9a-f]{12}\.tmp$/.test(name.slice(prefix.length));
}

function temporaryPrefix(fileName: string): string {
  return `.${fileName.slice(0, 100)}.`;
}

async function settle(handle: FileHandle, file: string, mode: number): Promise<void> {
  try {
    await handle.chmod(mode);
    await handle.sync();
    await handle.close();
  } catch (cause) {
    throw outputFailed(file, cause);
  }
}

async function placeNew(temporary: string, file: string): Promise<void> {
  // link(2) refuses to replace, rename(2) does not: someone else's file that came meanwhile is kept.
  await link(temporary, file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EEXIST') throw outputExists(file);
    // Some file systems have no hard links (vfat, some network shares).
    if (cause.code === 'EPERM' || cause.code === 'ENOTSUP') return rename(temporary, file);
    throw cause;
  });
}

/**
 * Refuses a path that `writeAtomically` would refuse; before long work, whose result would have no place.
 * @throws {SaddlebagError} `output-exists`, `output-is-directory`, `output-not-file`; `output-failed` where its directory
 *   is missing or may not be written to
 */
export async function refuseTaken(
  file: string,
  { force }: Pick<WriteAtomicallyOptions, 'force'>,
): Promise<void> {
  // What a link leads to is what was meant: /dev/stdout, the directory of the current release.
  const found = await stat(file).catch(() =>
    lstat(file).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') throw outputFailed(file, cause);
    }),
  );
  if (found !== undefined) refuseFound(file, found, force);
  await access(dirname(file), constants.W_OK).catch((cause: unknown) => {
    throw outputFailed(file, cause);
  });
}

function refuseFound(file: string, found: Stats, force: boolean): void {
  if (found.isDirectory()) {
    throw new SaddlebagError('output-is-directory', `cannot write ${file}: it is a directory`, {
      hint: `give the path of a file in it: ${join(file, 'NAME')}`,
    });
  }
  // Renaming over /dev/null would take it from the whole machine.
  if (!found.isFile() && !found.isSymbolicLink()) {
    throw new SaddlebagError('output-not-file', `cannot write ${file}: it is a device, a pipe or a socket`, {
      hint: 'give the path of a file: it appears whole, by a rename, or not at all',
    });
  }
  if (!force) throw outputExists(file);
}

function outputExists(file: string): SaddlebagError {
  return new SaddlebagError('output-exists', `cannot write ${file}: it exists already`, {
    hint: 'pass --force to replace it, or choose another file with -o',
  });
}

function outputFailed(file: string, cause: unknown): SaddlebagError {
  const hint = outputHints[(cause as NodeJS.ErrnoException).code ?? '']?.(file);
  return new SaddlebagError('output-failed', `cannot write ${file}: ${describeCause(cause)}`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

const writeElsewhere = (file: string) => `${dirname(file)} has to be writable: choose another place`;
const makeRoom = (file: string) => `make room in ${dirname(file)}, or choose another place`;

const outputHints: Readonly<Record<string, (file: string) => string>> = {
  ENOENT: (file) => `make its directory first: mkdir -p ${dirname(file)}`,
  ENAMETOOLONG: () => 'choose a shorter name',
  ENOTDIR: () => 'choose a place in a directory',
  EACCES: writeElsewhere,
  EROFS: writeElsewhere,
  ENOSPC: makeRoom,
  EDQUOT: makeRoom,
};

function isErrno(cause: unknown): boolean {
  return cause instanceof Error && 'errno' in cause;
}

/**
 * Compares two names by their UTF-8 bytes, as the C runtime does; JavaScript's own order differs beyond U+FFFF.
 */
export function compareBytes(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/**
 * Lists the names in a directory, in byte order.
 * @throws {SaddlebagError} `name-not-utf8` for a name that JavaScript could only mangle
 */
export async function sortedNames(directory: string): Promise<string[]> {
  const names: string[] = [];
  for (const raw of await readdir(directory, { encoding: 'buffer' })) {
    const name = raw.toString('utf8');
    if (!Buffer.from(name).equals(raw)) {
      throw new SaddlebagError(
        'name-not-utf8',
        `cannot bundle ${join(directory, name)}: its name is not valid UTF-8 (bytes ${raw.toString('hex')})`,
        { hint: 'rename the file' },
      );
    }
    names.push(name);
  }
  return names.sort(compareBytes);
}
