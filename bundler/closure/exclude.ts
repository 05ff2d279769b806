import { lstat, mkdir, mkdtemp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import picomatch from 'picomatch';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { compareBytes } from '../../src/core/files.ts';
import type { Closure, ClosurePath, Exclusion } from '../../src/core/types.ts';
import { type TreeNode, walkTree } from './tree.ts';
import type { Workplace } from './workplace.ts';

/** A pattern, and what it has matched so far. */
interface Pattern {
  readonly glob: string;
  readonly matches: (path: string, inside: string) => boolean;
  files: number;
  bytes: number;
}

/**
 * Leaves files out of a closure by globs: one without a slash matches a name anywhere, one that begins with a slash the
 * whole path, any other the path inside a store path; what matches a directory leaves out all in it. What was left out
 * stands in `excluded`. A glob that matches nothing is warned of.
 * @throws {SaddlebagError} `exclude-entrypoint`, and as `walkTree`
 */
export async function excludeFiles(
  closure: Closure,
  globs: readonly string[],
  place: Workplace,
): Promise<Closure> {
  if (globs.length === 0) return closure;
  const patterns = globs.map(parsePattern);
  const paths: ClosurePath[] = [];
  for (const path of closure.paths) paths.push(await excludeFrom(path, { closure, patterns }, place));
  for (const { glob, files } of patterns) {
    if (files > 0) continue;
    place.context.reporter.report({
      kind: 'warning',
      stage: 'closure',
      code: 'exclude-unused',
      message: `--exclude ${glob} matches no file of the closure`,
      hint: 'a glob without a slash matches names; with one, paths inside a store path, such as share/doc/**',
    });
  }
  const excluded = patterns.map(({ glob, files, bytes }): Exclusion => ({ glob, files, bytes }));
  return { ...closure, paths, excluded: excluded.toSorted((a, b) => compareBytes(a.glob, b.glob)) };
}

function parsePattern(glob: string): Pattern {
  const options = { dot: true, strictSlashes: false };
  const isMatch = picomatch(glob.replace(/\/+$/, ''), options);
  const matches = (path: string, inside: string) => {
    if (!glob.replace(/\/+$/, '').includes('/')) return isMatch(basename(path));
    return glob.startsWith('/') ? isMatch(path) : inside !== '' && isMatch(inside);
  };
  return { glob, matches, files: 0, bytes: 0 };
}

async function excludeFrom(
  path: ClosurePath,
  { closure, patterns }: { readonly closure: Closure; readonly patterns: readonly Pattern[] },
  place: Workplace,
): Promise<ClosurePath> {
  const gone = new Map<string, Pattern>();
  const nodes = await readNodes(path);
  for (const node of nodes) {
    const pattern = patternFor(node.path, path, patterns, gone);
    if (pattern === undefined) continue;
    gone.set(node.path, pattern);
    if (node.kind === 'directory') continue;
    pattern.files += 1;
    pattern.bytes += node.kind === 'file' ? node.sizeBytes : 0;
  }
  if (gone.size === 0) return path;
  const programs = [closure.entrypoint.program, ...closure.programs.map(({ program }) => program)];
  const lost = programs.find(
    (program) =>
      gone.has(program.slice(path.storePath.length + 1)) && program.startsWith(`${path.storePath}/`),
  );
  if (lost !== undefined)
    throw entrypointLost(lost, gone.get(lost.slice(path.storePath.length + 1))?.glob ?? '');
  return lay(
    path,
    nodes.filter((node) => !gone.has(node.path)),
    place,
  );
}

/** The members of a store path, directories first. */
async function readNodes({ directory, files, links = {} }: ClosurePath): Promise<TreeNode[]> {
  const nodes = new Map<string, TreeNode>();
  if (directory !== null) for await (const node of walkTree(directory)) nodes.set(node.path, node);
  for (const [path, file] of Object.entries(files)) {
    const { mode, size } = await lstat(file);
    nodes.set(path, { kind: 'file', path, file, executable: (mode & 0o111) !== 0, sizeBytes: size });
  }
  for (const [path, target] of Object.entries(links)) nodes.set(path, { kind: 'symlink', path, target });
  return [...nodes.values()].sort((a, b) => compareBytes(a.path, b.path));
}

function patternFor(
  inside: string,
  { storePath }: ClosurePath,
  patterns: readonly Pattern[],
  gone: ReadonlyMap<string, Pattern>,
): Pattern | undefined {
  if (inside === '') return undefined;
  const parents = inside.split('/').slice(0, -1);
  // Directories that only files imply have no node of their own.
  const ancestors = parents.map((_, index) => parents.slice(0, index + 1).join('/'));
  for (const candidate of [...ancestors, inside]) {
    const found =
      gone.get(candidate) ?? patterns.find(({ matches }) => matches(`${storePath}/${candidate}`, candidate));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Lays a store path out anew: directories as a tree that is made for it, files and links over it. */
async function lay(
  path: ClosurePath,
  nodes: readonly TreeNode[],
  { workDirectory }: Workplace,
): Promise<ClosurePath> {
  const files: Record<string, string> = {};
  const links: Record<string, string> = {};
  const directory = await mkdtemp(join(workDirectory, 'tree-'));
  for (const node of nodes) {
    if (node.kind === 'file') files[node.path] = node.file;
    else if (node.kind === 'symlink') links[node.path] = node.target;
    else await mkdir(join(directory, node.path), { recursive: true });
  }
  return { ...path, directory, files, links };
}

function entrypointLost(program: string, glob: string): SaddlebagError {
  return new SaddlebagError(
    'exclude-entrypoint',
    `cannot exclude ${glob}: it would leave out ${program}, which the bundle starts`,
    {
      hint: 'choose a narrower glob',
      exitCode: exitCodes.usage,
    },
  );
}
