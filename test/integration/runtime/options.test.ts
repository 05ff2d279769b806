import { lstat, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fakeStorePath } from '../../helpers/closures.ts';
import {
  appBase,
  hostArch,
  makeBundle,
  ownDirectory,
  start,
  startChild,
  type TestBundle,
} from './bundles.ts';
import { readRuntimeUnderTest } from './under-test.ts';

const ask = (bundle: TestBundle, option: string, ...args: readonly string[]) =>
  start(bundle, { args: [`--saddlebag-${option}`, ...args] });

describe('options of the runtime', () => {
  it('are listed by help', async () => {
    const { stdout, code, stderr } = await ask(await makeBundle('echo never'), 'help');
    expect([code, stderr]).toEqual([0, '']);
    for (const name of ['help', 'info', 'list', 'extract DIR', 'verify', 'gc [--age 30d]', 'exec PROGRAM']) {
      expect(stdout).toContain(`\n  --saddlebag-${name}`);
    }
  });

  it.each([
    [
      ['--saddlebag-nothing'],
      "--saddlebag-… as the first argument is the runtime's, and it knows no such option",
    ],
    [['--saddlebag-info', 'x'], 'it takes other arguments (none)'],
    [['--saddlebag-extract'], 'it takes other arguments (DIR)'],
    [['--saddlebag-exec'], 'it takes other arguments (PROGRAM [ARG…])'],
  ])('refuse %j', async (args, reason) => {
    const outcome = await start(await makeBundle('echo never'), { args });
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toMatch(/^app: cannot use --saddlebag-.+\nhint: --saddlebag-help lists them.*\n$/);
    expect(outcome.stderr).toContain(`: ${reason}`);
  });

  it('are the app’s anywhere but first, and where the bundle has none', async () => {
    const bundle = await makeBundle('echo "$@"');
    expect((await start(bundle, { args: ['x', '--saddlebag-info'] })).stdout).toBe('x --saddlebag-info\n');
    const without = await makeBundle('echo "$@"', { runtimeOptions: false });
    expect((await ask(without, 'exec', 'x')).stdout).toBe('--saddlebag-exec x\n');
  });

  it('fail where their output goes nowhere', async () => {
    const bundle = await makeBundle('');
    const args = ['-c', 'exec "$0" --saddlebag-list > /dev/full', bundle.file];
    expect(await startChild('/bin/sh', { args }).outcome).toMatchObject({
      code: 125,
      stderr: 'app: cannot write the standard output: no space left on device\n',
    });
  });
});

describe('info', () => {
  it('says what the bundle is and how it would start, and leaves nothing behind', async () => {
    const bundle = await makeBundle('echo never', { closure: { name: 'a "b"', appVersion: '1.2' } });
    const env = { SADDLEBAG_STRATEGY: '', SADDLEBAG_CACHE_DIR: join(bundle.cache, 'new') };
    const outcome = await start(bundle, { args: ['--saddlebag-info'], env });
    expect(outcome.stderr).toBe('');
    expect(JSON.parse(outcome.stdout)).toEqual({
      name: 'a "b"',
      appVersion: '1.2',
      arch: process.arch === 'arm64' ? 'aarch64' : 'x86_64',
      entrypoint: `/nix/store/${appBase}/bin/app`,
      closureSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      toolVersion: '9.9.9',
      contentBytes: 21,
      storePaths: 1,
      strategy: 'namespace',
      refusals: ['native', 'in-place', 'lazy'].map((strategy) => ({
        strategy,
        reason: expect.stringMatching(/./),
        errno: expect.any(Number),
      })),
      cache: join(bundle.cache, 'new'),
      missingBytes: 21,
    });
    expect(await readdir(bundle.cache)).toEqual([]);
  });

  it('says why nothing would do', async () => {
    const bundle = await makeBundle('echo never');
    const outcome = await start(bundle, {
      args: ['--saddlebag-info'],
      env: { SADDLEBAG_STRATEGY: 'native' },
    });
    const { strategy, refusals } = JSON.parse(outcome.stdout);
    expect(strategy).toBeUndefined();
    expect(refusals).toEqual([
      { strategy: 'native', reason: expect.stringMatching(/: no such file/), errno: 2 },
    ]);
  });

  it('says what is missing of the closure in the cache', async () => {
    const bundle = await makeBundle('');
    await start(bundle);
    const { cache, missingBytes } = JSON.parse((await ask(bundle, 'info')).stdout);
    expect([cache, missingBytes]).toEqual([bundle.cache, 0]);
  });
});

describe('list', () => {
  it('prints a line for each file, with its mode, size and link', async () => {
    const bundle = await makeBundle('', {
      members: {
        'a\n\\b\u001b': 'x',
        'large/one': 'same content\n'.repeat(10),
        'large/two': 'same content\n'.repeat(10),
        'large/link': { link: 'one' },
      },
    });
    const { stdout, code } = await ask(bundle, 'list');
    const top = `/nix/store/${appBase}`;
    expect([code, stdout.split('\n')]).toEqual([
      0,
      [
        `dr-xr-xr-x 0 ${top}`,
        `-r--r--r-- 1 ${top}/a\\012\\134b\\033`,
        `dr-xr-xr-x 0 ${top}/bin`,
        `-r-xr-xr-x 11 ${top}/bin/app`,
        `dr-xr-xr-x 0 ${top}/large`,
        `lrwxrwxrwx 0 ${top}/large/link -> one`,
        `-r--r--r-- 130 ${top}/large/one`,
        `hr--r--r-- 0 ${top}/large/two link to ${top}/large/one`,
        '',
      ],
    ]);
    expect(await readdir(bundle.cache)).toEqual([]);
  });

  it('prints many', async () => {
    const members = Object.fromEntries(
      Array.from({ length: 3000 }, (_, n) => [`d/${n}-${'x'.repeat(50)}`, '']),
    );
    const { stdout } = await ask(await makeBundle('', { members }), 'list');
    expect(stdout.match(/\n/g)).toHaveLength(3004);
  });
});

