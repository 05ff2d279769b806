import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { execProcess } from '../../src/core/exec.ts';
import type { Artifact, Bundle } from '../../src/core/types.ts';
import { fetchWhenUp, nobody, startChild } from '../helpers/children.ts';
import { builtCli, saddlebag, saddlebagJson } from '../helpers/cli.ts';
import { describeWith } from '../helpers/needs.ts';
import { freePort } from '../helpers/port.ts';
import { credentialsEnv } from '../helpers/s3-credentials.ts';
import { suiteDirectory, temporaryDirectory } from '../helpers/temporary.ts';
import { buildFlask, flaskTools } from '../stack/flask.ts';
import { type Minio, startMinio } from '../stack/minio.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';

const joke = 'I will require a $10M series B to write a blockchain-based pet taxi app.\n';

describeWith(flaskTools, 'the Flask closure', () => {
  const place = suiteDirectory();

  async function bundleFlask(release: Parameters<typeof buildFlask>[0]): Promise<Bundle> {
    const app = await buildFlask(release);
    return saddlebagJson<Bundle>(['bundle', app, '--compress', 'fast', '--force'], {
      cwd: place(),
    });
  }

  it('becomes a bundle that says what it is', async () => {
    const bundle = await bundleFlask({});
    expect(bundle).toMatchObject({
      name: 'app',
      appVersion: '0.1.0',
      file: join(place(), 'app-0.1.0-x86_64'),
      source: 'nix',
      entrypoint: {
        interpreter: 'python3.11',
        env: [{ name: 'PYTHONUNBUFFERED', value: '1', policy: 'where-unset' }],
      },
    });
    expect(bundle.image.paths.at(-1)?.storePath).toMatch(/-app-0\.1\.0$/);
    expect(await saddlebagJson(['inspect', bundle.file])).toEqual(bundle);
  });

  it('is listed by stock tools', async () => {
    const { file, tailOffset, image } = await bundleFlask({});
    const pipe = `set -o pipefail; tail -c +${tailOffset} ${file} | zstd -d | tar t | wc -l`;
    const { stdout, exitCode } = await execProcess('bash', ['-c', pipe]);
    const entries = image.paths.reduce((sum, path) => sum + path.entries, 0);
    expect([exitCode, stdout.trim()]).toEqual([0, String(entries)]);
  });

  describeWith(['root'], 'started by an unprivileged user', () => {
    it('answers on its first start and on the next', async () => {
      const { file } = await bundleFlask({});
      const directory = await temporaryDirectory();
      const cache = join(directory, 'cache');
      await mkdir(cache, { mode: 0o777 });
      await chmod(cache, 0o777);
      for (const start of ['first', 'next']) {
        const port = await freePort();
        const app = startChild(file, [], {
          ...nobody,
          cwd: '/',
          env: {
            PORT: String(port),
            SADDLEBAG_CACHE_DIR: join(cache, 'of-nobody'),
            SADDLEBAG_STRATEGY: 'namespace',
          },
          stdio: 'ignore',
        });
        expect(await fetchWhenUp(`http://127.0.0.1:${port}/`), start).toBe(joke);
        app.kill('SIGKILL');
      }
    });
  });

  it('gives the same bytes under another time zone, umask, locale, HOME and number of jobs', async () => {
    const first = await bundleFlask({});
    const app = await buildFlask({});
    const other = await temporaryDirectory();
    const command = `umask 077; exec "$0" "$@"`;
    const result = await execProcess(
      'bash',
      [
        '-c',
        command,
        process.execPath,
        ...[builtCli, 'bundle', app, '--compress', 'fast', '--jobs', '7', '--json', '--quiet'],
        ...['-o', join(other, 'app')],
      ],
      { env: { PATH: process.env.PATH, TZ: 'Pacific/Chatham', LC_ALL: 'C', HOME: '/nonexistent' } },
    );
    expect(result.stderr).toBe('');
    const second = JSON.parse(result.stdout) as Bundle;
    expect([second.sha256, second.closureSha256]).toEqual([first.sha256, first.closureSha256]);
  });

  describeWith(['minio', 'nomad', 'root'], 'on real servers', () => {
    let minio: Minio;
    let nomad: NomadStack;

    beforeAll(async () => {
      [minio, nomad] = await Promise.all([startMinio(), startNomad()]);
      await minio.makeBucket('bundles', { public: true });
    });

    afterAll(async () => {
      await Promise.all([nomad?.stop(), minio?.stop()]);
    });

    const env = () => ({
      PATH: process.env.PATH,
      HOME: place(),
      ...credentialsEnv(minio),
      AWS_ENDPOINT_URL_S3: minio.endpoint,
      NOMAD_ADDR: nomad.address,
    });

    async function releaseFlask(release: Parameters<typeof buildFlask>[0]) {
      const bundle = await bundleFlask(release);
      const published = await saddlebag(['publish', bundle.file, '--to', 's3://bundles/apps'], {
        env: env(),
      });
      expect(published.exitCode, published.stderr).toBe(0);
      // What publish prints is what deploy takes, and no more than that.
      const source = published.stdout.trimEnd();
      expect(source).toMatch(/^http:\/\/\S+\?archive=false&checksum=sha256:[0-9a-f]{64}$/);
      // Python as PID 1 is deaf to SIGTERM: each stop takes the whole kill timeout.
      const quick = ['--min-healthy-time', '1s', '--kill-timeout', '1s', '--memory', '256'];
      const job = ['--job', 'flask', '--port', 'http', '--check-path', '/'];
      return saddlebag(['deploy', source, ...job, ...quick], { env: env() });
    }

    async function ask<T>(path: string): Promise<T> {
      return (await (await fetch(`${nomad.address}${path}`)).json()) as T;
    }

    async function state() {
      const { Version, JobModifyIndex } = await ask<Record<string, unknown>>('/v1/job/flask');
      const allocations = await ask<{ ID: string; ClientStatus: string }[]>('/v1/job/flask/allocations');
      const running = allocations.filter(({ ClientStatus }) => ClientStatus === 'running');
      return { Version, JobModifyIndex, ids: running.map(({ ID }) => ID).sort() };
    }

    async function page(): Promise<string> {
      const [service] = await ask<{ Address: string; Port: number }[]>('/v1/service/flask');
      return fetchWhenUp(`http://${service?.Address}:${service?.Port}/`);
    }

    it('rolls out, changes nothing the second time, rolls on, and tells of a crash', async () => {
      const first = await releaseFlask({});
      expect(first.exitCode, first.stderr).toBe(0);
      expect(await page()).toBe(joke);

      const before = await state();
      const again = await releaseFlask({});
      expect(again.exitCode, again.stderr).toBe(0);
      expect(await state()).toEqual(before);

      const second = await releaseFlask({ version: '0.2.0', joke: 'Version two.' });
      expect(second.exitCode, second.stderr).toBe(0);
      expect(await page()).toBe('Version two.\n');
      expect((await state()).ids).not.toEqual(before.ids);

      const crash = await releaseFlask({ version: '0.3.0', crash: 'no series B in sight' });
      expect(crash.stderr).toContain('no series B in sight');
      expect([4, 5]).toContain(crash.exitCode);
      expect(await page()).toBe('Version two.\n');
    });

    it('publishes as JSON what deploy takes as a file', async () => {
      const bundle = await bundleFlask({});
      const artifact = await saddlebagJson<Artifact>(['publish', bundle.file, '--to', 's3://bundles/apps'], {
        env: env(),
      });
      expect(artifact).toMatchObject({
        version: 1,
        name: 'app',
        arch: 'x86_64',
        interpreter: 'python3.11',
        checksum: `sha256:${bundle.sha256}`,
        closureSha256: bundle.closureSha256,
        source: `${artifact.url}?archive=false&checksum=sha256:${bundle.sha256}`,
      });
    });
  });
});
