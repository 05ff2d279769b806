import { dirname, isAbsolute, join } from 'node:path';
import { walkTree } from '../tree.ts';

/**
 * Finds links of a tree that lead out of it.
 * @returns their paths, sorted
 */
export async function linksOutside(tree: string): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const node of walkTree(tree)) {
    if (node.kind !== 'symlink') continue;
    const target = join(dirname(node.path), node.target);
    if (isAbsolute(node.target) || target === '..' || target.startsWith('../')) found.push(node.path);
  }
  return found;
}
