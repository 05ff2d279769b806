import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, copyFile, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import { describeCause, SaddlebagError } from '../../src/core/errors.ts';
import type { Patch } from './elf/bytes.ts';

/** Where a source works: the context, and a private directory for files that it edits, which the caller deletes. */
export interface Workplace {
  readonly context: Context;
  readonly workDirectory: string;
}

/**
 * Writes the new content of an edited file, executable for a program, and returns its path. Equal content gives the
 * same path, so that two edits never get into each other's way.
 */
export async function writeEdited(
  content: Buffer,
  kind: 'program' | 'file',
  { workDirectory }: Workplace,
): Promise<string> {
  const digest = sha256Hex(content);
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
