import type { Context } from '../../core/context.ts';
import type { PublishedRelease, ReleaseList } from '../../core/types.ts';
import { artifactKey, besideSuffixes } from '../key.ts';
import { idOf, withoutReleases } from './model.ts';
import { changeReleases, type ReleasePlace, readReleases } from './store.ts';

/** Which releases may go. */
export interface PruneRules {
  /** How many of each processor stay, the last published first. */
  readonly keep: number;
  /** What was published after this stays; undefined sets no limit. */
  readonly before?: Date | undefined;
  /** Who names a SHA-256, and so keeps it. */
  readonly usersOf: (sha256: string) => readonly string[];
}

/** What is to become of each release. */
export interface PrunePlan {
  readonly remove: readonly PublishedRelease[];
  readonly keep: readonly KeptRelease[];
}

/** A release that stays, and why: among the last, published too lately, or in use. */
export interface KeptRelease {
  readonly release: PublishedRelease;
  readonly reason: 'last' | 'young' | 'used';
  readonly usedBy: readonly string[];
}

/** Decides which releases of a list go. Pure. */
export function planPrune(list: ReleaseList, rules: PruneRules): PrunePlan {
  const seen = new Map<string, number>();
  const remove: PublishedRelease[] = [];
  const keep: KeptRelease[] = [];
  for (const release of list.releases) {
    const { arch } = release.artifact;
    const rank = seen.get(arch) ?? 0;
    seen.set(arch, rank + 1);
    const usedBy = rules.usersOf(sha256Of(release));
    const isYoung = rules.before !== undefined && new Date(release.publishedAt) >= rules.before;
    if (rank < rules.keep) keep.push({ release, reason: 'last', usedBy });
    else if (isYoung) keep.push({ release, reason: 'young', usedBy });
    else if (usedBy.length > 0) keep.push({ release, reason: 'used', usedBy });
    else remove.push(release);
  }
  return { remove, keep };
}

/**
 * Removes releases: from the list first, so that nobody deploys what is about to go, then their objects with all that lies
 * beside them. What was published again since the plan was made stays. Returns what was removed.
 * @throws {SaddlebagError} as `changeReleases`, and what the store throws
 */
export async function removeReleases(
  place: ReleasePlace,
  remove: readonly PublishedRelease[],
  context: Pick<Context, 'signal' | 'reporter'>,
): Promise<readonly PublishedRelease[]> {
  let removed: readonly PublishedRelease[] = [];
  const isSame = (a: PublishedRelease) => (b: PublishedRelease) =>
    idOf(a) === idOf(b) && a.publishedAt === b.publishedAt;
  await changeReleases(
    place,
    (list) => {
      removed = remove.filter((release) => list.releases.some(isSame(release)));
      return withoutReleases(list, new Set(removed.map(idOf)));
    },
    context,
  );
  const { store, prefix, name } = place;
  for (const release of removed) {
    const { fileName } = release.artifact;
    const key = artifactKey({ prefix, name, sha256: sha256Of(release), fileName });
    // The file itself last: what is interrupted leaves something that shows what it was.
    for (const suffix of [...besideSuffixes, '']) await store.remove(key + suffix, context.signal);
    context.reporter.report({ kind: 'detail', stage: 'prune', message: `removed ${store.describe(key)}` });
  }
  await warnOfReturned(place, removed, context);
  return removed;
}

/** A publisher who found the file there just before it went has listed what is gone. */
async function warnOfReturned(
  place: ReleasePlace,
  removed: readonly PublishedRelease[],
  context: Pick<Context, 'signal' | 'reporter'>,
): Promise<void> {
  const { releases } = await readReleases(place, context);
  const gone = new Set(removed.map(idOf));
  for (const { artifact } of releases.filter((release) => gone.has(idOf(release)))) {
    context.reporter.report({
      kind: 'warning',
      stage: 'prune',
      code: 'release-returned',
      message: `${artifact.url} was published again while it was removed`,
      hint: 'publish it once more: its file is gone',
    });
  }
}

function sha256Of({ artifact }: PublishedRelease): string {
  return artifact.checksum.slice('sha256:'.length);
}
