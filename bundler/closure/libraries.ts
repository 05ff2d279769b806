import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ClosurePath } from '../../src/core/types.ts';
import { isMuslLoader } from './elf/library-directories.ts';
import { dropSearchPath, type PointTarget } from './elf/point.ts';
import type { Elf } from './elf/read.ts';
import { librariesMissing, type ResolvedLibraries, resolveLibraries } from './elf/resolve.ts';
import { type Workplace, writePatched } from './program-closure.ts';
import { contentPath } from './tree-digest.ts';

/** ELF files of a bundled directory that run in, or beside, the program that is bundled. */
export interface Companions {
  /** Real path of the directory: libraries below it stay there. */
  readonly tree: string;
  readonly elfs: readonly Elf[];
}

/** A store path that holds a dynamic loader and libraries, and how programs are pointed at it. */
export interface LinkedLibraries {
  readonly path: ClosurePath;
  readonly target: PointTarget;
  /** The loader as it is on this machine. */
  readonly loader: Elf;
  /** The names of its libraries. */
  readonly names: ReadonlySet<string>;
}

/**
 * Gathers the loader and libraries of a dynamic program of this machine into one store path, `<name>-libs`. What
 * `companions` need comes along; of that, what is missing is only warned of, since such trees carry builds for other
 * systems too.
 * @throws {SaddlebagError} `library-missing`, `interpreter-missing`, `elf-invalid`
 */
export async function linkLibraries(
  program: Elf,
  interpreter: string,
  options: { readonly name: string; readonly companions?: Companions },
  place: Workplace,
): Promise<LinkedLibraries> {
  const own = await resolveLibraries([program], interpreter, program.file);
  if (own.missing.length > 0) throw librariesMissing(program.file, own.missing);
  const { companions } = options;
  const all = companions === undefined ? own : await addCompanions(program, own.loader, companions, place);
  const files: Record<string, string> = {};
  for (const [name, library] of all.libraries) {
    const stays = companions !== undefined && isBelow(companions.tree, await realpath(library.file));
    if (!stays || library === all.loader) files[`lib/${name}`] = await libraryFile(library, place);
  }
  const path = await contentPath(
    `${options.name}-libs`,
    { directory: null, files },
    [],
    place.context.signal,
  );
  const directory = `${path.storePath}/lib`;
  return {
    path,
    loader: all.loader,
    target: { interpreter: `${directory}/${basename(interpreter)}`, searchPath: [directory] },
    names: new Set(Object.keys(files).map((file) => basename(file))),
  };
}

/** True for a file below a directory; both are real paths. */
export function isBelow(directory: string, file: string): boolean {
  return file.startsWith(directory === '/' ? directory : `${directory}/`);
}

/**
 * True when an ELF file can run under a loader: both are for one processor, and musl and glibc don't mix in a process.
 */
export function fitsLoader(elf: Elf, loader: Elf): boolean {
  if (elf.arch !== loader.arch) return false;
  const wantsMusl =
    elf.interpreter === null
      ? elf.needed.some((name) => name.startsWith('libc.musl-') || name === 'libc.so')
      : isMuslLoader(elf.interpreter);
  const wantsGlibc = elf.needed.includes('libc.so.6');
  return isMuslLoader(loader.file) ? !wantsGlibc : !wantsMusl;
}

async function addCompanions(
  program: Elf,
  loader: Elf,
  companions: Companions,
  place: Workplace,
): Promise<ResolvedLibraries> {
  const fitting = companions.elfs.filter((elf) => fitsLoader(elf, loader));
  const all = await resolveLibraries([program, ...fitting], loader.file, program.file);
  // A library that its program loads by path before is found by its name afterwards, wherever in the tree it lies.
  const inTree = new Set(companions.elfs.flatMap(({ file, soname }) => [basename(file), soname ?? '']));
  for (const { name, neededBy, reason } of all.missing) {
    if (inTree.has(name)) continue;
    place.context.reporter.report({
      kind: 'warning',
      stage: 'closure',
      code: 'library-missing',
      message: `${name} ${reason}, needed by ${neededBy}`,
      hint: 'install the package that holds it, if that file is used',
    });
  }
  return all;
}

async function libraryFile(library: Elf, place: Workplace): Promise<string> {
  // Its own directories would come before those of the bundle, or hide them, and lie on the host.
  const patches = dropSearchPath(library);
  const file = await realpath(library.file);
  return patches.length === 0 ? file : writePatched(file, patches, 'file', place);
}
