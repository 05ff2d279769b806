import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, relative } from 'node:path';
import type { ClosurePath, EnvSetting } from '../../src/core/types.ts';
import { openBytes } from './elf/bytes.ts';
import { appendedBytes, pointProgram } from './elf/point.ts';
import { type Executable, requireProgram } from './executable.ts';
import { bindAll, type ExtraFiles, noExtraFiles, type PlacedExtra, placeExtra } from './extra.ts';
import { type Companions, isBelow, type LinkedLibraries, linkLibraries } from './libraries.ts';
import {
  type Mirror,
  type MirrorOptions,
  mirrorFiles,
  mirrorPlace,
  realPlace,
  reportGuarded,
} from './mirror.ts';
import type { ProgramClosure } from './program-closure.ts';
import { refusePyInstaller } from './pyinstaller.ts';
import { dateCaches } from './python-cache.ts';
import { findNeeds, type ProgramNeeds, programPrefix } from './recipe.ts';
import { contentPath } from './tree-digest.ts';
import { type ElfTree, editCompanions, ownDirectories, type PlacedElf, readCompanion } from './tree-elfs.ts';
import { type Workplace, writePatched } from './workplace.ts';

/** A program of this machine with what it loads; `linked` is null where it loads nothing, or Nix built it. */
export interface LinkedProgram extends ProgramClosure {
  readonly linked: LinkedLibraries | null;
}

/** How a program is read. */
export interface ProgramOptions {
  /** For its store paths. */
  readonly name: string;
  readonly companions?: Companions;
  readonly extra?: ExtraFiles;
  /** The libraries of another program of the bundle, which serve this one too. */
  readonly base?: LinkedLibraries | null;
  /** How many scripts led here. */
  readonly depth?: number;
}

type ElfProgram = Extract<Executable, { kind: 'elf' }>;

/**
 * Reads an ELF program of this machine into store paths: for its loader and libraries, and for itself with the files of
 * its own that a recipe or `options.extra` names. It is started as `bin/<called>`.
 * @throws {SaddlebagError} `interpreter-missing`, `library-missing`, `arch-unsupported`, `elf-invalid`, `elf-unsupported`,
 *   and what `mirrorFiles` throws
 */
export async function readElfProgram(
  executable: ElfProgram,
  called: string,
  options: ProgramOptions,
  place: Workplace,
): Promise<LinkedProgram> {
  const { file, elf } = executable;
  requireProgram(elf);
  if (elf.interpreter !== null) refusePyInstaller(file);
  const needs = await findNeeds(file, elf.needed);
  reportModules(file, needs, place);
  const home = homeOf(file, called);
  const extra = await placeExtra(options.extra ?? noExtraFiles, elf);
  const mirror = await readMirror(
    [...needs.paths, ...needs.fixed, ...extra.files],
    { ...home, without: needs.without },
    place,
  );
  const tree = await elfTree(mirror, file);
  const linked =
    elf.interpreter === null
      ? null
      : await linkLibraries(elf, elf.interpreter, linkOptions({ ...options, ...extra }, tree, mirror), place);
  const main = { place: home.inside, elf };
  const path = await contentPath(
    options.name,
    {
      directory: null,
      files: {
        ...Object.fromEntries(mirror.files),
        ...(await dateCaches(mirror.files, place)),
        ...(linked === null ? {} : await editCompanions(tree, linked, place)),
        [home.inside]: linked === null ? file : await pointMain(main, { tree, linked }, place),
      },
      links: { ...Object.fromEntries(mirror.links), ...aliasOf(home.inside, called) },
    },
    (linked?.paths ?? []).map(({ storePath }) => storePath),
    place.context.signal,
  );
  return {
    program: `${path.storePath}/bin/${called}`,
    arch: elf.arch,
    interpreter: null,
    ownLoader: linked !== null,
    paths: [...(linked?.paths ?? []), path],
    linked,
    env: await variables(needs, path, home.prefix),
    binds: await bindAll([...needs.fixed, ...(await uncovered(extra.binds, needs))], path, home.prefix),
    helpers: needs.helpers,
    ownName: needs.findsItselfByName || called !== basename(file),
  };
}

/** Where a program lies in its store path. */
interface Home {
  readonly inside: string;
  /** As in `MirrorOptions`. */
  readonly prefix: string;
}

