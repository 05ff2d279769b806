import { mkdir, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EnvSetting } from '../../../src/core/types.ts';
import { type AppName, nameApp } from '../naming.ts';
import { noSourceSettings, noSurroundings } from '../program-closure.ts';
import { copyProject, reportWithheld } from '../project/copy.ts';
import type { ProjectClosure, ProjectRequest } from '../project/project-closure.ts';
import type { Workplace } from '../workplace.ts';
import { chooseCommand, entrypointFile, sourceDirectory } from './choose.ts';
import { cleanEnvironment } from './clean.ts';
import { type Command, collectCommands, parseReference } from './commands.ts';
import { checkLock, installDependencies } from './dependencies.ts';
import { type InstalledPackages, listPackages } from './distributions.ts';
import { installerEnvironment } from './environment.ts';
import { findInstaller, type Installer, install, makeEnvironment } from './installer.ts';
import { copyStandardLibrary, findPython, type PythonInterpreter } from './interpreter.ts';
import { type PythonProject, readPythonProject } from './manifest.ts';
import { makePaths } from './paths.ts';
import type { Stage } from './stage.ts';

/** One virtual environment, and the commands of what was installed there. */
interface Installed extends InstalledPackages {
  readonly directory: string;
  readonly commands: ReadonlyMap<string, Command>;
}

// It would make the bundled Python look for its library in another one.
const env: readonly EnvSetting[] = [{ name: 'PYTHONHOME', value: '', policy: 'unset' }];

/**
 * Reads a Python project, or a wheel, into store paths: the interpreter's libraries, the interpreter with its standard
 * library, the dependencies as the lock names them, and the project itself. The last is a virtual environment, by which
 * Python, its children and all commands find their modules without a variable. The project's directory is left alone.
 * @throws {SaddlebagError} `project-invalid`, `interpreter-missing`, `interpreter-unfit`, `installer-missing`,
 *   `install-failed`, `lock-outdated`, `dependency-outside`, `entrypoint-missing`, `entrypoint-ambiguous`,
 *   `entrypoint-required`, `name-invalid`
 */
export async function readPython(
  file: string,
  request: ProjectRequest,
  place: Workplace,
): Promise<ProjectClosure> {
  const project = await readPythonProject(file);
  const asked = nameProject(project, request, null);
  const python = await findPython(request.interpreter, project.requiresPython, place);
  const installer = await findInstaller(python, place);
  report(`reading ${file} as a Python project, with Python ${python.version} of ${python.executable}`, place);
  await checkLock(project, python, place);
  const directory = await realpath(await makeDirectory(join(place.workDirectory, 'python')));
  const app = await installApp(project, { directory, python, installer }, place);
  const dependencies = await installAll(project, app, { directory, python, installer }, place);
  await checkRequirements(project, { app, dependencies, installer }, place);
  const own = ownCommands(project, app);
  const chosen = await chooseCommand({
    project,
    name: asked.name,
    entrypoint: request.entrypoint,
    own,
    others: dependencies.commands,
  });
  const sources = await copySources(project, request.entrypoint, { app, place });
  for (const environment of [app, dependencies]) await clean(environment);
  await copyStandardLibrary(python, join(directory, 'interpreter'));
  const version = app.distributions[0]?.version ?? null;
  const appName = project.isPackage ? nameProject(project, request, version) : asked;
  const stage: Stage = {
    directory,
    python,
    modules: app.modules,
    hasDependencies: dependencies.distributions.length > 0,
    sources,
    commands: new Map([...dependencies.commands, ...own, [chosen.name, chosen.command]]),
  };
  const found = await makePaths(stage, appName, place);
  return {
    ...found,
    appName,
    program: `${found.self}/bin/${chosen.name}`,
    interpreter: chosen.command.kind === 'program' ? null : python.name,
    ...noSourceSettings,
    ...noSurroundings,
    env,
    programs: [...own.keys()]
      .filter((name) => name !== chosen.name)
      .sort()
      .map((name) => ({ name, program: `${found.self}/bin/${name}` })),
  };
}

function nameProject(project: PythonProject, request: ProjectRequest, version: string | null): AppName {
  const appVersion = request.appVersion ?? version ?? project.version ?? undefined;
  const name = request.name ?? project.name ?? undefined;
  return nameApp(project.directory, {
    ...(name === undefined ? {} : { name }),
    ...(appVersion === undefined ? {} : { appVersion }),
  });
}

