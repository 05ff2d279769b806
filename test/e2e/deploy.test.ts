import { afterAll, beforeAll, expect, it } from 'vitest';
import { renderHcl } from '../../deploy/job/job-hcl.ts';
import type { Context } from '../../src/core/context.ts';
import { sampleArtifact, sampleJobSpec } from '../deploy/sample.ts';
import { describeWith } from '../helpers/needs.ts';
import { type DeployStack, startDeployStack } from '../stack/deployer.ts';

describeWith(['nomad', 'root', 'cc'], 'deploy on a real Nomad', () => {
  let stack: DeployStack;

  beforeAll(async () => {
    stack = await startDeployStack();
  });
  afterAll(() => stack?.stop());

  it.concurrent('brings an app up, changes nothing the second time, then rolls the next version out', async () => {
    const first = stack.apps.release('1', 'serve one');
    const flags = { job: 'rollout', port: ['http'], checkPath: '/' };
    const { text, release, lines } = await stack.deploy(first.source, flags);
    expect(release).toMatchObject({
      version: 1,
      jobId: 'rollout',
      namespace: 'default',
      jobVersion: 0,
      status: 'healthy',
      allocations: [{ name: 'rollout.rollout[0]', status: 'running' }],
    });
    expect(text).toBe(release.evalId);
    expect(lines[0]).toBe(`step job rollout: ${stack.nomad.address}/ui/jobs/rollout@default`);
    expect(await stack.fetchPage('rollout')).toBe('one');

    const before = await stack.fingerprint('rollout');
    const again = await stack.deploy(first.source, flags);
    const { timing, ...known } = release;
    expect(timing).toMatchObject({ taskDirMs: expect.any(Number), healthMs: expect.any(Number) });
    expect(again.release).toEqual({ ...known, status: 'unchanged' });
    expect(again.lines).toContain('step version 0 of rollout is up and would not change: nothing to do');
    expect(again.lines.at(-1)).toMatch(/^step rollout answers at http:\/\/127\.0\.0\.1:\d+$/);
    expect(await stack.fingerprint('rollout')).toEqual(before);

    const next = await stack.deploy(stack.apps.release('2', 'serve two'), flags);
    expect(next.release).toMatchObject({ jobVersion: 1, status: 'healthy' });
    expect(await stack.fetchPage('rollout')).toBe('two');
  });

  it.concurrent('keeps the count that runs, unless one is given', async () => {
    await stack.deploy(stack.apps.release('1', 'sleep'), { job: 'counted', count: '2' });
    const kept = await stack.deploy(stack.apps.release('2', 'sleep'), { job: 'counted' });
    expect(kept.release.allocations.map(({ name }) => name)).toEqual([
      'counted.counted[0]',
      'counted.counted[1]',
    ]);
    const fewer = await stack.deploy(stack.apps.release('2', 'sleep'), { job: 'counted', count: '1' });
    expect(fewer.release.allocations).toHaveLength(1);
    const none = await stack.deploy(stack.apps.release('2', 'sleep'), { job: 'counted', count: '0' });
    expect(none.release).toMatchObject({ status: 'healthy', allocations: [] });
  });

  it.concurrent('submits nothing that no node can take', async () => {
    await expect(
      stack.deploy(stack.apps.release('1', 'sleep'), { job: 'huge', memory: '9999999' }),
    ).rejects.toMatchObject({
      code: 'deploy-not-placed',
      exitCode: 3,
      message: 'cannot place huge: group "huge": memory exhausted on 1 node',
      hint: 'nothing was submitted; pass --queue to submit it and wait for room',
    });
    await expect(stack.api('/job/huge')).rejects.toThrow('404');
  });

  it.concurrent('queues it where asked to, and says when time is up', async () => {
    const flags = { job: 'queued', datacenter: ['mars'], queue: true, timeout: '1s' };
    await expect(stack.deploy(stack.apps.release('1', 'sleep'), flags)).rejects.toMatchObject({
      code: 'deploy-timed-out',
      exitCode: 6,
      message: 'cannot tell what became of queued: version 0 was not healthy within 1s, and goes on',
    });
    expect(await stack.api('/job/queued')).toMatchObject({ Version: 0, Stop: false });
  });

  it.concurrent('tells who interrupts it what goes on, and goes on itself when run again', async () => {
    const artifact = stack.apps.release('1', 'sleep');
    const controller = new AbortController();
    const reporter: Context['reporter'] = {
      report: (event) => {
        if (event.kind === 'step' && event.message.includes('0 of 1 healthy')) controller.abort();
      },
    };
    const flags = { job: 'interrupted', minHealthyTime: '2s' };
    await expect(
      stack.deploy(artifact, flags, { signal: controller.signal, reporter }),
    ).rejects.toMatchObject({
      code: 'interrupted',
      exitCode: 130,
      message: 'interrupted while deploying interrupted: the job is submitted, and Nomad goes on with it',
      hint: 'go on watching with saddlebag watch interrupted',
    });
    const { release, lines } = await stack.deploy(artifact, flags);
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
    const first = stack.deploy(stack.apps.release('1', 'sleep'), flags, { reporter });
    const overtaken = expect(first).rejects.toMatchObject({ code: 'deploy-superseded', exitCode: 7 });
    await started.promise;
    await stack.deploy(stack.apps.release('2', 'sleep'), { ...flags, detach: true });
    await overtaken;

    const third = Promise.withResolvers<void>();
    const last = stack.deploy(stack.apps.release('3', 'sleep'), flags, {
      reporter: isSubmitted(third.resolve),
    });
    const stopped = expect(last).rejects.toMatchObject({ code: 'deploy-stopped', exitCode: 7 });
    await third.promise;
    await fetch(`${stack.nomad.address}/v1/job/overtaken`, { method: 'DELETE' });
    await stopped;
  });

  it.concurrent('runs a batch job to its end', async () => {
    const good = await stack.deploy(stack.apps.release('1', 'exit 0 done'), {
      job: 'batch-good',
      type: 'batch',
    });
    expect(good.release).toMatchObject({ status: 'healthy', allocations: [{ status: 'complete' }] });
    await expect(
      stack.deploy(stack.apps.release('1', 'exit 4 bad input'), { job: 'batch-bad', type: 'batch' }),
    ).rejects.toMatchObject({
      code: 'batch-failed',
      exitCode: 10,
      message:
        'cannot complete batch-bad: task "batch-bad" exited with code 4, 3 times, its last words: bad input',
    });
  });

  it.concurrent('plans without changing anything', async () => {
    const { text } = await stack.deploy(stack.apps.release('1', 'sleep'), { job: 'planned', plan: true });
    expect(text).toMatch(/^\+ job "planned"\n/);
    expect(text).toMatch(/\ngroup "planned": place 1$/);
    await expect(stack.api('/job/planned')).rejects.toThrow('404');
  });

  it.concurrent('deploys into a namespace that the environment names, and refuses one that is not there', async () => {
    await fetch(`${stack.nomad.address}/v1/namespace/apps`, { method: 'PUT', body: '{"Name":"apps"}' });
    const artifact = stack.apps.release('1', 'sleep');
    const env = { NOMAD_ADDR: stack.nomad.address, NOMAD_NAMESPACE: 'apps' };
    const { release } = await stack.deploy(artifact, { job: 'named' }, { env });
    expect(release).toMatchObject({ namespace: 'apps', status: 'healthy' });
    expect(await stack.api('/job/named?namespace=apps')).toMatchObject({ Namespace: 'apps' });
    await expect(stack.deploy(artifact, { namespace: 'nope' })).rejects.toMatchObject({
      code: 'namespace-unknown',
      exitCode: 2,
      message: 'cannot use namespace nope: Nomad has none of that name',
    });
    await expect(stack.deploy(artifact, { region: 'mars' })).rejects.toMatchObject({
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
      const response = await fetch(`${stack.nomad.address}/v1/jobs/parse`, {
        method: 'POST',
        body: JSON.stringify({ JobHCL: renderHcl(spec), Canonicalize: false }),
      });
      const text = await response.text();
      expect(response.status, text).toBe(200);
      expect(withoutDefaults(JSON.parse(text))).toEqual(withoutDefaults(spec.job));
    }
  });
});

/** Drops what Go writes for a key that is not set. */
function withoutDefaults(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDefaults);
  if (typeof value !== 'object' || value === null) return value;
  const set = Object.entries(value).filter(
    ([, inner]) => inner !== null && inner !== '' && inner !== 0 && inner !== false,
  );
  return Object.fromEntries(set.map(([key, inner]) => [key, withoutDefaults(inner)]));
}
