import { mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDirectoryStore } from '../../../src/publish/directory/store.ts';
import { recordRelease } from '../../../src/publish/releases/store.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { failureOf } from '../../src/publish/failure.ts';
import { sampleRelease } from '../../src/publish/releases/sample.ts';

const { signal } = new AbortController();
const key = 'web/releases.json';

describe('a document in a folder', () => {
  it('is replaced only where it is still what was read', async () => {
    const directory = join(await temporaryDirectory(), 'store');
    const store = openDirectoryStore(directory);
    expect(await store.readDocument(key, signal)).toBeUndefined();
    expect(await store.replaceDocument(key, 'one', { tag: null, signal })).toBe('stored');
    expect(await store.replaceDocument(key, 'two', { tag: null, signal })).toBe('changed');
    const one = await store.readDocument(key, signal);
    expect(one?.text).toBe('one');
    expect(await store.replaceDocument(key, 'two', { tag: one?.tag ?? '', signal })).toBe('stored');
    expect(await store.replaceDocument(key, 'three', { tag: one?.tag ?? '', signal })).toBe('changed');
    expect((await store.readDocument(key, signal))?.text).toBe('two');
    expect(await readdir(join(directory, 'web'))).toEqual(['releases.json']);
    expect((await stat(join(directory, key))).mode & 0o777).toBe(0o644);
  });

  it('has every release of twelve publishers at once', async () => {
    const directory = await temporaryDirectory();
    const versions = Array.from({ length: 12 }, (_, index) => `1.${index}`);
    const publish = (version: string) => {
      const place = { store: openDirectoryStore(directory), prefix: '', name: 'web' };
      return recordRelease(place, sampleRelease(version), testContext());
    };
    await Promise.all(versions.map(publish));
    const text = (await openDirectoryStore(directory).readDocument(key, signal))?.text ?? '';
    const { releases, serial } = JSON.parse(text);
    const listed = releases.map(
      (release: { artifact: { appVersion: string } }) => release.artifact.appVersion,
    );
    expect(listed.toSorted()).toEqual(versions.toSorted());
    expect(serial).toBe(12);
    expect((await readdir(join(directory, 'web'))).sort()).toEqual(['latest.json', 'releases.json']);
  });

  it('is neither read nor written through a link', async () => {
    const directory = await temporaryDirectory();
    const outside = join(await temporaryDirectory(), 'outside.json');
    await writeFile(outside, 'outside');
    await mkdir(join(directory, 'web'));
    await symlink(outside, join(directory, key));
    const store = openDirectoryStore(directory);
    for (const use of [
      () => store.readDocument(key, signal),
      () => store.replaceDocument(key, 'x', { tag: null, signal }),
      () => store.remove(key, signal),
    ]) {
      expect((await failureOf(use())).code).toBe('link-refused');
    }
    expect(await readFile(outside, 'utf8')).toBe('outside');
    expect((await readdir(join(directory, 'web'))).sort()).toEqual(['releases.json']);
  });

  it('is written in spite of a lock that a dead publisher left', async () => {
    const directory = await temporaryDirectory();
    const store = openDirectoryStore(directory);
    await store.replaceDocument(key, 'one', { tag: null, signal });
    await writeFile(join(directory, 'web', '.releases.json.lock'), 'left behind');
    const { tag = '' } = (await store.readDocument(key, signal)) ?? {};
    expect(await store.replaceDocument(key, 'two', { tag, signal })).toBe('stored');
    expect(await readdir(join(directory, 'web'))).toEqual(['releases.json']);
  }, 20_000);
});

describe('remove', () => {
  it('takes an object away, and its directory with the last', async () => {
    const directory = await temporaryDirectory();
    const store = openDirectoryStore(directory);
    for (const name of ['web/ab/web', 'web/ab/web.sha256'])
      await store.replaceDocument(name, 'x', { tag: null, signal });
    await store.remove('web/ab/web', signal);
    expect(await readdir(join(directory, 'web', 'ab'))).toEqual(['web.sha256']);
    await store.remove('web/ab/web.sha256', signal);
    await store.remove('web/ab/web.sha256', signal);
    expect(await readdir(join(directory, 'web'))).toEqual([]);
  });
});
