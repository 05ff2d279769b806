import { sha256Hex } from '../src/core/digest.ts';
import { type StorePath, storePathBase } from '../src/core/store-path.ts';
import type { Closure } from '../src/core/types.ts';

/**
 * Returns the digest that tells whether anything of what runs changed. Source: FORMAT.md, "closureSha256".
 */
export function closureDigest(
  closure: Pick<Closure, 'arch' | 'entrypoint' | 'ownLoader'>,
  paths: readonly { readonly storePath: StorePath; readonly contentSha256: string }[],
): string {
  const { program, args, env, interpreter } = closure.entrypoint;
  return sha256Hex(
    JSON.stringify({
      entrypoint: { program, args, env: sortByName(env), interpreter },
      ownLoader: closure.ownLoader,
      arch: closure.arch,
      paths: paths.map(({ storePath, contentSha256 }) => [storePathBase(storePath), contentSha256]),
    }),
  );
}

/** Sorts variables by name, so that the order in which they were given changes no byte. */
export function sortByName(env: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1)));
}
