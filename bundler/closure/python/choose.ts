import { stat } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { exitCodes, SaddlebagError } from '../../../src/core/errors.ts';
import { compareBytes } from '../../../src/core/files.ts';
import { isBelow } from '../libraries.ts';
import { type Command, parseReference } from './commands.ts';
import type { PythonProject } from './manifest.ts';

/** The commands among which a bundle's entrypoint is chosen, and the rest of what it may be. */
export interface Choices {
  readonly project: PythonProject;
  /** What the bundle is called. */
  readonly name: string;
  /** As asked for by the user. */
  readonly entrypoint: string | undefined;
  /** Of the project itself. */
  readonly own: ReadonlyMap<string, Command>;
  /** Of its dependencies. */
  readonly others: ReadonlyMap<string, Command>;
}

/** A command under its name. */
export interface ChosenCommand {
  readonly name: string;
  readonly command: Command;
}

/** The directory of a project's files, in the app's store path. */
export const sourceDirectory = 'src';

/**
 * Returns the path of the file in the project that an entrypoint names, or null where it names none.
 */
export async function entrypointFile(
  { directory, wheel }: PythonProject,
  entrypoint: string | undefined,
): Promise<string | null> {
  if (entrypoint === undefined || wheel !== null) return null;
  const file = resolve(directory, entrypoint);
  const isFile = (await stat(file).catch(() => undefined))?.isFile() ?? false;
  return isFile && isBelow(directory, file) ? relative(directory, file) : null;
}

/**
 * Chooses what a bundle of a Python project starts: as asked for, a command of the project or of a dependency, a file, a
 * `module:function`, or `python` itself; else the project's only command, or the one that is called as it is; else its
 * `main.py`, where it is no package.
 * @throws {SaddlebagError} `entrypoint-missing`, `entrypoint-ambiguous`, `entrypoint-required`, which list what there is
 */
export async function chooseCommand(choices: Choices): Promise<ChosenCommand> {
  const { project, entrypoint, own } = choices;
  if (entrypoint !== undefined) return findAsked(choices, entrypoint);
  const commands = [...own].map(([name, command]) => ({ name, command }));
  const [only, ...more] = commands;
  if (only !== undefined && more.length === 0) return only;
  const named = commands.find(({ name }) => normalize(name) === normalize(project.name ?? ''));
  if (named !== undefined) return named;
  const what = project.wheel ?? project.directory;
  if (only !== undefined) {
    throw new SaddlebagError('entrypoint-ambiguous', `cannot bundle ${what}: it has several commands`, {
      hint: `choose one with --entrypoint: ${[...own.keys()].sort(compareBytes).join(', ')}`,
      exitCode: exitCodes.usage,
    });
  }
  const main = project.isPackage ? null : await entrypointFile(project, 'main.py');
  if (main !== null) return fileCommand(main, choices.name);
  throw new SaddlebagError('entrypoint-required', `cannot bundle ${what}: it declares no command to start`, {
    hint: `name one with --entrypoint: a file of it (app.py), module:function${listOthers(choices)}, or declare it in [project.scripts]`,
    exitCode: exitCodes.usage,
  });
}

async function findAsked(choices: Choices, entrypoint: string): Promise<ChosenCommand> {
  const { project, own, others } = choices;
  const command = own.get(entrypoint) ?? others.get(entrypoint);
  if (command !== undefined) return { name: entrypoint, command };
  const file = await entrypointFile(project, entrypoint);
  if (file !== null) return fileCommand(file, choices.name);
  const reference = parseReference(entrypoint);
  if (reference !== null) return { name: choices.name, command: reference };
  if (entrypoint === 'python') return { name: 'python', command: { kind: 'python' } };
  const all = [...own.keys(), ...others.keys()].sort(compareBytes);
  throw new SaddlebagError(
    'entrypoint-missing',
    `cannot bundle ${project.wheel ?? project.directory}: neither it nor a dependency has a command ${entrypoint}`,
    {
      hint: `${all.length === 0 ? '' : `there are ${all.join(', ')}; `}also a file of it, module:function or python`,
      exitCode: exitCodes.usage,
    },
  );
}

function fileCommand(file: string, name: string): ChosenCommand {
  return { name, command: { kind: 'file', path: `${sourceDirectory}/${file}` } };
}

function listOthers({ others }: Choices): string {
  return others.size === 0
    ? ''
    : `, a command of its dependencies (${[...others.keys()].sort(compareBytes).slice(0, 8).join(', ')})`;
}

/** Source: packaging.python.org, "Names and normalization". */
function normalize(name: string): string {
  return name.toLowerCase().replace(/[-_.]+/g, '-');
}
