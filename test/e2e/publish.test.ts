import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { sha256Hex } from '../../src/core/digest.ts';
import { askDownloadBy } from '../../src/publish/download.ts';
import { openHttpStore } from '../../src/publish/http.ts';
import { planPublication, publish } from '../../src/publish/publish.ts';
import { readReleases, recordRelease } from '../../src/publish/releases/store.ts';
import type { S3Options } from '../../src/publish/s3/bucket.ts';
import { openS3Store } from '../../src/publish/s3/store.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { setCredentials } from '../helpers/s3-credentials.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { failureOf } from '../src/publish/failure.ts';
import { writePublishable } from '../src/publish/publishable.ts';
import { sampleRelease } from '../src/publish/releases/sample.ts';
import { type Minio, startMinio } from '../stack/minio.ts';

const multipartBytes = 20 << 20;

describeWith(['minio'], 'publishing to MinIO', () => {
  let minio: Minio;

  beforeAll(async () => {
    minio = await startMinio();
    await minio.makeBucket('apps', { public: true });
    await minio.makeBucket('private');
    setCredentials(minio);
  });
  afterAll(() => minio?.stop());

  const openApps = (options: Partial<S3Options> = {}) =>
    openS3Store({ bucket: 'apps', endpoint: minio.endpoint, ...options });

  it.each([
    ['one request', 100_000],
    ['no bytes at all', 0],
    ['parts', multipartBytes],
    ['a last part of one byte', (16 << 20) + 1],
  ])('sends %s and gives back a URL that anyone can fetch', async (_, sizeBytes) => {
    const bundle = await writePublishable(await temporaryDirectory(), { sizeBytes });
    const context = testContext();
    const { artifact } = await publish(
      { bundle, store: await openApps(), prefix: 'team', ask: askDownloadBy(fetch) },
      context,
    );
    expect(artifact.url).toBe(`${minio.endpoint}/apps/team/web/${bundle.sha256}/web-1.0-x86_64`);
    expect(artifact.source).toBe(`${artifact.url}?archive=false&checksum=sha256:${bundle.sha256}`);
    expect(sha256Hex(await download(artifact.url))).toBe(bundle.sha256);
    expect(context.events.filter(({ kind }) => kind === 'warning')).toEqual([]);
    expect(await uploadsUnderWay(minio)).toEqual([]);
  });

  it('reports progress that grows to the size of the file', async () => {
    const bundle = await writePublishable(await temporaryDirectory(), { sizeBytes: multipartBytes });
    const context = testContext();
    await publish({ bundle, store: await openApps(), prefix: '' }, context);
    const done = context.events.flatMap((event) => (event.kind === 'progress' ? [event.doneBytes] : []));
    expect(done.length).toBeGreaterThan(3);
    expect(done).toEqual(done.toSorted((a, b) => a - b));
    expect(done.at(-1)).toBe(multipartBytes);
  });

  it('has the server keep a checksum of the whole object, and our digest beside it', async () => {
    const bundle = await writePublishable(await temporaryDirectory(), { sizeBytes: multipartBytes });
    await publish({ bundle, store: await openApps(), prefix: 'sums' }, testContext());
    const head = await minio.client.headObject({
      Bucket: 'apps',
      Key: `sums/web/${bundle.sha256}/web-1.0-x86_64`,
      ChecksumMode: 'ENABLED',
    });
    expect(head.ChecksumType).toBe('FULL_OBJECT');
    expect(head.ChecksumCRC32).toMatch(/^[A-Za-z0-9+/]{6}==$/);
    expect(head.Metadata).toEqual({ sha256: bundle.sha256 });
    expect(head.ContentType).toBe('application/octet-stream');
  });

  it('puts a file beside it that sha256sum -c accepts', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const {
      artifact: { url },
    } = await publish({ bundle, store: await openApps(), prefix: 'sumfile' }, testContext());
    const directory = await temporaryDirectory();
    await writeFile(join(directory, basename(bundle.file)), await download(url));
    await writeFile(join(directory, 'sums'), await download(`${url}.sha256`));
    const { stdout } = await promisify(execFile)('sha256sum', ['-c', 'sums'], { cwd: directory });
    expect(stdout).toBe('web-1.0-x86_64: OK\n');
  });

  it('sends nothing when the same bytes are there', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const options = { bundle, store: await openApps(), prefix: 'again' };
    const first = await publish(options, testContext());
    const key = `again/web/${bundle.sha256}/web-1.0-x86_64`;
    const before = await minio.client.headObject({ Bucket: 'apps', Key: key });
    const context = testContext();
    expect(await publish(options, context)).toEqual(first);
    expect((await planPublication(options, testContext())).isThere).toBe(true);
    const after = await minio.client.headObject({ Bucket: 'apps', Key: key });
    expect(after.LastModified).toEqual(before.LastModified);
    expect(context.events).toEqual([
      { kind: 'step', stage: 'publish', message: `looking whether s3://apps/${key} is there` },
      { kind: 'step', stage: 'publish', message: 'nothing to send: it is' },
    ]);
  });

  it('reads an object back that carries no digest', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const store = await openApps();
    const bytes = await readFile(bundle.file);
    const key = `foreign/web/${bundle.sha256}/web-1.0-x86_64`;
    await minio.client.putObject({ Bucket: 'apps', Key: key, Body: bytes });
    const { isThere } = await planPublication({ bundle, store, prefix: 'foreign' }, testContext());
    expect(isThere).toBe(true);
  });

  it.each([
    ['other bytes of the same size', 1000],
    ['bytes of another size', 10],
  ])('refuses a key that holds %s', async (_, sizeBytes) => {
    const bundle = await writePublishable(await temporaryDirectory());
    const key = `evil-${sizeBytes}/web/${bundle.sha256}/web-1.0-x86_64`;
    await minio.client.putObject({ Bucket: 'apps', Key: key, Body: Buffer.alloc(sizeBytes) });
    const failure = await failureOf(
      publish({ bundle, store: await openApps(), prefix: `evil-${sizeBytes}` }, testContext()),
    );
    expect(failure.code).toBe('object-differs');
    expect(failure.message).toContain(`cannot publish s3://apps/${key}: other content is there`);
    const stays = await minio.client.headObject({ Bucket: 'apps', Key: key });
    expect(stays.ContentLength).toBe(sizeBytes);
  });

  it('proves a digest that is only remembered by the bytes that it sends', async () => {
    const written = await writePublishable(await temporaryDirectory(), { sizeBytes: 3 * multipartBytes });
    const options = { bundle: { ...written, crc32: null }, store: await openApps(), prefix: 'remembered' };
    const { artifact } = await publish(options, testContext());
    expect(sha256Hex(await download(artifact.url))).toBe(written.sha256);
  });

  it.each([1000, multipartBytes])('lets two publishers of %i bytes race', async (sizeBytes) => {
    const bundle = await writePublishable(await temporaryDirectory(), { sizeBytes });
    const options = { bundle, store: await openApps(), prefix: 'race' };
    const both = await Promise.all([publish(options, testContext()), publish(options, testContext())]);
    expect(both[0]).toEqual(both[1]);
    expect(sha256Hex(await download(both[0].artifact.url))).toBe(bundle.sha256);
    expect(await uploadsUnderWay(minio)).toEqual([]);
  });

  it('encodes what a URL would read otherwise', async () => {
    const names = { name: "we+b %?#&'(é)$x" };
    const bundle = await writePublishable(await temporaryDirectory(), names);
    const { artifact } = await publish({ bundle, store: await openApps(), prefix: 'sp ace' }, testContext());
    const encoded = 'we%2Bb%20%25%3F%23%26%27%28%C3%A9%29%24x';
    expect(artifact.url).toContain(`/apps/sp%20ace/${encoded}/`);
    expect(artifact.url.endsWith(`/${encoded}-1.0-x86_64`)).toBe(true);
    expect(sha256Hex(await download(artifact.url))).toBe(bundle.sha256);
  });

  it('warns when the object needs credentials to be fetched', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const context = testContext();
    const store = await openApps({ bucket: 'private' });
    const { artifact } = await publish({ bundle, store, prefix: '', ask: askDownloadBy(fetch) }, context);
    expect(artifact.source).toBe(
      `s3::${artifact.url}?archive=false&checksum=sha256:${bundle.sha256}&region=us-east-1`,
    );
    const warnings = context.events.filter(({ kind }) => kind === 'warning');
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatchObject({ code: 'download-refused' });
  });

  it.each([
    [1000, 'was read'],
    [multipartBytes, 'was read'],
    [multipartBytes, 'is only remembered'],
  ])('never shows a file of %i bytes that is not what %s', async (sizeBytes, known) => {
    const written = await writePublishable(await temporaryDirectory(), { sizeBytes });
    const bundle = known === 'was read' ? written : { ...written, crc32: null };
    await writeFile(bundle.file, Buffer.alloc(sizeBytes));
    const store = await openApps();
    const failure = await failureOf(publish({ bundle, store, prefix: 'changed' }, testContext()));
    expect(failure.code).toBe('file-changed');
    const key = `changed/web/${bundle.sha256}/web-1.0-x86_64`;
    expect(await store.head(key, AbortSignal.timeout(10_000))).toBeUndefined();
    expect(await uploadsUnderWay(minio)).toEqual([]);
  });

  it('removes the parts that have arrived when it is interrupted', async () => {
    const bundle = await writePublishable(await temporaryDirectory(), { sizeBytes: 2 * multipartBytes });
    const controller = new AbortController();
    const context = testContext({
      signal: controller.signal,
      reporter: { report: ({ kind }) => kind === 'progress' && controller.abort() },
    });
    await expect(publish({ bundle, store: await openApps(), prefix: 'cut' }, context)).rejects.toThrow();
    expect(controller.signal.aborted).toBe(true);
    expect(await uploadsUnderWay(minio)).toEqual([]);
    const { KeyCount } = await minio.client.listObjectsV2({ Bucket: 'apps', Prefix: 'cut/' });
    expect(KeyCount).toBe(0);
  });

  it('lists every release of six publishers at once, and reads the list back without credentials', async () => {
    const versions = Array.from({ length: 6 }, (_, index) => `1.${index}`);
    const place = { prefix: 'team', name: 'web' };
    const store = await openApps();
    await Promise.all(
      versions.map((version) => recordRelease({ ...place, store }, sampleRelease(version), testContext())),
    );
    const list = await readReleases({ ...place, store }, testContext());
    const listed = list.releases.map(({ artifact }) => artifact.appVersion);
    expect([listed.toSorted(), list.serial]).toEqual([versions, 6]);
    const web = openHttpStore(`${minio.endpoint}/apps/team`);
    expect(await readReleases({ store: web, prefix: '', name: 'web' }, testContext())).toEqual(list);
    expect(await readReleases({ store: web, prefix: '', name: 'none' }, testContext())).toMatchObject({
      serial: 0,
    });
    await store.remove('team/web/releases.json', AbortSignal.timeout(10_000));
    expect((await readReleases({ ...place, store }, testContext())).serial).toBe(0);
  });

  it('has every object stored as it is told, but leaves documents free to change', async () => {
    await minio.makeBucket('locked', { objectLock: true });
    const until = new Date(Date.now() + 60_000);
    const store = await openApps({
      bucket: 'locked',
      attributes: {
        sse: 'aws:kms',
        sseKmsKeyId: 'test-key',
        storageClass: 'REDUCED_REDUNDANCY',
        retention: { mode: 'GOVERNANCE', until },
      },
    });
    for (const sizeBytes of [1000, multipartBytes]) {
      const bundle = await writePublishable(await temporaryDirectory(), { sizeBytes });
      const metadata = { team: 'web', revision: 'ab12' };
      const { key } = await publish({ bundle, store, prefix: '', metadata }, testContext());
      const head = await minio.client.headObject({ Bucket: 'locked', Key: key });
      expect(head.Metadata).toEqual({ ...metadata, sha256: bundle.sha256 });
      expect(head.ServerSideEncryption).toBe('aws:kms');
      expect(head.SSEKMSKeyId).toContain('test-key');
      expect(head.StorageClass).toBe('REDUCED_REDUNDANCY');
      expect(head.ObjectLockMode).toBe('GOVERNANCE');
      expect(Math.abs((head.ObjectLockRetainUntilDate?.getTime() ?? 0) - until.getTime())).toBeLessThan(1000);
      const sums = await minio.client.headObject({ Bucket: 'locked', Key: `${key}.sha256` });
      expect(sums.ObjectLockMode).toBe('GOVERNANCE');
    }
    await recordRelease({ store, prefix: '', name: 'web' }, sampleRelease('1.0'), testContext());
    const list = await minio.client.headObject({ Bucket: 'locked', Key: 'web/releases.json' });
    expect(list.ServerSideEncryption).toBe('aws:kms');
    expect(list.ObjectLockMode).toBeUndefined();
  });

  it('reads without credentials what anyone may read', async () => {
    const bundle = await writePublishable(await temporaryDirectory());
    const { key } = await publish({ bundle, store: await openApps(), prefix: 'open' }, testContext());
    setCredentials(null);
    onTestFinished(() => setCredentials(minio));
    const store = await openApps({ isAnonymous: true });
    const chunks = await Array.fromAsync(store.get(key, AbortSignal.timeout(10_000)));
    expect(sha256Hex(Buffer.concat(chunks))).toBe(bundle.sha256);
  });
});

async function download(url: string): Promise<Buffer> {
  const response = await fetch(url);
  expect(response.status).toBe(200);
  return Buffer.from(await response.arrayBuffer());
}

async function uploadsUnderWay(minio: Minio): Promise<(string | undefined)[]> {
  const { Buckets = [] } = await minio.client.listBuckets({});
  expect(Buckets.length).toBeGreaterThan(0);
  const { Uploads = [] } = await minio.client.listMultipartUploads({ Bucket: 'apps' });
  return Uploads.map(({ Key }) => Key);
}
