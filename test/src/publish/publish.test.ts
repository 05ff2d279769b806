import { readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { sha256Hex } from '../../../src/core/digest.ts';
import type { AskDownload, DownloadAnswer } from '../../../src/publish/download.ts';
import { planPublication, publish } from '../../../src/publish/publish.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { failureOf } from './failure.ts';
import { memoryStore } from './memory-store.ts';
import { writePublishable } from './publishable.ts';

describe('publish', () => {
  it('stores the file under its digest, its digest beside it, and returns the Artifact', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const store = memoryStore();
    const { artifact } = await publish({ bundle, store, prefix: 'team/apps' }, testContext());
    const key = `team/apps/web/${bundle.sha256}/web-1.0-x86_64`;
    expect(artifact).toEqual({
      version: 1,
      name: 'web',
      appVersion: '1.0',
      arch: 'x86_64',
      interpreter: null,
      init: false,
      imageSettings: null,
      url: `https://store.example/apps/${key}`,
      source: `https://store.example/apps/${key}?archive=false&checksum=sha256:${bundle.sha256}`,
      fileName: 'web-1.0-x86_64',
      sizeBytes: 1000,
      checksum: `sha256:${bundle.sha256}`,
      closureSha256: bundle.closureSha256,
    });
    expect([...store.objects.keys()]).toEqual([key, `${key}.sha256`]);
    expect(store.objects.get(key)).toEqual(await readFile(bundle.file));
    expect(store.objects.get(`${key}.sha256`)?.toString()).toBe(`${bundle.sha256}  web-1.0-x86_64\n`);
  });

  it('puts the key behind the download base that it is given', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const downloadBase = 'https://cdn.example/files';
    const { artifact } = await publish(
      { bundle, store: memoryStore(), prefix: '', downloadBase },
      testContext(),
    );
    expect(artifact.url).toBe(`https://cdn.example/files/web/${bundle.sha256}/web-1.0-x86_64`);
  });

  it('looks at what arrived after it was sent', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const store = memoryStore();
    await publish({ bundle, store, prefix: '' }, testContext());
    const key = `web/${bundle.sha256}/web-1.0-x86_64`;
    expect(store.calls).toEqual([
      `head ${key}`,
      `put ${key}`,
      `head ${key}`,
      `head ${key}.sha256`,
      `put ${key}.sha256`,
      `head ${key}.sha256`,
    ]);
  });

  it('puts nothing when both are there, but completes a publication that was cut between them', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const store = memoryStore();
    const options = { bundle, store, prefix: '' };
    await publish(options, testContext());
    store.calls.length = 0;
    await publish(options, testContext());
    expect(store.calls.filter((call) => call.startsWith('put'))).toEqual([]);
    const key = `web/${bundle.sha256}/web-1.0-x86_64`;
    store.objects.delete(`${key}.sha256`);
    await publish(options, testContext());
    expect(store.calls.filter((call) => call.startsWith('put'))).toEqual([`put ${key}.sha256`]);
  });

  it('reads back what the store has no digest of', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const store = memoryStore({ knowsDigests: false });
    await publish({ bundle, store, prefix: '' }, testContext());
    expect(store.calls).toContain(`get web/${bundle.sha256}/web-1.0-x86_64`);
  });

  it('refuses what was damaged on the way', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const damaged = Buffer.alloc(1000);
    const afterPut = (objects: Map<string, Buffer>, key: string) => objects.set(key, damaged);
    const store = memoryStore({ knowsDigests: false, afterPut });
    const failure = await failureOf(publish({ bundle, store, prefix: '' }, testContext()));
    expect(failure.code).toBe('object-differs');
    expect(failure.message).toBe(
      `cannot publish memory:web/${bundle.sha256}/web-1.0-x86_64: other content is there (sha256 ${sha256Hex(damaged)})`,
    );
  });

  it('says so when the object is gone after it was sent', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const store = memoryStore({ afterPut: (objects) => objects.clear() });
    const failure = await failureOf(publish({ bundle, store, prefix: '' }, testContext()));
    expect(failure.code).toBe('object-lost');
    expect(failure.hint).toContain('lifecycle rule');
  });

  it('refuses a file that is no longer the one that was inspected', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    await writeFile(bundle.file, Buffer.alloc(1000));
    const store = memoryStore();
    const failure = await failureOf(publish({ bundle, store, prefix: '' }, testContext()));
    expect(failure.code).toBe('file-changed');
    expect(store.objects.size).toBe(0);
  });

  it('goes on where asking for a missing object is refused', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const store = memoryStore({ hidesMissing: true });
    await publish({ bundle, store, prefix: '' }, testContext());
    expect(store.objects.size).toBe(2);
  });

  it('takes a refusal for an error once the object must be there', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const store = memoryStore({ hidesMissing: true, afterPut: (objects) => objects.clear() });
    const failure = await failureOf(publish({ bundle, store, prefix: '' }, testContext()));
    expect(failure.code).toBe('access-denied');
  });

  it.each<[DownloadAnswer, string[]]>([
    [{ kind: 'readable' }, []],
    [{ kind: 'refused', status: 403 }, ['download-refused']],
    [{ kind: 'refused', status: 404 }, ['download-missing']],
    [{ kind: 'other-size', sizeBytes: 5 }, ['download-differs']],
    [{ kind: 'unreachable', reason: 'connection refused' }, ['download-unreachable']],
  ])('warns of a download URL that answers %j with %j', async (answer, expected) => {
    const bundle = await writePublishable(await temporaryDirectory());
    const asked: string[] = [];
    const ask: AskDownload = async (url) => {
      asked.push(url);
      return answer;
    };
    const context = testContext();
    const { artifact } = await publish({ bundle, store: memoryStore(), prefix: '', ask }, context);
    expect(asked).toEqual([artifact.url]);
    expect(context.events.flatMap((event) => (event.kind === 'warning' ? [event.code] : []))).toEqual(
      expected,
    );
  });
});

describe('planPublication', () => {
  it('writes nothing', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const store = memoryStore();
    const plan = await planPublication({ bundle, store, prefix: 'a' }, testContext());
    expect(plan).toMatchObject({ key: `a/web/${bundle.sha256}/web-1.0-x86_64`, isThere: false });
    expect(store.calls).toEqual([`head ${plan.key}`]);
  });

  it('knows an empty file that is there from one that is not', async () => {
    const bundle = await writePublishable(await temporaryDirectory(), { sizeBytes: 0 });
    const options = { bundle, store: memoryStore(), prefix: '' };
    expect((await planPublication(options, testContext())).isThere).toBe(false);
    await publish(options, testContext());
    expect((await planPublication(options, testContext())).isThere).toBe(true);
  });
});
