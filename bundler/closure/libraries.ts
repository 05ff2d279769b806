import { realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ClosurePath } from '../../src/core/types.ts';
import { openBytes } from './elf/bytes.ts';
import { isolateLoader } from './elf/isolate.ts';
import type { Elf } from './elf/layout.ts';
import { isMuslLoader } from './elf/library-directories.ts';
import { dropSearchPath, type PointTarget } from './elf/point.ts';
import { readElf } from './elf/read.ts';
import { librariesMissing, type ResolvedLibraries, resolveLibraries } from './elf/resolve.ts';
import { contentPath } from './tree-digest.ts';
import { type Workplace, writePatched } from './workplace.ts';

/** ELF files that run in, or beside, the program that is bundled. */
export interface Companions {
  readonly elfs: readonly Elf[];
  /** Whether a library, by its real path, is found where it lies among them, and needs no place among the others. */
  readonly holds: (file: string) => boolean;
}

/** Store paths that hold a dynamic loader and libraries, and how programs are pointed at them. */
export interface LinkedLibraries {
  /** At least one, the loader's first. */
  readonly paths: readonly ClosurePath[];
  readonly target: PointTarget;
  /** The loader as it is on this machine. */
  readonly loader: Elf;
  /** Name of each library → its real path on this machine. */
  readonly libraries: ReadonlyMap<string, string>;
}

/** What libraries are gathered for besides the program itself. */
export interface LinkOptions {
  /** For the store path: `<name>-libs`. */
  readonly name: string;
  readonly companions?: Companions;
  /** Libraries that are opened by name at run time: their files on this machine. */
  readonly opened?: readonly string[];
  /** Libraries of another program of the bundle: what is there already is not brought again. */
  readonly base?: LinkedLibraries | null;
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
  options: LinkOptions,
  place: Workplace,
): Promise<LinkedLibraries> {
  const own = await resolveLibraries([program], interpreter, program.file);
  if (own.missing.length > 0) throw librariesMissing(program.file, own.missing);
  const opened = await readOpened(options.opened ?? []);
  const all = await addCompanions(program, own, { ...options, opened }, place);
  const loaderFile = await realpath(all.loader.file);
  const base = options.base?.loader.file === all.loader.file ? options.base : null;
  const libraries = new Map<string, string>();
  const files: Record<string, string> = {};
  const named = [...all.libraries, ...opened.map((elf) => [basename(elf.file), elf] as const)];
  for (const [name, library] of named) {
    const file = await realpath(library.file);
    if (file !== loaderFile && options.companions?.holds(file)) continue;
    libraries.set(name, file);
    if (base?.libraries.get(name) !== file)
      files[`lib/${name}`] = await libraryFile(library, file === loaderFile, place);
  }
  return base === null || Object.keys(files).length > 0
    ? layOut({ loader: all.loader, interpreter, libraries, files }, { ...options, base }, place)
    : base;
}

async function layOut(
  found: Pick<LinkedLibraries, 'loader' | 'libraries'> & {
    readonly interpreter: string;
    readonly files: Readonly<Record<string, string>>;
  },
  { name, base }: { readonly name: string; readonly base: LinkedLibraries | null },
  place: Workplace,
): Promise<LinkedLibraries> {
  const content = { directory: null, files: found.files };
  const path = await contentPath(`${name}-libs`, content, [], place.context.signal);
  const directory = `${path.storePath}/lib`;
  return {
    paths: [...(base?.paths ?? []), path],
    loader: found.loader,
    target: {
      interpreter: base?.target.interpreter ?? `${directory}/${basename(found.interpreter)}`,
      searchPath: [directory, ...(base?.target.searchPath ?? [])],
    },
    libraries: new Map([...(base?.libraries ?? []), ...found.libraries]),
  };
}

async function readOpened(files: readonly string[]): Promise<Elf[]> {
  const elfs = await Promise.all(files.map((file) => readElf(file)));
  return elfs.filter((elf) => elf !== null);
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
  own: ResolvedLibraries,
  { companions, opened }: { readonly companions?: Companions; readonly opened: readonly Elf[] },
  place: Workplace,
): Promise<ResolvedLibraries> {
  const { loader } = own;
  const elfs = [...(companions?.elfs ?? []), ...opened];
  if (elfs.length === 0) return own;
  const fitting = elfs.filter((elf) => fitsLoader(elf, loader));
  const all = await resolveLibraries([program, ...fitting], loader.file, program.file);
  // A library that its program loads by path before is found by its name afterwards, wherever in the tree it lies.
  const inTree = new Set(elfs.flatMap(({ file, soname }) => [basename(file), soname ?? '']));
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

async function libraryFile(library: Elf, isLoader: boolean, place: Workplace): Promise<string> {
  // Its own directories would come before those of the bundle, or hide them, and lie on the host.
  const patches = [...dropSearchPath(library), ...(isLoader ? isolate(library) : [])];
  const file = await realpath(library.file);
  return patches.length === 0 ? file : writePatched(file, patches, isLoader ? 'program' : 'file', place);
}

function isolate(loader: Elf) {
  using bytes = openBytes(loader.file);
  return isolateLoader(bytes);
}
