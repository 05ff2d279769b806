import { SaddlebagError } from '../../src/core/errors.ts';
import type { StorePath } from '../../src/core/store-path.ts';
import type { ImagePath } from '../../src/core/types.ts';

/** A store path in the tree of references, below the first that refers to it. */
export interface TreeNode {
  readonly storePath: StorePath;
  /** Extracted size of its own files. */
  readonly ownBytes: number;
  /** Of it and all that it refers to, each once. */
  readonly closureBytes: number;
  /** Whether what it refers to is shown at an earlier place of the tree; then `children` is empty. */
  readonly repeated: boolean;
  readonly children: readonly TreeNode[];
}

/** Closures of Nix are some thirty deep. */
const deepest = 1000;

function tooDeep(): SaddlebagError {
  return new SaddlebagError(
    'bundle-damaged',
    `cannot show what refers to what: store paths refer to one another more than ${deepest} deep`,
    { hint: 'no closure is like that: find out who made the bundle' },
  );
}

/**
 * Makes the tree of a bundle's store paths, from those that nothing refers to (the app's own first) down, the largest
 * child first.
 * @throws {SaddlebagError} `bundle-damaged` where store paths refer to one another deeper than any closure does
 */
export function referenceTree(paths: readonly ImagePath[]): TreeNode[] {
  const byName = new Map(paths.map((path) => [path.storePath, path]));
  const referred = new Set(paths.flatMap(({ references }) => references));
  const app = paths.at(-1);
  const roots = paths.filter((path) => path === app || !referred.has(path.storePath)).reverse();
  const closureBytes = new Map(paths.map((path) => [path.storePath, sumClosure(path, byName)]));
  const shown = new Set<StorePath>();
  const node = (path: ImagePath, depth: number): TreeNode => {
    if (depth > deepest) throw tooDeep();
    const repeated = shown.has(path.storePath) && path.references.length > 0;
    shown.add(path.storePath);
    const children = repeated
      ? []
      : path.references
          .flatMap((reference) => byName.get(reference) ?? [])
          .sort((a, b) => (closureBytes.get(b.storePath) ?? 0) - (closureBytes.get(a.storePath) ?? 0));
    return {
      storePath: path.storePath,
      ownBytes: path.contentBytes,
      closureBytes: closureBytes.get(path.storePath) ?? 0,
      repeated,
      children: children.map((child) => node(child, depth + 1)),
    };
  };
  return roots.map((root) => node(root, 1));
}

function sumClosure(path: ImagePath, byName: ReadonlyMap<StorePath, ImagePath>): number {
  const seen = new Set([path]);
  for (const { references } of seen) {
    for (const reference of references) {
      const next = byName.get(reference);
      if (next !== undefined) seen.add(next);
    }
  }
  return [...seen].reduce((sum, { contentBytes }) => sum + contentBytes, 0);
}