/** Both environments, and what filled them. */
interface Environments {
  readonly app: Installed;
  readonly dependencies: Installed;
  readonly installer: Installer;
}

/** What both environments are made with. */
interface Tools {
  readonly directory: string;
  readonly python: PythonInterpreter;
  readonly installer: Installer;
}

/** Installs the project alone; one that is no package leaves its environment empty. */
async function installApp(project: PythonProject, tools: Tools, place: Workplace): Promise<Installed> {
  const environment = await makeEnvironment(join(tools.directory, 'app'), tools.python, place);
  if (project.isPackage) {
    const source = project.wheel ?? join(place.workDirectory, 'source');
    // Builds leave their own files in the directory; the user's stays as it is.
    if (project.wheel === null) await copyProject(project.directory, source, { purpose: 'build' });
    const named = project.wheel ?? project.directory;
    report(
      `${project.wheel === null ? 'building' : 'installing'} ${named} with ${tools.installer.kind}`,
      place,
    );
    const what = ['--no-deps', source];
    const purpose = `install ${named}`;
    await install(tools.installer, { environment, what, cwd: place.workDirectory, purpose }, place);
  }
  return describe(environment, place);
}

async function installAll(
  project: PythonProject,
  app: Installed,
  tools: Tools,
  place: Workplace,
): Promise<Installed> {
  const environment = await makeEnvironment(join(tools.directory, 'dependencies'), tools.python, place);
  const requires = app.distributions.flatMap((distribution) => distribution.requires);
  const request = { environment, installer: tools.installer, requires };
  const source = await installDependencies(project, request, place);
  const installed = await describe(environment, place);
  const count = installed.distributions.length;
  report(`installed ${count} ${count === 1 ? 'package' : 'packages'} from ${source}`, place);
  return installed;
}

async function describe(environment: string, place: Workplace): Promise<Installed> {
  const packages = await listPackages(environment, place);
  const commands = await collectCommands(environment, packages.distributions);
  return { ...packages, directory: environment, commands };
}

/** A project that is not installed has its commands from pyproject.toml. */
function ownCommands(project: PythonProject, app: Installed): ReadonlyMap<string, Command> {
  if (project.isPackage) return app.commands;
  const pairs = Object.entries(project.scripts).map(([name, text]) => [name, parseReference(text)] as const);
  return new Map(pairs.filter((pair): pair is [string, Command] => pair[1] !== null));
}

/** @returns whether the project's files are in `src` of the app's tree */
async function copySources(
  project: PythonProject,
  entrypoint: string | undefined,
  { app, place }: { readonly app: Installed; readonly place: Workplace },
): Promise<boolean> {
  if (project.isPackage && (await entrypointFile(project, entrypoint)) === null) return false;
  const without = new Set(['uv.lock', 'poetry.lock']);
  const target = join(app.directory, sourceDirectory);
  reportWithheld(await copyProject(project.directory, target, { purpose: 'app', without }), place);
  return true;
}

async function clean({ directory, modules, commands }: Installed): Promise<void> {
  const programs = [...commands].filter(([, { kind }]) => kind === 'program').map(([name]) => name);
  await cleanEnvironment(directory, { modules, programs: new Set(programs) });
}

/** A requirements.txt may lack what the package itself asks for; uv and Poetry lock it with the rest. */
async function checkRequirements(
  project: PythonProject,
  { app, dependencies, installer }: Environments,
  place: Workplace,
): Promise<void> {
  if (installer.kind !== 'pip' || !project.isPackage) return;
  const link = join(app.directory, app.modules, 'dependencies.pth');
  await writeFile(link, `${join(dependencies.directory, dependencies.modules)}\n`);
  const args = ['-m', 'pip', '--python', join(app.directory, 'bin/python'), 'check'];
  const env = installerEnvironment(place);
  const result = await place.context.exec(installer.python, args, { env, signal: place.context.signal });
  place.context.signal.throwIfAborted();
  await rm(link);
  if (result.exitCode === 0) return;
  for (const line of result.stdout.trim().split('\n')) {
    place.context.reporter.report({
      kind: 'warning',
      stage: 'closure',
      code: 'requirements-unmet',
      message: line,
      hint: 'add it to requirements.txt',
    });
  }
}

async function makeDirectory(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  return directory;
}

function report(message: string, { context }: Workplace): void {
  context.reporter.report({ kind: 'step', stage: 'closure', message });
}
