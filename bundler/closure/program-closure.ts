import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, copyFile, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import { describeCause, SaddlebagError } from '../../src/core/errors.ts';
import type { Arch, Bind, Closure, ClosurePath, Entrypoint, EnvSetting } from '../../src/core/types.ts';
import type { Patch } from './elf/bytes.ts';
import type { LinkedLibraries } from './libraries.ts';

/** What a program needs of its start, besides its store paths. */
export interface Surroundings {
  readonly env: readonly EnvSetting[];
  readonly binds: readonly Bind[];
  /** Whether argv[0] must be the program's own path: it looks there for its files, or for what it should do. */
  readonly ownName: boolean;
  /** Programs of this machine that it starts by these paths. */
  readonly helpers: readonly string[];
}

/** What most programs need: nothing. */
export const noSurroundings: Surroundings = { env: [], binds: [], ownName: false, helpers: [] };

/** Returns the surroundings out of something larger. */
export function surroundingsOf({ env, binds, ownName, helpers }: Surroundings): Surroundings {
  return { env, binds, ownName, helpers };
}

/** What reading one source gives: all of a Closure but its name and the settings of the request. */
export interface ProgramClosure extends Surroundings {
  /** Absolute, below the last of `paths`. */
  readonly program: string;
  readonly arch: Arch;
  /** As in `Entrypoint`. */
  readonly interpreter: string | null;
  readonly ownLoader: boolean;
  /** Dependencies before dependents, the program's own path last. */
  readonly paths: readonly ClosurePath[];
  /** Its libraries, which may serve other programs of the bundle; null or absent where there are none. */
  readonly linked?: LinkedLibraries | null;
}

/** What a source may say of the whole beyond its program; most say nothing. */
export type SourceSettings = Pick<Entrypoint, 'args' | 'defaultArgs' | 'workingDirectory'> &
  Pick<Closure, 'programs' | 'root' | 'imageSettings'>;

export const noSourceSettings: SourceSettings = {
  args: [],
  defaultArgs: [],
  workingDirectory: null,
  programs: [],
  root: null,
  imageSettings: null,
};

/** What reading any source gives. */
export type SourceClosure = ProgramClosure & SourceSettings;

/** Where a source works: the context, and a private directory for files that it edits, which the caller deletes. */
export interface Workplace {
  readonly context: Context;
  readonly workDirectory: string;
}

/**
 * Writes the new content of an edited file, executable for a program, and returns its path. Equal content gives the same path, so that two edits
 * never get into each other's way.
 */
export async function writeEdited(
  content: Buffer,
  kind: 'program' | 'file',
  { workDirectory }: Workplace,
): Promise<string> {
  const digest = createHash('sha256').update(content).digest('hex');
  const file = join(workDirectory, `${digest}-${kind}`);
  await writeFile(file, content);
  // Not by writeFile's mode, which the umask would change.
  await chmod(file, kind === 'program' ? 0o755 : 0o644);
  return file;
}

/**
 * Copies a file, patches the copy and returns its path. Only the patches are ever in memory. The same file and patches
 * give the same path.
 * @throws {SaddlebagError} `tree-unreadable`
 */
export async function writePatched(
  file: string,
  patches: readonly Patch[],
  kind: 'program' | 'file',
  { workDirectory }: Workplace,
): Promise<string> {
  const hash = createHash('sha256').update(file);
  for (const { offset, bytes } of patches) hash.update(`\0${offset} ${bytes.length} `).update(bytes);
  const copy = join(workDirectory, `${hash.digest('hex')}-${kind}`);
  try {
    await copyFile(file, copy, constants.COPYFILE_FICLONE);
    // The copy has the mode of the original, which may be read-only.
    await chmod(copy, kind === 'program' ? 0o755 : 0o644);
    await using handle = await open(copy, 'r+');
    for (const { offset, bytes } of patches) await handle.write(bytes, 0, bytes.length, offset);
    return copy;
  } catch (cause) {
    throw new SaddlebagError('tree-unreadable', `cannot copy ${file}: ${describeCause(cause)}`, { cause });
  }
}
