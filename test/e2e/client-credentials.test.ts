import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describeWith } from '../helpers/needs.ts';
import { setCredentials } from '../helpers/s3-credentials.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { type AppServer, startAppServer } from '../stack/app-server.ts';
import { deployTo } from '../stack/deployer.ts';
import { type Minio, startMinio } from '../stack/minio.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';
import { publishApp } from '../stack/publish-app.ts';

/** The options of an artifact by which a job of the user's own gives its client the keys. */
function jobWith(id: string, accessKey: string, secretKey: string): string {
  return `variable "artifact_source" {}
variable "artifact_checksum" {}

job "${id}" {
  group "app" {
    update {
      min_healthy_time = "1s"
    }

    task "app" {
      driver = "exec"

      config {
        command = "local/app"
      }

      artifact {
        source      = var.artifact_source
        destination = "local/app"
        mode        = "file"

        options {
          archive               = "false"
          checksum              = var.artifact_checksum
          aws_access_key_id     = "${accessKey}"
          aws_access_key_secret = "${secretKey}"
        }
      }
    }
  }
}
`;
}

describeWith(['nomad', 'minio', 'root', 'cc'], 'a private bucket, read by', () => {
  let minio: Minio;
  let apps: AppServer;
  /** The client of the first has the keys as metadata of its node, that of the second in its environment. */
  let byMeta: NomadStack;
  let byEnvironment: NomadStack;

  beforeAll(async () => {
    [minio, apps] = await Promise.all([startMinio(), startAppServer()]);
    await minio.makeBucket('private');
    setCredentials(minio);
    const { accessKey, secretKey } = minio;
    [byMeta, byEnvironment] = await Promise.all([
      startNomad({ nodeMeta: { s3_key: accessKey, s3_secret: secretKey } }),
      startNomad({ downloaderEnv: { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey } }),
    ]);
  });
  afterAll(async () => {
    await Promise.all([byMeta?.stop(), byEnvironment?.stop(), minio?.stop(), apps?.stop()]);
  });

  const publishPrivately = async () =>
    (await publishApp(apps, { minio, bucket: 'private' }, '1')).artifact.source;

  async function deployOwn(job: string) {
    const jobFile = join(await temporaryDirectory(), 'app.nomad.hcl');
    await writeFile(jobFile, job);
    return deployTo(byMeta.address, await publishPrivately(), { jobFile, minHealthyTime: undefined });
  }

  it('nobody who has no keys, who is told the ways', async () => {
    const source = await publishPrivately();
    await expect(deployTo(byMeta.address, source, { job: 'none' })).rejects.toMatchObject({
      code: 'deploy-failed',
      message: expect.stringMatching(/^cannot deploy none: .* operation error S3: GetObject/),
      hint: expect.stringContaining('--s3-variable'),
    });
  });

  it("the client's own environment", async () => {
    const source = await publishPrivately();
    const { release } = await deployTo(byEnvironment.address, source, { job: 'environment' });
    expect(release).toMatchObject({ status: 'healthy' });
  });

  it('options of the job file', async () => {
    const { release } = await deployOwn(jobWith('options', minio.accessKey, minio.secretKey));
    expect(release).toMatchObject({ status: 'healthy' });
  });

  it("metadata of the client's node, named by the job file", async () => {
    const { release } = await deployOwn(jobWith('meta', '$${meta.s3_key}', '$${meta.s3_secret}'));
    expect(release).toMatchObject({ status: 'healthy' });
    const job = await (await fetch(`${byMeta.address}/v1/job/meta`)).text();
    expect(job).not.toContain(minio.secretKey);
  });
});
