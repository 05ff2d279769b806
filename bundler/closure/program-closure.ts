import { createHash } from 'node:crypto';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import type { Arch, ClosurePath } from '../../src/core/types.ts';

/** What reading one source gives: all of a Closure but its name and the settings of the request. */
export interface ProgramClosure {
  /** Absolute, below the last of `paths`. */
  readonly program: string;
  readonly arch: Arch;
  /** As in `Entrypoint`. */
  readonly interpreter: string | null;
  readonly ownLoader: boolean;
  /** Dependencies before dependents, the program's own path last. */
  readonly paths: readonly ClosurePath[];
}

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
