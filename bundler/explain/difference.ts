import { type StorePath, splitNameVersion, storePathName } from '../../src/core/store-path.ts';
import type { OpenBundle } from '../bundle-file.ts';
import type { PathRecord } from '../format/header.ts';
import { runSettings } from '../run-settings.ts';

/** A store path that only one of two bundles holds. */
export interface ChangedPath {
  readonly storePath: StorePath;
  readonly contentBytes: number;
}

/** What changed from one bundle to another. */
export interface Difference {
  readonly version: 1;
  /** Whether both run the same: their `closureSha256` are equal. */
  readonly same: boolean;
  /** Names of settings that differ: `args`, `env`, `program`, … */
  readonly settings: readonly string[];
  readonly added: readonly ChangedPath[];
  readonly removed: readonly ChangedPath[];
  /** Store paths whose name without version is the same on both sides, once on each. */
  readonly updated: readonly { readonly from: ChangedPath; readonly to: ChangedPath }[];
  readonly sizeBytes: { readonly from: number; readonly to: number };
}

/**
 * Compares two bundles: store paths by name and content, and settings.
 */
export function compareBundles(from: OpenBundle, to: OpenBundle): Difference {
  const only = (one: OpenBundle, other: OpenBundle) => {
    const known = new Set(other.header.paths.map(pathKey));
    return one.header.paths.filter((path) => !known.has(pathKey(path))).map(changedPath);
  };
  const { added, removed, updated } = pairByName(only(from, to), only(to, from));
  return {
    version: 1,
    same: from.header.closureSha256 === to.header.closureSha256,
    settings: changedSettings(from, to),
    added,
    removed,
    updated,
    sizeBytes: { from: from.sizeBytes, to: to.sizeBytes },
  };
}

function pathKey({ storePath, contentSha256 }: PathRecord): string {
  return `${storePath} ${contentSha256}`;
}

function changedPath({ storePath, contentBytes }: PathRecord): ChangedPath {
  return { storePath, contentBytes };
}

/** Sorts what is on one side only into pairs of one name, and the rest. */
function pairByName(
  gone: readonly ChangedPath[],
  come: readonly ChangedPath[],
): Pick<Difference, 'added' | 'removed' | 'updated'> {
  const nameOf = ({ storePath }: ChangedPath) => splitNameVersion(storePathName(storePath)).name;
  const [goneBy, comeBy] = [Map.groupBy(gone, nameOf), Map.groupBy(come, nameOf)];
  const updated = [...comeBy].flatMap(([name, [to, ...others]]) => {
    const [from, ...more] = goneBy.get(name) ?? [];
    return to !== undefined && from !== undefined && others.length + more.length === 0 ? [{ from, to }] : [];
  });
  const paired = new Set(updated.flatMap(({ from, to }) => [from, to]));
  const rest = (paths: readonly ChangedPath[]) =>
    paths.filter((path) => !paired.has(path)).sort(byStorePathName);
  return {
    added: rest(come),
    removed: rest(gone),
    updated: updated.sort((a, b) => byStorePathName(a.to, b.to)),
  };
}

function byStorePathName(a: ChangedPath, b: ChangedPath): number {
  return storePathName(a.storePath) < storePathName(b.storePath) ? -1 : 1;
}

function changedSettings(from: OpenBundle, to: OpenBundle): string[] {
  const settingsOf = ({ header, metadata }: OpenBundle): Readonly<Record<string, unknown>> => {
    const { entrypoint, ...others } = runSettings(header, metadata);
    const { name, appVersion } = header;
    return { name, appVersion, ...entrypoint, ...others };
  };
  // The hash of a store path changes with its content, which the lists of paths tell.
  const text = (value: unknown) => JSON.stringify(value)?.replaceAll(/\/nix\/store\/[0-9a-z]{32}-/g, '');
  const [before, after] = [settingsOf(from), settingsOf(to)];
  return Object.keys(after)
    .filter((key) => text(before[key]) !== text(after[key]))
    .sort();
}
