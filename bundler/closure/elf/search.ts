import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { SaddlebagError } from '../../../src/core/errors.ts';
import type { Arch } from '../../../src/core/types.ts';
import type { Elf } from './layout.ts';
import { isElf, readArch, readStart } from './read.ts';

/** An ELF file as the dynamic loader holds it: with the object that first asked for it, null for a program. */
export interface LoadedObject {
  readonly elf: Elf;
  readonly loadedBy: LoadedObject | null;
}

/** What a search came to; `rejected` tells of files of the right name that are for another processor. */
export type SearchResult =
  | { readonly kind: 'found'; readonly file: string }
  | { readonly kind: 'missing'; readonly rejected: readonly string[] };

/**
 * Finds a library as the dynamic loader of glibc does on behalf of `requester`: DT_RPATH of the requester and of those
 * that loaded it, unless it has a DT_RUNPATH; that DT_RUNPATH; then `directories`. LD_LIBRARY_PATH belongs to a shell,
 * not to a program, and is not used. A file for another processor is passed over.
 * Source: ld.so(8), "Dynamic string tokens" and the order of the search.
 */
export async function findLibrary(
  name: string,
  requester: LoadedObject,
  directories: readonly string[],
): Promise<SearchResult> {
  const rejected: string[] = [];
  for (const directory of [...ownDirectories(requester), ...directories]) {
    const file = join(directory, name);
    const verdict = await judge(file, requester.elf.arch);
    if (verdict === 'fits') return { kind: 'found', file };
    if (verdict === 'other-arch') rejected.push(file);
  }
  return { kind: 'missing', rejected };
}

/**
 * Lists the directories of a DT_RPATH or DT_RUNPATH with its tokens replaced; `$LIB` differs between distributions, so
 * it gives several.
 * Source: ld.so(8), "Dynamic string tokens".
 */
export function expandSearchPath(searchPath: string, elf: Pick<Elf, 'file' | 'arch'>): readonly string[] {
  // An empty element is the working directory of whoever starts the program: never what a bundle should hold.
  return searchPath
    .split(':')
    .filter((element) => element !== '')
    .flatMap((element) => expandTokens(element, elf));
}

function ownDirectories(requester: LoadedObject): string[] {
  if (requester.elf.runpath !== null) return [...expandSearchPath(requester.elf.runpath, requester.elf)];
  const found: string[] = [];
  for (let object: LoadedObject | null = requester; object !== null; object = object.loadedBy) {
    // An object with a DT_RUNPATH hides its own DT_RPATH.
    if (object.elf.rpath !== null && object.elf.runpath === null) {
      found.push(...expandSearchPath(object.elf.rpath, object.elf));
    }
  }
  return found;
}

function expandTokens(text: string, elf: Pick<Elf, 'file' | 'arch'>): string[] {
  const replace = (token: string, value: string) => (part: string) =>
    part.replace(new RegExp(`\\$(?:${token}\\b|\\{${token}\\})`, 'g'), () => value);
  const fixed = replace('PLATFORM', elf.arch)(replace('ORIGIN', dirname(elf.file))(text));
  const variants = [`lib/${elf.arch}-linux-gnu`, 'lib64', 'lib'].map((value) => replace('LIB', value)(fixed));
  return [...new Set(variants)];
}

async function judge(file: string, arch: Arch): Promise<'fits' | 'other-arch' | 'absent'> {
  const stats = await stat(file).catch(() => undefined);
  if (stats === undefined || !stats.isFile()) return 'absent';
  const start = await readStart(file, 64);
  // GNU ld's linker scripts (`libc.so` of the development package) carry the names of libraries.
  if (!isElf(start)) return 'absent';
  try {
    return readArch(start, file) === arch ? 'fits' : 'other-arch';
  } catch (cause) {
    if (cause instanceof SaddlebagError && cause.code === 'arch-unsupported') return 'other-arch';
    throw cause;
  }
}
