import { lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { isBelow } from './libraries.ts';
import { walkTree } from './tree.ts';
import type { Workplace } from './workplace.ts';

/**
 * Files of this machine that a store path holds at the places that they have among one another here, so that programs
 * that look for their files from where they lie themselves (Python, Java, PostgreSQL) find them.
 */
export interface Mirror {
  /** Path in the store path → file of this machine. */
  readonly files: ReadonlyMap<string, string>;
  /** Path in the store path → target of a symbolic link. */
  readonly links: ReadonlyMap<string, string>;
  /** What was left out because only some users may read it. */
  readonly guarded: readonly string[];
}

/** How a mirror is made. */
export interface MirrorOptions {
  /** The directory that stands for the top of the store path, as `/usr` always does. */
  readonly prefix: string;
  /** Real paths of files and directories that are left out. */
  readonly without?: ReadonlySet<string>;
}

/** Links lead from tree to tree (Java's to `/etc`), but never to so much as these. */
const tooMuch = new Set([
  '/',
  '/usr',
  '/etc',
  '/var',
  '/home',
  '/root',
  '/dev',
  '/proc',
  '/sys',
  '/run',
  '/tmp',
]);

/**
 * Returns the place of a file in a mirror: its path below `/usr` or `prefix`, else below the root. The directory of
 * `file` is a real path.
 */
export function mirrorPlace(file: string, prefix: string): string {
  const top = [prefix, '/usr'].find((directory) => isBelow(directory, file)) ?? '/';
  return relative(top, file);
}

/** Returns the place of a file as `mirrorFiles` gives it, whatever links lead to its directory. */
export async function realPlace(file: string, prefix: string): Promise<string> {
  return mirrorPlace(join(await realpath(dirname(file)), basename(file)), prefix);
}

/**
 * Mirrors files and whole directories, and what their symbolic links lead to. What not everybody may read stays out: as
 * the superuser one could read the host's keys, and no program needs them to start.
 * @throws {SaddlebagError} as `walkTree`
 */
export async function mirrorFiles(paths: readonly string[], options: MirrorOptions): Promise<Mirror> {
  const files = new Map<string, string>();
  const links = new Map<string, string>();
  const guarded: string[] = [];
  const seen = new Set<string>();
  // The list grows while it is read: links add what they lead to.
  const queue = [...paths];
  for (const path of queue) {
    const top = join(await realpath(dirname(path)), basename(path));
    if (seen.has(top)) continue;
    seen.add(top);
    for await (const node of walkTree(top)) {
      const file = join(top, node.path);
      if (isLeftOut(file, top, options)) continue;
      const place = mirrorPlace(file, options.prefix);
      if (node.kind === 'file') {
        if (await isForAll(file)) files.set(place, file);
        else guarded.push(file);
      } else if (node.kind === 'symlink') {
        const destination = await followed(file, node.target);
        links.set(place, destination === null ? node.target : linkTo(place, destination, options));
        if (destination !== null && !isBelow(top, destination)) queue.push(destination);
      }
    }
  }
  return { files, links, guarded };
}

/** Warns of what `mirrorFiles` left out. */
export function reportGuarded({ guarded }: Mirror, { context }: Workplace): void {
  if (guarded.length === 0) return;
  context.reporter.report({
    kind: 'warning',
    stage: 'closure',
    code: 'file-guarded',
    message: `left out what not everybody may read: ${guarded.join(', ')}`,
    hint: 'a bundle can be read by all who can run it; chmod o+r what belongs in it',
  });
}

/** True for a directory that holds a whole system, or what the kernel makes up. */
export function isTooMuch(directory: string): boolean {
  return tooMuch.has(directory);
}

function isLeftOut(file: string, top: string, { without }: MirrorOptions): boolean {
  if (without === undefined || without.size === 0) return false;
  for (let path = file; path.length >= top.length; path = dirname(path)) {
    if (without.has(path)) return true;
    if (path === '/') break;
  }
  return false;
}

async function isForAll(file: string): Promise<boolean> {
  return ((await lstat(file)).mode & 0o004) !== 0;
}

/** Returns the real path of what a link leads to, where that is to come along; null to keep the link as it is. */
async function followed(link: string, target: string): Promise<string | null> {
  const destination = await realpath(resolve(dirname(link), target)).catch(() => null);
  if (destination === null || tooMuch.has(destination) || isBelow(destination, link)) return null;
  const stats = await stat(destination);
  return stats.isFile() || stats.isDirectory() ? destination : null;
}

function linkTo(place: string, destination: string, { prefix }: MirrorOptions): string {
  return relative(dirname(`/${place}`), `/${mirrorPlace(destination, prefix)}`);
}
