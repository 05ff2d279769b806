import { readFile } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256Hex } from '../../src/core/digest.ts';
import { publish } from '../../src/publish/publish.ts';
import { openS3Store } from '../../src/publish/s3/store.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { setCredentials } from '../helpers/s3-credentials.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { failureOf } from '../src/publish/failure.ts';
import { writePublishable } from '../src/publish/publishable.ts';
import { startFaultyProxy } from '../stack/faulty-proxy.ts';
import { type Minio, startMinio } from '../stack/minio.ts';

const partBytes = 16 << 20;
const sizeBytes = 5 * partBytes;

describeWith(['minio'], 'an upload that broke off', () => {
  let minio: Minio;

  beforeAll(async () => {
    minio = await startMinio();
    await minio.makeBucket('apps', { public: true });
    setCredentials(minio);
  });
  afterAll(() => minio?.stop());

  const openUploads = async () =>
    ((await minio.client.listMultipartUploads({ Bucket: 'apps' })).Uploads ?? []).map(({ Key }) => Key);

  /** Begins an upload as an earlier run did, and leaves it. */
  async function leaveUpload(Key: string, parts: ReadonlyMap<number, Uint8Array>): Promise<void> {
    const { UploadId } = await minio.client.createMultipartUpload({
      Bucket: 'apps',
      Key,
      ChecksumAlgorithm: 'CRC32',
      ChecksumType: 'FULL_OBJECT',
    });
    for (const [PartNumber, Body] of parts) {
      const checksum = Buffer.alloc(4);
      checksum.writeUInt32BE(crc32(Body));
      const ChecksumCRC32 = checksum.toString('base64');
      await minio.client.uploadPart({ Bucket: 'apps', Key, UploadId, PartNumber, Body, ChecksumCRC32 });
    }
  }

  async function prepare(prefix: string) {
    const bundle = await writePublishable(await temporaryDirectory(), { sizeBytes });
    const bytes = await readFile(bundle.file);
    const part = (number: number) => bytes.subarray((number - 1) * partBytes, number * partBytes);
    return { bundle, part, key: `${prefix}/web/${bundle.sha256}/web-1.0-x86_64` };
  }

  const download = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer());

  it('is gone on with: what arrived as it should be is not sent again', async () => {
    const { bundle, part, key } = await prepare('on');
    const damaged = Buffer.alloc(partBytes, 'x');
    await leaveUpload(
      key,
      new Map([
        [1, part(1)],
        [2, damaged],
        [4, part(4)],
      ]),
    );
    await using proxy = await startFaultyProxy(minio.endpoint);
    const store = await openS3Store({ bucket: 'apps', endpoint: proxy.endpoint });
    const context = testContext();
    const { artifact } = await publish({ bundle, store, prefix: 'on' }, context);
    expect(context.events).toContainEqual({
      kind: 'detail',
      stage: 'publish',
      message: 'going on with an upload that broke off: 50.3 MB are there',
    });
    expect(proxy.sentBytes).toBeGreaterThan(3 * partBytes);
    expect(proxy.sentBytes).toBeLessThan(3.1 * partBytes);
    expect(sha256Hex(await download(artifact.url))).toBe(bundle.sha256);
    expect(await openUploads()).toEqual([]);
  });

  it('is removed when it was cut otherwise, after the object is there', async () => {
    const { bundle, part, key } = await prepare('other');
    await leaveUpload(key, new Map([[1, part(1).subarray(0, 5 << 20)]]));
    await leaveUpload(key, new Map());
    expect(await openUploads()).toHaveLength(2);
    const store = await openS3Store({ bucket: 'apps', endpoint: minio.endpoint });
    const { artifact } = await publish({ bundle, store, prefix: 'other' }, testContext());
    expect(sha256Hex(await download(artifact.url))).toBe(bundle.sha256);
    expect(await openUploads()).toEqual([]);
  });

  it('is removed when the object turns out to be there', async () => {
    const { bundle, part, key } = await prepare('there');
    const store = await openS3Store({ bucket: 'apps', endpoint: minio.endpoint });
    await publish({ bundle, store, prefix: 'there' }, testContext());
    await leaveUpload(key, new Map([[1, part(1)]]));
    await publish({ bundle, store, prefix: 'there' }, testContext());
    expect(await openUploads()).toEqual([]);
  });

  it('is begun anew when somebody removes it meanwhile', async () => {
    const { bundle, key } = await prepare('gone');
    const removed: Promise<unknown>[] = [];
    const context = testContext({
      reporter: {
        report: ({ kind }) => {
          if (kind === 'progress' && removed.length === 0) removed.push(removeAll(key));
        },
      },
    });
    const store = await openS3Store({ bucket: 'apps', endpoint: minio.endpoint });
    const { artifact } = await publish({ bundle, store, prefix: 'gone' }, context);
    await Promise.all(removed);
    expect(removed).toHaveLength(1);
    expect(sha256Hex(await download(artifact.url))).toBe(bundle.sha256);
    expect(await openUploads()).toEqual([]);
  });

  it('may have a publisher who is still at it: then both are done', async () => {
    const { bundle } = await prepare('both');
    const store = await openS3Store({ bucket: 'apps', endpoint: minio.endpoint });
    const second = testContext();
    const others: ReturnType<typeof publish>[] = [];
    const first = testContext({
      reporter: {
        report: (event) => {
          if (event.kind !== 'progress' || event.doneBytes < partBytes || others.length > 0) return;
          others.push(publish({ bundle, store, prefix: 'both' }, second));
        },
      },
    });
    const { artifact } = await publish({ bundle, store, prefix: 'both' }, first);
    expect(others).toHaveLength(1);
    for (const other of await Promise.all(others)) expect(other.artifact).toEqual(artifact);
    expect(sha256Hex(await download(artifact.url))).toBe(bundle.sha256);
    expect(await openUploads()).toEqual([]);
  });

  it('stays where the server is out of reach for too long, and the next run goes on from it', async () => {
    const { bundle } = await prepare('away');
    await using proxy = await startFaultyProxy(minio.endpoint);
    const timeouts = { connectMs: 500, idleMs: 500, stallMs: 1500 };
    const store = await openS3Store({ bucket: 'apps', endpoint: proxy.endpoint, timeouts });
    let isCut = false;
    const context = testContext({
      reporter: {
        report: (event) => {
          if (isCut || event.kind !== 'progress' || event.doneBytes < 4.5 * partBytes) return;
          isCut = true;
          proxy.setFaults(() => ({ kind: 'drop', afterSentBytes: 0 }));
          proxy.breakAll();
        },
      },
    });
    const failure = await failureOf(publish({ bundle, store, prefix: 'away' }, context));
    expect(failure.code).toBe('endpoint-unreachable');
    expect(failure.hint).toMatch(
      /^run the same command again: it goes on from what has arrived \([0-9.]+ MB\); /,
    );
    expect(await openUploads()).toHaveLength(1);
    proxy.setFaults(() => ({ kind: 'none' }));
    const before = proxy.sentBytes;
    const { artifact } = await publish({ bundle, store, prefix: 'away' }, testContext());
    expect(proxy.sentBytes - before).toBeLessThan(4.1 * partBytes);
    const url = artifact.url.replace(proxy.endpoint, minio.endpoint);
    expect(sha256Hex(await download(url))).toBe(bundle.sha256);
    expect(await openUploads()).toEqual([]);
  });

  async function removeAll(Key: string): Promise<void> {
    const { Uploads = [] } = await minio.client.listMultipartUploads({ Bucket: 'apps', Prefix: Key });
    expect(Uploads).toHaveLength(1);
    for (const { UploadId } of Uploads) {
      await minio.client.abortMultipartUpload({ Bucket: 'apps', Key, UploadId });
    }
  }
});
