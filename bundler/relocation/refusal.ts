import { storePathName } from '../../src/core/store-path.ts';
import type { Closure } from '../../src/core/types.ts';
import { hashesOf } from '../references.ts';
import type { Finding } from './scanner.ts';
import type { Obstacle } from './search.ts';

const obstacleWords: Readonly<Record<Obstacle, string>> = {
  bare: 'names a store path without /nix/store before it',
  split: 'names a store path in pieces',
  wide: 'names a store path in UTF-16 or UTF-32',
  compressed: 'names a store path in compressed data',
  archived: 'names a store path in a zip archive',
  climbing: 'is a link out of the store',
};

/**
 * Says why a closure can't be relocated; null: it can.
 * @param findings one list a store path, in the closure's order
 */
export function relocateRefusal(closure: Closure, findings: readonly (readonly Finding[])[]): string | null {
  if (closure.root !== null) return 'its root is its own';
  const fixed = closure.binds.find(({ policy }) => policy === 'always');
  if (fixed !== undefined) return `it has a file of its own at ${fixed.target}`;
  const hashes = hashesOf(closure.paths.map(({ storePath }) => storePath));
  const inTheWay = closure.paths.flatMap(({ storePath }, index) =>
    (findings[index] ?? [])
      .filter(({ hash }) => hashes.has(hash))
      .map(({ file, obstacle }) => `${file} of ${storePathName(storePath)} ${obstacleWords[obstacle]}`),
  );
  const [first, ...others] = [...new Set(inTheWay)];
  if (first === undefined) return null;
  return others.length === 0 ? first : `${first}, and ${others.length} more like it`;
}
