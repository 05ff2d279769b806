import { afterAll, beforeAll, expect, it } from 'vitest';
import { parseArtifact } from '../../deploy/artifact/artifact.ts';
import type { SettingsTree } from '../../deploy/job/settings/tree.ts';
import type { Release } from '../../deploy/release/release-model.ts';
import { deployArtifact } from '../../src/commands/deploy/deploy.ts';
import type { DeployOptions } from '../../src/commands/deploy/deploy-flags.ts';
import { runWatch } from '../../src/commands/watch.ts';
import type { Context } from '../../src/core/context.ts';
import type { Artifact } from '../../src/core/types.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { type AppServer, startAppServer } from '../stack/app-server.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';

const quick = { update: { min_healthy_time: '500ms' } };

describeWith(['nomad', 'root', 'cc'], 'a deploy that somebody or something comes into the way of', () => {
  let nomad: NomadStack;
  let apps: AppServer;

  beforeAll(async () => {
    [nomad, apps] = await Promise.all([startNomad(), startAppServer()]);
  });
  afterAll(async () => {
    await Promise.all([nomad?.stop(), apps?.stop()]);
  });

  interface Told {
    /** Called once, with the first line that holds `when`. */
    readonly when?: string;
    readonly act?: (lines: readonly string[]) => Promise<unknown>;
  }

  /** Deploys a release with these settings; what was told is with the release. */
  async function deploy(
    artifact: Artifact,
    tree: SettingsTree,
    options: DeployOptions = {},
    { when, act }: Told = {},
  ): Promise<{ readonly release: Release; readonly lines: readonly string[] }> {
    const lines: string[] = [];
    let acted: Promise<unknown> | undefined;
    const reporter: Context['reporter'] = {
      report: (event) => {
        if (!('message' in event)) return;
        lines.push(event.message);
        if (when !== undefined && event.message.includes(when)) acted ??= act?.(lines);
      },
    };
    const context = testContext({ env: { NOMAD_ADDR: nomad.address }, reporter });
    const source = { tree: { cpu: 20, memory: 16, ...quick, ...tree } };
    const request = { artifact: parseArtifact(JSON.stringify(artifact)), source, options };
    const { json } = await deployArtifact(request, context);
    await acted;
    return { release: json as Release, lines };
  }

  async function api(path: string, body?: unknown): Promise<unknown> {
    const init = body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) };
    const response = await fetch(`${nomad.address}/v1${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    const text = await response.text();
    return text === '' ? null : JSON.parse(text);
  }

  async function deploymentOf(job: string): Promise<string> {
    return ((await api(`/job/${job}/deployment`)) as { readonly ID: string }).ID;
  }

  it.concurrent('names the constraint that no node meets, and submits nothing', async () => {
    const tree = { job: 'sparc', constraint: { attribute: `\${attr.kernel.name}`, value: 'plan9' } };
    await expect(deploy(apps.release('1', 'sleep'), tree)).rejects.toMatchObject({
      code: 'deploy-not-placed',
      exitCode: 3,
      message: expect.stringMatching(/^cannot place sparc: group "sparc": .*plan9.* leaves out 1 node$/),
    });
    await expect(api('/job/sparc')).rejects.toThrow('404');
  });

  it.concurrent('names the driver that no node has', async () => {
    const tasks = [{ Name: 't', Driver: 'raw_exec', Config: { command: '/bin/true' } }];
    await api('/jobs', { Job: { ID: 'raw', Name: 'raw', TaskGroups: [{ Name: 'g', Tasks: tasks }] } });
    const context = testContext({ env: { NOMAD_ADDR: nomad.address } });
    await expect(runWatch({ job: 'raw', flags: {}, confirm: null }, context)).rejects.toMatchObject({
      code: 'deploy-not-placed',
      exitCode: 3,
      message: expect.stringContaining('missing drivers'),
    });
  });

  it.concurrent('waits for memory, and goes on when there is some', async () => {
    const [node] = (await api('/nodes')) as { readonly ID: string }[];
    const { NodeResources } = (await api(`/node/${node?.ID}`)) as {
      readonly NodeResources: { readonly Memory: { readonly MemoryMB: number } };
    };
    const most = Math.floor(NodeResources.Memory.MemoryMB * 0.6);
    await deploy(apps.release('1', 'sleep'), { job: 'first', memory: most });
    await expect(deploy(apps.release('1', 'sleep'), { job: 'second', memory: most })).rejects.toMatchObject({
      code: 'deploy-not-placed',
      exitCode: 3,
    });
    const { release, lines } = await deploy(
      apps.release('1', 'sleep'),
      { job: 'second', memory: most },
      { queue: true },
      {
        when: 'waits for room',
        act: () => fetch(`${nomad.address}/v1/job/first`, { method: 'DELETE' }),
      },
    );
    expect(release).toMatchObject({ status: 'healthy', jobId: 'second' });
    expect(lines.join('\n')).toContain('memory exhausted on 1 node');
  });

  it.concurrent('is told of an artifact that clients may not fetch', async () => {
    const forbidden = apps.release('1', 'sleep');
    const source = forbidden.source.replace('/web/', '/forbidden/');
    await expect(deploy({ ...forbidden, source }, { job: 'private' })).rejects.toMatchObject({
      code: 'deploy-failed',
      message: expect.stringMatching(/failed to download artifact .*: bad response code: 403$/),
    });
  });

  it.concurrent('leaves Nomad its deadline where it is not to fail fast', async () => {
    const tree = {
      job: 'slow',
      kill_timeout: '1s',
      port: { http: {} },
      update: { min_healthy_time: '500ms', healthy_deadline: '3s', progress_deadline: '4s' },
    };
    await expect(deploy(apps.release('1', 'sleep'), tree, { failFast: false })).rejects.toMatchObject({
      code: 'deploy-failed',
      exitCode: 5,
      message: expect.stringMatching(/task "slow" runs, but (check "http" fails|was not healthy in time)/),
    });
    expect(await api(`/job/slow/deployment`)).toMatchObject({ Status: 'failed' });
  });

  it.concurrent('is promoted by Nomad itself where the job says so', async () => {
    const update = { min_healthy_time: '500ms', canary: 1, auto_promote: true };
    await deploy(apps.release('1', 'say one'), { job: 'auto' });
    const { release } = await deploy(apps.release('2', 'say two'), { job: 'auto', update });
    expect(release).toMatchObject({ status: 'healthy', jobVersion: 1, allocations: [{ status: 'running' }] });
    expect(await api('/job/auto/deployment')).toMatchObject({
      Status: 'successful',
      TaskGroups: { auto: { Promoted: true, AutoPromote: true } },
    });
  });

  it.concurrent('waits while it is paused, and tells so', async () => {
    const update = { min_healthy_time: '4s' };
    const pause = async (isPaused: boolean) => {
      const id = await deploymentOf('paused');
      return api(`/deployment/pause/${id}`, { DeploymentID: id, Pause: isPaused });
    };
    const { release } = await deploy(
      apps.release('1', 'sleep'),
      { job: 'paused', update },
      {},
      {
        when: ': Started',
        act: async (told) => {
          await pause(true);
          await expect
            .poll(() => told.some((line) => line.includes(': paused')), { timeout: 20_000 })
            .toBe(true);
          await pause(false);
        },
      },
    );
    expect(release).toMatchObject({ status: 'healthy', jobVersion: 0 });
  });

  it.concurrent('has the whole of several groups come up, or none', async () => {
    const group = { worker: { args: ['say working'], count: 2, memory: 16, cpu: 20 } };
    const artifact = apps.release('1', 'sleep');
    const { release } = await deploy(artifact, { job: 'groups', args: ['say serving'], group });
    expect(release.allocations.map(({ name }) => name)).toEqual([
      'groups.groups[0]',
      'groups.worker[0]',
      'groups.worker[1]',
    ]);
    const broken = { worker: { ...group.worker, args: ['exit 3 no queue'] } };
    await expect(
      deploy(artifact, { job: 'groups', args: ['say serving'], group: broken }),
    ).rejects.toMatchObject({
      code: 'deploy-reverted',
      exitCode: 4,
      message: expect.stringMatching(/task "worker" exited with code 3.*its last words: no queue$/),
    });
  });

  // By itself: the servers forget all jobs that are over.
  it('is right though the servers forget what is over meanwhile', async () => {
    await deploy(apps.release('1', 'say one'), { job: 'forgotten' });
    const { release } = await deploy(
      apps.release('2', 'say two'),
      { job: 'forgotten', update: { min_healthy_time: '3s' } },
      {},
      { when: ': Started', act: () => api('/system/gc', {}) },
    );
    expect(release).toMatchObject({ status: 'healthy', jobVersion: 1 });
  });
});
