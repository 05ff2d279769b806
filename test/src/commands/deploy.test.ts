import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderHcl } from '../../../deploy/job/job-hcl.ts';
import { runDeploy } from '../../../src/commands/deploy/deploy.ts';
import type { DeployFlags } from '../../../src/commands/deploy/deploy-flags.ts';
import { sampleArtifactJson, sampleJobSpec, sampleSha256 } from '../../deploy/sample.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

/** Runs a dry run of what stdin holds, or of `artifact`. */
async function dryRun(stdin: string, flags: DeployFlags = {}, artifact = '-', cwd = '/', env = {}) {
  const context = testContext({ cwd, env });
  const input = { artifact, flags: { dryRun: true, ...flags }, readStdin: async () => stdin };
  return { ...(await runDeploy(input, context)), events: context.events };
}

describe('saddlebag deploy --dry-run', () => {
  it('prints the job as HCL and, for programs, as the API takes it', async () => {
    const { text, json, exitCode, events } = await dryRun(sampleArtifactJson(), { port: ['http'] });
    const spec = sampleJobSpec({ port: ['http'] });
    expect(`${text}\n`).toBe(renderHcl(spec));
    expect(json).toEqual({ Job: spec.job });
    expect(exitCode).toBe(0);
    expect(events).toEqual([]);
  });

  it('takes a source, a file and stdin', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'web.json'), sampleArtifactJson());
    const source = `https://apps.example/web/web-1.2-x86_64?archive=false&checksum=sha256:${sampleSha256}`;
    const fromStdin = await dryRun(sampleArtifactJson());
    expect((await dryRun('', {}, source)).text).toBe(fromStdin.text);
    expect((await dryRun('', {}, 'web.json', directory)).text).toBe(fromStdin.text);
  });

  it('warns of an artifact that only this host can fetch', async () => {
    const source = `http://127.0.0.1:8080/web-1-x86_64?checksum=sha256:${sampleSha256}`;
    expect((await dryRun(source)).events).toEqual([
      {
        kind: 'warning',
        stage: 'deploy',
        code: 'download-url-loopback',
        message: 'only this host can fetch http://127.0.0.1:8080/web-1-x86_64',
        hint: 'publish with --download-url http://HOST:PORT, by a name of this host that the clients know',
      },
    ]);
  });

  it('warns where it cannot tell the processor', async () => {
    const source = `http://apps.example/web?checksum=sha256:${sampleSha256}`;
    expect((await dryRun(source)).events).toMatchObject([{ kind: 'warning', code: 'arch-unknown' }]);
    expect((await dryRun(source, { arch: 'x86_64' })).events).toEqual([]);
  });

  it('says which file it cannot read', async () => {
    await expect(dryRun('', {}, 'nothing.json', '/nowhere')).rejects.toMatchObject({
      code: 'artifact-unreadable',
      message: 'cannot read /nowhere/nothing.json: no such file or directory',
      exitCode: 2,
    });
    // Names of files are not looked up among the releases.
    const env = { SADDLEBAG_STORE: '/nowhere' };
    for (const file of ['nothing.json', './web', '/nowhere/web']) {
      await expect(dryRun('', {}, file, '/nowhere', env)).rejects.toThrow('no such file or directory');
    }
  });

  it.each(['', ' \n'])('takes %j for a publish that failed', async (artifact) => {
    await expect(dryRun('', {}, artifact)).rejects.toMatchObject({
      code: 'artifact-unreadable',
      message: 'cannot read the artifact: it is an empty text',
      hint: 'where `saddlebag publish` was to print it, see why that failed',
    });
  });

  it('calls a script a program', async () => {
    await expect(dryRun('#!/bin/sh\nexec true\n')).rejects.toThrow('it is a program, not what tells of');
  });

  it.each([
    [{ plan: true }, 'flags-conflict', 'cannot deploy: --dry-run asks no server, --plan does'],
    [
      { detach: true, timeout: '5m' },
      'flags-conflict',
      'cannot deploy: --detach does not wait, --timeout says how long',
    ],
    [
      { env: ['A=1', 'API_TOKEN=x'] },
      'secret-in-plain-text',
      'cannot write API_TOKEN into a job: who may read the job can read it',
    ],
    [{ timeout: '5' }, 'timeout-invalid', 'expected a duration like 5m, up to 500h, got "5"'],
    [{ timeout: '0s' }, 'timeout-invalid', 'got "0s"'],
    [{ timeout: '900h' }, 'timeout-invalid', 'got "900h"'],
  ])('refuses %o', async (flags, code, message) => {
    await expect(dryRun(sampleArtifactJson(), flags)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
      exitCode: 2,
    });
  });
});
