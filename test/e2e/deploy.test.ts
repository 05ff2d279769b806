import { afterAll, beforeAll, expect, it } from 'vitest';
import { renderHcl } from '../../deploy/job-hcl.ts';
import type { Release } from '../../deploy/release-model.ts';
import { type DeployFlags, runDeploy } from '../../src/commands/deploy.ts';
import type { Context } from '../../src/core/context.ts';
import { SaddlebagError } from '../../src/core/errors.ts';
import type { Artifact } from '../../src/core/types.ts';
import { sampleArtifact, sampleJobSpec } from '../deploy/sample.ts';
import { testContext } from '../helpers/context.ts';
import { describeWith } from '../helpers/needs.ts';
import { type AppServer, startAppServer } from '../stack/app-server.ts';
import { type NomadStack, startNomad } from '../stack/nomad.ts';

describeWith(['nomad', 'root', 'cc'], 'deploy on a real Nomad', () => {
  let nomad: NomadStack;
  let apps: AppServer;

  beforeAll(async () => {
    [nomad, apps] = await Promise.all([startNomad(), startAppServer()]);
  });
  afterAll(async () => {
    await Promise.all([nomad?.stop(), apps?.stop()]);
  });

  const fast: DeployFlags = { minHealthyTime: '1s' };

  /** Deploys, and returns the Release with all that was reported. */
  async function deploy(
    artifact: Artifact | string,
    flags: DeployFlags,
    overrides: Partial<Context> = {},
  ): Promise<{ text: string; release: Release; lines: string[] }> {
    const lines: string[] = [];
    const reporter: Context['reporter'] = {
      report: (event) => {
        if ('message' in event) lines.push(`${event.kind} ${event.message}`);
      },
    };
    const context = testContext({ env: { NOMAD_ADDR: nomad.address }, reporter, ...overrides });
    const readStdin = async () => (typeof artifact === 'string' ? artifact : JSON.stringify(artifact));
    // What ends is not updated.
    const isUpdated = flags.type === undefined || flags.type === 'service';
    const input = { artifact: '-', flags: { ...(isUpdated ? fast : {}), ...flags }, readStdin };
    const { text, json } = await runDeploy(input, context).catch((cause: unknown) => {
      throw Object.assign(cause as Error, { lines });
    });
    return { text, release: json as Release, lines };
  }

  async function api(path: string): Promise<unknown> {
    const response = await fetch(`${nomad.address}/v1${path}`);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** What must not change where nothing is deployed. */
  async function fingerprint(jobId: string): Promise<unknown> {
    const job = (await api(`/job/${jobId}`)) as Record<string, unknown>;
    const allocations = (await api(`/job/${jobId}/allocations`)) as { ID: string }[];
    return {
      version: job.Version,
      modifyIndex: job.JobModifyIndex,
      allocations: allocations.map(({ ID }) => ID).sort(),
    };
  }

  async function fetchPage(jobId: string): Promise<string> {
    const [service] = (await api(`/service/${jobId}`)) as { Address: string; Port: number }[];
    const response = await fetch(`http://${service?.Address}:${service?.Port}/`);
    return response.text();
  }

  it.concurrent('brings an app up, changes nothing the second time, then rolls the next version out', async () => {
    const first = apps.release('1', 'serve one');
    const flags = { job: 'rollout', port: ['http'], checkPath: '/' };
    const { text, release, lines } = await deploy(first.source, flags);
    expect(release).toMatchObject({
      version: 1,
      jobId: 'rollout',
      namespace: 'default',
      jobVersion: 0,
      status: 'healthy',
      allocations: [{ name: 'rollout.rollout[0]', status: 'running' }],
    });
    expect(text).toBe(release.evalId);
    expect(lines[0]).toBe(`step job rollout: ${nomad.address}/ui/jobs/rollout@default`);
    expect(await fetchPage('rollout')).toBe('one');

    const before = await fingerprint('rollout');
    const again = await deploy(first.source, flags);
    const { timing, ...known } = release;
    expect(timing).toMatchObject({ taskDirMs: expect.any(Number), healthMs: expect.any(Number) });
    expect(again.release).toEqual({ ...known, status: 'unchanged' });
    expect(again.lines).toContain('step version 0 of rollout is up and would not change: nothing to do');
    expect(again.lines.at(-1)).toMatch(/^step rollout answers at http:\/\/127\.0\.0\.1:\d+$/);
    expect(await fingerprint('rollout')).toEqual(before);

    const next = await deploy(apps.release('2', 'serve two'), flags);
    expect(next.release).toMatchObject({ jobVersion: 1, status: 'healthy' });
    expect(await fetchPage('rollout')).toBe('two');
  });

  it.concurrent('keeps the count that runs, unless one is given', async () => {
    await deploy(apps.release('1', 'sleep'), { job: 'counted', count: '2' });
    const kept = await deploy(apps.release('2', 'sleep'), { job: 'counted' });
    expect(kept.release.allocations.map(({ name }) => name)).toEqual([
      'counted.counted[0]',
      'counted.counted[1]',
    ]);
    const fewer = await deploy(apps.release('2', 'sleep'), { job: 'counted', count: '1' });
    expect(fewer.release.allocations).toHaveLength(1);
    const none = await deploy(apps.release('2', 'sleep'), { job: 'counted', count: '0' });
    expect(none.release).toMatchObject({ status: 'healthy', allocations: [] });
  });

  it.concurrent('reports a crash with exit code and stderr, and again after the same deploy', async () => {
    const artifact = apps.release('1', 'exit 3 no DATABASE_URL');
    const failure = {
      code: 'deploy-failed',
      exitCode: 5,
      message:
        'cannot deploy crash: version 0 failed: task "crash" exited with code 3, 2 times, its last words: no DATABASE_URL',
      lines: expect.arrayContaining(['detail no DATABASE_URL']),
    };
    await expect(deploy(artifact, { job: 'crash' })).rejects.toMatchObject(failure);
    // Nomad has no new deployment for an unchanged job: the old one's failure must not be told as news.
    await expect(deploy(artifact, { job: 'crash' })).rejects.toMatchObject({
      ...failure,
      message: failure.message.replace('version 0', 'version 2'),
    });
  });

  it.concurrent('does not stop what still runs to start a failed version anew, unless forced', async () => {
    const flags = { job: 'half', count: '2', autoRevert: false };
    await deploy(apps.release('1', 'sleep'), flags);
    const bad = apps.release('2', 'exit 3 boom');
    await expect(deploy(bad, flags)).rejects.toMatchObject({ code: 'deploy-failed', exitCode: 5 });
    const before = await fingerprint('half');
    await expect(deploy(bad, flags)).rejects.toMatchObject({
      code: 'deploy-failed-before',
      exitCode: 5,
      message: expect.stringMatching(/version 1 is the same and failed before; .* \(1\) would be stopped/),
    });
    expect(await fingerprint('half')).toEqual(before);
    await expect(deploy(bad, { ...flags, force: true })).rejects.toMatchObject({
      code: 'deploy-failed',
      message: expect.stringContaining('version 3 failed'),
    });
  });

  it.concurrent('follows a revert to its end, and leaves the old version running', async () => {
    const flags = { job: 'reverted', port: ['http'] };
    await deploy(apps.release('1', 'serve old'), flags);
    await expect(deploy(apps.release('2', 'exit 4 boom'), flags)).rejects.toMatchObject({
      code: 'deploy-reverted',
      exitCode: 4,
      message:
        'cannot deploy reverted: version 1 failed: task "reverted" exited with code 4, 2 times, its last words: boom',
      hint: 'the version before runs again, as version 2; see saddlebag status reverted',
    });
    expect(await fetchPage('reverted')).toBe('old');
  });

  it.concurrent.for([
    ['signal 11', {}, /^task "early" exited with code 139 \(SIGSEGV\), 2 times$/, /^nothing was reverted/],
    ['eat', { memory: '32' }, /^task "early" ran out of memory and was killed, 2 times$/, /^give it more/],
    ['exit 0 done', {}, /exited with code 0, 2 times, its last words: done$/, /^a service must not end/],
    ['sleep', { user: 'root' }, /^task "early": validate: running as user "root" is disallowed$/, /./],
    ['missing', {}, /^task "early": failed to download artifact .*: bad response code: 404$/, /^publish it/],
    ['wrong sum', {}, /Checksums did not match .*Expected: 0{64} Got: [0-9a-f]{64}/, /./],
    [
      'say Running on http://127.0.0.1:5000',
      { port: ['http'], healthyDeadline: '8s' },
      /^task "early" runs, but check "http" fails: nothing accepts connections at 127\.0\.0\.1:\d+; the app says that it listens on 127\.0\.0\.1:5000: let it take its port from PORT$/,
      /./,
    ],
  ] as const)(
    'tells why %s does not come up before Nomad gives up on it',
    async ([line, flags, text, hint]) => {
      const known = apps.release('1', line);
      const source = {
        missing: known.source.replace('web-1-', 'web-2-'),
        'wrong sum': known.source.replace(known.checksum, `sha256:${'0'.repeat(64)}`),
      }[line as string];
      const job = `early-${line.replace(/[^a-z0-9]+/gi, '-')}`.slice(0, 30);
      const failure = await deploy(source ?? known, { job, task: 'early', arch: known.arch, ...flags }).catch(
        (cause: unknown) => cause as SaddlebagError,
      );
      if (!(failure instanceof SaddlebagError)) throw new Error('it came up');
      expect(failure).toMatchObject({ code: 'deploy-failed', exitCode: 5 });
      expect(failure.message.split(': ').slice(2).join(': ')).toMatch(text);
      expect(failure.hint).toMatch(hint);
      const [allocation] = (await api(`/job/${job}/allocations`)) as { TaskStates: { early: Task } }[];
      // The restart policy, which alone would take 15 s, was not waited out.
      expect(
        allocation?.TaskStates.early.Events.map(({ DisplayMessage }) => DisplayMessage),
      ).not.toContainEqual(expect.stringContaining('Exceeded allowed attempts'));
    },
  );

  it.concurrent('submits nothing that no node can take', async () => {
    await expect(
      deploy(apps.release('1', 'sleep'), { job: 'huge', memory: '9999999' }),
    ).rejects.toMatchObject({
      code: 'deploy-not-placed',
      exitCode: 3,
      message: 'cannot place huge: group "huge": memory exhausted on 1 node',
      hint: 'nothing was submitted; pass --queue to submit it and wait for room',
    });
    await expect(api('/job/huge')).rejects.toThrow('404');
  });

  it.concurrent('queues it where asked to, and says when time is up', async () => {
    const flags = { job: 'queued', datacenter: ['mars'], queue: true, timeout: '1s' };
    await expect(deploy(apps.release('1', 'sleep'), flags)).rejects.toMatchObject({
      code: 'deploy-timed-out',
      exitCode: 6,
      message: 'cannot tell what became of queued: version 0 was not healthy within 1s, and goes on',
    });
    expect(await api('/job/queued')).toMatchObject({ Version: 0, Stop: false });
  });

  it.concurrent('tells who interrupts it what goes on, and goes on itself when run again', async () => {
    const artifact = apps.release('1', 'sleep');
    const controller = new AbortController();
    const reporter: Context['reporter'] = {
      report: (event) => {
        if (event.kind === 'step' && event.message.includes('0 of 1 healthy')) controller.abort();
      },
    };
    const flags = { job: 'interrupted', minHealthyTime: '2s' };
    await expect(deploy(artifact, flags, { signal: controller.signal, reporter })).rejects.toMatchObject({
      code: 'interrupted',
      exitCode: 130,
      message: 'interrupted while deploying interrupted: the job is submitted, and Nomad goes on with it',
      hint: 'go on watching with saddlebag watch interrupted',
    });
    const { release, lines } = await deploy(artifact, flags);
    expect(release).toMatchObject({ jobVersion: 0, status: 'healthy' });
    expect(lines).toContain('step version 0 of interrupted is the same and not yet decided: watching it');
  });

  it.concurrent('is told when another deploy overtakes it, and when the job is stopped', async () => {
    const flags = { job: 'overtaken', minHealthyTime: '20s' };
    const isSubmitted = (resolve: () => void): Context['reporter'] => ({
      report: (event) => {
        if (event.kind === 'step' && event.message.includes('0 of 1 healthy')) resolve();
      },
    });
    const started = Promise.withResolvers<void>();
    const reporter = isSubmitted(started.resolve);
    const first = deploy(apps.release('1', 'sleep'), flags, { reporter });
    const overtaken = expect(first).rejects.toMatchObject({ code: 'deploy-superseded', exitCode: 7 });
    await started.promise;
    await deploy(apps.release('2', 'sleep'), { ...flags, detach: true });
    await overtaken;

    const third = Promise.withResolvers<void>();
    const last = deploy(apps.release('3', 'sleep'), flags, { reporter: isSubmitted(third.resolve) });
    const stopped = expect(last).rejects.toMatchObject({ code: 'deploy-stopped', exitCode: 7 });
    await third.promise;
    await fetch(`${nomad.address}/v1/job/overtaken`, { method: 'DELETE' });
    await stopped;
  });

  it.concurrent('runs a batch job to its end', async () => {
    const good = await deploy(apps.release('1', 'exit 0 done'), { job: 'batch-good', type: 'batch' });
    expect(good.release).toMatchObject({ status: 'healthy', allocations: [{ status: 'complete' }] });
    await expect(
      deploy(apps.release('1', 'exit 4 bad input'), { job: 'batch-bad', type: 'batch' }),
    ).rejects.toMatchObject({
      code: 'batch-failed',
      exitCode: 10,
      message:
        'cannot complete batch-bad: task "batch-bad" exited with code 4, 3 times, its last words: bad input',
    });
  });

  it.concurrent('plans without changing anything', async () => {
    const { text } = await deploy(apps.release('1', 'sleep'), { job: 'planned', plan: true });
    expect(text).toMatch(/^\+ job "planned"\n/);
    expect(text).toMatch(/\ngroup "planned": place 1$/);
    await expect(api('/job/planned')).rejects.toThrow('404');
  });

  it.concurrent('deploys into a namespace that the environment names, and refuses one that is not there', async () => {
    await fetch(`${nomad.address}/v1/namespace/apps`, { method: 'PUT', body: '{"Name":"apps"}' });
    const artifact = apps.release('1', 'sleep');
    const env = { NOMAD_ADDR: nomad.address, NOMAD_NAMESPACE: 'apps' };
    const { release } = await deploy(artifact, { job: 'named' }, { env });
    expect(release).toMatchObject({ namespace: 'apps', status: 'healthy' });
    expect(await api('/job/named?namespace=apps')).toMatchObject({ Namespace: 'apps' });
    await expect(deploy(artifact, { namespace: 'nope' })).rejects.toMatchObject({
      code: 'namespace-unknown',
      exitCode: 2,
      message: 'cannot use namespace nope: Nomad has none of that name',
    });
    await expect(deploy(artifact, { region: 'mars' })).rejects.toMatchObject({
      code: 'region-unknown',
      message: 'cannot use region mars: Nomad knows global',
    });
  });

  it.concurrent('writes HCL of which Nomad makes the very job that is submitted', async () => {
    const pieces = ['$', `\${`, `$\${`, '%{', '%', '}', '"', '\\', '\n', '\t', '\u0001', '\u2028', 'é', '🚕'];
    const references = [`\${NOMAD_PORT_http}`, `\${attr.cpu.arch}`, `\${env["X"]}`, `\${FOO}`];
    const all = [...pieces, ...references];
    const values = all.flatMap((first) => all.map((second) => first + second));
    const env = values.map((value, index) => `K${index}${index % 7 === 0 ? '-x y' : ''}=${value}`);
    const inputs = [
      {},
      { env },
      { type: 'batch', arg: ['a b', `$\${X}`, '%%{X}', `\${NOMAD_PORT_http}`] },
      {
        port: ['admin:8080'],
        checkPath: '/up',
        count: '3',
        memoryMax: '900',
        user: 'web',
        autoRevert: false,
      },
      { namespace: 'apps', region: 'global', priority: '70', nodePool: 'all', job: 'team/web' },
    ];
    for (const input of inputs) {
      const spec = sampleJobSpec(input, sampleArtifact({ interpreter: 'python3.11' }));
      const response = await fetch(`${nomad.address}/v1/jobs/parse`, {
        method: 'POST',
        body: JSON.stringify({ JobHCL: renderHcl(spec), Canonicalize: false }),
      });
      const text = await response.text();
      expect(response.status, text).toBe(200);
      expect(withoutDefaults(JSON.parse(text))).toEqual(withoutDefaults(spec.job));
    }
  });
});

/** As the API has it. */
interface Task {
  readonly Events: readonly { readonly DisplayMessage: string }[];
}

/** Drops what Go writes for a key that is not set. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== 'object' || value === null) return value;
  const set = Object.entries(value).filter(
    ([, inner]) => inner !== null && inner !== '' && inner !== 0 && inner !== false,
  );
  return Object.fromEntries(set.map(([key, inner]) => [key, withoutDefaults(inner)]));
}
