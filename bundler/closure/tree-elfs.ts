import { dirname, relative, resolve } from 'node:path';
import { SaddlebagError } from '../../src/core/errors.ts';
import { openBytes, type Patch } from './elf/bytes.ts';
import type { Elf } from './elf/layout.ts';
import { openSearchPath, pointProgram } from './elf/point.ts';
import { readElf } from './elf/read.ts';
import { expandSearchPath } from './elf/search.ts';
import { fitsLoader, isBelow, type LinkedLibraries } from './libraries.ts';
import { walkTree } from './tree.ts';
import { type Workplace, writePatched } from './workplace.ts';

/**
 * Finds the dynamic programs and libraries of a tree. Only files are opened that are executable or named as libraries
 * are. Damaged ones and those for other systems are left out: trees carry them for tests and for other platforms.
 * @throws {SaddlebagError} as `walkTree`
 */
export async function findCompanions(tree: string): Promise<Elf[]> {
  const found: Elf[] = [];
  for await (const node of walkTree(tree)) {
    if (node.kind !== 'file') continue;
    const elf = await readCompanion(node.file, node.executable);
    if (elf !== null) found.push(elf);
  }
  return found;
}

/**
 * Reads a file of a tree as a dynamic program or library; null for any other.
 * @throws {SaddlebagError} `tree-unreadable`
 */
export async function readCompanion(file: string, executable: boolean): Promise<Elf | null> {
  if (!executable && !/\.(so(\.[0-9.]+)?|node)$/.test(file)) return null;
  const elf = await readElf(file).catch((cause: unknown) => {
    if (cause instanceof SaddlebagError && skippedCodes.has(cause.code)) return null;
    throw cause;
  });
  return elf === null || elf.dynamic === null ? null : elf;
}

const skippedCodes = new Set(['arch-unsupported', 'elf-invalid', 'elf-unsupported']);

/** An ELF file of a tree, and its path inside. */
export interface PlacedElf {
  readonly place: string;
  readonly elf: Elf;
}

/** A tree of ELF files, wherever its files lie on this machine. */
export interface ElfTree {
  readonly elfs: readonly PlacedElf[];
  /** The path in the tree of a directory of this machine; null where it is no part of it. */
  readonly placeOf: (directory: string) => string | null;
}

/**
 * Edits the programs of a tree to use bundled libraries, and those libraries whose own search path would hide them.
 * @returns path in the tree → the edited file
 * @throws {SaddlebagError} `tree-unreadable`; a program that can't be edited is left as it is, with a warning
 */
export async function editCompanions(
  tree: ElfTree,
  linked: LinkedLibraries,
  place: Workplace,
): Promise<Record<string, string>> {
  const edited: Record<string, string> = {};
  for (const companion of tree.elfs) {
    const { elf } = companion;
    if (!fitsLoader(elf, linked.loader)) continue;
    try {
      const patches = patchCompanion(tree, companion, linked);
      if (patches.length === 0) continue;
      const kind = elf.interpreter === null ? 'file' : 'program';
      edited[companion.place] = await writePatched(elf.file, patches, kind, place);
    } catch (cause) {
      if (!(cause instanceof SaddlebagError) || cause.code !== 'elf-unsupported') throw cause;
      const { code, message } = cause;
      place.context.reporter.report({ kind: 'warning', stage: 'closure', code, message });
    }
  }
  return edited;
}

function patchCompanion(
  tree: ElfTree,
  companion: PlacedElf,
  { target, libraries }: LinkedLibraries,
): Patch[] {
  const { elf } = companion;
  if (elf.interpreter !== null) {
    const searchPath = [...ownDirectories(tree, companion), ...target.searchPath];
    using bytes = openBytes(elf.file);
    return pointProgram(bytes, elf, { ...target, searchPath });
  }
  const hides = elf.runpath !== null && elf.needed.some((name) => libraries.has(name));
  return hides ? openSearchPath(elf) : [];
}

/**
 * Lists the directories of a tree in which one of its programs searches already, by their way from the program.
 */
export function ownDirectories(tree: ElfTree, { place, elf }: PlacedElf): string[] {
  return expandSearchPath(elf.runpath ?? elf.rpath ?? '', elf)
    .map((directory) => tree.placeOf(resolve(directory)))
    .filter((directory) => directory !== null)
    .map((directory) => relative(dirname(`/${place}`), `/${directory}`))
    .map((way) => (way === '' ? '$ORIGIN' : `$ORIGIN/${way}`));
}

/** The ELF files of a directory as a tree of its own. */
export function directoryElfs(directory: string, elfs: readonly Elf[]): ElfTree {
  return {
    elfs: elfs.map((elf) => ({ place: relative(directory, elf.file), elf })),
    placeOf: (path) => (path === directory || isBelow(directory, path) ? relative(directory, path) : null),
  };
}
