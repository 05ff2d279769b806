import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { findOnPath } from '../locate.ts';
import { runTool } from '../project/tool.ts';
import type { Workplace } from '../workplace.ts';
import { installerEnvironment } from './environment.ts';
import { installHint } from './hints.ts';
import type { PythonInterpreter } from './interpreter.ts';

/** What puts packages into an environment: pip of some Python, or uv. */
export type Installer =
  | { readonly kind: 'pip'; readonly python: string }
  | { readonly kind: 'uv'; readonly file: string };

/** What is to be installed into which environment. */
export interface InstallRequest {
  /** Directory of the virtual environment. */
  readonly environment: string;
  /** Packages, files or options as pip takes them: `-r FILE`, `--no-deps`. */
  readonly what: readonly string[];
  readonly cwd: string;
  readonly purpose: string;
}

/** The oldest pip that installs into another environment, `--python`. */
const oldestPip = [22, 3] as const;

/**
 * Finds an installer: pip of the interpreter; uv on PATH; else the pip that Python brings for new environments, put into
 * one below the work directory.
 * @throws {SaddlebagError} `installer-missing`
 */
export async function findInstaller(python: PythonInterpreter, place: Workplace): Promise<Installer> {
  const { context, workDirectory } = place;
  if (await hasPip(python.executable, place)) return { kind: 'pip', python: python.executable };
  const uv = await findOnPath('uv', context.env);
  if (uv !== undefined) return { kind: 'uv', file: uv };
  const own = join(workDirectory, 'pip');
  const options = { env: installerEnvironment(place), signal: context.signal };
  await context.exec(python.executable, ['-m', 'venv', own], options);
  context.signal.throwIfAborted();
  const ownPython = join(own, 'bin/python');
  if (await hasPip(ownPython, place)) return { kind: 'pip', python: ownPython };
  throw new SaddlebagError(
    'installer-missing',
    `cannot install packages for ${python.executable}: it has no pip from ${oldestPip.join('.')} on, and uv is not on PATH`,
    { hint: 'apt install python3-pip (or python3-venv), or install uv' },
  );
}

async function hasPip(python: string, place: Workplace): Promise<boolean> {
  const options = { env: installerEnvironment(place), signal: place.context.signal };
  const { exitCode, stdout } = await place.context.exec(python, ['-m', 'pip', '--version'], options);
  place.context.signal.throwIfAborted();
  const [, major, minor] = /^pip (\d+)\.(\d+)/.exec(stdout) ?? [];
  if (exitCode !== 0 || major === undefined) return false;
  return Number(major) > oldestPip[0] || (Number(major) === oldestPip[0] && Number(minor) >= oldestPip[1]);
}

/**
 * Makes a virtual environment without anything in it: Debian's Python refuses installers anywhere else, and what is on
 * this machine already stays out of the bundle.
 * @throws {SaddlebagError} `install-failed`
 */
export async function makeEnvironment(
  directory: string,
  python: PythonInterpreter,
  place: Workplace,
): Promise<string> {
  await mkdir(join(place.workDirectory, 'tmp'), { recursive: true });
  await runTool(
    {
      file: python.executable,
      args: ['-m', 'venv', '--without-pip', '--symlinks', directory],
      cwd: place.workDirectory,
      env: installerEnvironment(place),
      purpose: 'make a virtual environment',
      hint: () => 'apt install python3-venv, or choose another Python with --python',
    },
    place,
  );
  return directory;
}

/**
 * Installs packages into a virtual environment, without bytecode.
 * @throws {SaddlebagError} `install-failed`
 */
export async function install(
  installer: Installer,
  request: InstallRequest,
  place: Workplace,
): Promise<void> {
  const python = join(request.environment, 'bin/python');
  const [file, args] =
    installer.kind === 'pip'
      ? [
          installer.python,
          [
            '-m',
            'pip',
            '--python',
            python,
            'install',
            '--quiet',
            '--no-compile',
            '--no-warn-script-location',
          ],
        ]
      : [installer.file, ['pip', 'install', '--quiet', '--python', python]];
  await runTool(
    {
      file,
      args: [...args, ...request.what],
      cwd: request.cwd,
      env: installerEnvironment(place),
      name: installer.kind,
      purpose: request.purpose,
      hint: installHint,
    },
    place,
  );
}
