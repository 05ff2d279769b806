import { readlink } from 'node:fs/promises';
import { join } from 'node:path';

/** The kernel's own limit of links in one path. */
const mostLinks = 40;

/**
 * Finds where a path of a tree leads when the tree is the root: absolute links begin at the tree, `..` ends at it.
 * @returns an absolute path that is the tree or lies below it, and need not exist; undefined after too many links
 */
export async function resolveInTree(tree: string, path: string): Promise<string | undefined> {
  const rest = path.split('/');
  const done: string[] = [];
  let links = 0;
  for (let name = rest.shift(); name !== undefined; name = rest.shift()) {
    if (name === '' || name === '.') continue;
    if (name === '..') {
      done.pop();
      continue;
    }
    const target = await readlink(join(tree, ...done, name)).catch(() => undefined);
    if (target === undefined) {
      done.push(name);
      continue;
    }
    links += 1;
    if (links > mostLinks) return undefined;
    if (target.startsWith('/')) done.length = 0;
    rest.unshift(...target.split('/'));
  }
  return join(tree, ...done);
}
