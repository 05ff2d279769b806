import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { readClosure } from '../../../bundler/closure/closure.ts';
import { inspectBundle } from '../../../bundler/inspect.ts';
import { renderBundle } from '../../../src/commands/inspect/page.ts';
import type { Closure } from '../../../src/core/types.ts';
import { fetchWhenUp } from '../../helpers/children.ts';
import { testContext } from '../../helpers/context.ts';
import { describeWith } from '../../helpers/needs.ts';
import { freePort } from '../../helpers/port.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';
import { buildFlask, flaskTools } from '../../stack/flask.ts';
import { appBase, makeBundle, start, startChild, type TestBundle, withCache } from './bundles.ts';
import { dropRights, machineTools } from './machine.ts';

const relocate = { SADDLEBAG_STRATEGY: 'relocate' };
const { signal } = new AbortController();

/** Bundles a real app. */
async function bundleOf(
  app: string,
  args: readonly string[] = [],
): Promise<TestBundle & { closure: Closure }> {
  const context = testContext({ env: { PATH: process.env.PATH ?? '' } });
  const closure = await readClosure({ app, args: [], env: {} }, await temporaryDirectory(), context);
  return { ...(await makeBundle('', { closure, args: [...closure.entrypoint.args, ...args] })), closure };
}

/** Starts a bundle where nothing is at /nix and nothing could be put there; kills what still runs when the test ends. */
function startAlone(bundle: TestBundle, env: Readonly<Record<string, string>> = {}) {
  const script = `[ ! -d /nix ] || mount -t tmpfs -o ro none /nix; exec ${dropRights} "$0"`;
  const started = startChild('/usr/bin/unshare', {
    ...withCache(bundle, { env: { ...relocate, ...env } }),
    args: ['-m', '/bin/sh', '-euc', script, bundle.file],
    asSelf: true,
  });
  onTestFinished(async () => {
    started.child.kill('SIGKILL');
    await started.outcome;
  });
  return started;
}

describeWith([...machineTools, ...flaskTools], 'the Flask closure, relocated', () => {
  it('serves with nothing at /nix: interpreter, libraries, shebangs and compiled modules are found', async () => {
    const bundle = await bundleOf(`nix:${await buildFlask({})}`);
    expect(await inspectBundle(bundle.file, { signal })).toMatchObject({ relocateRefusal: null });
    for (const _ of ['first', 'next']) {
      const port = await freePort();
      startAlone(bundle, { PORT: String(port) });
      expect(await fetchWhenUp(`http://127.0.0.1:${port}/`)).toContain('pet taxi');
    }
  });
});

describeWith([...machineTools, 'perl'], 'a program of this machine, relocated', () => {
  it('finds its loader, its libraries and its modules', async () => {
    const code = 'use POSIX; use Encode; use Socket; print POSIX::floor(2.5), " $^X\\n"';
    const bundle = await bundleOf('program:perl', ['-e', code]);
    const { outcome } = startAlone(bundle);
    expect(await outcome).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/^2 /) });
  });
});

it('a closure with names that cannot be rewritten says so when it is bundled, and when it is started', async () => {
  const packed = gzipSync(`/nix/store/${appBase}/data`);
  const bundle = await makeBundle('echo never', { members: { 'lib/data.gz': packed } });
  const why = 'lib/data.gz of app-1.0 names a store path in compressed data';
  const inspected = await inspectBundle(bundle.file, { signal });
  expect(inspected.relocateRefusal).toBe(why);
  expect(renderBundle(inspected)).toContain(`\n  runs without user namespaces: no: ${why}\n`);
  expect(await start(bundle, { env: relocate })).toMatchObject({
    code: 125,
    stdout: '',
    stderr:
      'app: cannot start: no way to put the closure at /nix/store works here\n' +
      `  relocate: cannot relocate the closure: not all that names its store paths can be rewritten (${why})\n` +
      'hint: SADDLEBAG_STRATEGY allows no other; unset it to have all tried\n',
  });
});

it('a closure without any says that too', async () => {
  const plain = await makeBundle('');
  expect(renderBundle(await inspectBundle(plain.file, { signal }))).toContain(
    '\n  runs without user namespaces: yes\n',
  );
  const binds = [{ source: `/nix/store/${appBase}`, target: '/etc/x', policy: 'where-absent' }] as const;
  const bound = await makeBundle('', { closure: { binds } });
  expect(renderBundle(await inspectBundle(join(bound.directory, 'app'), { signal }))).toContain(
    '\n  runs without user namespaces: yes, where the host has /etc/x\n',
  );
});