describe('extract', () => {
  it.each([
    ['a new directory', 'new'],
    ['an empty one', 'empty'],
  ])('unpacks to %s', async (_, name) => {
    const bundle = await makeBundle('', { members: { 'lib/data': 'data', link: { link: 'lib/data' } } });
    const parent = await ownDirectory(bundle.directory, 'parent');
    if (name === 'empty') await ownDirectory(parent, name);
    expect(await ask(bundle, 'extract', join(parent, name))).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
    const tree = join(parent, name, 'nix', 'store', appBase);
    expect(await readFile(join(tree, 'link'), 'utf8')).toBe('data');
    expect((await lstat(tree)).mode & 0o7777).toBe(0o555);
    expect(await readdir(bundle.cache)).toEqual([]);
  });

  it('touches no directory that holds something', async () => {
    const bundle = await makeBundle('');
    const place = await ownDirectory(bundle.directory, 'full');
    await writeFile(join(place, 'file'), '');
    const outcome = await ask(bundle, 'extract', place);
    expect(outcome).toMatchObject({ code: 125, stderr: `app: cannot write ${place}: directory not empty\n` });
    expect(await readdir(place)).toEqual(['file']);
  });

  it('leaves nothing of a bundle that is damaged', async () => {
    const bundle = await makeBundle('', { members: { 'lib/data': 'data'.repeat(10_000) } });
    const bytes = await readFile(bundle.file);
    const at = bytes.indexOf(
      Buffer.from([0x28, 0xb5, 0x2f, 0xfd]),
      (await readRuntimeUnderTest(hostArch)).length,
    );
    bytes.fill(0xff, at + 20, at + 40);
    await writeFile(bundle.file, bytes);
    const parent = await ownDirectory(bundle.directory, 'parent');
    expect(await ask(bundle, 'extract', join(parent, 'new'))).toMatchObject({ code: 125 });
    expect(await readdir(parent)).toEqual([]);
  });
});

describe('exec', () => {
  const tools = {
    letter: 'b',
    name: 'tools-1',
    members: {
      'bin/tool': { executable: '#!/bin/sh\necho tool "$@"; echo "$PATH"; other; echo "$FIRST"; pwd\n' },
      'bin/other': { executable: '#!/bin/sh\necho other\n' },
      'bin/app-tool': { executable: '#!/bin/sh\necho theirs\n' },
      'libexec/hidden': { executable: '#!/bin/sh\necho hidden\n' },
    },
  };
  const bundleOf = () =>
    makeBundle('echo app "$@"', {
      dependencies: [tools],
      members: { 'bin/app-tool': { executable: '#!/bin/sh\necho ours\n' } },
      args: ['--own'],
      env: { FIRST: 'ours' },
      entrypoint: { workingDirectory: '/usr' },
      closure: {
        programs: [{ name: 'named', program: `${fakeStorePath('app-1.0', 'c')}/bin/app` as never }],
      },
    });
  const toolsBin = `/nix/store/${'b'.repeat(32)}-tools-1/bin`;

  it('runs a program of the closure as the app would run, its directories last on PATH', async () => {
    const outcome = await start(await bundleOf(), {
      args: ['--saddlebag-exec', 'tool', 'a', '--saddlebag-x'],
    });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toBe(
      `tool a --saddlebag-x\n/usr/sbin:/usr/bin:/sbin:/bin:/nix/store/${appBase}/bin:${toolsBin}\nother\nours\n/usr\n`,
    );
  });

  it('finds entrypoints, the app’s own programs first, and paths', async () => {
    const bundle = await bundleOf();
    expect((await ask(bundle, 'exec', 'named', 'x')).stdout).toBe('app x\n');
    expect((await ask(bundle, 'exec', 'app-tool')).stdout).toBe('ours\n');
    const hidden = `${toolsBin.replace('/bin', '/libexec')}/hidden`;
    expect((await ask(bundle, 'exec', hidden)).stdout).toBe('hidden\n');
  });

  it('says that there is no such program', async () => {
    const bundle = await bundleOf();
    for (const name of ['nothing', '/bin/sh', '../bin/tool']) {
      expect(await ask(bundle, 'exec', name)).toMatchObject({
        code: 127,
        stderr: `app: cannot run ${name}: the closure has no such program\nhint: --saddlebag-list lists its files\n`,
      });
    }
  });

  it('runs from a closure that was relocated', async () => {
    const env = { SADDLEBAG_STRATEGY: 'relocate' };
    const outcome = await start(await bundleOf(), { args: ['--saddlebag-exec', 'other'], env });
    expect(outcome).toMatchObject({ code: 0, stdout: 'other\n' });
  });
});
