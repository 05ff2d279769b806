import { mkdir, readFile, realpath, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { storePathOf } from '../../../src/core/store-path.ts';
import type { ClosurePath, EnvSetting, NamedProgram } from '../../../src/core/types.ts';
import type { LinkedProgram } from '../elf-program.ts';
import { isBelow } from '../libraries.ts';
import { enterStore } from '../locate.ts';
import { nameApp } from '../naming.ts';
import { readNix } from '../nix/closure.ts';
import { readProgram } from '../program.ts';
import { noSourceSettings, surroundingsOf } from '../program-closure.ts';
import { reportBuildPaths } from '../project/build-paths.ts';
import { copyProject, reportWithheld } from '../project/copy.ts';
import type { ProjectClosure, ProjectRequest } from '../project/project-closure.ts';
import { parseShebang, replaceShebang } from '../shebang.ts';
import { contentPath } from '../tree-digest.ts';
import { directoryElfs, editCompanions, findCompanions } from '../tree-elfs.ts';
import { type Workplace, writeEdited } from '../workplace.ts';
import { cleanModules } from './clean.ts';
import { findNode, type NodeInterpreter } from './interpreter.ts';
import { lockNames, type NodeProject, readNodeProject } from './manifest.ts';
import { cleanPath, findModules, placeModules, readCommands } from './modules.ts';
import { checkEngine, findNpm, installModules, type Npm } from './npm.ts';
import { chooseStart, type NodeStart } from './start.ts';

/** The trees of a Node project: `app`, and `modules` with its dependencies where they can stand apart. */
interface Stage {
  /** A real path. */
  readonly directory: string;
  readonly hasModules: boolean;
  /** Name of a dependency's command → its file, relative to `node_modules`. */
  readonly commands: ReadonlyMap<string, string>;
}

/** Modules for development are not there; packages that ask for them look at this variable. */
const production: EnvSetting = { name: 'NODE_ENV', value: 'production', policy: 'where-unset' };

/**
 * Reads a Node project into store paths: Node's libraries, Node, the production dependencies as the lock names them,
 * and the project's own files. The project's directory is left alone.
 * @throws {SaddlebagError} `project-invalid`, `interpreter-missing`, `interpreter-unfit`, `installer-missing`,
 *   `install-failed`, `lock-outdated`, `lock-unsupported`, `dependency-outside`, `entrypoint-missing`,
 *   `entrypoint-ambiguous`, `entrypoint-required`, `name-invalid`
 */
export async function readNode(
  file: string,
  request: ProjectRequest,
  place: Workplace,
): Promise<ProjectClosure> {
  const project = await readNodeProject(file);
  const appName = nameApp(file, {
    ...optional('name', request.name ?? project.name),
    ...optional('appVersion', request.appVersion ?? project.version),
  });
  const interpreter = await findNode(request.interpreter, place);
  report(
    `reading ${file} as a Node project, with Node ${interpreter.version} of ${interpreter.executable}`,
    place,
  );
  const stage = await makeStage(project, interpreter, place);
  const start = await chooseStart(project, {
    entrypoint: request.entrypoint,
    dependencies: new Set(stage.commands.keys()),
  });
  const node = await bundleNode(interpreter, stage, place);
  const modules = stage.hasModules ? await modulesPath(`${appName.name}-modules`, stage, node, place) : null;
  const storeName = appName.appVersion === '' ? appName.name : `${appName.name}-${appName.appVersion}`;
  const app = await appPath(project, { storeName, stage, node, modules }, place);
  const commands = Object.keys(project.bins).map((name) => ({
    name,
    program: `${app.storePath}/${cleanPath(project.bins[name] ?? '')}`,
  }));
  return {
    ...noSourceSettings,
    ...surroundingsOf(node),
    arch: node.arch,
    ownLoader: node.ownLoader,
    interpreter: 'node',
    paths: [...node.paths, ...(modules === null ? [] : [modules]), app],
    appName,
    ...launch(start, { app, modules, stage, node, commands }),
  };
}

function optional<K extends string>(key: K, value: string | null): { readonly [key in K]?: string } {
  return (value === null ? {} : { [key]: value }) as { readonly [key in K]?: string };
}

/** Installs the dependencies into a copy of the project and parts them from the project's own files. */
async function makeStage(
  project: NodeProject,
  interpreter: NodeInterpreter,
  place: Workplace,
): Promise<Stage> {
  const directory = join(await realpath(place.workDirectory), 'node');
  const app = join(directory, 'app');
  await mkdir(join(directory, 'modules'), { recursive: true });
  const without = new Set(lockNames);
  reportWithheld(await copyProject(project.directory, app, { purpose: 'app', without }), place);
  const npm = await npmFor(project, interpreter, place);
  if (npm !== null) await checkEngine(project, npm, place);
  if (npm === null || !project.hasDependencies) return { directory, hasModules: false, commands: new Map() };
  const copy = join(directory, 'install');
  await copyProject(project.directory, copy, { purpose: 'build', without: new Set(['.git']) });
  if (project.lock === null) reportUnpinned(project, place);
  await installModules(project, npm, copy, place);
  for (const path of await findModules(copy)) await cleanModules(join(copy, path));
  const hasModules = await placeModules(copy, directory);
  await rm(copy, { recursive: true, force: true });
  const modules = join(directory, hasModules ? 'modules' : 'app', 'node_modules');
  report(`installed the dependencies from ${project.lock ?? 'package.json'}`, place);
  return { directory, hasModules, commands: await readCommands(modules) };
}

/** Without dependencies npm only knows what `engines` means, and a machine without it can do without. */
async function npmFor(
  project: NodeProject,
  interpreter: NodeInterpreter,
  place: Workplace,
): Promise<Npm | null> {
  if (project.hasDependencies) return findNpm(interpreter, place);
  return project.engine === null ? null : findNpm(interpreter, place).catch(() => null);
}

/** Native addons of the whole stage find what they need of this machine among Node's libraries. */
async function bundleNode(
  { executable }: NodeInterpreter,
  { directory }: Stage,
  place: Workplace,
): Promise<LinkedProgram> {
  const inStore = await enterStore(executable);
  if (inStore !== undefined) return { ...(await readNix(inStore, place)), linked: null };
  const elfs = await findCompanions(directory);
  const companions = { elfs, holds: (file: string) => isBelow(directory, file) };
  return readProgram(executable, { name: 'node', companions }, place);
}

async function modulesPath(
  name: string,
  { directory }: Stage,
  { linked }: LinkedProgram,
  place: Workplace,
): Promise<ClosurePath> {
  const tree = join(directory, 'modules');
  await reportBuildPaths(tree, place);
  const files = await editAddons(tree, linked, place);
  const references =
    linked === null || Object.keys(files).length === 0 ? [] : linked.paths.map(({ storePath }) => storePath);
  return contentPath(name, { directory: tree, files }, references, place.context.signal);
}

async function editAddons(
  tree: string,
  linked: LinkedProgram['linked'],
  place: Workplace,
): Promise<Record<string, string>> {
  return linked === null
    ? {}
    : editCompanions(directoryElfs(tree, await findCompanions(tree)), linked, place);
}

/** What the app's own path stands on. */
interface Ground {
  readonly storeName: string;
  readonly stage: Stage;
  readonly node: LinkedProgram;
  readonly modules: ClosurePath | null;
}

async function appPath(
  project: NodeProject,
  { storeName, stage, node, modules }: Ground,
  place: Workplace,
): Promise<ClosurePath> {
  const tree = join(stage.directory, 'app');
  if (!stage.hasModules) await reportBuildPaths(tree, place);
  if (modules !== null) await symlink(`${modules.storePath}/node_modules`, join(tree, 'node_modules'));
  const files = await editAddons(tree, node.linked, place);
  for (const [name, bin] of Object.entries(project.bins)) {
    files[cleanPath(bin)] = await pointBin(join(tree, bin), { name, project, node }, place);
  }
  const references = [storePathOf(node.program), modules?.storePath].filter((path) => path !== undefined);
  return contentPath(storeName, { directory: tree, files }, references, place.context.signal);
}

/** Commands are scripts that the kernel starts by their first line. */
async function pointBin(
  file: string,
  {
    name,
    project,
    node,
  }: { readonly name: string; readonly project: NodeProject; readonly node: LinkedProgram },
  place: Workplace,
): Promise<string> {
  const content = await readFile(file).catch((cause: unknown) => {
    throw new SaddlebagError(
      'entrypoint-missing',
      `cannot bundle ${project.directory}: its command ${name}, ${project.bins[name]}, is not there`,
      { cause, hint: 'build the project first (npm run build)' },
    );
  });
  const shebang = parseShebang(content.toString('utf8', 0, 4096));
  const options =
    shebang?.command === 'node' && !/\s/.test(shebang.commandArguments) ? shebang.commandArguments : '';
  const line = [node.program, ...(options === '' ? [] : [options])].join(' ');
  const script = shebang === null ? Buffer.concat([Buffer.from('#!\n'), content]) : content;
  return writeEdited(replaceShebang(script, line), 'program', place);
}

/** All that a start may name. */
interface Launchable {
  readonly app: ClosurePath;
  readonly modules: ClosurePath | null;
  readonly stage: Stage;
  readonly node: LinkedProgram;
  readonly commands: readonly NamedProgram[];
}

type Launch = Pick<ProjectClosure, 'program' | 'args' | 'env' | 'programs'>;

function launch(start: NodeStart, { app, modules, stage, node, commands }: Launchable): Launch {
  switch (start.kind) {
    case 'bin': {
      const program = commands.find(({ name }) => name === start.name)?.program ?? '';
      const programs = commands.filter(({ name }) => name !== start.name);
      return { program, args: [], env: [...node.env, production], programs };
    }
    case 'file': {
      const args = [...start.options, `${app.storePath}/${cleanPath(start.file)}`, ...start.args];
      const own = Object.entries(start.env).map(
        ([name, value]) => ({ name, value, policy: 'where-unset' }) as const,
      );
      return { program: node.program, args, env: [...own, ...node.env, production], programs: [] };
    }
    case 'dependency': {
      const top = modules?.storePath ?? app.storePath;
      const args = [`${top}/node_modules/${stage.commands.get(start.name)}`];
      return { program: node.program, args, env: [...node.env, production], programs: [] };
    }
  }
}

function reportUnpinned({ directory }: NodeProject, { context }: Workplace): void {
  context.reporter.report({
    kind: 'warning',
    stage: 'closure',
    code: 'dependencies-unpinned',
    message: `the versions that ${directory} depends on are not pinned: tomorrow's bundle may hold others`,
    hint: 'add a lock: npm install --package-lock-only',
  });
}

function report(message: string, { context }: Workplace): void {
  context.reporter.report({ kind: 'step', stage: 'closure', message });
}
