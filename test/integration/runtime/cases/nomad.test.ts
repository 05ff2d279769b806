import { afterAll, expect } from 'vitest';
import { type NomadStack, startNomad } from '../../../stack/nomad.ts';
import { type Cell, until } from './cell.ts';
import { describeCases } from './harness.ts';
import { type Allocation, Job } from './nomad-tasks.ts';
import { staticBundle } from './trees.ts';

let started: Promise<NomadStack> | undefined;

afterAll(async () => {
  await (await started)?.stop();
}, 120_000);

/** One agent serves all cases of this file. */
function nomad(): Promise<NomadStack> {
  started ??= startNomad({ isOpen: true });
  return started;
}

const needs = ['nomad', 'gcc', 'root'];
const native = 'an allocation has no /nix';

/** What a task's environment has for a cell; a task of Nomad's default user has no HOME that it could write to. */
const envOf = (cell: Cell) => ({ SADDLEBAG_STRATEGY: cell.strategy.name, SADDLEBAG_DEBUG: '1' });
const userOf = (cell: Cell) => (cell.isRoot ? { user: 'root' } : {});

/** Case 66 runs in the allocation's own root; what a strategy needs of the machine it has there or has not. */
describeCases('Nomad', (runCase) => {
  const inExec = { needs, isLong: true, notFor: { native } };

  runCase(
    66,
    'exec without /bin/sh, an artifact without executable bit, 32 MB of memory',
    inExec,
    async (cell) => {
      const bundle = await staticBundle(cell);
      const job = await Job.run(await nomad(), bundle, { ...userOf(cell), env: envOf(cell), memoryMb: 32 });
      const [allocation] = await reach(cell, job, 'complete');
      expect(await job.log(allocation, 'stdout')).toMatch(/^\d+ \d+:\d+\ndata\n$/);
      expect(await job.log(allocation, 'stderr')).toContain(`app: ${cell.strategy.name}: taken\n`);
    },
  );

  runCase(
    66,
    'exec, as the runtime chooses',
    { needs, isLong: true, withoutStrategy: 'whichever serves' },
    async (cell) => {
      const bundle = await staticBundle(cell);
      const env = { SADDLEBAG_DEBUG: '1' };
      const job = await Job.run(await nomad(), bundle, { ...userOf(cell), env, memoryMb: 32 });
      const [allocation] = await reach(cell, job, 'complete');
      expect(await job.log(allocation, 'stdout')).toMatch(/\ndata\n$/);
    },
  );

  runCase(
    66,
    'raw_exec',
    {
      needs,
      isLong: true,
      withoutStrategy: 'whichever serves',
      notAs: { user: 'raw_exec runs as the agent' },
    },
    async (cell) => {
      const bundle = await staticBundle(cell);
      const job = await Job.run(await nomad(), bundle, { driver: 'raw_exec', env: { SADDLEBAG_DEBUG: '1' } });
      const [allocation] = await reach(cell, job, 'complete');
      expect(await job.log(allocation, 'stdout')).toMatch(/ 0:0\ndata\n$/);
    },
  );

  const anyOf = { needs, isLong: true, withoutStrategy: 'whichever serves' };
  runCase(66, 'a restart in the same allocation reuses the tree', anyOf, async (cell) => {
    const bundle = await staticBundle(cell);
    const settings = {
      ...userOf(cell),
      type: 'service',
      args: ['wait'],
      env: { SADDLEBAG_DEBUG: '1' },
    } as const;
    const job = await Job.run(await nomad(), bundle, settings);
    const [allocation] = await reach(cell, job, 'running');
    await until(async () => (await job.log(allocation, 'stdout')) === 'ready\n');
    await job.restart(allocation);
    await until(async () => (await job.log(allocation, 'stdout')) === 'ready\nready\n', 60_000);
    const said = await job.log(allocation, 'stderr');
    expect(said.match(/: extracted\n/g)).toHaveLength(1);
    expect(said.match(/: taken\n/g)).toHaveLength(2);
  });

  runCase(66, 'two tasks of a group start together', anyOf, async (cell) => {
    const bundle = await staticBundle(cell);
    const job = await Job.run(await nomad(), bundle, { ...userOf(cell), tasks: 2 });
    const [allocation] = await reach(cell, job, 'complete');
    for (const task of ['task-0', 'task-1']) {
      expect(await job.log(allocation, 'stdout', task)).toMatch(/\ndata\n$/);
    }
  });

  runCase(66, 'twenty allocations start together, with 32 MB each', anyOf, async (cell) => {
    const bundle = await staticBundle(cell);
    const job = await Job.run(await nomad(), bundle, { ...userOf(cell), count: 20, memoryMb: 32 });
    for (const allocation of await reach(cell, job, 'complete', 20)) {
      expect(await job.log(allocation, 'stdout')).toMatch(/\ndata\n$/);
    }
  });

  runCase(
    66,
    'kill_signal reaches the app, which ends by itself before kill_timeout',
    anyOf,
    async (cell) => {
      const bundle = await staticBundle(cell);
      const job = await Job.run(await nomad(), bundle, { ...userOf(cell), type: 'service', args: ['wait'] });
      const [allocation] = await reach(cell, job, 'running');
      await until(async () => (await job.log(allocation, 'stdout')) === 'ready\n');
      await job.stop();
      await until(async () => exitCodes((await job.allocations())[0]).length > 0, 60_000);
      expect(exitCodes((await job.allocations())[0])).toEqual([7]);
    },
  );

  runCase(66, 'an app without a handler ends by kill_signal under --init', anyOf, async (cell) => {
    const bundle = await staticBundle(cell, { entrypoint: { init: true } });
    const job = await Job.run(await nomad(), bundle, { ...userOf(cell), type: 'service', args: ['sit'] });
    const [allocation] = await reach(cell, job, 'running');
    await until(async () => (await job.log(allocation, 'stdout')) === 'ready\n');
    await job.stop();
    await until(async () => exitCodes((await job.allocations())[0]).length > 0, 60_000);
    // After kill_timeout it would be 137.
    expect(exitCodes((await job.allocations())[0])).toEqual([143]);
  });

  runCase(66, 'kill_signal ends a start that is unpacking', anyOf, async (cell) => {
    const names = Array.from({ length: 40_000 }, (_, number) => `data/${number % 40}/${number}`);
    const members = Object.fromEntries(names.map((name) => [name, `${name}\n`]));
    const bundle = await staticBundle(cell, { members });
    const job = await Job.run(await nomad(), bundle, { ...userOf(cell), type: 'service', args: ['wait'] });
    const [allocation] = await reach(cell, job, 'running');
    await until(async () => (await job.names(allocation, 'task-0/')).includes('nix'));
    await job.stop();
    await until(async () => exitCodes((await job.allocations())[0]).length > 0, 60_000);
    expect(exitCodes((await job.allocations())[0])).toEqual([143]);
    // The app, which would have ended with 7, was never run.
    expect(await job.log(allocation, 'stdout')).toBe('');
  });
});

function exitCodes(allocation: Allocation | undefined): readonly number[] {
  const events = Object.values(allocation?.TaskStates ?? {}).flatMap(({ Events }) => Events);
  return events.filter(({ Type }) => Type === 'Terminated').map(({ ExitCode }) => ExitCode);
}

/**
 * Waits until allocations have a status. Where Nomad cannot start a task here, or exec refuses what the cell's strategy
 * takes, the case is skipped with their own words.
 */
async function reach(
  cell: Cell,
  job: Job,
  status: string,
  count = 1,
): Promise<readonly [Allocation, ...Allocation[]]> {
  try {
    const [first, ...others] = await job.reach(status, count);
    if (first !== undefined) return [first, ...others];
  } catch (cause) {
    const refused = new RegExp(`^ +${cell.strategy.name}: (cannot .+)$`, 'm').exec(String(cause));
    if (refused !== null) cell.skip(`refused in exec: ${refused[1]}`);
    if (String(cause).includes("can't apply capabilities")) {
      cell.skip('this machine lets Nomad give no task the capabilities of root');
    }
    throw cause;
  }
  throw new Error(`no allocation is ${status}`);
}
