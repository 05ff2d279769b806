import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SaddlebagError } from '../../src/core/errors.ts';
import type { Bind, ClosurePath } from '../../src/core/types.ts';
import type { Elf } from './elf/layout.ts';
import { libraryDirectories } from './elf/library-directories.ts';
import { findLibrary } from './elf/search.ts';
import { isBelow } from './libraries.ts';
import { mirrorFiles, realPlace, reportGuarded } from './mirror.ts';
import type { ProgramClosure } from './program-closure.ts';
import { contentPath } from './tree-digest.ts';
import type { Workplace } from './workplace.ts';

/** Files that an app needs besides what its own files tell. */
export interface ExtraFiles {
  /** Files and directories of this machine. */
  readonly files: readonly string[];
  /** Paths at which files of the bundle appear where the host has nothing: those of `files`, or directories above. */
  readonly binds: readonly string[];
  /** Libraries that are opened at run time: their paths, or names that ld.so would find. */
  readonly libraries: readonly string[];
}

/** What most apps need: none. */
export const noExtraFiles: ExtraFiles = { files: [], binds: [], libraries: [] };

/** Extra files as one program needs them. */
export interface PlacedExtra {
  readonly files: readonly string[];
  readonly binds: readonly string[];
  /** Libraries that belong among the program's others, since it opens them by name. */
  readonly opened: readonly string[];
  /** Real paths of libraries that are opened by path; where others need them too, they belong among those as well. */
  readonly plugins: ReadonlySet<string>;
}

/**
 * Parts the libraries of extra files: those in ld.so's directories are opened by name and go beside the program's own;
 * others, plugins, are opened by path and keep it.
 * @throws {SaddlebagError} `include-missing` for a name that ld.so would not find
 */
export async function placeExtra(
  extra: ExtraFiles,
  { interpreter, arch, ...elf }: Elf,
): Promise<PlacedExtra> {
  if (interpreter === null) return { ...extra, opened: [], plugins: new Set() };
  const directories = await libraryDirectories(interpreter, arch);
  const real = new Set(await Promise.all(directories.map((path) => realpath(path).catch(() => path))));
  const opened: string[] = [];
  const plugins: string[] = [];
  for (const library of extra.libraries) {
    if (!library.includes('/')) {
      const found = await findLibrary(
        library,
        { elf: { ...elf, interpreter, arch }, loadedBy: null },
        directories,
      );
      if (found.kind === 'missing') throw libraryMissing(library);
      opened.push(found.file);
    } else if (real.has(await realpath(dirname(library)))) opened.push(library);
    else plugins.push(library);
  }
  const alone = plugins.filter((plugin) => !extra.binds.some((target) => isBelow(target, plugin)));
  return {
    files: [...extra.files, ...plugins],
    binds: [...extra.binds, ...alone],
    opened,
    plugins: new Set(await Promise.all(plugins.map((plugin) => realpath(plugin)))),
  };
}

/**
 * Adds extra files, in a store path of their own, to a closure whose programs are not linked anew.
 * @throws {SaddlebagError} `include-missing`, and what `mirrorFiles` throws
 */
export async function addExtra<T extends ProgramClosure>(
  app: T,
  { extra: { files, binds, libraries }, name }: { readonly extra: ExtraFiles; readonly name: string },
  place: Workplace,
): Promise<T> {
  const unknown = libraries.find((library) => !library.includes('/'));
  if (unknown !== undefined) throw libraryAlone(unknown);
  if (files.length + libraries.length === 0) return app;
  const mirror = await mirrorFiles([...files, ...libraries], { prefix: '/usr' });
  reportGuarded(mirror, place);
  const content = {
    directory: null,
    files: Object.fromEntries(mirror.files),
    links: Object.fromEntries(mirror.links),
  };
  const path = await contentPath(`${name}-data`, content, [], place.context.signal);
  const shown = await bindAll([...binds, ...libraries], path, '/usr');
  return { ...app, paths: [path, ...app.paths], binds: [...app.binds, ...shown] };
}

/**
 * Returns the binds that show what a store path holds of this machine at the paths that it has here.
 */
export async function bindAll(
  targets: readonly string[],
  { storePath }: ClosurePath,
  prefix: string,
): Promise<Bind[]> {
  const sources = await Promise.all(targets.map((target) => realPlace(target, prefix)));
  return targets.map((target, index) => ({
    source: `${storePath}/${sources[index]}`,
    target,
    policy: 'where-absent',
  }));
}

function libraryMissing(name: string): SaddlebagError {
  return new SaddlebagError('include-missing', `cannot include ${name}: ld.so would not find it`, {
    hint: 'install the package that holds it, or give its path',
  });
}

function libraryAlone(name: string): SaddlebagError {
  return new SaddlebagError(
    'include-missing',
    `cannot include ${name}: libraries are found by name for programs of this machine only`,
    { hint: 'give its path: it then appears there where the host has nothing' },
  );
}
