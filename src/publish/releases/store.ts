import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Context } from '../../core/context.ts';
import { SaddlebagError } from '../../core/errors.ts';
import type { PublishedRelease, ReleaseList } from '../../core/types.ts';
import { latestKey, releasesKey } from '../key.ts';
import type { Document, ReadableStore, Store } from '../store.ts';
import { addRelease, parseReleaseList, renderReleaseList } from './model.ts';

/** Where the releases of a name are kept. */
export interface ReleasePlace<S extends ReadableStore = Store> {
  readonly store: S;
  /** Put before the name in the keys; empty for none. */
  readonly prefix: string;
  readonly name: string;
}

type ReleaseContext = Pick<Context, 'signal'>;

/** Each try is lost only to another writer who won, so as many at once all get through. */
const mostTries = 100;
const longestPauseMs = 200;

/**
 * Reads the releases of a name; an empty list where it has none.
 * @throws {SaddlebagError} `releases-invalid`, and what the store throws
 */
export async function readReleases(
  place: ReleasePlace<ReadableStore>,
  { signal }: ReleaseContext,
): Promise<ReleaseList> {
  const key = releasesKey(place);
  return parseDocument(place, await place.store.readDocument(key, signal));
}

/**
 * Adds a release to `releases.json` and makes `latest.json` say so. Of two publishers at once neither is lost: the
 * document is read, changed and written only if it is still what was read, and so on until it is.
 * @throws {SaddlebagError} `releases-invalid`, `releases-contended`, and what the store throws
 */
export async function recordRelease(
  place: ReleasePlace,
  release: PublishedRelease,
  context: ReleaseContext,
): Promise<ReleaseList> {
  return changeReleases(place, (list) => addRelease(list, release), context);
}

/**
 * Changes `releases.json` by compare-and-swap, and `latest.json` after it. `change` may be called several times, and
 * returns the list itself where there is nothing to change.
 * @throws {SaddlebagError} as `recordRelease`
 */
export async function changeReleases(
  place: ReleasePlace,
  change: (list: ReleaseList) => ReleaseList,
  context: ReleaseContext,
): Promise<ReleaseList> {
  let written: ReleaseList | undefined;
  await swap(place, releasesKey(place), context, (document) => {
    const before = parseDocument(place, document);
    written = change(before);
    return written === before ? undefined : renderReleaseList(written);
  });
  if (written === undefined) throw new Error('a swap has ended without a document');
  const latest = written;
  await swap(place, latestKey(place), context, (document) => {
    // Another publisher's list is newer than ours where its serial is larger: then theirs stays.
    const current = document === undefined ? undefined : readSerial(document.text);
    return current !== undefined && current >= latest.serial ? undefined : renderLatest(latest);
  });
  return latest;
}

/** The releases of the version that was published last, in the form of `releases.json`. */
function renderLatest(list: ReleaseList): string {
  const version = list.releases[0]?.artifact.appVersion;
  const archs = new Set<string>();
  const releases = list.releases.filter(({ artifact }) => {
    const isFirst = artifact.appVersion === version && !archs.has(artifact.arch);
    if (isFirst) archs.add(artifact.arch);
    return isFirst;
  });
  return renderReleaseList({ ...list, releases });
}

/** A `latest.json` that cannot be read is written anew: it holds nothing that `releases.json` does not. */
function readSerial(text: string): number | undefined {
  try {
    return parseReleaseList(text, 'latest.json').serial;
  } catch {
    return undefined;
  }
}

async function swap(
  place: ReleasePlace,
  key: string,
  { signal }: ReleaseContext,
  render: (document: Document | undefined) => string | undefined,
): Promise<void> {
  const { store } = place;
  let denied: SaddlebagError | undefined;
  for (let tries = 0; tries < mostTries; tries += 1) {
    if (tries > 0) await delay(randomInt(1, longestPauseMs), undefined, { signal });
    const document = await store.readDocument(key, signal).catch((cause: unknown) => {
      // Without the right to list, S3 answers "access denied" for what is not there; the write tells which it is.
      if (denied !== undefined || !(cause instanceof SaddlebagError) || cause.code !== 'access-denied')
        throw cause;
      denied = cause;
      return undefined;
    });
    const text = render(document);
    if (text === undefined) return;
    const outcome = await store.replaceDocument(key, text, { tag: document?.tag ?? null, signal });
    if (outcome === 'stored') return;
    if (denied !== undefined) throw denied;
  }
  throw new SaddlebagError(
    'releases-contended',
    `cannot write ${store.describe(key)}: others change it all the time`,
    { hint: 'what was published is there; publish again to have it listed' },
  );
}

function parseDocument(
  { store, prefix, name }: ReleasePlace<ReadableStore>,
  document: Document | undefined,
): ReleaseList {
  if (document === undefined) return { version: 1, name, serial: 0, releases: [] };
  const from = store.describe(releasesKey({ prefix, name }));
  const list = parseReleaseList(document.text, from);
  if (list.name === name) return list;
  throw new SaddlebagError('releases-invalid', `cannot read ${from}: it is the list of ${list.name}`, {
    hint: 'restore it from a version of the bucket, or remove it: the next publish begins a new one',
  });
}
