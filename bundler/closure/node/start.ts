import { stat } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { exitCodes, SaddlebagError } from '../../../src/core/errors.ts';
import { compareBytes } from '../../../src/core/files.ts';
import { isBelow } from '../libraries.ts';
import type { NodeProject } from './manifest.ts';

/** What a bundle of a Node project starts. */
export type NodeStart =
  /** A command of the project: a script of its own. */
  | { readonly kind: 'bin'; readonly name: string }
  /** A file of the project, run by `node <options> <file> <args>`. */
  | {
      readonly kind: 'file';
      readonly file: string;
      readonly options: readonly string[];
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
    }
  /** A command of a dependency. */
  | { readonly kind: 'dependency'; readonly name: string };

/** What may be chosen beside what package.json says. */
export interface StartChoices {
  /** As asked for by the user. */
  readonly entrypoint: string | undefined;
  /** The commands of the dependencies, by name. */
  readonly dependencies: ReadonlySet<string>;
}

/**
 * Chooses what a bundle of a Node project starts: as asked for, a command of it, a file, or a command of a dependency;
 * else its only command or the one that is called as it is; else what `npm start` runs; else its `main`.
 * @throws {SaddlebagError} `entrypoint-missing`, `entrypoint-ambiguous`, `entrypoint-required`
 */
export async function chooseStart(project: NodeProject, choices: StartChoices): Promise<NodeStart> {
  const { directory, name, bins } = project;
  if (choices.entrypoint !== undefined) return findAsked(project, choices.entrypoint, choices.dependencies);
  const [only, ...more] = Object.keys(bins);
  const named = name !== null && Object.hasOwn(bins, name) ? name : undefined;
  if (only !== undefined && more.length > 0 && named === undefined) {
    throw new SaddlebagError('entrypoint-ambiguous', `cannot bundle ${directory}: it has several commands`, {
      hint: `choose one with --entrypoint: ${Object.keys(bins).sort(compareBytes).join(', ')}`,
      exitCode: exitCodes.usage,
    });
  }
  const bin = named ?? only;
  if (bin !== undefined) return { kind: 'bin', name: bin };
  if (project.start !== null) return startScript(project, project.start);
  for (const file of [project.main ?? 'index.js', 'server.js']) {
    if (await isFile(join(directory, file))) return fileStart(file);
  }
  throw new SaddlebagError(
    'entrypoint-required',
    project.main === null
      ? `cannot bundle ${directory}: its package.json names neither bin, scripts.start nor main`
      : `cannot bundle ${directory}: its main, ${project.main}, is not there`,
    {
      hint:
        project.main === null
          ? 'name a file of it with --entrypoint'
          : 'build the project first (npm run build), or name a file of it with --entrypoint',
      exitCode: exitCodes.usage,
    },
  );
}

async function findAsked(
  project: NodeProject,
  entrypoint: string,
  dependencies: ReadonlySet<string>,
): Promise<NodeStart> {
  if (Object.hasOwn(project.bins, entrypoint)) return { kind: 'bin', name: entrypoint };
  const file = resolve(project.directory, entrypoint);
  if (isBelow(project.directory, file) && (await isFile(file))) {
    return fileStart(relative(project.directory, file));
  }
  if (dependencies.has(entrypoint)) return { kind: 'dependency', name: entrypoint };
  const all = [...Object.keys(project.bins), ...dependencies].sort(compareBytes);
  throw new SaddlebagError(
    'entrypoint-missing',
    `cannot bundle ${project.directory}: it has no file ${entrypoint}, and neither it nor a dependency a command of that name`,
    {
      hint:
        all.length === 0
          ? '--entrypoint takes a path relative to the project'
          : `there are ${all.join(', ')}`,
      exitCode: exitCodes.usage,
    },
  );
}

/**
 * Reads what `npm start` runs, where it is one call of node: other programs, and a shell's signs, are not followed.
 * Options with a value of their own are taken as `--name=value` only.
 */
async function startScript({ directory }: NodeProject, text: string): Promise<NodeStart> {
  const words = text.trim().split(/\s+/);
  const env: Record<string, string> = {};
  for (let word = words[0]; word !== undefined; word = words[0]) {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/.exec(word) ?? [];
    if (name === undefined || value === undefined) break;
    env[name] = value;
    words.shift();
  }
  const options: string[] = [];
  const isNode = words.shift() === 'node' && !/[&|;<>$`'"()*?\\]/.test(text);
  while (words[0]?.startsWith('-')) options.push(words.shift() ?? '');
  const given = words.shift() ?? '';
  const file = relative(directory, resolve(directory, given));
  // A module that is loaded first is looked up from the working directory, which is another where the bundle runs.
  const loads = options.some((option) =>
    /^(-r|--(require|import|loader|experimental-loader|env-file))/.test(option),
  );
  const candidates = [file, `${file}.js`, join(file, 'index.js')];
  for (const candidate of isNode && !loads && given !== '' && !file.startsWith('..') ? candidates : []) {
    if (await isFile(join(directory, candidate)))
      return { ...fileStart(candidate), options, args: words, env };
  }
  throw new SaddlebagError(
    'entrypoint-required',
    `cannot bundle ${directory}: its start script is no plain call of node on a file that is there: ${text}`,
    {
      hint: 'name the file, or the command of a dependency, with --entrypoint; build the project first where it has a build',
      exitCode: exitCodes.usage,
    },
  );
}

function fileStart(file: string): Extract<NodeStart, { kind: 'file' }> {
  return { kind: 'file', file, options: [], args: [], env: {} };
}

async function isFile(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined))?.isFile() ?? false;
}
