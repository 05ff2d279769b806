import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { type StorePath, storePathFromDigest } from '../../src/core/store-path.ts';
import type { ClosurePath } from '../../src/core/types.ts';
import type { LinkedProgram } from './elf-program.ts';
import { type Executable, readExecutable, requireProgram } from './executable.ts';
import { type Companions, isBelow, linkLibraries } from './libraries.ts';
import { rewriteShebang } from './program.ts';
import { noSurroundings, type ProgramClosure, type Surroundings, surroundingsOf } from './program-closure.ts';
import { findInterpreter, renderLine } from './script.ts';
import { replaceShebang } from './shebang.ts';
import { contentPath } from './tree-digest.ts';
import { directoryElfs, editCompanions, findCompanions } from './tree-elfs.ts';
import { type Workplace, writeEdited, writePatched } from './workplace.ts';

/** How a directory is read. */
export interface DirectoryOptions {
  /** The program to start, relative to the directory. */
  readonly entrypoint: string;
  /** For its store path. */
  readonly name: string;
}

/** The entrypoint of a directory. */
interface TreeEntrypoint {
  /** As asked for, relative to the directory. */
  readonly path: string;
  /** The file itself, where `path` goes through links; relative to the directory. */
  readonly target: string;
  readonly executable: Executable;
}

/** What starts the entrypoint: the closures outside the directory, and the first line that a script gets. */
interface Start extends Pick<ProgramClosure, 'arch' | 'interpreter' | 'paths' | keyof Surroundings> {
  readonly linked: LinkedProgram['linked'];
  readonly references: readonly StorePath[];
  readonly ownLoader: boolean;
  /** The first line of the script, once the store path of the directory is known; null for an ELF program. */
  readonly shebang: ((self: string) => string) | null;
}

/** Where a directory is read. */
interface Site extends Workplace {
  /** Its real path. */
  readonly tree: string;
  /** For its store paths. */
  readonly name: string;
}

/**
 * Reads a whole directory into one store path. What its entrypoint, or another program or library in it, needs from
 * this machine comes along in store paths of its own, and the files that ask for it are edited; the directory itself is
 * left alone.
 * @throws {SaddlebagError} `entrypoint-missing`, `entrypoint-outside`, and what `readProgram` and `walkTree` throw
 */
export async function readDirectory(
  directory: string,
  options: DirectoryOptions,
  place: Workplace,
): Promise<ProgramClosure> {
  const tree = await realpath(directory);
  const entrypoint = await findEntrypoint(tree, options.entrypoint);
  const site = { ...place, tree, name: options.name };
  const start = await readStart(entrypoint, site);
  const edited =
    start.linked === null
      ? {}
      : await editCompanions(directoryElfs(tree, await findCompanions(tree)), start.linked, place);
  const path = await treePath(entrypoint, { ...start, edited }, site);
  return {
    program: `${path.storePath}/${entrypoint.path}`,
    arch: start.arch,
    interpreter: start.interpreter,
    ownLoader: start.ownLoader,
    paths: [...start.paths, path],
    ...surroundingsOf(start),
    // A link's program may go by what it is called: busybox and its like.
    ownName: start.ownName || basename(entrypoint.path) !== basename(entrypoint.target),
  };
}

async function findEntrypoint(tree: string, asked: string): Promise<TreeEntrypoint> {
  const file = resolve(tree, asked);
  if (!isBelow(tree, file)) throw outside(tree, asked, file);
  const stats = await stat(file).catch(() => undefined);
  if (!stats?.isFile()) {
    const reason = stats === undefined ? `it has no ${asked}` : `its ${asked} is not a file`;
    throw new SaddlebagError('entrypoint-missing', `cannot bundle ${tree}: ${reason}`, {
      hint: '--entrypoint takes a path relative to the directory',
      exitCode: exitCodes.usage,
    });
  }
  const target = await realpath(file);
  if (!isBelow(tree, target)) throw outside(tree, asked, target);
  return {
    path: relative(tree, file),
    target: relative(tree, target),
    executable: await readExecutable(target),
  };
}

function outside(tree: string, asked: string, target: string): SaddlebagError {
  return new SaddlebagError(
    'entrypoint-outside',
    `cannot bundle ${tree}: its entrypoint ${asked} leads out of it, to ${target}`,
    { hint: 'copy the program into the directory, or bundle the program itself', exitCode: exitCodes.usage },
  );
}

