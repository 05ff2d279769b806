import { posix } from 'node:path';
import { storePathOf } from '../../src/core/store-path.ts';
import { isMuslLoader } from '../closure/elf/library-directories.ts';
import { expandSearchPath } from '../closure/elf/search.ts';
import type { ClosureFiles } from './closure-files.ts';
import type { ElfFact } from './facts.ts';
import type { Finding } from './finding.ts';

/** An ELF file by its absolute path in the closure. */
export interface ClosureElf extends ElfFact {
  readonly file: string;
}

/** The ELF files of a closure by absolute path, and what else a search for libraries needs. */
export interface LibrarySearch {
  /** As `namesBeside`. */
  readonly besides: (file: string) => ReadonlySet<string>;
  readonly elfs: ReadonlyMap<string, ClosureElf>;
  readonly files: ClosureFiles;
  /** Where a loader looks last: only for a closure with a root of its own. */
  readonly directories: readonly string[];
}

/** A library in the order of loading, with who asked for it first. */
interface Loaded {
  readonly elf: ClosureElf;
  readonly loadedBy: Loaded | null;
}

/**
 * Follows what a program loads when it starts, and finds what is missing. What it has loaded under a name serves later
 * requests for that name, or its DT_SONAME.
 * Source: ld.so(8).
 */
export function followProgram(
  program: ClosureElf,
  search: LibrarySearch,
): {
  readonly missing: readonly Finding[];
  readonly known: ReadonlySet<string>;
  readonly chain: readonly ClosureElf[];
} {
  const loaded: Loaded[] = [{ elf: program, loadedBy: null }];
  const known = new Set<string>(namesOf(program));
  const missing: Finding[] = [];
  // The list grows while it is read.
  for (const object of loaded) {
    for (const name of object.elf.needed) {
      if (known.has(name) || isPartOfLoader(name, program)) continue;
      known.add(name);
      const file = findLibrary(name, object, search);
      if (file === undefined) missing.push(missingLibrary(name, object.elf, true));
      const elf = file === undefined ? undefined : search.elfs.get(file);
      if (elf === undefined) continue;
      for (const own of namesOf(elf)) known.add(own);
      loaded.push({ elf, loadedBy: object });
    }
  }
  return { missing, known, chain: loaded.map(({ elf }) => elf) };
}

/**
 * Finds what libraries that a program may open later lack: `known` and `program` say what is loaded by then, and whose
 * DT_RPATH serves them too.
 */
export function checkLibrary(
  elf: ClosureElf,
  program: { readonly elf: ClosureElf; readonly known: ReadonlySet<string> } | null,
  search: LibrarySearch,
): Finding[] {
  const loadedBy = program === null ? null : { elf: program.elf, loadedBy: null };
  return elf.needed
    .filter((name) => program?.known.has(name) !== true && !isPartOfLoader(name, program?.elf ?? elf))
    .filter((name) => findLibrary(name, { elf, loadedBy }, search) === undefined)
    .filter((name) => !search.besides(elf.file).has(name))
    .map((name) => missingLibrary(name, elf, false));
}

/**
 * Returns how to ask for the names of all libraries in the store path of a file: a program that loads one of them by its
 * path (Java's libjvm.so) serves all that ask for its name afterwards.
 */
export function namesBeside(elfs: Iterable<ClosureElf>): (file: string) => ReadonlySet<string> {
  const names = new Map<string | undefined, Set<string>>();
  for (const elf of elfs) {
    const storePath = storePathOf(elf.file);
    const known = names.get(storePath) ?? new Set();
    for (const name of namesOf(elf)) known.add(name);
    names.set(storePath, known);
  }
  return (file) => names.get(storePathOf(file)) ?? new Set();
}

function namesOf({ file, soname }: ClosureElf): string[] {
  return [posix.basename(file), ...(soname === null ? [] : [soname])];
}

/** musl's loader is its C library and answers to all its names; glibc's is asked for by name by libc itself. */
function isPartOfLoader(name: string, { interpreter }: ClosureElf): boolean {
  if (interpreter === null) return /^ld-(linux|musl)/.test(name);
  if (isMuslLoader(interpreter) && /^lib(c|pthread|rt|m|dl|util|xnet)\./.test(name)) return true;
  return posix.basename(interpreter) === name;
}

function findLibrary(
  name: string,
  requester: Loaded,
  { elfs, files, directories }: LibrarySearch,
): string | undefined {
  const candidates = name.includes('/')
    ? [name]
    : [...ownDirectories(requester), ...directories].map((directory) => posix.join(directory, name));
  return candidates.find((candidate) => {
    const elf = elfs.get(candidate);
    return elf === undefined ? files.has(candidate) : elf.arch === requester.elf.arch;
  });
}

function ownDirectories(requester: Loaded): string[] {
  const expand = (path: string, { file, arch }: ClosureElf) =>
    expandSearchPath(path, { file, arch }).map((directory) => posix.normalize(directory));
  if (requester.elf.runpath !== null) return expand(requester.elf.runpath, requester.elf);
  const found: string[] = [];
  for (let object: Loaded | null = requester; object !== null; object = object.loadedBy) {
    // An object with a DT_RUNPATH hides its own DT_RPATH.
    if (object.elf.rpath !== null && object.elf.runpath === null)
      found.push(...expand(object.elf.rpath, object.elf));
  }
  return found;
}

function missingLibrary(name: string, { file }: ClosureElf, fatal: boolean): Finding {
  return { kind: 'library-missing', fatal, problem: `${name} is missing`, file };
}
