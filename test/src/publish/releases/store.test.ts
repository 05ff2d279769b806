import { describe, expect, it } from 'vitest';
import { SaddlebagError } from '../../../../src/core/errors.ts';
import { warnWithoutConditions } from '../../../../src/publish/releases/conditions.ts';
import { parseReleaseList } from '../../../../src/publish/releases/model.ts';
import { changeReleases, readReleases, recordRelease } from '../../../../src/publish/releases/store.ts';
import { testContext } from '../../../helpers/context.ts';
import { failureOf } from '../failure.ts';
import { type MemoryStore, memoryStore } from '../memory-store.ts';
import { sampleRelease } from './sample.ts';

const context = testContext();
const placeIn = (store: MemoryStore) => ({ store, prefix: 'team', name: 'web' });

function documentIn(store: MemoryStore, name: string) {
  return parseReleaseList(String(store.objects.get(`team/web/${name}`)), name);
}

describe('recordRelease', () => {
  it('writes releases.json and latest.json beside the folders of the objects', async () => {
    const store = memoryStore();
    const place = placeIn(store);
    await recordRelease(place, sampleRelease('1.0'), context);
    await recordRelease(place, sampleRelease('1.1'), context);
    await recordRelease(place, sampleRelease('1.1', { arch: 'aarch64' }), context);
    const versions = (name: string) =>
      documentIn(store, name).releases.map(({ artifact }) => `${artifact.appVersion} ${artifact.arch}`);
    expect(versions('releases.json')).toEqual(['1.1 aarch64', '1.1 x86_64', '1.0 x86_64']);
    expect(versions('latest.json')).toEqual(['1.1 aarch64', '1.1 x86_64']);
    expect(await readReleases(place, context)).toEqual(documentIn(store, 'releases.json'));
  });

  it('loses nothing where another publisher comes between reading and writing', async () => {
    const store = memoryStore();
    const place = placeIn(store);
    let isFirst = true;
    const meddled: MemoryStore = {
      ...store,
      readDocument: async (key, signal) => {
        const document = await store.readDocument(key, signal);
        if (isFirst) {
          isFirst = false;
          await recordRelease(place, sampleRelease('theirs'), context);
        }
        return document;
      },
    };
    await recordRelease(placeIn(meddled), sampleRelease('ours'), context);
    const versions = documentIn(store, 'releases.json').releases.map(({ artifact }) => artifact.appVersion);
    expect(versions).toEqual(['ours', 'theirs']);
  });

  it('does not turn latest.json back to an older list', async () => {
    const store = memoryStore();
    const place = placeIn(store);
    await recordRelease(place, sampleRelease('1.0'), context);
    const slow: MemoryStore = {
      ...store,
      readDocument: async (key, signal) => {
        // By the time this writer comes to latest.json, another has published.
        if (key.endsWith('latest.json')) await recordRelease(place, sampleRelease('2.0'), context);
        return store.readDocument(key, signal);
      },
    };
    await recordRelease(placeIn(slow), sampleRelease('1.1'), context);
    expect(documentIn(store, 'latest.json').releases[0]?.artifact.appVersion).toBe('2.0');
    expect(documentIn(store, 'latest.json').serial).toBe(3);
  });

  it('writes nothing where nothing changes', async () => {
    const store = memoryStore();
    await recordRelease(placeIn(store), sampleRelease('1.0'), context);
    store.calls.length = 0;
    await changeReleases(placeIn(store), (list) => list, context);
    expect(store.calls.filter((call) => call.startsWith('replace'))).toEqual([]);
  });

  it('publishes with rights to write but not to list, where reading what is missing is refused', async () => {
    const store = memoryStore();
    const denied = new SaddlebagError('access-denied', 'cannot read: access denied');
    const hiding: MemoryStore = {
      ...store,
      readDocument: async (key, signal) => {
        const document = await store.readDocument(key, signal);
        if (document === undefined) throw denied;
        return document;
      },
    };
    await recordRelease(placeIn(hiding), sampleRelease('1.0'), context);
    expect(documentIn(store, 'releases.json').serial).toBe(1);
    const blind: MemoryStore = { ...store, readDocument: () => Promise.reject(denied) };
    expect(await failureOf(recordRelease(placeIn(blind), sampleRelease('1.1'), context))).toBe(denied);
    expect(documentIn(store, 'releases.json').serial).toBe(1);
  });

  it('leaves a list alone that it cannot read', async () => {
    const store = memoryStore();
    store.objects.set('team/web/releases.json', Buffer.from('{}'));
    const failure = await failureOf(recordRelease(placeIn(store), sampleRelease('1.0'), context));
    expect(failure.code).toBe('releases-invalid');
    expect(store.objects.get('team/web/releases.json')?.toString()).toBe('{}');
  });
});

describe('warnWithoutConditions', () => {
  const { artifact } = sampleRelease('1.0');
  const key = 'web/ab/web-1.0-x86_64';

  it('is silent where a second write of the same object is refused', async () => {
    const store = memoryStore();
    const { events, ...context } = testContext();
    store.objects.set(`${key}.sha256`, Buffer.from('x'));
    await warnWithoutConditions({ store, key }, artifact, context);
    expect(events).toEqual([]);
  });

  it('warns where the server takes it', async () => {
    const { events, ...context } = testContext();
    await warnWithoutConditions({ store: memoryStore(), key }, artifact, context);
    expect(events).toMatchObject([{ code: 'conditional-writes-missing' }]);
  });
});
