import { lstatSync, readlinkSync } from 'node:fs';
import { join, posix } from 'node:path';
import { type StorePath, storePathOf } from '../../src/core/store-path.ts';
import type { Closure, ClosurePath } from '../../src/core/types.ts';

/** The kernel's own limit of links in one path. */
const mostLinks = 40;

/** A store path, and the directories that only what is laid over it implies; '' is its top. */
interface KnownPath extends ClosurePath {
  readonly implied: ReadonlySet<string>;
}

/** What stands at one place of a closure: a symbolic link with its target, or something else. */
interface Place {
  readonly target: string | null;
}

/**
 * Answers whether a path exists in a closure as it will be once started, links followed, wherever its files are on this
 * machine. With a root, paths outside the store are those of the root's tree.
 */
export class ClosureFiles {
  readonly #paths: ReadonlyMap<StorePath, KnownPath>;
  readonly #root: StorePath | null;
  readonly #known = new Map<string, string | null>();

  constructor({ paths, root }: Pick<Closure, 'paths' | 'root'>) {
    this.#paths = new Map(
      paths.map((path) => [path.storePath, { ...path, implied: impliedDirectories(path) }]),
    );
    this.#root = root;
  }

  /** Whether a store path belongs to the closure. */
  hasStorePath(storePath: StorePath): boolean {
    return this.#paths.has(storePath);
  }

  /** Whether there is a file or directory, in the closure, at an absolute path. */
  has(path: string): boolean {
    return this.resolve(path) !== null;
  }

  /** Returns where an absolute path leads in the closure, without links; null where it leads nowhere in it. */
  resolve(path: string): string | null {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const found = this.#find(path, 0);
    this.#known.set(path, found);
    return found;
  }

  #find(path: string, links: number): string | null {
    const absolute = this.#rooted(posix.normalize(path));
    const storePath = storePathOf(absolute);
    const closurePath = storePath === undefined ? undefined : this.#paths.get(storePath);
    if (closurePath === undefined || storePath === undefined || links > mostLinks) return null;
    const components = absolute.slice(storePath.length).split('/').filter(Boolean);
    for (let count = 0; count <= components.length; count++) {
      const inside = components.slice(0, count).join('/');
      const place = locate(closurePath, inside);
      if (place === null) return null;
      if (place.target === null) continue;
      const parent = posix.dirname(posix.join(storePath, inside));
      const rest = components.slice(count).join('/');
      return this.#find(posix.join(posix.resolve(this.#outer(parent), place.target), rest), links + 1);
    }
    return absolute;
  }

  /** A path outside the store is one of the root, where there is one. */
  #rooted(path: string): string {
    return this.#root === null || storePathOf(path) !== undefined ? path : posix.join(this.#root, path);
  }

  /** Where links of the root's own tree are read from: they see it as `/`. */
  #outer(directory: string): string {
    if (this.#root === null || !`${directory}/`.startsWith(`${this.#root}/`)) return directory;
    return directory.slice(this.#root.length) || '/';
  }
}

function locate({ directory, files, links = {}, implied }: KnownPath, inside: string): Place | null {
  const target = links[inside];
  const file = files[inside];
  if (target !== undefined && Object.hasOwn(links, inside)) return { target };
  const found =
    Object.hasOwn(files, inside) && file !== undefined
      ? file
      : directory === null
        ? null
        : join(directory, inside);
  const stats = found === null ? undefined : lstatSync(found, { throwIfNoEntry: false });
  if (found !== null && stats !== undefined) {
    return { target: stats.isSymbolicLink() && inside !== '' ? readlinkSync(found) : null };
  }
  return implied.has(inside) ? { target: null } : null;
}

function impliedDirectories({ files, links = {} }: ClosurePath): Set<string> {
  const found = new Set<string>();
  for (const path of [...Object.keys(files), ...Object.keys(links)]) {
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
      found.add(path.slice(0, end));
    found.add('');
  }
  return found;
}
