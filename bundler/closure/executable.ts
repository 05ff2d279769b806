import { SaddlebagError } from '../../src/core/errors.ts';
import type { Elf } from './elf/layout.ts';
import { isElf, readElf, readStart, readWhole } from './elf/read.ts';
import { parseShebang, type Shebang } from './shebang.ts';

/** A file that the kernel can start; a script with its content. */
export type Executable =
  | { readonly kind: 'elf'; readonly file: string; readonly elf: Elf }
  | { readonly kind: 'script'; readonly file: string; readonly bytes: Buffer; readonly shebang: Shebang };

// Mach-O in either byte order, 64-bit, and universal files.
const machMagics = new Set(['cffaedfe', 'cefaedfe', 'cafebabe', 'feedfacf']);

/**
 * Reads a file that is to be started, whatever its mode says.
 * @throws {SaddlebagError} `not-executable` where it is neither ELF nor script; `arch-unsupported`, `elf-invalid`,
 *   `elf-unsupported`, `tree-unreadable`
 */
export async function readExecutable(file: string): Promise<Executable> {
  const start = await readStart(file, 4);
  const elf = isElf(start) ? await readElf(file) : null;
  if (elf !== null) return { kind: 'elf', file, elf };
  if (start.toString('latin1', 0, 2) === '#!') {
    const bytes = await readWhole(file);
    const shebang = parseShebang(bytes.toString('utf8', 0, 4096));
    if (shebang !== null) return { kind: 'script', file, bytes, shebang };
  }
  throw notExecutable(file, start);
}

/**
 * Refuses a library: it has no loader of its own, yet needs one.
 * @throws {SaddlebagError} `not-executable`
 */
export function requireProgram({ file, interpreter, needed }: Elf): void {
  if (interpreter !== null || needed.length === 0) return;
  throw new SaddlebagError('not-executable', `cannot bundle ${file}: it is a library, not a program`, {
    hint: 'give the program that loads it, or bring it along with --include',
  });
}

function notExecutable(file: string, start: Buffer): SaddlebagError {
  if (machMagics.has(start.toString('hex')) || start.toString('latin1', 0, 2) === 'MZ') {
    return new SaddlebagError(
      'arch-unsupported',
      `cannot bundle ${file}: it is a program of another system; a bundle runs on Linux`,
      { hint: 'bundle it on Linux, or bundle a directory that holds the Linux build' },
    );
  }
  const reason =
    start.length === 0 ? 'it is empty' : 'it is neither an ELF program nor a script that begins with #!';
  // Editors of Windows put it before all else, where neither they nor this error show it.
  const hint =
    start.toString('hex', 0, 3) === 'efbbbf'
      ? `remove the byte order mark that it begins with: sed -i '1s/^\\xef\\xbb\\xbf//' ${file}`
      : 'give a program, or a script whose first line names what runs it: #!/bin/sh';
  return new SaddlebagError('not-executable', `cannot bundle ${file}: ${reason}`, { hint });
}
