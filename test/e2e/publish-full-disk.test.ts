import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { execProcess } from '../../src/core/exec.ts';
import { publish } from '../../src/publish/publish.ts';
import { openS3Store } from '../../src/publish/s3/store.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { setCredentials } from '../helpers/s3-credentials.ts';
import { suiteDirectory, temporaryDirectory } from '../helpers/temporary.ts';
import { failureOf } from '../src/publish/failure.ts';
import { writePublishable } from '../src/publish/publishable.ts';
import { type Minio, startMinio } from '../stack/minio.ts';

const mebibyte = 1 << 20;

describeWith(['minio', 'root', 'mount'], 'publishing to a server whose disk is full', () => {
  const place = suiteDirectory();
  let minio: Minio | undefined;

  beforeAll(async () => {
    const mounted = await execProcess('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', place()]);
    expect(mounted.exitCode, mounted.stderr).toBe(0);
    minio = await startMinio({ data: `${place()}/data` });
    await minio.makeBucket('apps');
    setCredentials(minio);
  });
  afterAll(async () => {
    await minio?.stop();
    await execProcess('umount', ['--lazy', place()]);
  });

  it('says so in a line, and leaves nothing that would take more room', async () => {
    if (minio === undefined) throw new Error('no MinIO was started');
    const bundle = await writePublishable(await temporaryDirectory(), { sizeBytes: 80 * mebibyte });
    const store = await openS3Store({ bucket: 'apps', endpoint: minio.endpoint });
    const failure = await failureOf(publish({ bundle, store, prefix: '' }, testContext()));
    expect(failure.code).toBe('storage-full');
    expect(failure.message).toBe(
      `cannot write s3://apps/web/${bundle.sha256}/web-1.0-x86_64: no space left on the server`,
    );
    expect(failure.hint).toBe('free space on the server, or raise its quota');
    expect(inspect(failure, { depth: 10, showHidden: true })).not.toContain(minio.secretKey);
    const { Uploads = [] } = await minio.client.listMultipartUploads({ Bucket: 'apps' });
    expect(Uploads).toEqual([]);
  });
});
