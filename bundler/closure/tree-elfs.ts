import { dirname, relative, resolve } from 'node:path';
import { SaddlebagError } from '../../src/core/errors.ts';
import { openBytes, type Patch } from './elf/bytes.ts';
import { openSearchPath, pointProgram } from './elf/point.ts';
import { type Elf, readElf } from './elf/read.ts';
import { expandSearchPath } from './elf/search.ts';
import { fitsLoader, isBelow, type LinkedLibraries } from './libraries.ts';
import { type Workplace, writePatched } from './program-closure.ts';
import { walkTree } from './tree.ts';

/**
 * Finds the dynamic programs and libraries of a tree. Only files are opened that are executable or named as libraries
 * are. Damaged ones and those for other systems are left out: trees carry them for tests and for other platforms.
 * @throws {SaddlebagError} as `walkTree`
 */
export async function findCompanions(tree: string): Promise<Elf[]> {
  const found: Elf[] = [];
  for await (const node of walkTree(tree)) {
    if (node.kind !== 'file' || !(node.executable || /\.(so(\.[0-9.]+)?|node)$/.test(node.path))) continue;
    const elf = await readElf(node.file).catch((cause: unknown) => {
      if (cause instanceof SaddlebagError && skippedCodes.has(cause.code)) return null;
      throw cause;
    });
    if (elf !== null && elf.dynamic !== null) found.push(elf);
  }
  return found;
}

const skippedCodes = new Set(['arch-unsupported', 'elf-invalid', 'elf-unsupported']);

/**
 * Edits the programs of a tree to use bundled libraries, and those libraries whose own search path would hide them.
 * @returns path in the tree → the edited file
 * @throws {SaddlebagError} `tree-unreadable`; a program that can't be edited is left as it is, with a warning
 */
export async function editCompanions(
  tree: string,
  linked: LinkedLibraries,
  place: Workplace,
): Promise<Record<string, string>> {
  const edited: Record<string, string> = {};
  for (const elf of await findCompanions(tree)) {
    if (!fitsLoader(elf, linked.loader)) continue;
    const patches = await editCompanion(tree, elf, linked).catch((cause: unknown) => {
      if (!(cause instanceof SaddlebagError) || cause.code !== 'elf-unsupported') throw cause;
      const { code, message } = cause;
      place.context.reporter.report({ kind: 'warning', stage: 'closure', code, message });
      return [];
    });
    if (patches.length > 0) {
      const kind = elf.interpreter === null ? 'file' : 'program';
      edited[relative(tree, elf.file)] = await writePatched(elf.file, patches, kind, place);
    }
  }
  return edited;
}

async function editCompanion(tree: string, elf: Elf, { target, names }: LinkedLibraries): Promise<Patch[]> {
  if (elf.interpreter !== null) {
    const searchPath = [...ownDirectories(tree, elf), ...target.searchPath];
    using bytes = openBytes(elf.file);
    return pointProgram(bytes, elf, { ...target, searchPath });
  }
  return elf.runpath !== null && elf.needed.some((name) => names.has(name)) ? openSearchPath(elf) : [];
}

/** The directories of the tree in which a program searches already, by their way from the program. */
function ownDirectories(tree: string, elf: Elf): string[] {
  return expandSearchPath(elf.runpath ?? elf.rpath ?? '', elf)
    .map((directory) => resolve(directory))
    .filter((directory) => directory === tree || isBelow(tree, directory))
    .map((directory) => relative(dirname(elf.file), directory))
    .map((way) => (way === '' ? '$ORIGIN' : `$ORIGIN/${way}`));
}
