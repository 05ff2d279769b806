import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { sha256Hex } from '../../src/core/digest.ts';
import type { Artifact } from '../../src/core/types.ts';
import { saddlebag, saddlebagJson } from '../helpers/cli.ts';
import { describeWith } from '../helpers/needs.ts';
import { credentialsEnv } from '../helpers/s3-credentials.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { compileApp } from '../stack/app-server.ts';
import { type Minio, startMinio } from '../stack/minio.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';

describeWith(['minio', 'nomad', 'root', 'cc'], 'a static program that is no bundle', () => {
  let minio: Minio;
  let nomad: NomadStack;
  let env: Record<string, string>;

  beforeAll(async () => {
    [minio, nomad] = await Promise.all([startMinio(), startNomad()]);
    await minio.makeBucket('apps', { public: true });
    env = {
      ...credentialsEnv(minio),
      NOMAD_ADDR: nomad.address,
    };
  });
  afterAll(async () => {
    await Promise.all([minio?.stop(), nomad?.stop()]);
  });

  it('is published as it is, and runs on Nomad', async () => {
    const file = join(await temporaryDirectory(), 'sleeper');
    await compileApp(file);
    // Its last line says what it does.
    await writeFile(file, Buffer.concat([await readFile(file), Buffer.from('\nsleep')]));
    await chmod(file, 0o755);
    const args = ['publish', file, '--app-version', '1.2', '--to', 's3://apps', '--endpoint', minio.endpoint];
    const published = await saddlebag([...args, '--json'], { env });
    expect(published).toMatchObject({ exitCode: 0 });
    expect(published.stderr).not.toContain('warning');
    const artifact = JSON.parse(published.stdout) as Artifact;
    const sha256 = sha256Hex(await readFile(file));
    expect(artifact).toMatchObject({
      name: 'sleeper',
      appVersion: '1.2',
      arch: process.arch === 'arm64' ? 'aarch64' : 'x86_64',
      interpreter: null,
      checksum: `sha256:${sha256}`,
      closureSha256: sha256,
    });
    const reference = ['sleeper@1.2', '--from', 's3://apps', '--endpoint', minio.endpoint];
    const flags = ['--min-healthy-time', '1s', '--memory', '64'];
    const release = await saddlebagJson<{ status: string }>(['deploy', ...reference, ...flags], { env });
    expect(release).toMatchObject({ jobId: 'sleeper' });
    const response = await fetch(`${nomad.address}/v1/job/sleeper/allocations`);
    expect(await response.json()).toMatchObject([{ ClientStatus: 'running' }]);
  });
});
