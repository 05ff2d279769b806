import { createServer } from 'node:http';
import { describe, expect, it } from 'vitest';
import { runDeploy } from '../../../src/commands/deploy/deploy.ts';
import type { DeployFlags } from '../../../src/commands/deploy/deploy-flags.ts';
import type { Context } from '../../../src/core/context.ts';
import { sampleArtifactJson, sampleChecksum } from '../../deploy/sample.ts';
import { testContext } from '../../helpers/context.ts';
import { freePort, nobodyElsewhere } from '../../helpers/port.ts';
import { serveInTest } from '../../helpers/test-server.ts';
import { Refusal, startFakeNomad } from '../../stack/fake-nomad.ts';
import { edited } from './job-file-deploy.ts';

/** An agent that refuses each submission, and so tells whether there was one. */
async function agent(diff: object = edited) {
  const groups = [{ Name: 'web', Count: 1 }];
  // What only runs when it is called is not watched.
  const state = { Version: 3, JobModifyIndex: 5, Type: 'batch', ParameterizedJob: {}, TaskGroups: groups };
  return startFakeNomad({
    '/nodes': [{ ID: 'n1' }],
    '/job/web': state,
    '/validate/job': {},
    '/job/web/plan': { JobModifyIndex: 5, Diff: diff },
    '/jobs': () => new Refusal(500, 'enough'),
  });
}

/** Answers every request with a status, and returns the URL of an artifact there. */
async function artifactServer(status: number, onRequest = () => {}): Promise<string> {
  const server = createServer((_, response) => {
    onRequest();
    response.writeHead(status).end('a');
  });
  return `http://127.0.0.1:${await serveInTest(server)}/web-1.2-x86_64`;
}

/** Deploys the artifact at a URL, and tells what came of it, the warnings and whether anything was submitted. */
async function deploy(
  url: string,
  changes: Partial<Context> & { readonly diff?: object } = {},
  flags: DeployFlags = {},
) {
  const nomad = await agent(changes.diff);
  const env = { ...nobodyElsewhere, ...changes.env, NOMAD_ADDR: nomad.address };
  const context = testContext({ ...changes, env });
  const source = `${url}${url.includes('?') ? '&' : '?'}archive=false&checksum=${sampleChecksum}`;
  const result: unknown = await runDeploy(
    { artifact: '-', flags, readStdin: async () => sampleArtifactJson({ url, source }) },
    context,
  ).catch((cause: unknown) => cause);
  const warnings = context.events.filter(({ kind }) => kind === 'warning');
  return { result, warnings, isSubmitted: nomad.calls.some((call) => call.endsWith(' /jobs')) };
}

describe('what a deploy would have clients fetch', () => {
  it.each([404, 410])('is not there by %i: what runs is left alone', async (status) => {
    const url = await artifactServer(status);
    const { result, isSubmitted } = await deploy(`${url}?X-Amz-Signature=geheim`);
    expect(result).toMatchObject({
      code: 'object-missing',
      message: `cannot deploy web: what it would fetch is not there: ${url} answers ${status}`,
      hint: expect.stringMatching(/^publish it again.*; nothing was submitted$/),
      exitCode: 1,
    });
    expect(isSubmitted).toBe(false);
  });

  it.each([
    [206, []],
    [403, ['download-refused']],
    [503, ['download-unreachable']],
  ])('answers %i, which is no reason to stop', async (status, codes) => {
    const { result, isSubmitted, warnings } = await deploy(await artifactServer(status));
    expect(result).toMatchObject({ code: 'nomad-failed' });
    expect(warnings).toEqual(
      codes.map((code) =>
        expect.objectContaining({ code, message: expect.stringContaining(`it answers ${status}`) }),
      ),
    );
    expect(isSubmitted).toBe(true);
  });

  it('is a link whose signature does not hold any more', async () => {
    const url = await artifactServer(403);
    const { warnings } = await deploy(`${url}?X-Amz-Signature=geheim`);
    expect(warnings).toMatchObject([
      {
        message: `${url} cannot be fetched from here: it answers 403`,
        hint: expect.stringContaining('--presign'),
      },
    ]);
  });

  it.each([
    ['nobody listens', async () => `http://127.0.0.1:${await freePort()}/web-1.2-x86_64`, {}],
    [
      'another network is asked by a proxy that is gone',
      async () => 'https://apps.example/web-1.2-x86_64',
      {},
    ],
    [
      'the certificates for it cannot be read',
      async () => 'https://apps.example/web-1.2-x86_64',
      { AWS_CA_BUNDLE: '/nowhere' },
    ],
  ])('cannot be asked for where %s', async (_, find, env) => {
    const { isSubmitted, warnings } = await deploy(await find(), { env });
    expect(warnings).toMatchObject([{ code: 'download-unreachable', stage: 'deploy' }]);
    expect(isSubmitted).toBe(true);
  });

  it.each([
    ['the job would not change', { diff: { Type: 'None', ID: 'web' } }, {}],
    ['it is only planned', {}, { plan: true }],
  ])('is not asked for where %s', async (_, changes, flags) => {
    let asked = 0;
    const url = await artifactServer(404, () => {
      asked += 1;
    });
    const { result } = await deploy(url, changes, flags);
    expect(result).toMatchObject({ exitCode: 0 });
    expect(asked).toBe(0);
  });

  it('is asked for until somebody interrupts', async () => {
    const controller = new AbortController();
    const url = await artifactServer(200, () => controller.abort());
    const { result, isSubmitted } = await deploy(url, { signal: controller.signal });
    expect(result).toMatchObject({
      code: 'interrupted',
      message: 'interrupted while deploying web: nothing was submitted',
    });
    expect(isSubmitted).toBe(false);
  });
});
