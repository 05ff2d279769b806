import { access, appendFile, cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Release } from '../../deploy/release/release-model.ts';
import { sha256Hex } from '../../src/core/digest.ts';
import { execProcess } from '../../src/core/exec.ts';
import type { Artifact, ReleaseList } from '../../src/core/types.ts';
import { builtCli, saddlebag, saddlebagJson } from '../helpers/cli.ts';
import { describeWith } from '../helpers/needs.ts';
import { shellSteps } from '../helpers/pipeline.ts';
import { credentialsEnv } from '../helpers/s3-credentials.ts';
import { suiteDirectory } from '../helpers/temporary.ts';
import { compileApp } from '../stack/app-server.ts';
import { type Minio, startMinio } from '../stack/minio.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const example = fileURLToPath(new URL('../../examples/pet-taxi', import.meta.url));

interface UpResult {
  readonly apps: readonly {
    readonly name: string;
    readonly status: string;
    readonly closureSha256: string;
    readonly artifact: Artifact;
    readonly deploy: Release;
  }[];
}

describeWith(
  ['nomad', 'minio', 'root', 'cc', 'bash', 'curl'],
  'saddlebag up on a real Nomad and MinIO',
  () => {
    const directory = suiteDirectory();
    let nomad: NomadStack;
    let minio: Minio;

    beforeAll(async () => {
      // The action would build it, and for that replace the node_modules from which this test runs.
      await access(builtCli);
      [nomad, minio] = await Promise.all([startNomad(), startMinio()]);
      await minio.makeBucket('bundles', { public: true });
      await cp(example, directory(), { recursive: true });
      // The example brings Node, which takes long to compress; what a bundle of it does, the demo's test shows.
      const app = join(directory(), 'pet-taxi');
      await rm(app);
      await compileApp(app);
      await appendFile(app, '\nserve a blockchain-based pet taxi');
      await edit('check_path', 'update { min_healthy_time = "1s" }\n    check_path');
    });
    afterAll(async () => {
      await Promise.all([nomad?.stop(), minio?.stop()]);
    });

    /** The servers by the variables that the user has them in: they go before the file. */
    const options = () => ({
      cwd: directory(),
      env: {
        PATH: process.env.PATH,
        HOME: directory(),
        SADDLEBAG_BUILD_CACHE: process.env.SADDLEBAG_BUILD_CACHE,
        NOMAD_ADDR: nomad.address,
        AWS_ENDPOINT_URL_S3: minio.endpoint,
        ...credentialsEnv(minio),
        AWS_REGION: 'us-east-1',
      },
    });

    async function up(...flags: string[]) {
      const { apps } = await saddlebagJson<UpResult>(['up', ...flags], options());
      const [app] = apps;
      if (app === undefined) throw new Error('up told of no app');
      return app;
    }

    async function edit(from: string, to: string): Promise<void> {
      const file = join(directory(), 'saddlebag.hcl');
      const text = await readFile(file, 'utf8');
      expect(text).toContain(from);
      await writeFile(file, text.replace(from, to));
    }

    async function releases(): Promise<ReleaseList> {
      return saddlebagJson(['releases', 'pet-taxi', '--from', 's3://bundles/apps'], options());
    }

    it('takes a project to a healthy page, and leaves alone what did not change', async () => {
      const plan = await saddlebag(['up', '--plan'], options());
      expect(plan, plan.stderr).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('pet-taxi') });
      expect(await releases()).toMatchObject({ releases: [] });

      const told = await saddlebag(['up'], options());
      expect(told.exitCode, told.stderr).toBe(0);
      const [, url] = /pet-taxi answers at (http:\/\/\S+)$/m.exec(told.stderr) ?? [];
      expect(await (await fetch(url ?? '')).text()).toContain('pet taxi');

      const again = await up();
      expect(again).toMatchObject({
        name: 'pet-taxi',
        status: 'done',
        deploy: { status: 'unchanged', jobVersion: 0 },
      });
      expect(again.deploy.evalId).toBe(told.stdout.trim());

      // As a new Saddlebag would: other bytes, the same closure.
      await edit('version = "0.1.0"', 'version = "0.1.0"\n    compress = "fast"');
      const otherBytes = await up();
      expect(otherBytes.deploy).toMatchObject({ status: 'unchanged', evalId: again.deploy.evalId });
      expect(otherBytes.artifact).toEqual(again.artifact);
      expect((await releases()).releases).toHaveLength(1);

      const refreshed = await up('--refresh');
      expect(refreshed.deploy).toMatchObject({ status: 'healthy', jobVersion: 1 });
      expect(refreshed.closureSha256).toBe(again.closureSha256);
      expect(refreshed.artifact.checksum).not.toBe(again.artifact.checksum);
      // Of two releases of this closure it keeps the one that runs.
      expect((await up()).deploy).toMatchObject({ status: 'unchanged', jobVersion: 1 });
    });

    it.each(['examples/ci/github.yml', 'examples/ci/gitlab.yml', 'action.yml'])(
      'deploys by the steps of %s',
      async (name) => {
        const steps = shellSteps(await readFile(join(repository, name), 'utf8'));
        expect(steps.some((step) => step.includes('saddlebag up'))).toBe(true);
        const temporary = join(directory(), 'runner');
        const file = join(temporary, 'downloaded');
        await mkdir(temporary, { recursive: true });
        const text = `#!/bin/sh\nexec '${process.execPath}' '${builtCli}' "$@"\n`;
        await writeFile(file, text, { mode: 0o755 });
        const env = {
          ...options().env,
          PATH: `${join(temporary, 'saddlebag')}:${process.env.PATH}`,
          SADDLEBAG_URL: `file://${file}`,
          SADDLEBAG_SHA256: sha256Hex(text),
          GITHUB_ACTION_PATH: repository,
          GITHUB_PATH: join(temporary, 'path'),
          RUNNER_TEMP: temporary,
          SADDLEBAG_ENVIRONMENT: 'prod',
          APPS: 'pet-taxi',
          PLAN: 'false',
          TIMEOUT: '5m',
        };
        for (const step of steps) {
          const outcome = await execProcess('bash', ['-e', '-c', step], {
            ...options(),
            env,
            timeoutMs: 120_000,
          });
          expect(outcome.exitCode, `${step}\n${outcome.stderr}`).toBe(0);
        }
        const allocations = await fetch(`${nomad.address}/v1/job/pet-taxi/summary`);
        expect(await allocations.json()).toMatchObject({ Summary: { 'pet-taxi': { Running: 3 } } });
      },
    );

    it('changes nothing that wants to be confirmed unless somebody does', async () => {
      expect(await saddlebag(['up', '-e', 'prod'], options())).toMatchObject({
        exitCode: 2,
        stdout: '',
        stderr: expect.stringContaining('nobody can be asked here\n  hint: pass --yes'),
      });
    });

    it('bundles nothing where the file is wrong, and says where', async () => {
      await edit('memory     = 128', 'memroy = 128');
      const refused = await saddlebag(['up'], options());
      expect(refused).toMatchObject({
        exitCode: 2,
        stderr: expect.stringMatching(
          /^saddlebag: cannot use saddlebag\.hcl:\d+: app\.pet-taxi\.deploy\.memroy: there is no such setting: memory\?\n/,
        ),
      });
    });
  },
);
