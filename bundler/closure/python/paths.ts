import { chmod, copyFile, lstat, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type StorePath, storePathFromDigest } from '../../../src/core/store-path.ts';
import type { Arch, ClosurePath } from '../../../src/core/types.ts';
import type { Elf } from '../elf/layout.ts';
import { readExecutable, requireProgram } from '../executable.ts';
import { isBelow, type LinkedLibraries, linkLibraries } from '../libraries.ts';
import type { AppName } from '../naming.ts';
import type { ProgramClosure } from '../program-closure.ts';
import { reportBuildPaths } from '../project/build-paths.ts';
import { contentPath } from '../tree-digest.ts';
import { directoryElfs, editCompanions, findCompanions } from '../tree-elfs.ts';
import { type Workplace, writeEdited } from '../workplace.ts';
import { compileModules } from './bytecode.ts';
import { sourceDirectory } from './choose.ts';
import { renderCommand } from './commands.ts';
import type { Stage } from './stage.ts';

/** The store paths of a stage; the last one is `self`. */
export type StagePaths = Pick<ProgramClosure, 'arch' | 'ownLoader' | 'paths'> & { readonly self: StorePath };

/**
 * Makes the store paths of a Python project, dependencies before dependents. Only the last holds anything of the
 * project itself.
 * @throws {SaddlebagError} `library-missing`, `elf-invalid`, `elf-unsupported`, `tree-unreadable`
 */
export async function makePaths(
  stage: Stage,
  { name, appVersion }: AppName,
  place: Workplace,
): Promise<StagePaths> {
  const { python, directory } = stage;
  const program = join(directory, 'interpreter/bin', python.name);
  await copyFile(python.executable, program);
  await chmod(program, 0o755);
  await compileModules(stage, place);
  for (const tree of ['dependencies', 'app']) await reportBuildPaths(join(directory, tree), place);
  const ground = await link(stage, place);
  const { linked } = ground;
  const treePath = (tree: string, pathName: string) =>
    linkedPath(join(directory, tree), pathName, ground, place);
  const interpreter = await treePath('interpreter', python.name);
  const dependencies = stage.hasDependencies ? await treePath('dependencies', `${name}-dependencies`) : null;
  const storeName = appVersion === '' ? name : `${name}-${appVersion}`;
  const app = await appPath(stage, { ...ground, storeName, interpreter, dependencies }, place);
  const below = [...(linked?.paths ?? []), interpreter, ...(dependencies === null ? [] : [dependencies])];
  return { arch: ground.arch, ownLoader: linked !== null, self: app.storePath, paths: [...below, app] };
}

/** The libraries of a stage, and the ELF files that use them. */
interface Linked {
  /** Null where the interpreter is static. */
  readonly linked: LinkedLibraries | null;
  readonly arch: Arch;
  readonly elfs: readonly Elf[];
}

/** Gathers what the interpreter and all native modules load of this machine. */
async function link({ directory, python }: Stage, place: Workplace): Promise<Linked> {
  const executable = await readExecutable(python.executable);
  if (executable.kind !== 'elf')
    throw new Error(`${python.executable} says that it is Python, and is a script`);
  const { elf } = executable;
  requireProgram(elf);
  const elfs = await findCompanions(directory);
  const companions = { elfs, holds: (file: string) => isBelow(directory, file) };
  const options = { name: python.name, companions };
  const linked = elf.interpreter === null ? null : await linkLibraries(elf, elf.interpreter, options, place);
  return { linked, arch: elf.arch, elfs };
}

async function linkedPath(
  tree: string,
  name: string,
  linked: Linked,
  place: Workplace,
): Promise<ClosurePath> {
  const { files, references } = await editTree(tree, linked, place);
  return contentPath(name, { directory: tree, files }, references, place.context.signal);
}

