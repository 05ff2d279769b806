import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { driverHint, isDriverLibrary } from './driver-library.ts';
import type { Elf } from './layout.ts';
import { isMuslLoader, libraryDirectories } from './library-directories.ts';
import { readElf } from './read.ts';
import { findLibrary, type LoadedObject } from './search.ts';

/** A library that can't be had, and the file that asks for it. */
export interface MissingLibrary {
  readonly name: string;
  readonly neededBy: string;
  /** `is missing`, or what else is wrong with it. */
  readonly reason: string;
}

/** What programs and libraries load, by the rules of one dynamic loader. */
export interface ResolvedLibraries {
  readonly loader: Elf;
  /** Name that it is asked for by → the library; the loader itself is one of them. */
  readonly libraries: ReadonlyMap<string, Elf>;
  readonly missing: readonly MissingLibrary[];
}

// What glibc opens by name at run time: name services, and the unwinder that pthread_cancel and pthread_exit need. A
// program that ran without them natively doesn't exist, since they lie beside libc.so.6 on every host.
const openedByGlibc = ['libnss_files.so.2', 'libnss_dns.so.2', 'libresolv.so.2', 'libgcc_s.so.1'];

/**
 * Resolves what `roots` need, all of them started by `interpreter`, breadth first as the loader does: a library that
 * has been loaded under a name serves every later request for that name or for its DT_SONAME.
 * @throws {SaddlebagError} `interpreter-missing`, and what `readElf` throws for a damaged library
 */
export async function resolveLibraries(
  roots: readonly Elf[],
  interpreter: string,
  neededBy: string,
): Promise<ResolvedLibraries> {
  const loader = await readLoader(interpreter, neededBy);
  const search: Search = {
    directories: await libraryDirectories(interpreter, loader.arch),
    musl: isMuslLoader(interpreter),
    libraries: new Map([[basename(interpreter), loader]]),
    // The loader is found by either name: libc.so.6 itself asks for its DT_SONAME.
    known: new Set([basename(interpreter), ...(loader.soname === null ? [] : [loader.soname])]),
    queue: roots.map((elf) => ({ elf, loadedBy: null })),
    missing: [],
  };
  await drain(search);
  await addOpenedByGlibc(search);
  return { loader, libraries: search.libraries, missing: search.missing };
}

/**
 * Makes the error for libraries that are missing, all of them in one message.
 */
export function librariesMissing(program: string, missing: readonly MissingLibrary[]): SaddlebagError {
  const reasons = missing.map(({ name, neededBy, reason }) => `${name} ${reason}, needed by ${neededBy}`);
  return new SaddlebagError('library-missing', `cannot bundle ${program}: ${reasons.join('; ')}`, {
    hint: missing.every(({ name }) => isDriverLibrary(name))
      ? driverHint
      : 'install the package that holds it; its directory must be known to ld.so (ld.so.conf or RUNPATH)',
  });
}

interface Search {
  readonly directories: readonly string[];
  readonly musl: boolean;
  readonly libraries: Map<string, Elf>;
  readonly known: Set<string>;
  readonly queue: LoadedObject[];
  readonly missing: MissingLibrary[];
}

async function readLoader(interpreter: string, neededBy: string): Promise<Elf> {
  const there = await stat(interpreter).catch(() => undefined);
  const loader = there?.isFile() ? await readElf(interpreter) : null;
  if (loader !== null) return loader;
  throw new SaddlebagError(
    'interpreter-missing',
    `cannot bundle ${neededBy}: its dynamic loader ${interpreter} ${there === undefined ? 'does not exist' : 'is not an ELF file'}`,
    { hint: 'bundle it on a machine where it runs' },
  );
}

async function drain(search: Search): Promise<void> {
  // The queue grows while it is read.
  for (const object of search.queue) {
    for (const name of object.elf.needed) {
      if (search.known.has(name) || (search.musl && isPartOfMusl(name))) continue;
      search.known.add(name);
      const result = name.includes('/') ? byPath : await findLibrary(name, object, search.directories);
      if (result.kind === 'found') await load(search, name, result.file, object);
      else search.missing.push({ name, neededBy: object.elf.file, reason: reasonOf(result.rejected) });
    }
  }
  search.queue.length = 0;
}

// The loader would open exactly that path, which lies on this host and in no bundle.
const byPath = { kind: 'missing', rejected: null } as const;

function reasonOf(rejected: readonly string[] | null): string {
  if (rejected === null) return 'is asked for by its path, which leads out of any bundle';
  return rejected.length === 0 ? 'is missing' : `is missing (${rejected.join(', ')}: for another processor)`;
}

async function load(search: Search, name: string, file: string, loadedBy: LoadedObject): Promise<void> {
  const elf = await readElf(file);
  if (elf === null) return;
  search.libraries.set(name, elf);
  if (elf.soname !== null) search.known.add(elf.soname);
  search.queue.push({ elf, loadedBy });
}

async function addOpenedByGlibc(search: Search): Promise<void> {
  const libc = search.libraries.get('libc.so.6');
  if (libc === undefined) return;
  for (const name of openedByGlibc) {
    if (search.known.has(name)) continue;
    const result = await findLibrary(name, { elf: libc, loadedBy: null }, [
      join(libc.file, '..'),
      ...search.directories,
    ]);
    if (result.kind === 'found') await load(search, name, result.file, { elf: libc, loadedBy: null });
  }
  await drain(search);
}

/**
 * musl's loader is its C library, and answers to the names of all parts that other C libraries have.
 * Source: musl, ldso/dynlink.c, the reserved names in load_library.
 */
function isPartOfMusl(name: string): boolean {
  return /^lib(c|pthread|rt|m|dl|util|xnet)\./.test(name);
}
