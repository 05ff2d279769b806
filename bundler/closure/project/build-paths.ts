import { readFile } from 'node:fs/promises';
import { walkTree } from '../tree.ts';
import type { Workplace } from '../workplace.ts';

/**
 * Warns of files that name the directory in which they were built: it differs from run to run, so would the bundle.
 * @throws {SaddlebagError} as `walkTree`
 */
export async function reportBuildPaths(tree: string, place: Workplace): Promise<void> {
  const found: string[] = [];
  for await (const node of walkTree(tree)) {
    place.context.signal.throwIfAborted();
    const names =
      node.kind === 'symlink'
        ? node.target.includes(place.workDirectory)
        : node.kind === 'file' && (await readFile(node.file)).includes(place.workDirectory);
    if (names) found.push(node.path);
  }
  if (found.length === 0) return;
  const more = found.length > 5 ? ` and ${found.length - 5} more` : '';
  place.context.reporter.report({
    kind: 'warning',
    stage: 'closure',
    code: 'build-path-left',
    message: `the path of the build is in ${found.slice(0, 5).join(', ')}${more}`,
    hint: 'the next bundle of the same project will differ there; a package with a ready build (a wheel) does not',
  });
}
