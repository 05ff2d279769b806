import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseArtifact } from '../../deploy/artifact/artifact.ts';
import type { SettingsTree } from '../../deploy/job/settings/tree.ts';
import type { Release } from '../../deploy/release/release-model.ts';
import { deployArtifact } from '../../src/commands/deploy/deploy.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { type AppServer, startAppServer } from '../stack/app-server.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';

describeWith(['nomad', 'root', 'cc'], 'generated jobs on a real Nomad', () => {
  let nomad: NomadStack;
  let apps: AppServer;

  beforeAll(async () => {
    [nomad, apps] = await Promise.all([startNomad(), startAppServer()]);
  });
  afterAll(async () => {
    await Promise.all([nomad?.stop(), apps?.stop()]);
  });

  /** Deploys a release that does what `line` says, with these settings. */
  async function deploy(job: string, line: string, tree: SettingsTree): Promise<Release> {
    const artifact = parseArtifact(JSON.stringify(apps.release('1', line)));
    const small = { job, cpu: 20, memory: 16, ...tree };
    const context = testContext({ env: { NOMAD_ADDR: nomad.address } });
    const { json } = await deployArtifact({ artifact, source: { tree: small }, options: {} }, context);
    return json as Release;
  }

  async function api(path: string, body?: unknown): Promise<string> {
    const init = body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) };
    const response = await fetch(`${nomad.address}/v1${path}`, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
    return text;
  }

  /** Waits for the first allocation of a job to complete, and returns what its task wrote. */
  async function outputOf(job: string, task: string): Promise<string> {
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      const [allocation] = JSON.parse(await api(`/job/${encodeURIComponent(job)}/allocations`)) as {
        readonly ID: string;
        readonly ClientStatus: string;
      }[];
      if (allocation?.ClientStatus === 'complete') {
        return api(`/client/fs/logs/${allocation.ID}?task=${task}&type=stdout&plain=true`);
      }
      if (allocation?.ClientStatus === 'failed') throw new Error(`${job} failed`);
      await delay(100);
    }
    throw new Error(`${job} did not complete within 60 s`);
  }

  it.concurrent('a batch job gets secrets as they are, whatever they hold', async () => {
    const secret = `a b"c'd\\e$f\${g} #h %{i} <é🚕>`;
    const items = { url: secret, 'odd-key': 'x=y' };
    await api('/var/nomad/jobs/secret', { Path: 'nomad/jobs/secret', Items: items });
    const release = await deploy('secret', 'print URL secrets/saddlebag.env', {
      type: 'batch',
      secret: { URL: 'url', ODD: 'nomad/jobs/secret:odd-key' },
    });
    expect(release).toMatchObject({ status: 'healthy', allocations: [{ status: 'complete' }] });
    const output = await outputOf('secret', 'secret');
    expect(output.split('\n')[0]).toBe(`URL=${secret}`);
    expect(output).toContain('ODD="x=y"');
    expect(await api('/job/secret')).not.toContain('a b');
  });

  it.concurrent('a task before the main one runs another program of the bundle with the same variables', async () => {
    const release = await deploy('steps', 'print NAME alloc/data/none', {
      type: 'batch',
      env: { NAME: 'main' },
      task: { before: { lifecycle: { hook: 'prestart' }, args: ['print NAME /none'], program: 'other' } },
    });
    expect(release).toMatchObject({ status: 'healthy' });
    expect(await outputOf('steps', 'before')).toBe('NAME=main\n');
    expect(await outputOf('steps', 'steps')).toBe('NAME=main\n');
  });

  it.concurrent('a periodic job starts nothing until its time comes', async () => {
    const periodic = { crons: ['0 0 1 1 *'], time_zone: 'Europe/Berlin', prohibit_overlap: true };
    expect(await deploy('yearly', 'print NOMAD_JOB_ID /none', { type: 'batch', periodic })).toMatchObject({
      status: 'registered',
      allocations: [],
    });
    await api('/job/yearly/periodic/force', {});
    const children = JSON.parse(await api('/jobs?prefix=yearly%2F')) as { readonly ID: string }[];
    expect(children).toHaveLength(1);
    const child = children[0]?.ID ?? '';
    expect(await outputOf(child, 'yearly')).toBe(`NOMAD_JOB_ID=${child}\n`);
  });

  it.concurrent('a parameterized job gets payload and meta of each dispatch', async () => {
    const parameterized = { payload: 'required', meta_required: ['who'] };
    const tree = { type: 'batch', parameterized, dispatch_payload: { file: 'input.txt' } };
    expect(await deploy('ask', 'print NOMAD_META_who local/input.txt', tree)).toMatchObject({
      status: 'registered',
    });
    const body = { Meta: { who: 'you' }, Payload: Buffer.from('a payload').toString('base64') };
    const dispatched = JSON.parse(await api('/job/ask/dispatch', body)) as {
      readonly DispatchedJobID: string;
    };
    expect(await outputOf(dispatched.DispatchedJobID, 'ask')).toBe('NOMAD_META_who=you\na payload');
  });

  it.concurrent('a system job comes up on every node, with the ports that it serves on', async () => {
    const tree = { type: 'system', port: { http: {} }, check_path: '/', update: { min_healthy_time: '1s' } };
    expect(await deploy('everywhere', 'serve here', tree)).toMatchObject({
      status: 'healthy',
      allocations: [{ status: 'running' }],
    });
    // Nothing changed, so nothing is done.
    expect(await deploy('everywhere', 'serve here', tree)).toMatchObject({ status: 'unchanged' });
  });

  it.concurrent('a sysbatch job completes on every node, or fails', async () => {
    expect(await deploy('sweep', 'exit 0 done', { type: 'sysbatch' })).toMatchObject({
      status: 'healthy',
      allocations: [{ status: 'complete' }],
    });
    const restart = { attempts: 0 };
    await expect(deploy('sweep-bad', 'exit 4 no', { type: 'sysbatch', restart })).rejects.toMatchObject({
      code: 'batch-failed',
      exitCode: 10,
    });
  });
});
