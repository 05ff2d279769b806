import { compareBytes } from '../../src/core/files.ts';
import { type StorePath, storePathName } from '../../src/core/store-path.ts';

/**
 * Sorts store paths so that dependencies come before dependents; where that leaves a choice, by the name behind the
 * hash, then by the whole path. Two versions of an app then agree in their order up to what changed, and bundles of
 * them share a long prefix. A path given twice is kept once.
 * @throws {Error} when references form a cycle, which Nix and we never make
 */
export function orderPaths<
  T extends { readonly storePath: StorePath; readonly references: readonly StorePath[] },
>(paths: readonly T[]): T[] {
  const waiting = new Map(paths.toSorted(byName).map((path) => [path.storePath, path]));
  const dependents = Map.groupBy(
    [...waiting.values()].flatMap((path) => path.references.map((reference) => ({ reference, path }))),
    ({ reference }) => reference,
  );
  const open = new Map([...waiting.values()].map((path) => [path, countInside(path.references, waiting)]));
  const ready = [...waiting.values()].filter((path) => open.get(path) === 0);
  const ordered: T[] = [];
  for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
    ordered.push(next);
    for (const { path } of dependents.get(next.storePath) ?? []) {
      const left = (open.get(path) ?? 0) - 1;
      open.set(path, left);
      if (left === 0) insertByName(ready, path);
    }
  }
  if (ordered.length < waiting.size) throw new Error('the references of store paths form a cycle');
  return ordered;
}

function countInside(references: readonly StorePath[], paths: ReadonlyMap<StorePath, unknown>): number {
  return references.filter((reference) => paths.has(reference)).length;
}

function insertByName<T extends { readonly storePath: StorePath }>(ready: T[], path: T): void {
  // Thousands may wait for one, and each of them then finds its place among the others.
  let [low, high] = [0, ready.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = ready[middle];
    if (other !== undefined && byName(path, other) < 0) high = middle;
    else low = middle + 1;
  }
  ready.splice(low, 0, path);
}

function byName(a: { readonly storePath: StorePath }, b: { readonly storePath: StorePath }): number {
  return (
    compareBytes(storePathName(a.storePath), storePathName(b.storePath)) ||
    compareBytes(a.storePath, b.storePath)
  );
}
