import { chmod, readdir, readlink, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { inspectBundle } from '../../../../bundler/inspect.ts';
import { appBase, type Outcome, ownDirectory, type TestBundle } from '../bundles.ts';
import { debug } from '../machine.ts';
import { forget, list, many, manyFiles, notFor } from './cache.ts';
import { type Cell, untilPrinted } from './cell.ts';
import { describeCases } from './harness.ts';

/** Starts a bundle and returns once something lies in its temporary directory; or when it was done before. */
async function startUntilExtracting(cell: Cell, bundle: TestBundle) {
  const started = await cell.spawn(bundle, { env: { SADDLEBAG_JOBS: '1' } });
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline && started.child.exitCode === null) {
    if ((await list(cell.place(bundle).temporary)).length > 0) break;
  }
  return started;
}

/** Sends a signal to a first start once it unpacks, and returns how that one ended. */
async function signalled(cell: Cell, bundle: TestBundle, signal: NodeJS.Signals): Promise<Outcome> {
  await forget(cell, bundle);
  const { child, outcome } = await startUntilExtracting(cell, bundle);
  child.kill(signal);
  return outcome;
}

/** Kills starts at random moments of their extraction; the next start always works and runs what is whole. */
const killedRounds = (rounds: number) => async (cell: Cell) => {
  const bundle = await cell.bundle('cat "$(dirname "$0")"/../d*/f* | sha256sum', {
    members: manyFiles(1000),
  });
  const whole = await cell.start(bundle);
  expect(whole).toMatchObject({ code: 0, stderr: '' });
  const { temporary } = cell.place(bundle);
  let landed = 0;
  for (let round = 0; round < rounds; round++) {
    await forget(cell, bundle);
    const { child, outcome } = await startUntilExtracting(cell, bundle);
    for (let step = Math.random() * 60; step > 0; step--) await list(temporary);
    child.kill('SIGKILL');
    const killed = await outcome;
    // What had no time to be the app has printed nothing; what had is whole.
    expect([whole.stdout, '']).toContain(killed.stdout);
    if ((await list(temporary)).length > 0) landed++;
    expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: whole.stdout, stderr: '' });
    expect(await list(temporary)).toEqual([]);
  }
  expect(landed).toBeGreaterThanOrEqual(rounds / 2);
};

/** Bytes that a directory takes on its disk. */
async function diskBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true })) {
    bytes += (await stat(join(directory, entry)).catch(() => ({ blocks: 0 }))).blocks * 512;
  }
  return bytes;
}

describeCases('Cache and extraction', (runCase) => {
  const together = (count: number) => async (cell: Cell) => {
    const bundle = await cell.bundle('echo ok', { members: many });
    const outcomes: Outcome[] = await Promise.all(
      Array.from({ length: count }, () => cell.start(bundle, { env: debug })),
    );
    expect(outcomes.map(({ code, stdout }) => [code, stdout])).toEqual(Array(count).fill([0, 'ok\n']));
    expect(outcomes.filter(({ stderr }) => stderr.includes('/store: extracted\n'))).toHaveLength(1);
    const { trees, temporary } = cell.place(bundle);
    expect(await list(temporary)).toEqual([]);
    const { image } = await inspectBundle(bundle.file, { signal: new AbortController().signal });
    // Blocks are rounded up for each file; two closures would take twice as much.
    const content = image.paths.reduce((sum, path) => sum + path.contentBytes, 0);
    const used = await diskBytes(trees);
    expect(used).toBeGreaterThan(content / 2);
    expect(used).toBeLessThan(1.5 * content + 500 * 4096);
  };
  runCase(46, 'eight first starts at once: one extraction, eight successes', { notFor }, together(8));
  runCase(
    46,
    'fifty first starts at once: one extraction, fifty successes',
    { notFor, isLong: true },
    together(50),
  );

  runCase(47, 'kill -9 at four random moments', { notFor }, killedRounds(4));
  runCase(
    47,
    'kill -9 at a hundred random moments',
    { notFor, notAs: { root: 'as for a user' }, isLong: true },
    killedRounds(100),
  );

  runCase(
    47,
    'TERM INT HUP QUIT while unpacking end the start and leave nothing',
    { notFor },
    async (cell) => {
      const bundle = await cell.bundle('echo started', { members: manyFiles(1000) });
      for (const [signal, code] of [
        ['SIGTERM', 143],
        ['SIGINT', 130],
        ['SIGHUP', 129],
        ['SIGQUIT', 131],
      ] as const) {
        let ended = await signalled(cell, bundle, signal);
        // On a busy machine the signal may come when all is done: that says nothing.
        for (let late = 0; ended.code === 0 && late < 5; late++) {
          ended = await signalled(cell, bundle, signal);
        }
        expect(ended).toMatchObject({ code, signal: null, stdout: '', stderr: '' });
        expect(await list(cell.place(bundle).temporary)).toEqual([]);
        expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: 'started\n' });
      }
    },
  );

  runCase(
    48,
    'power loss after the rename: a tree without content is not trusted after a boot',
    { notFor },
    async (cell) => {
      const bundle = await cell.bundle('cat "$(dirname "$0")/../share/data"', {
        members: { 'share/data': 'data\n' },
      });
      await cell.start(bundle);
      const { trees, markers } = cell.place(bundle);
      const data = join(trees, appBase, 'share/data');
      const known = await readlink(join(markers, appBase));
      for (const bad of [undefined, known.slice(0, -1), known.replace(/boot .*/, 'boot before'), 'synced']) {
        // The name reached the disk, its content did not.
        await chmod(data, 0o644);
        await writeFile(data, '');
        await unlink(join(markers, appBase));
        if (bad !== undefined) await symlink(bad, join(markers, appBase));
        expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: 'data\n', stderr: '' });
        expect(await readlink(join(markers, appBase))).toBe(known);
      }
    },
  );

  runCase(48, 'what SADDLEBAG_SYNC=1 wrote out counts after a boot', { notFor }, async (cell) => {
    const bundle = await cell.bundle('echo ok');
    await cell.start(bundle, { env: { SADDLEBAG_SYNC: '1' } });
    expect(await readlink(join(cell.place(bundle).markers, appBase))).toMatch(/^[0-9a-f]{64} synced$/);
    expect((await cell.start(bundle, { env: debug })).stderr).not.toContain('extracted');
  });

  runCase(
    48,
    'containers with boot ids of their own share a cache: what runs goes on',
    { notFor },
    async (cell) => {
      const bundle = await cell.bundle(
        'echo ready; while [ ! -e "$1" ]; do sleep 0.02; done; cat "$(dirname "$0")/../share/data"',
        { members: { 'share/data': 'data\n' } },
      );
      const go = join(await ownDirectory(bundle.directory, 'shared'), 'go');
      const startIn = (container: string) => {
        const id = `${bundle.directory}/boot-${container}`;
        const machine = `echo ${container} > '${id}'; mount --bind '${id}' /proc/sys/kernel/random/boot_id`;
        return cell.spawn(bundle, { args: [go], machine });
      };
      const first = await startIn('one');
      await untilPrinted(first.child, 'ready');
      const second = await startIn('two');
      await untilPrinted(second.child, 'ready');
      await writeFile(go, '');
      for (const { outcome } of [first, second]) {
        expect(await outcome).toMatchObject({ code: 0, stdout: 'ready\ndata\n', stderr: '' });
      }
    },
  );
});
