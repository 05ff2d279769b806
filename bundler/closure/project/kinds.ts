import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { exitCodes, SaddlebagError } from '../../../src/core/errors.ts';
import { readStart } from '../elf/read.ts';

/** The language of a project. */
export type ProjectKind = 'python' | 'node';

/** What the user says of how an app is to be read. */
export interface AskedReading {
  /** By `--python` or `--node`. */
  readonly project?: ProjectKind;
  readonly entrypoint?: string;
}

const markers: Readonly<Record<ProjectKind, readonly string[]>> = {
  python: ['pyproject.toml', 'requirements.txt', 'setup.py', 'setup.cfg'],
  node: ['package.json'],
};

/** Sources that need their language's interpreter, and what the project depends on. */
const sources: Readonly<Record<ProjectKind, RegExp>> = { python: /\.py$/, node: /\.[cm]?js$/ };

/**
 * Decides whether a file or directory is read as a project: as asked for; a wheel always; a directory by the files at
 * its top, unless `entrypoint` is a file in it that the project's language is not needed for, or that is complete as it
 * lies there. Null: it is none, but a plain directory.
 * @throws {SaddlebagError} `source-ambiguous`, which lists the choices; `project-missing`
 */
export async function chooseProject(file: string, asked: AskedReading): Promise<ProjectKind | null> {
  if (asked.project !== undefined) return requireProject(file, asked.project);
  if (file.endsWith('.whl')) return 'python';
  const [found, ...others] = await wantedProjects(file, asked);
  if (found === undefined || others.length === 0) return found ?? null;
  const kinds = [found, ...others];
  throw new SaddlebagError(
    'source-ambiguous',
    `cannot bundle ${file}: it is several things: ${(await Promise.all(kinds.map((kind) => describe(file, kind)))).join(', ')}`,
    {
      hint: `choose with ${kinds.map((kind) => `--${kind}`).join(' or ')}, or dir: in front and --entrypoint for the directory as it is`,
      exitCode: exitCodes.usage,
    },
  );
}

async function wantedProjects(
  directory: string,
  { entrypoint }: AskedReading,
): Promise<readonly ProjectKind[]> {
  const projects = await findProjects(directory);
  if (entrypoint === undefined || !(await isFile(resolve(directory, entrypoint)))) return projects;
  const kind = projects.find((one) => sources[one].test(entrypoint));
  return kind === undefined || (await isStartable(directory, entrypoint, kind)) ? [] : [kind];
}

/** A script of Node with all that it requires beside it; Python's modules never lie in a project. */
async function isStartable(directory: string, entrypoint: string, kind: ProjectKind): Promise<boolean> {
  if (kind === 'python' || (await lacksModules(directory))) return false;
  return (await readStart(resolve(directory, entrypoint), 2)).toString('latin1') === '#!';
}

/**
 * Finds the languages that a directory holds a project of, by the files at its top.
 */
export async function findProjects(directory: string): Promise<readonly ProjectKind[]> {
  const found: ProjectKind[] = [];
  for (const kind of ['python', 'node'] as const) {
    if ((await findMarker(directory, kind)) !== undefined) found.push(kind);
  }
  return found;
}

/**
 * True for a Node project that names dependencies and has none of them installed.
 */
export async function lacksModules(directory: string): Promise<boolean> {
  if ((await stat(join(directory, 'node_modules')).catch(() => undefined)) !== undefined) return false;
  const text = await readFile(join(directory, 'package.json'), 'utf8').catch(() => '');
  return /"dependencies"\s*:\s*\{\s*"/.test(text);
}

async function findMarker(directory: string, kind: ProjectKind): Promise<string | undefined> {
  const names = new Set(await readdir(directory).catch(() => []));
  return markers[kind].find((name) => names.has(name));
}

async function describe(directory: string, kind: ProjectKind): Promise<string> {
  return `a ${kind === 'python' ? 'Python' : 'Node'} project (${await findMarker(directory, kind)})`;
}

async function requireProject(file: string, kind: ProjectKind): Promise<ProjectKind> {
  const isWheel = kind === 'python' && file.endsWith('.whl');
  if (isWheel || (await findMarker(file, kind)) !== undefined) return kind;
  throw new SaddlebagError(
    'project-missing',
    `cannot bundle ${file} with --${kind}: it has none of ${markers[kind].join(', ')}`,
    {
      hint: `give the directory that holds it, and write --${kind} behind it or --${kind}=PATH`,
      exitCode: exitCodes.usage,
    },
  );
}

async function isFile(file: string): Promise<boolean> {
  return (await stat(file).catch(() => undefined))?.isFile() ?? false;
}
