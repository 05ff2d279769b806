import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import type { SaddlebagError } from '../../src/core/errors.ts';
import { publish } from '../../src/publish/publish.ts';
import type { S3Options } from '../../src/publish/s3/bucket.ts';
import { openS3Store } from '../../src/publish/s3/store.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { setCredentials } from '../helpers/s3-credentials.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { failureOf } from '../src/publish/failure.ts';
import { writePublishable } from '../src/publish/publishable.ts';
import { type Minio, startMinio } from '../stack/minio.ts';

describeWith(['minio'], 'what the environment says of a MinIO', () => {
  let minio: Minio;

  beforeAll(async () => {
    minio = await startMinio();
    await minio.makeBucket('apps');
  });
  beforeEach(() => setCredentials(minio));
  afterAll(() => minio?.stop());

  it('takes the endpoint and the region from the usual variables', async () => {
    process.env.AWS_ENDPOINT_URL = minio.endpoint;
    process.env.AWS_REGION = 'eu-central-1';
    const store = await openS3Store({ bucket: 'apps' });
    expect(store.downloadBase).toBe(`${minio.endpoint}/apps`);
    expect(await store.head('nothing', AbortSignal.timeout(10_000))).toBeUndefined();
  });

  it('takes all of it from a profile', async () => {
    const directory = await temporaryDirectory();
    const config = [
      '[profile minio]',
      'region = eu-west-1',
      `endpoint_url = ${minio.endpoint}`,
      `aws_access_key_id = ${minio.accessKey}`,
      `aws_secret_access_key = ${minio.secretKey}`,
    ];
    await writeFile(join(directory, 'config'), `${config.join('\n')}\n`);
    setCredentials(null);
    process.env.AWS_CONFIG_FILE = join(directory, 'config');
    process.env.AWS_PROFILE = 'minio';
    const store = await openS3Store({ bucket: 'apps' });
    expect(store.downloadBase).toBe(`${minio.endpoint}/apps`);
    expect(await store.head('nothing', AbortSignal.timeout(10_000))).toBeUndefined();
  });

  it('names a bucket that does not exist', async () => {
    const failure = await publishFailure({ bucket: 'nowhere' });
    expect(failure.code).toBe('bucket-missing');
    expect(failure.message).toMatch(/^cannot read s3:\/\/nowhere\/.*: the bucket does not exist$/);
    expect(failure.hint).toContain('create it');
  });

  it.each([
    ['a wrong secret key', 'saddlebag-test', 'the secret key does not fit the access key'],
    ['an unknown access key', 'AKIAUNKNOWN', 'the server does not know the access key'],
  ])('says what is wrong with %s, and shows none of it', async (_, accessKey, reason) => {
    setCredentials({ accessKey, secretKey: 'wrong-secret-of-the-test' });
    const failure = await publishFailure({});
    expect(failure.code).toBe('credentials-invalid');
    expect(failure.message.endsWith(`: ${reason}`)).toBe(true);
    for (const secret of [accessKey, 'wrong-secret-of-the-test', 'Signature=', 'AWS4-HMAC']) {
      expect(everythingIn(failure)).not.toContain(secret);
    }
  });

  it('says that there are no credentials', async () => {
    setCredentials(null);
    const failure = await publishFailure({});
    expect(failure.code).toBe('credentials-missing');
    expect(failure.hint).toContain('AWS_ACCESS_KEY_ID');
  });

  async function publishFailure(options: Partial<S3Options>): Promise<SaddlebagError> {
    const bundle = await writePublishable(await temporaryDirectory());
    const run = async () =>
      publish(
        {
          bundle,
          store: await openS3Store({ bucket: 'apps', endpoint: minio.endpoint, ...options }),
          prefix: 'errors',
        },
        testContext(),
      );
    return failureOf(run());
  }
});

/** All that someone could print of an error: its causes, hidden fields and stacks as well. */
function everythingIn(failure: SaddlebagError): string {
  return inspect(failure, { depth: 10, showHidden: true }) + JSON.stringify(failure);
}
