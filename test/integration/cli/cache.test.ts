import { chmod, chown, mkdir, readdir, readFile, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import type { Bundle } from '../../../src/core/types.ts';
import { nobody } from '../../helpers/children.ts';
import { builtCli, saddlebag, saddlebagJson } from '../../helpers/cli.ts';
import { writeTree } from '../../helpers/closures.ts';
import { describeWith } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

interface CacheReport {
  readonly directory: string;
  readonly records: number;
  readonly sizeBytes: number;
  readonly limitBytes: number;
  readonly cleared: boolean;
}

async function place() {
  const cwd = await temporaryDirectory();
  const directory = join(cwd, 'cache');
  const env = { ...process.env, SADDLEBAG_BUILD_CACHE: directory, SADDLEBAG_BUILD_CACHE_SIZE: '' };
  return { cwd, directory, options: { cwd, env } };
}

describe('the cache of saddlebag bundle', () => {
  it('changes no byte, and is shown and cleared by saddlebag cache', async () => {
    const { cwd, directory, options } = await place();
    for (const [file, flags] of [
      ['plain', ['--no-cache']],
      ['first', []],
      ['again', []],
    ] as const) {
      await saddlebagJson<Bundle>(['bundle', 'program:cat', '-o', file, ...flags], options);
      if (file === 'plain') expect(await readdir(cwd)).toEqual(['plain']);
    }
    const plain = await readFile(join(cwd, 'plain'));
    expect(await readFile(join(cwd, 'first'))).toEqual(plain);
    expect(await readFile(join(cwd, 'again'))).toEqual(plain);
    const shown = await saddlebagJson<CacheReport>(['cache'], options);
    expect(shown).toMatchObject({ directory, limitBytes: 5e9, cleared: false });
    expect(shown.sizeBytes).toBeGreaterThan(100_000);
    expect(await saddlebagJson(['cache', '--clear'], options)).toEqual({ ...shown, cleared: true });
    const { stdout } = await saddlebag(['cache'], options);
    expect(stdout).toBe(`0 B of at most 5.0 GB in ${directory}`);
  });

  it('stays below its limit', async () => {
    const { options } = await place();
    const small = { ...options, env: { ...options.env, SADDLEBAG_BUILD_CACHE_SIZE: '50K' } };
    await saddlebagJson(['bundle', 'program:cat'], small);
    const { sizeBytes } = await saddlebagJson<CacheReport>(['cache'], small);
    expect(sizeBytes).toBeLessThanOrEqual(50_000);
  });

  it('is left alone, with a warning, where others could write to it', async () => {
    const { cwd, directory, options } = await place();
    await mkdir(directory);
    await chmod(directory, 0o777);
    const bundled = await saddlebag(['bundle', 'program:true', '-o', 'out'], options);
    expect(bundled.exitCode).toBe(0);
    expect(bundled.stderr).toContain(`cannot use the cache ${directory}: other users may write to it`);
    expect(await readdir(directory)).toEqual([]);
    expect((await stat(join(cwd, 'out'))).size).toBeGreaterThan(100_000);
    const cleared = await saddlebag(['cache', '--clear'], options);
    expect([cleared.exitCode, cleared.stdout]).toEqual([1, '']);
  });

  it('refuses a limit that is no size before it does anything', async () => {
    const { cwd, options } = await place();
    const env = { ...options.env, SADDLEBAG_BUILD_CACHE_SIZE: 'much' };
    const result = await saddlebag(['bundle', 'program:true'], { cwd, env });
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain('got "much" (from SADDLEBAG_BUILD_CACHE_SIZE)');
    expect(await readdir(cwd)).toEqual([]);
  });
});

/** A tree whose members the file system was given in this order, all with this time. */
async function treeInOrder(top: string, order: 1 | -1, seconds: number): Promise<void> {
  const names = Array.from({ length: 300 }, (_, index) => `lib/${index % 7}/module-${index}.py`);
  for (const name of order === 1 ? names : names.reverse()) await writeTree(top, { [name]: `# ${name}\n` });
  await writeTree(top, {
    'bin/app': { executable: '#!/bin/sh\necho "$0"\n' },
    'bin/alias': { link: 'app' },
    'share/data': Buffer.alloc(3_000_000, 'some text '),
    'share/same': Buffer.alloc(3_000_000, 'some text '),
  });
  for (const name of await readdir(top, { recursive: true })) {
    if (name !== 'bin/alias') await utimes(join(top, name), seconds, seconds);
  }
}

describeWith(['root', 'setpriv', 'taskset', 'sh'], 'two machines', () => {
  it('make the same bundle: user, umask, time zone, locale, times, order of the disk, processors', async () => {
    const cwd = await temporaryDirectory();
    const [one, two] = [join(cwd, 'one/web'), join(cwd, 'two/web')];
    await treeInOrder(one, 1, 1_000_000_000);
    await treeInOrder(two, -1, 1_600_000_000);
    await chmod(join(two, 'lib/1/module-1.py'), 0o600);
    for (const name of ['.', ...(await readdir(join(cwd, 'two'), { recursive: true }))]) {
      if (!name.endsWith('alias')) await chown(join(cwd, 'two', name), nobody.uid, nobody.gid);
    }
    const args = ['bundle', 'web', '--entrypoint', 'bin/app', '--quiet'];
    const first = await saddlebag([...args, '--no-cache'], {
      cwd: join(cwd, 'one'),
      env: { ...process.env, TZ: 'UTC', LC_ALL: 'C', SADDLEBAG_BUILD_CACHE: join(cwd, 'cache') },
    });
    const other = ['--reuid', `${nobody.uid}`, '--regid', `${nobody.gid}`, '--clear-groups'];
    const shell = ['sh', '-c', 'umask 077; exec taskset -c 0 "$@"', 'sh'];
    const second = await execProcess('setpriv', [...other, ...shell, process.execPath, builtCli, ...args], {
      cwd: join(cwd, 'two'),
      env: { PATH: process.env.PATH, HOME: join(cwd, 'two'), TZ: 'Asia/Kathmandu', LC_ALL: 'tr_TR.UTF-8' },
      timeoutMs: 120_000,
    });
    expect([first.exitCode, first.stderr, second.exitCode, second.stderr]).toEqual([0, '', 0, '']);
    expect(await readFile(second.stdout.trim())).toEqual(await readFile(first.stdout.trim()));
  });
});
