import { describe, expect, it } from 'vitest';
import type { ReleaseList } from '../../../../src/core/types.ts';
import { besideSuffixes, releasesKey } from '../../../../src/publish/key.ts';
import { addRelease, renderReleaseList } from '../../../../src/publish/releases/model.ts';
import { planPrune, removeReleases } from '../../../../src/publish/releases/prune.ts';
import { readReleases, recordRelease } from '../../../../src/publish/releases/store.ts';
import { testContext } from '../../../helpers/context.ts';
import { type MemoryStore, memoryStore } from '../memory-store.ts';
import { sampleRelease } from './sample.ts';

const days = ['01', '02', '03', '04', '05'];
const releases = days.map((day) =>
  sampleRelease(`1.${day}`, { publishedAt: `2026-04-${day}T00:00:00.000Z` }),
);
const empty: ReleaseList = { version: 1, name: 'web', serial: 0, releases: [] };
const list = releases.reduce(addRelease, empty);
const nobody = () => [];
const versionsOf = (some: readonly { readonly artifact: { readonly appVersion: string } }[]) =>
  some.map(({ artifact }) => artifact.appVersion);

describe('planPrune', () => {
  it('keeps the last ones', () => {
    const { remove, keep } = planPrune(list, { keep: 2, usersOf: nobody });
    expect(versionsOf(remove)).toEqual(['1.03', '1.02', '1.01']);
    expect(keep.map(({ reason }) => reason)).toEqual(['last', 'last']);
  });

  it('counts each processor for itself', () => {
    const both = addRelease(list, sampleRelease('1.05', { arch: 'aarch64' }));
    const { remove } = planPrune(both, { keep: 1, usersOf: nobody });
    expect(versionsOf(remove)).toEqual(['1.04', '1.03', '1.02', '1.01']);
  });

  it('keeps what is young, and what someone names', () => {
    const used = releases[0]?.artifact.checksum.slice('sha256:'.length);
    const before = new Date('2026-04-03T00:00:00Z');
    const usersOf = (sha256: string) => (sha256 === used ? ['job web version 7 in default'] : []);
    const { remove, keep } = planPrune(list, { keep: 1, before, usersOf });
    expect(versionsOf(remove)).toEqual(['1.02']);
    expect(keep.map(({ reason, usedBy }) => [reason, ...usedBy])).toEqual([
      ['last'],
      ['young'],
      ['young'],
      ['used', 'job web version 7 in default'],
    ]);
  });
});

describe('removeReleases', () => {
  const context = testContext();

  function stored(): { store: MemoryStore; place: { store: MemoryStore; prefix: string; name: string } } {
    const store = memoryStore();
    const place = { store, prefix: 'team', name: 'web' };
    store.objects.set(releasesKey(place), Buffer.from(renderReleaseList(list)));
    for (const { artifact } of releases) {
      const key = `team/web/${artifact.checksum.slice(7)}/${artifact.fileName}`;
      for (const suffix of ['', ...besideSuffixes]) store.objects.set(key + suffix, Buffer.from('x'));
    }
    return { store, place };
  }

  it('takes them off the list first, then removes each file with all that lies beside it', async () => {
    const { store, place } = stored();
    const removed = await removeReleases(place, releases.slice(0, 2), context);
    expect(versionsOf(removed)).toEqual(['1.01', '1.02']);
    expect(versionsOf((await readReleases(place, context)).releases)).toEqual(['1.05', '1.04', '1.03']);
    const gone = releases.slice(0, 2).map(({ artifact }) => artifact.checksum.slice(7));
    expect([...store.objects.keys()].filter((key) => gone.some((digest) => key.includes(digest)))).toEqual(
      [],
    );
    expect(store.objects.size).toBe(3 * (1 + besideSuffixes.length) + 2);
    const written = store.calls.indexOf('replace team/web/releases.json');
    const first = store.calls.findIndex((call) => call.startsWith('remove'));
    expect(written).toBeGreaterThanOrEqual(0);
    expect(first).toBeGreaterThan(written);
  });

  it('leaves what was published again since the plan was made', async () => {
    const { place } = stored();
    const again = sampleRelease('1.01', { publishedAt: '2026-05-01T00:00:00.000Z' });
    await recordRelease(place, again, context);
    expect(await removeReleases(place, releases.slice(0, 1), context)).toEqual([]);
    expect(versionsOf((await readReleases(place, context)).releases)).toContain('1.01');
  });

  it('says which one was published again while its file was removed', async () => {
    const { store, place } = stored();
    const meddled: MemoryStore = {
      ...store,
      remove: async (key, signal) => {
        await store.remove(key, signal);
        if (key.endsWith('.sha256')) await recordRelease(place, sampleRelease('1.01'), context);
      },
    };
    const reporting = testContext();
    await removeReleases({ ...place, store: meddled }, releases.slice(0, 1), reporting);
    expect(reporting.events).toContainEqual(expect.objectContaining({ code: 'release-returned' }));
  });
});
