import { sha256Hex } from '../src/core/digest.ts';
import { type StorePath, storePathBase } from '../src/core/store-path.ts';
import type { Closure, EnvSetting } from '../src/core/types.ts';

/** What of a closure decides how it runs, beyond the content of its store paths. */
export type RunSettings = Pick<Closure, 'arch' | 'entrypoint' | 'programs' | 'binds' | 'root' | 'ownLoader'>;

/**
 * Returns the digest that tells whether anything of what runs changed. Source: FORMAT.md, "closureSha256".
 */
export function closureDigest(
  closure: RunSettings,
  paths: readonly { readonly storePath: StorePath; readonly contentSha256: string }[],
): string {
  const { args, defaultArgs, env, init, interpreter, ownName, program, workingDirectory } =
    closure.entrypoint;
  const settings = sortByName(env).map(({ name, value, policy }) => [name, value, policy]);
  return sha256Hex(
    JSON.stringify({
      entrypoint: { args, defaultArgs, env: settings, init, interpreter, ownName, program, workingDirectory },
      programs: closure.programs.map(({ name, program }) => [name, program]),
      binds: closure.binds.map(({ source, target, policy }) => [source, target, policy]),
      root: closure.root === null ? null : storePathBase(closure.root),
      ownLoader: closure.ownLoader,
      arch: closure.arch,
      paths: paths.map(({ storePath, contentSha256 }) => [storePathBase(storePath), contentSha256]),
    }),
  );
}

/**
 * Sorts settings by variable, so that the order in which variables were given changes no byte; those of one variable
 * keep theirs.
 */
export function sortByName(env: readonly EnvSetting[]): readonly EnvSetting[] {
  return env.toSorted((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1));
}