function homeOf(file: string, called: string): Home {
  const isOfSystem = isBelow('/usr', file);
  const prefix = isOfSystem ? '/usr' : programPrefix(file);
  const keepsPlace = isOfSystem || prefix !== dirname(file);
  return { inside: keepsPlace ? mirrorPlace(file, prefix) : `bin/${called}`, prefix };
}

/** Whatever its place, a program can be started as `bin/<called>`. */
function aliasOf(inside: string, called: string): Readonly<Record<string, string>> {
  const alias = `bin/${called}`;
  return inside === alias ? {} : { [alias]: relative('bin', inside) };
}

async function readMirror(
  paths: readonly string[],
  options: MirrorOptions,
  place: Workplace,
): Promise<Mirror> {
  const mirror = await mirrorFiles(paths, options);
  reportGuarded(mirror, place);
  return mirror;
}

/** The dynamic programs and libraries of a mirror, but for the program that it is made for. */
async function elfTree({ files }: Mirror, main: string): Promise<ElfTree> {
  const elfs: PlacedElf[] = [];
  const directories = new Map<string, string>();
  for (const [inside, file] of files) {
    directories.set(dirname(file), dirname(inside));
    if (file === main) continue;
    const elf = await readCompanion(file, ((await stat(file)).mode & 0o111) !== 0);
    if (elf !== null) elfs.push({ place: inside, elf });
  }
  return { elfs, placeOf: (directory) => directories.get(directory) ?? null };
}

function linkOptions(
  options: ProgramOptions & Pick<PlacedExtra, 'opened' | 'plugins'>,
  tree: ElfTree,
  { files }: Mirror,
) {
  const mirrored = new Set(files.values());
  const { companions, plugins } = options;
  return {
    name: options.name,
    base: options.base ?? null,
    opened: options.opened,
    companions: {
      elfs: [...(companions?.elfs ?? []), ...tree.elfs.map(({ elf }) => elf)],
      holds: (file: string) => (mirrored.has(file) && !plugins.has(file)) || companions?.holds(file) === true,
    },
  };
}

async function pointMain(
  main: PlacedElf,
  { tree, linked }: { readonly tree: ElfTree; readonly linked: LinkedLibraries },
  place: Workplace,
): Promise<string> {
  const { elf } = main;
  const searchPath = [...ownDirectories(tree, main), ...linked.target.searchPath];
  using bytes = openBytes(elf.file);
  reportAppended(appendedBytes(bytes, elf), elf.file, place);
  return writePatched(elf.file, pointProgram(bytes, elf, { ...linked.target, searchPath }), 'program', place);
}

async function variables(
  needs: ProgramNeeds,
  { storePath }: ClosurePath,
  prefix: string,
): Promise<EnvSetting[]> {
  const env: EnvSetting[] = [];
  for (const { name, policy, paths } of needs.variables) {
    const places = await Promise.all(paths.map((path) => realPlace(path, prefix)));
    env.push({ name, policy, value: places.map((place) => `${storePath}/${place}`).join(':') });
  }
  return env;
}

/** Leaves out the paths that a recipe serves already, by a variable or by where the program lies. */
async function uncovered(targets: readonly string[], needs: ProgramNeeds): Promise<string[]> {
  const covered = await Promise.all(needs.paths.map((path) => realpath(path)));
  const found: string[] = [];
  for (const target of targets) {
    const real = await realpath(target);
    if (!covered.some((path) => real === path || isBelow(path, real))) found.push(target);
  }
  return found;
}

function reportAppended(count: number, file: string, { context }: Workplace): void {
  if (count === 0) return;
  context.reporter.report({
    kind: 'warning',
    stage: 'closure',
    code: 'appended-data',
    message: `${file} has ${count} bytes behind its program; one that looks for them at its own end won't find them`,
    hint: 'link it statically, or bundle what it was packed from',
  });
}

function reportModules(file: string, needs: ProgramNeeds, { context }: Workplace): void {
  const runtime = /^(python|perl|ruby)[0-9.]*$/.exec(basename(file));
  if (runtime === null || needs.paths.length > 0) return;
  context.reporter.report({
    kind: 'warning',
    stage: 'closure',
    code: 'modules-not-included',
    message: `the modules of ${runtime[0]} were not found where it is installed`,
    hint: 'name their directories with --include',
  });
}