/** Points the ELF files of one tree at the libraries; what it refers to then are those. */
async function editTree(tree: string, { linked, elfs }: Linked, place: Workplace) {
  if (linked === null) return { files: {}, references: [] };
  const own = elfs.filter(({ file }) => isBelow(tree, file));
  const files = await editCompanions(directoryElfs(tree, own), linked, place);
  const references = Object.keys(files).length === 0 ? [] : linked.paths.map(({ storePath }) => storePath);
  return { files, references };
}

/** What the app's own path stands on. */
interface Ground extends Linked {
  readonly storeName: string;
  readonly interpreter: ClosurePath;
  readonly dependencies: ClosurePath | null;
}

async function appPath(stage: Stage, ground: Ground, place: Workplace): Promise<ClosurePath> {
  const tree = join(stage.directory, 'app');
  await makeVirtualEnvironment(tree, stage, ground);
  const edited = await editTree(tree, ground, place);
  const filesFor = async (self: string): Promise<Record<string, string>> => {
    const files: Record<string, string> = { ...edited.files };
    for (const [name, command] of stage.commands) {
      if (command.kind === 'program') continue;
      files[`bin/${name}`] = await writeEdited(renderCommand(command, self), 'program', place);
    }
    return files;
  };
  const references = [
    ...edited.references,
    ground.interpreter.storePath,
    ...(ground.dependencies === null ? [] : [ground.dependencies.storePath]),
  ];
  // A tree that names itself can't hold its own digest: it is that of the tree naming a fixed path instead.
  const nowhere = storePathFromDigest(new Uint8Array(32), ground.storeName);
  const content = { directory: tree, files: await filesFor(nowhere) };
  const path = await contentPath(ground.storeName, content, references, place.context.signal);
  return { ...path, files: await filesFor(path.storePath) };
}

/**
 * Makes the app's tree a virtual environment of the bundled interpreter: all that is started by its `bin/python3`, and
 * what that starts in turn, has the app's modules and those of the dependencies.
 * Source: Python's documentation, `site` (pyvenv.cfg, .pth files) and `sys.prefix`.
 */
async function makeVirtualEnvironment(tree: string, stage: Stage, ground: Ground): Promise<void> {
  const { python, modules } = stage;
  const home = `${ground.interpreter.storePath}/bin`;
  await mkdir(join(tree, 'bin'), { recursive: true });
  await mkdir(join(tree, modules), { recursive: true });
  for (const name of ['python', 'python3', python.name]) {
    await symlink(`${home}/${python.name}`, join(tree, 'bin', name));
  }
  const settings = [`home = ${home}`, 'include-system-site-packages = false', `version = ${python.version}`];
  await writeFile(join(tree, 'pyvenv.cfg'), `${settings.join('\n')}\n`);
  const up = modules.split('/').map(() => '..');
  const lines = [
    ...(stage.sources ? [[...up, sourceDirectory].join('/')] : []),
    // Unlike a line that only names the directory, this heeds the .pth files in it.
    ...(ground.dependencies === null
      ? []
      : [`import site; site.addsitedir('${ground.dependencies.storePath}/${modules}')`]),
  ];
  if (lines.length > 0) await writeFile(join(tree, modules, 'saddlebag.pth'), `${lines.join('\n')}\n`);
  if (ground.dependencies !== null)
    await linkData(tree, join(stage.directory, 'dependencies'), ground.dependencies);
}

/** Packages look for their data (`share`, `etc`) below `sys.prefix`, which is the app's tree. */
async function linkData(tree: string, from: string, { storePath }: ClosurePath): Promise<void> {
  const programs = (await readdir(join(from, 'bin')).catch(() => [])).map((name) => `bin/${name}`);
  const data = (await readdir(from)).filter((name) => !/^(bin|lib|lib64)$/.test(name));
  for (const path of [...data, ...programs]) {
    const place = join(tree, path);
    if ((await lstat(place).catch(() => undefined)) === undefined)
      await symlink(`${storePath}/${path}`, place);
  }
}
