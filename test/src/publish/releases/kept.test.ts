import { describe, expect, it } from 'vitest';
import type { Artifact } from '../../../../src/core/types.ts';
import { textContent } from '../../../../src/publish/content.ts';
import { downloadLocation } from '../../../../src/publish/download.ts';
import { artifactKey } from '../../../../src/publish/key.ts';
import { findSameClosure } from '../../../../src/publish/releases/kept.ts';
import { recordRelease } from '../../../../src/publish/releases/store.ts';
import { type MemoryStore, memoryStore } from '../memory-store.ts';

const signal = new AbortController().signal;
const prefix = 'apps';
const closure = 'c'.repeat(64);

/** Puts a release into a store: `letter` makes its checksum. */
async function release(
  store: MemoryStore,
  letter: string,
  changes: Partial<Artifact> = {},
): Promise<Artifact> {
  const sha256 = letter.repeat(64);
  const fileName = 'web-1.0-x86_64';
  const key = artifactKey({ prefix, name: 'web', sha256, fileName });
  const artifact: Artifact = {
    version: 1,
    name: 'web',
    appVersion: '1.0',
    arch: 'x86_64',
    interpreter: null,
    imageSettings: null,
    init: false,
    ...downloadLocation('https://old.example', key, sha256),
    fileName,
    sizeBytes: 3,
    closureSha256: closure,
    ...changes,
  };
  await store.put(key, textContent('abc'), { contentType: 'text/plain', signal });
  const published = {
    artifact,
    publishedAt: '2026-04-01T12:00:00.000Z',
    publishedBy: null,
    revision: null,
    labels: {},
  };
  await recordRelease({ store, prefix, name: 'web' }, published, { signal });
  return artifact;
}

async function find(store: MemoryStore, running: readonly string[] = []) {
  const bundle = { name: 'web', arch: 'x86_64', closureSha256: closure } as const;
  return findSameClosure({ bundle, store, prefix, running: async () => running }, { signal });
}

describe('findSameClosure', () => {
  it('finds nothing in an empty store, of another closure, or for another processor', async () => {
    const store = memoryStore();
    expect(await find(store)).toBeUndefined();
    await release(store, 'a', { closureSha256: 'd'.repeat(64) });
    await release(store, 'b', { arch: 'aarch64', fileName: 'web-1.0-aarch64' });
    expect(await find(store)).toBeUndefined();
  });

  it('prefers what runs to what is newest', async () => {
    const store = memoryStore();
    const old = await release(store, 'a');
    const newest = await release(store, 'b');
    expect((await find(store))?.checksum).toBe(newest.checksum);
    expect((await find(store, [old.checksum]))?.checksum).toBe(old.checksum);
  });

  it('says where clients find it now', async () => {
    const store = memoryStore();
    const { fileName } = await release(store, 'a');
    const url = `https://store.example/apps/apps/web/${'a'.repeat(64)}/${fileName}`;
    expect(await find(store)).toMatchObject({ url, source: expect.stringContaining(`${url}?archive=false`) });
  });

  it('passes over a release whose object is gone', async () => {
    const store = memoryStore();
    const { fileName } = await release(store, 'a');
    await store.remove(artifactKey({ prefix, name: 'web', sha256: 'a'.repeat(64), fileName }), signal);
    expect(await find(store)).toBeUndefined();
  });
});
