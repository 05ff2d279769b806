import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Release } from '../../deploy/release/release-model.ts';
import { runDeploy } from '../../src/commands/deploy/deploy.ts';
import type { DeployFlags } from '../../src/commands/deploy/deploy-flags.ts';
import { runPrune } from '../../src/commands/prune.ts';
import { runVerify } from '../../src/commands/verify.ts';
import type { SaddlebagError } from '../../src/core/errors.ts';
import { execProcess } from '../../src/core/exec.ts';
import type { Artifact } from '../../src/core/types.ts';
import { recordRelease } from '../../src/publish/releases/store.ts';
import { openS3Store } from '../../src/publish/s3/store.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { setCredentials } from '../helpers/s3-credentials.ts';
import { type AppServer, startAppServer } from '../stack/app-server.ts';
import { type Minio, startMinio } from '../stack/minio.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';
import { appPrefix, publishApp } from '../stack/publish-app.ts';

describeWith(['nomad', 'minio', 'root', 'cc'], 'what publish prints, fetched by a real client', () => {
  let nomad: NomadStack;
  let minio: Minio;
  let apps: AppServer;

  beforeAll(async () => {
    [nomad, minio, apps] = await Promise.all([startNomad(), startMinio(), startAppServer()]);
    await minio.makeBucket('public', { public: true });
    await minio.makeBucket('private');
    setCredentials(minio);
  });
  afterAll(async () => {
    await Promise.all([nomad?.stop(), minio?.stop(), apps?.stop()]);
  });

  const publishTo = (bucket: string, appVersion: string) => publishApp(apps, { minio, bucket }, appVersion);

  async function deploy(source: string, flags: DeployFlags): Promise<Release> {
    const input = { artifact: source, flags: { minHealthyTime: '1s', ...flags }, readStdin: async () => '' };
    const { json } = await runDeploy(input, testContext({ env: { NOMAD_ADDR: nomad.address } }));
    return json as Release;
  }

  const storeUrl = (bucket: string) => `s3://${bucket}/${appPrefix}?endpoint=${minio.endpoint}`;

  async function placeIn(bucket: string) {
    const store = await openS3Store({ bucket, endpoint: minio.endpoint });
    return { store, prefix: appPrefix, name: 'web' };
  }

  it('is a plain URL where anyone may read', async () => {
    const { source, url } = (await publishTo('public', '1')).artifact;
    expect(source.startsWith(`${url}?`)).toBe(true);
    expect(await deploy(source, { job: 'open' })).toMatchObject({ status: 'healthy' });
  });

  it('is verified by reading it back, and kept by prune while a version of a job names it', async () => {
    const context = testContext({ env: { NOMAD_ADDR: nomad.address, SADDLEBAG_STORE: storeUrl('public') } });
    const place = await placeIn('public');
    const published: Artifact[] = [];
    for (const version of ['3', '4', '5', '6']) {
      const { artifact } = await publishTo('public', version);
      published.push(artifact);
      const release = { artifact, publishedAt: new Date().toISOString(), publishedBy: null, revision: null };
      await recordRelease(place, { ...release, labels: {} }, context);
    }
    const verify = (artifact: string) =>
      runVerify({ artifact, flags: {}, readStdin: async () => '' }, context);
    expect((await verify('web@3')).json).toMatchObject({ hasMetadata: false, hasDigestFile: true });
    for (const artifact of published.slice(1, 3)) await deploy(artifact.source, { job: 'kept' });
    const { json } = await runPrune({ name: 'web', flags: { keep: 1, delete: true } }, context);
    expect(json).toMatchObject({
      nomadAsked: true,
      removed: [{ artifact: { appVersion: '3' } }],
      kept: [
        { artifact: { appVersion: '6' }, reason: 'last' },
        { artifact: { appVersion: '5' }, reason: 'used', usedBy: ['job kept version 1 in default'] },
        { artifact: { appVersion: '4' }, reason: 'used', usedBy: ['job kept version 0 in default'] },
      ],
    });
    expect((await verify('web@4')).exitCode).toBe(0);
    await expect(verify(published[0]?.source ?? '')).rejects.toMatchObject({ code: 'object-missing' });
    await fetch(`${nomad.address}/v1/job/kept?purge=true`, { method: 'DELETE' });
  });

  it('is a signed URL for those who ask for one', async () => {
    const { artifact, key } = await publishTo('private', '2');
    const store = await openS3Store({ bucket: 'private', endpoint: minio.endpoint });
    const url = (await store.presign?.(key, 60)) ?? '';
    const source = `${url}&archive=false&checksum=${artifact.checksum}`;
    expect(await deploy(source, { job: 'signed' })).toMatchObject({ status: 'healthy' });
    const verified = await runVerify(
      { artifact: source, flags: {}, readStdin: async () => '' },
      testContext(),
    );
    expect(verified.json).toMatchObject({ checksum: artifact.checksum, hasDigestFile: false });
  });

  it('is an s3:: source where not, and the job takes the credentials from a variable', async () => {
    const { source, url } = (await publishTo('private', '1')).artifact;
    expect(source.startsWith(`s3::${url}?`)).toBe(true);
    const flags = { job: 'closed', s3Variable: true } as const;
    const missing = await deploy(source, flags).catch((cause: SaddlebagError) => cause);
    expect(missing).toMatchObject({ code: 's3-variable-missing' });
    const command = 'hint' in missing ? (missing.hint ?? '').replace('store them: ', '') : '';
    const stored = await execProcess('sh', ['-c', command], {
      env: {
        PATH: process.env.PATH,
        NOMAD_ADDR: nomad.address,
        AWS_ACCESS_KEY_ID: minio.accessKey,
        AWS_SECRET_ACCESS_KEY: minio.secretKey,
      },
    });
    expect(stored.exitCode, stored.stderr).toBe(0);
    expect(await deploy(source, flags)).toMatchObject({ status: 'healthy' });
    const verified = await runVerify(
      { artifact: source, flags: {}, readStdin: async () => '' },
      testContext(),
    );
    expect(verified.json).toMatchObject({ hasMetadata: true, hasDigestFile: true });
    const job = await (await fetch(`${nomad.address}/v1/job/closed`)).text();
    expect(job).not.toContain(minio.secretKey);
    expect(job).not.toContain(minio.accessKey);
  });
});
