import { afterAll, beforeAll, expect, it } from 'vitest';
import type { JobHistory } from '../../deploy/running/job-history.ts';
import { runDeploy } from '../../src/commands/deploy/deploy.ts';
import type { DeployFlags } from '../../src/commands/deploy/deploy-flags.ts';
import { runHistory } from '../../src/commands/history.ts';
import { runLogs } from '../../src/commands/logs.ts';
import { runRollback } from '../../src/commands/rollback.ts';
import { runStatus } from '../../src/commands/status.ts';
import { runStop } from '../../src/commands/stop.ts';
import type { SaddlebagError } from '../../src/core/errors.ts';
import type { Artifact } from '../../src/core/types.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { type AppServer, startAppServer } from '../stack/app-server.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';

describeWith(['nomad', 'root', 'cc'], 'a Nomad that asks for tokens', () => {
  let nomad: NomadStack;
  let apps: AppServer;

  beforeAll(async () => {
    [nomad, apps] = await Promise.all([startNomad({ hasAcl: true }), startAppServer()]);
  });
  afterAll(async () => {
    await Promise.all([nomad?.stop(), apps?.stop()]);
  });

  async function api(path: string, body: unknown): Promise<unknown> {
    const headers = { 'x-nomad-token': nomad.managementToken ?? '' };
    const response = await fetch(`${nomad.address}/v1${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }

  /** Makes a token whose only policy has these rules. */
  async function tokenFor(name: string, rules: string): Promise<string> {
    await api(`/acl/policy/${name}`, { Name: name, Rules: rules });
    const token = await api('/acl/token', { Name: name, Type: 'client', Policies: [name] });
    return (token as { SecretID: string }).SecretID;
  }

  const rulesOf = (capabilities: readonly string[]) =>
    `namespace "default" { capabilities = [${capabilities.map((name) => `"${name}"`).join(', ')}] }`;

  const contextWith = (token: string) =>
    testContext({
      env: { NOMAD_ADDR: nomad.address, NOMAD_TOKEN: token, SADDLEBAG_PUBLISHER: 'alice' },
    });

  async function deploy(token: string, artifact: Artifact, flags: DeployFlags = {}) {
    const context = contextWith(token);
    const input = {
      artifact: '-',
      flags: { job: 'web', minHealthyTime: '1s', ...flags },
      readStdin: async () => JSON.stringify(artifact),
    };
    const result = await runDeploy(input, context).catch((cause: unknown) => cause);
    return { result, told: JSON.stringify(context.events) };
  }

  async function printedPolicy(): Promise<string> {
    const input = { artifact: undefined, flags: { printAcl: true }, readStdin: async () => '' };
    return (await runDeploy(input, testContext())).text;
  }

  it.concurrent('is served by the policy that --print-acl prints', async () => {
    const token = await tokenFor('printed', await printedPolicy());
    const context = contextWith(token);
    const first = await deploy(token, apps.release('1', 'say one'));
    expect(first.result).toMatchObject({ json: { status: 'healthy' } });
    const crash = await deploy(token, apps.release('2', 'exit 3 boom'));
    expect(crash.result).toMatchObject({
      code: 'deploy-reverted',
      message: expect.stringContaining('its last words: boom'),
    });
    await deploy(token, apps.release('3', 'say three'));
    await runRollback({ job: 'web', version: 0, flags: {}, confirm: null }, context);
    const history = (await runHistory({ job: 'web', flags: {} }, context)).json as JobHistory;
    expect(history.versions.map(({ deployedBy }) => deployedBy)).toEqual(
      history.versions.map(({ jobVersion }) => (jobVersion === 2 ? null : 'alice')),
    );
    expect((await runStatus({ job: undefined, flags: {} }, context)).text).toMatch(/^web /m);
    const logs = await runLogs({ job: 'web', flags: { stderr: true }, write: () => undefined }, context);
    expect(logs.json).toMatchObject({ lines: ['one'] });
    await runStop({ job: 'web', flags: { purge: true } }, context);
    expect(JSON.stringify([context.events, first, crash])).not.toContain(token);
  });

  it.concurrent('is served by the parts of submit-job that the policy names', async () => {
    const parts = [...(await printedPolicy()).matchAll(/^# {3}"([a-z-]+)"/gm)].map((match) => match[1] ?? '');
    expect(parts).toContain('register-job');
    const token = await tokenFor('parts', rulesOf(['list-jobs', 'read-job', 'read-logs', ...parts]));
    const artifact = apps.release('1', 'exit 3 boom');
    const { result } = await deploy(token, artifact, { job: 'parts' });
    expect(result).toMatchObject({ code: 'deploy-failed', message: expect.stringContaining('2 times') });
    await runStop({ job: 'parts', flags: { purge: true } }, contextWith(token));
  });

  it.concurrent.each([
    ['no rights', [], 'read-job'],
    ['only the right to read', ['read-job'], 'submit-job (or plan-job, from Nomad 1.11.2 on)'],
    ['the right to plan', ['read-job', 'plan-job'], 'submit-job (or register-job, from Nomad 1.11.2 on)'],
  ])('names what a token with %s lacks', async (name, capabilities, lacking) => {
    const rules = capabilities.length === 0 ? 'node { policy = "read" }' : rulesOf(capabilities);
    const token = await tokenFor(name.replaceAll(' ', '-'), rules);
    const { result } = await deploy(token, apps.release('1', 'sleep'), { job: 'denied' });
    expect(result).toMatchObject({ code: 'nomad-forbidden', exitCode: 1 });
    expect((result as SaddlebagError).hint).toBe(
      `the token of NOMAD_TOKEN lacks ${lacking} in namespace default, or has expired; saddlebag deploy --print-acl prints a policy`,
    );
  });

  it.concurrent('deploys without the right to read logs, and says that it lacks it', async () => {
    const token = await tokenFor('blind', rulesOf(['read-job', 'submit-job']));
    const { result, told } = await deploy(token, apps.release('1', 'exit 3 boom'), { job: 'blind' });
    expect(result).toMatchObject({ code: 'deploy-failed' });
    expect(told).toContain('lacks read-logs in namespace default');
    await runStop({ job: 'blind', flags: { purge: true } }, contextWith(token));
  });

  it.concurrent('leaves a deployment to its deadline where the token may not fail it', async () => {
    const rights = ['read-job', 'read-logs', 'plan-job', 'register-job', 'deregister-job'];
    const token = await tokenFor('patient', rulesOf(rights));
    const flags = { job: 'patient', timeout: '12s' };
    const { result, told } = await deploy(token, apps.release('1', 'exit 3 boom'), flags);
    expect(result).toMatchObject({ code: expect.stringMatching(/^deploy-(failed|timed-out)$/) });
    expect(told).toContain('lacks submit-job (or fail-deployment, from Nomad 1.11.2 on)');
    await runStop({ job: 'patient', flags: {} }, contextWith(token));
  });

  it.concurrent('refuses to list jobs to who may not', async () => {
    const token = await tokenFor('unlisted', rulesOf(['read-job']));
    await expect(runStatus({ job: undefined, flags: {} }, contextWith(token))).rejects.toMatchObject({
      code: 'nomad-forbidden',
      hint: expect.stringContaining('lacks list-jobs'),
    });
  });

  it.concurrent('asks for a token where there is none', async () => {
    const context = testContext({ env: { NOMAD_ADDR: nomad.address } });
    await expect(runStatus({ job: 'web', flags: {} }, context)).rejects.toMatchObject({
      code: 'nomad-forbidden',
      hint: expect.stringMatching(/^set NOMAD_TOKEN to a token that has read-job/),
    });
  });
});
