import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { findOnPath } from '../locate.ts';
import { runTool } from '../project/tool.ts';
import type { Workplace } from '../workplace.ts';
import { installerEnvironment } from './environment.ts';
import { installHint } from './hints.ts';
import { type Installer, install } from './installer.ts';
import type { PythonInterpreter } from './interpreter.ts';
import type { PythonProject } from './manifest.ts';

/** Where dependencies are put, and what is known of them beside the project's own files. */
export interface DependencyRequest {
  /** Directory of the virtual environment. */
  readonly environment: string;
  readonly installer: Installer;
  /** What the built package asks for; used where no lock says more. */
  readonly requires: readonly string[];
}

/**
 * Installs what a project depends on, as its lock says, into a virtual environment, without the project itself.
 * @returns what it went by: `uv.lock`
 * @throws {SaddlebagError} `install-failed`, `installer-missing`
 */
export async function installDependencies(
  project: PythonProject,
  request: DependencyRequest,
  place: Workplace,
): Promise<string> {
  const { dependencies } = project;
  switch (dependencies.kind) {
    case 'uv-lock':
      await syncWithUv(project, request, place);
      return 'uv.lock';
    case 'poetry-lock':
      await syncWithPoetry(project, request, place);
      return 'poetry.lock';
    case 'requirements': {
      const { file, hashed, pinned } = dependencies;
      if (!pinned) reportUnpinned(file, place);
      const what = [...(hashed ? ['--require-hashes'] : []), '-r', file];
      await installInto(project, request, what, place);
      return 'requirements.txt';
    }
    case 'declared':
      return installDeclared(project, request, place);
  }
}

async function installDeclared(
  project: PythonProject,
  request: DependencyRequest,
  place: Workplace,
): Promise<string> {
  const declared = project.dependencies.kind === 'declared' ? project.dependencies.requirements : [];
  const wanted = project.isPackage ? request.requires : declared;
  if (wanted.length === 0) return 'no dependencies';
  const named = project.wheel ?? project.directory;
  reportUnpinned(named, place);
  const file = join(place.workDirectory, 'requirements.txt');
  await writeFile(file, `${wanted.join('\n')}\n`);
  await installInto(project, request, ['-r', file], place);
  return 'what it declares';
}

async function installInto(
  project: PythonProject,
  { environment, installer }: DependencyRequest,
  what: readonly string[],
  place: Workplace,
): Promise<void> {
  const purpose = `install the dependencies of ${project.wheel ?? project.directory}`;
  await install(installer, { environment, what, cwd: project.directory, purpose }, place);
}

/**
 * Refuses a lock that is out of date, or whose tool is not there, before anything is built.
 * @throws {SaddlebagError} `lock-outdated`, `installer-missing`
 */
export async function checkLock(
  { directory, dependencies }: PythonProject,
  python: PythonInterpreter,
  place: Workplace,
): Promise<void> {
  const common = { cwd: directory, env: installerEnvironment(place) };
  if (dependencies.kind === 'uv-lock') {
    const uv = await requireTool('uv', join(directory, 'uv.lock'), place);
    const args = ['lock', '--check', '--quiet', '--python', python.executable];
    const { exitCode } = await place.context.exec(uv, args, { ...common, signal: place.context.signal });
    place.context.signal.throwIfAborted();
    // Its 2 stands for all else, an index out of reach among it: the lock itself may be installed all the same.
    if (exitCode === 1) throw outdated(directory, 'uv.lock', 'uv lock');
  }
  if (dependencies.kind === 'poetry-lock') {
    const poetry = await requireTool('poetry', join(directory, 'poetry.lock'), place);
    const purpose = `use poetry.lock of ${directory}`;
    const hint = () => 'bring the lock up to date: poetry lock';
    const args = ['check', '--lock', '--quiet'];
    await runTool({ ...common, file: poetry, args, purpose, code: 'lock-outdated', hint }, place);
  }
}

async function syncWithUv(
  { directory }: PythonProject,
  { environment }: DependencyRequest,
  place: Workplace,
): Promise<void> {
  const args = ['sync', '--frozen', '--no-dev', '--no-install-project', '--no-editable', '--quiet'];
  await runTool(
    {
      file: await requireTool('uv', join(directory, 'uv.lock'), place),
      args: [...args, '--python', join(environment, 'bin/python')],
      cwd: directory,
      env: { ...installerEnvironment(place), UV_PROJECT_ENVIRONMENT: environment },
      purpose: `install the dependencies of ${directory}`,
      hint: installHint,
    },
    place,
  );
}

async function syncWithPoetry(
  { directory }: PythonProject,
  { environment }: DependencyRequest,
  place: Workplace,
): Promise<void> {
  await runTool(
    {
      file: await requireTool('poetry', join(directory, 'poetry.lock'), place),
      args: ['install', '--only', 'main', '--no-root', '--no-interaction', '--no-ansi', '--quiet'],
      cwd: directory,
      // Poetry installs into the environment that is active.
      env: { ...installerEnvironment(place), VIRTUAL_ENV: environment },
      purpose: `install the dependencies of ${directory}`,
      hint: installHint,
    },
    place,
  );
}

async function requireTool(name: string, lock: string, { context }: Workplace): Promise<string> {
  const file = await findOnPath(name, context.env);
  if (file !== undefined) return file;
  throw new SaddlebagError(
    'installer-missing',
    `cannot obey ${lock}: ${name} is not on PATH, and pip does not read it`,
    {
      hint:
        name === 'uv'
          ? 'install uv (pipx install uv), or write requirements.txt with it: uv export --no-dev -o requirements.txt'
          : 'install Poetry (pipx install poetry), or write requirements.txt with it and remove the lock from the copy that you bundle',
    },
  );
}

function outdated(directory: string, lock: string, command: string): SaddlebagError {
  return new SaddlebagError(
    'lock-outdated',
    `cannot use ${lock} of ${directory}: it does not fit pyproject.toml any more`,
    { hint: `bring it up to date: ${command}` },
  );
}

function reportUnpinned(what: string, { context }: Workplace): void {
  context.reporter.report({
    kind: 'warning',
    stage: 'closure',
    code: 'dependencies-unpinned',
    message: `the versions that ${what} depends on are not pinned: tomorrow's bundle may hold others`,
    hint: 'add a lock: uv lock, poetry lock, or pip freeze > requirements.txt',
  });
}
