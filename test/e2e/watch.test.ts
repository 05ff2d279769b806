import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Release } from '../../deploy/release/release-model.ts';
import type { JobHistory } from '../../deploy/running/job-history.ts';
import type { JobStatus } from '../../deploy/running/job-status.ts';
import { runHistory } from '../../src/commands/history.ts';
import { runLogs } from '../../src/commands/logs.ts';
import type { Confirm, WatchFlags } from '../../src/commands/nomad-session.ts';
import { runPromote } from '../../src/commands/promote.ts';
import { runRollback } from '../../src/commands/rollback.ts';
import { runStatus } from '../../src/commands/status.ts';
import { runStop } from '../../src/commands/stop.ts';
import { runWatch } from '../../src/commands/watch.ts';
import type { Context } from '../../src/core/context.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { type AppServer, startAppServer } from '../stack/app-server.ts';
import { type NomadStack, outerInterface, startNomad } from '../stack/nomad.ts';

const second = 1_000_000_000;

describeWith(['nomad', 'root', 'cc'], 'jobs of every kind on a real Nomad', () => {
  let nomad: NomadStack;
  let apps: AppServer;

  beforeAll(async () => {
    const outer = outerInterface();
    const settings = outer === undefined ? {} : { networkInterface: outer };
    [nomad, apps] = await Promise.all([startNomad(settings), startAppServer()]);
  });
  afterAll(async () => {
    await Promise.all([nomad?.stop(), apps?.stop()]);
  });

  async function api(path: string, body?: unknown): Promise<unknown> {
    const init = body === undefined ? {} : { method: 'PUT', body: JSON.stringify(body) };
    const response = await fetch(`${nomad.address}/v1${path}`, init);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** Submits a job as somebody else would, by Nomad's own API. */
  async function submit(
    id: string,
    line: string,
    job: object = {},
    group: object = {},
    taskChanges: object = {},
  ): Promise<void> {
    const { url, checksum } = apps.release('1', line);
    const options = { archive: 'false', checksum };
    const artifact = {
      GetterSource: url,
      GetterMode: 'file',
      GetterOptions: options,
      RelativeDest: 'local/web',
    };
    const task = {
      Name: 't',
      Driver: 'exec',
      Config: { command: 'local/web' },
      Artifacts: [artifact],
      Resources: { CPU: 20, MemoryMB: 16 },
      ...taskChanges,
    };
    const restart = { Attempts: 1, Interval: 300 * second, Delay: second, Mode: 'fail' };
    const groups = [{ Name: 'g', Count: 1, RestartPolicy: restart, Tasks: [task], ...group }];
    await api('/jobs', { Job: { ID: id, Name: id, Datacenters: ['*'], TaskGroups: groups, ...job } });
  }

  const context = () => testContext({ env: { NOMAD_ADDR: nomad.address, SADDLEBAG_PUBLISHER: 'alice' } });

  async function watch(job: string, flags: WatchFlags = {}, confirm: Confirm = null): Promise<Release> {
    return (await runWatch({ job, flags, confirm }, context())).json as Release;
  }

  const canary = (changes: object = {}) => ({
    Update: { MaxParallel: 1, Canary: 1, MinHealthyTime: second, AutoRevert: true, ...changes },
  });

  it.concurrent('a system job that comes up, and one that does not', async () => {
    const update = { Update: { MaxParallel: 1, MinHealthyTime: second } };
    await submit('system', 'sleep', { Type: 'system', ...update });
    expect(await watch('system')).toMatchObject({ status: 'healthy', allocations: [{ status: 'running' }] });
    await submit('system-bad', 'exit 3 boom', { Type: 'system', ...update });
    await expect(watch('system-bad')).rejects.toMatchObject({ code: 'deploy-failed', exitCode: 5 });
  });

  it.concurrent('a system job that no node takes', async () => {
    await submit('system-mars', 'sleep', {
      Type: 'system',
      Datacenters: ['mars'],
      Update: { MinHealthyTime: second },
    });
    const observer = context();
    await runWatch({ job: 'system-mars', flags: {}, confirm: null }, observer);
    expect(observer.events).toContainEqual(expect.objectContaining({ code: 'allocations-missing' }));
  });

  it.concurrent('a sysbatch job that completes, and one that fails', async () => {
    await submit('sysbatch', 'exit 0 done', { Type: 'sysbatch' });
    expect(await watch('sysbatch')).toMatchObject({
      status: 'healthy',
      allocations: [{ status: 'complete' }],
    });
    await submit('sysbatch-bad', 'exit 4 bad', { Type: 'sysbatch' });
    await expect(watch('sysbatch-bad')).rejects.toMatchObject({ code: 'batch-failed', exitCode: 10 });
  });

  it.concurrent('periodic and parameterized jobs are registered, no more', async () => {
    const periodic = { Enabled: true, SpecType: 'cron', Specs: ['0 0 1 1 *'] };
    await submit('periodic', 'exit 0 x', { Type: 'batch', Periodic: periodic });
    expect(await watch('periodic')).toMatchObject({ status: 'registered', allocations: [] });
    await submit('dispatched', 'exit 0 x', { Type: 'batch', ParameterizedJob: { Payload: 'optional' } });
    const observer = context();
    await runWatch({ job: 'dispatched', flags: {}, confirm: null }, observer);
    expect(observer.events.at(-1)).toMatchObject({
      message: expect.stringMatching(/dispatched: nomad job dispatch dispatched$/),
    });
  });

  it.concurrent('a service without deployments has to stay up', async () => {
    await submit('plain', 'sleep', { Update: { MaxParallel: 0, MinHealthyTime: second } });
    expect(await watch('plain')).not.toHaveProperty('deploymentId');
    await submit('plain-bad', 'later 300 9', { Update: { MaxParallel: 0, MinHealthyTime: second } });
    await expect(watch('plain-bad')).rejects.toMatchObject({
      code: 'deploy-failed',
      message: expect.stringContaining('exited with code 9'),
    });
  });

  it.concurrent('tasks before and after the main one', async () => {
    const task = (name: string, line: string, hook?: string) => {
      const release = apps.release('1', line);
      const options = { archive: 'false', checksum: release.checksum };
      const artifact = {
        GetterSource: release.url,
        GetterMode: 'file',
        GetterOptions: options,
        RelativeDest: 'local/web',
      };
      return {
        Name: name,
        Driver: 'exec',
        Config: { command: 'local/web' },
        Artifacts: [artifact],
        Resources: { CPU: 20, MemoryMB: 16 },
        ...(hook === undefined ? {} : { Lifecycle: { Hook: hook } }),
      };
    };
    const tasks = [
      task('before', 'exit 0 prepared', 'prestart'),
      task('main', 'say up'),
      task('after', 'exit 0 x', 'poststop'),
    ];
    await submit('hooked', 'sleep', { Update: { MaxParallel: 1, MinHealthyTime: second } }, { Tasks: tasks });
    expect(await watch('hooked')).toMatchObject({ status: 'healthy' });
    const { json } = await runLogs(
      { job: 'hooked', flags: { stderr: true }, write: () => undefined },
      context(),
    );
    expect(json).toMatchObject({ task: 'main', lines: ['up'] });
    await expect(
      runLogs({ job: 'hooked', flags: { task: 'nope' }, write: () => undefined }, context()),
    ).rejects.toMatchObject({
      code: 'task-unknown',
      message: expect.stringContaining('but after, before, main'),
    });
  });

  it.concurrent('canaries wait for a word, and are promoted by flag, by command or at a prompt', async () => {
    await submit('canary', 'sleep', canary());
    await watch('canary');
    await submit('canary', 'say two', canary());
    await expect(watch('canary')).rejects.toMatchObject({
      code: 'deploy-waits-for-promotion',
      exitCode: 8,
      hint: expect.stringMatching(/^saddlebag promote canary, or nomad deployment promote [0-9a-f-]{36}$/),
    });
    await expect(watch('canary', {}, async () => false)).rejects.toMatchObject({ exitCode: 8 });
    const { json } = await runPromote({ job: 'canary', flags: {} }, context());
    expect(json).toMatchObject({ jobVersion: 1, status: 'healthy' });
    await expect(runPromote({ job: 'canary', flags: {} }, context())).rejects.toMatchObject({
      code: 'promotion-not-due',
    });
    await submit('canary', 'say three', canary());
    expect(await watch('canary', {}, async () => true)).toMatchObject({ jobVersion: 2, status: 'healthy' });
    await submit('canary', 'exit 3 bad canary', canary());
    await expect(watch('canary', { promote: true })).rejects.toMatchObject({
      code: 'deploy-reverted',
      exitCode: 4,
      message: expect.stringMatching(/version 3 failed: .*its last words: bad canary$/),
    });
  });

  it.concurrent('an app that listens on loopback only, where its check asks another address', async ({
    skip,
  }) => {
    skip(outerInterface() === undefined, 'this machine has only loopback');
    const check = { Name: 'http', Type: 'http', Path: '/', Interval: second, Timeout: second };
    const group = {
      Networks: [{ DynamicPorts: [{ Label: 'http' }] }],
      Services: [{ Name: 'shy', PortLabel: 'http', Provider: 'nomad', Checks: [check] }],
    };
    const update = {
      MaxParallel: 1,
      MinHealthyTime: second,
      HealthyDeadline: 6 * second,
      ProgressDeadline: 20 * second,
    };
    const env = { PORT: `\${NOMAD_PORT_http}` };
    await submit('shy', 'serve hello', { Update: update }, group, { Env: env });
    await expect(watch('shy')).rejects.toMatchObject({
      code: 'deploy-failed',
      message: expect.stringMatching(
        /task "t" runs, but check "http" fails: nothing accepts connections at [\d.]+:\d+; the app listens on 127\.0\.0\.1 only: let it listen on 0\.0\.0\.0$/,
      ),
    });
  });

  it.concurrent('is told that a job is purged while it is watched', async () => {
    await submit('purged', 'sleep', { Update: { MaxParallel: 1, MinHealthyTime: 30 * second } });
    const seen = Promise.withResolvers<void>();
    const reporter: Context['reporter'] = {
      report: (event) => {
        if (event.kind === 'step' && event.message.includes('0 of 1 healthy')) seen.resolve();
      },
    };
    const watching = runWatch({ job: 'purged', flags: {}, confirm: null }, { ...context(), reporter });
    const watched = expect(watching).rejects.toMatchObject({ code: 'deploy-stopped', exitCode: 7 });
    await seen.promise;
    await fetch(`${nomad.address}/v1/job/purged?purge=true`, { method: 'DELETE' });
    await watched;
    await expect(watch('purged')).rejects.toMatchObject({ code: 'job-unknown', exitCode: 2 });
  });

  it.concurrent('shows, rolls back and stops what runs', async () => {
    const update = { Update: { MaxParallel: 1, MinHealthyTime: second } };
    await submit('cared', 'say one', update);
    await watch('cared');
    await submit('cared', 'say two', update);
    await watch('cared');
    const { json } = await runRollback(
      { job: 'cared', version: undefined, flags: {}, confirm: null },
      context(),
    );
    expect(json).toMatchObject({ jobVersion: 2, status: 'healthy' });
    const status = (await runStatus({ job: 'cared', flags: {} }, context())).json as JobStatus;
    expect(status).toMatchObject({ jobVersion: 2, status: 'healthy', deployment: { status: 'successful' } });
    const history = (await runHistory({ job: 'cared', flags: {} }, context())).json as JobHistory;
    const [now, , first] = history.versions;
    expect(now?.artifacts).toEqual(first?.artifacts);
    expect(now).toMatchObject({
      isCurrent: true,
      isStable: true,
      deployedBy: 'alice',
      artifacts: [{ exists: true }],
    });
    const { text } = await runStatus({ job: undefined, flags: {} }, context());
    expect(text).toMatch(/^cared +service +running +version 2/m);

    const lines: string[] = [];
    const following = new AbortController();
    const write = (line: string) => {
      lines.push(line);
      following.abort();
    };
    const flags = { follow: true, stderr: true };
    await runLogs({ job: 'cared', flags, write }, { ...context(), signal: following.signal });
    expect(lines).toEqual(['one\n']);

    const stopped = await runStop({ job: 'cared', flags: { purge: true } }, context());
    expect(stopped.json).toMatchObject({ status: 'stopped', isPurged: true });
    await expect(runStatus({ job: 'cared', flags: {} }, context())).rejects.toMatchObject({
      code: 'job-unknown',
    });
  });
});