async function readStart({ executable }: TreeEntrypoint, site: Site): Promise<Start> {
  const { tree, name } = site;
  if (executable.kind === 'elf') return readElfStart(executable, site);
  const interpreter = await findInterpreter(executable, site);
  const real = await realpath(interpreter);
  if (isBelow(tree, real)) return readInnerStart(executable, interpreter, site);
  // Its libraries serve the tree's own, which it loads (Node's addons, Python's modules).
  const companions = await companionsOf(tree);
  const { line, ...found } = await rewriteShebang(executable, { name, companions }, site);
  return {
    ...found,
    arch: found.interpreter.arch,
    interpreter: basename(found.interpreter.program),
    ownLoader: found.interpreter.ownLoader,
    linked: found.interpreter.linked,
    ...surroundingsOf(found.interpreter),
    // The kernel names the interpreter by its path.
    ownName: false,
    shebang: () => line,
  };
}

async function readElfStart({ elf }: Extract<Executable, { kind: 'elf' }>, site: Site): Promise<Start> {
  const { tree, name } = site;
  requireProgram(elf);
  const common = { ...noSurroundings, arch: elf.arch, interpreter: null, shebang: null };
  if (elf.interpreter === null) {
    return { ...common, paths: [], linked: null, references: [], ownLoader: false };
  }
  const companions = await companionsOf(tree);
  const linked = await linkLibraries(elf, elf.interpreter, { name, companions }, site);
  return {
    ...common,
    paths: linked.paths,
    linked,
    references: linked.paths.map(({ storePath }) => storePath),
    ownLoader: true,
  };
}

async function companionsOf(tree: string): Promise<Companions> {
  return { elfs: await findCompanions(tree), holds: (file) => isBelow(tree, file) };
}

/** The interpreter is part of the tree: the script names it by the tree's own store path. */
async function readInnerStart(
  script: Extract<Executable, { kind: 'script' }>,
  interpreter: string,
  site: Site,
): Promise<Start> {
  const executable = await readExecutable(await realpath(interpreter));
  if (executable.kind === 'script') {
    throw new SaddlebagError(
      'shebang-unsupported',
      `cannot bundle ${script.file}: its interpreter ${interpreter} is itself a script of the directory`,
      { hint: 'name the program that runs it all as --entrypoint, and the scripts with --arg' },
    );
  }
  const start = await readElfStart(executable, site);
  // The name by which the script knows it: Python finds its modules from there.
  const named = join(await realpath(dirname(interpreter)), basename(interpreter));
  const inside = relative(site.tree, isBelow(site.tree, named) ? named : executable.file);
  return {
    ...start,
    interpreter: basename(interpreter),
    shebang: (self) => renderLine(script, `${self}/${inside}`, null),
  };
}

/** A start, and what had to be edited for it: path in the tree → the edited file. */
interface EditedStart extends Start {
  readonly edited: Readonly<Record<string, string>>;
}

async function treePath(entrypoint: TreeEntrypoint, start: EditedStart, site: Site): Promise<ClosurePath> {
  const { tree, name, context } = site;
  const filesFor = async (self: string) => {
    const file = await editEntrypoint(entrypoint, start, { self, site });
    return file === null ? start.edited : { ...start.edited, [entrypoint.target]: file };
  };
  // A tree that names itself can't hold its own digest: it is that of the tree naming a fixed path instead.
  const files = await filesFor(storePathFromDigest(new Uint8Array(32), name));
  const path = await contentPath(name, { directory: tree, files }, start.references, context.signal);
  return { ...path, files: await filesFor(path.storePath) };
}

/** Writes the entrypoint as it must be in the store path `self`: executable; null to leave it as it is. */
async function editEntrypoint(
  { target, executable }: TreeEntrypoint,
  { shebang, edited }: EditedStart,
  { self, site }: { readonly self: string; readonly site: Site },
): Promise<string | null> {
  if (executable.kind === 'script' && shebang !== null) {
    return writeEdited(replaceShebang(executable.bytes, shebang(self)), 'program', site);
  }
  const isStartable = ((await stat(executable.file)).mode & 0o111) !== 0;
  return isStartable || edited[target] !== undefined
    ? null
    : writePatched(executable.file, [], 'program', site);
}
