import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import type { Bundle } from '../../../src/core/types.ts';
import { nobody } from '../../helpers/children.ts';
import { builtCli, saddlebag, saddlebagJson } from '../../helpers/cli.ts';
import { writeTree } from '../../helpers/closures.ts';
import { describeWith } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

async function tree(): Promise<string> {
  const directory = await temporaryDirectory();
  await writeTree(join(directory, 'web'), {
    'bin/web': { executable: '#!/bin/sh\n' },
    'share/text': 'hello',
  });
  return directory;
}

describe('saddlebag bundle', () => {
  it('prints the path alone on stdout and the choice on stderr', async () => {
    const cwd = await tree();
    const { stdout, stderr, exitCode } = await saddlebag(['bundle', 'program:true', '--app-version', '1.2'], {
      cwd,
    });
    expect([exitCode, stdout]).toEqual([
      0,
      join(cwd, `true-1.2-${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}`),
    ]);
    expect(stderr).toContain('closure  reading /usr/bin/true as a program of this machine\n');
  });

  it.each([
    [['a', 'b'], 'what is "b" for? One app makes a bundle.'],
    [['a', '--', 'b'], '"b" stands behind --, and neither --trace nor --check says what for'],
    [['a', '--check'], '--trace and --check need a command behind --'],
    // No app among them: what stands behind -- is not one.
    [['-A', 'x', '--check', '--', 'b'], 'cannot build ./default.nix: no such file or directory'],
  ])('tells app and command apart: %j', async (args, message) => {
    const { stderr } = await saddlebag(['bundle', ...args], { cwd: await temporaryDirectory() });
    expect(stderr).toContain(message);
  });

  it('makes a file that runs as the program does', async () => {
    const cwd = await tree();
    const { file } = await saddlebagJson<Bundle>(['bundle', 'program:cat', '--arg', '-n', '-o', 'number'], {
      cwd,
    });
    const result = await execProcess(file, [join(cwd, 'web/share/text')], {
      env: { SADDLEBAG_CACHE_DIR: join(cwd, 'cache') },
    });
    expect([result.exitCode, result.stdout, result.stderr]).toEqual([0, '     1\thello', '']);
  });

  it('says how the app runs', async () => {
    const cwd = await tree();
    const flags = [
      '--workdir',
      '/tmp',
      '--bind',
      `${cwd}/web:/web`,
      '--bind',
      '/a:/etc/group:always',
      '--init',
    ];
    const { file, entrypoint, binds } = await saddlebagJson<Bundle>(
      ['bundle', 'program:pwd', '-o', 'x', '--no-runtime-options', ...flags],
      { cwd },
    );
    expect(entrypoint).toMatchObject({ workingDirectory: '/tmp', init: true });
    expect(binds).toEqual([
      { source: `${cwd}/web`, target: '/web', policy: 'where-absent' },
      { source: '/a', target: '/etc/group', policy: 'always' },
    ]);
    const env = { SADDLEBAG_CACHE_DIR: join(cwd, 'cache') };
    expect(await execProcess(file, ['-P'], { env })).toMatchObject({
      exitCode: 0,
      stdout: '/tmp',
      stderr: '',
    });
    const { stderr } = await execProcess(file, ['--saddlebag-info'], { env });
    expect(stderr).toContain("unrecognized option '--saddlebag-info'");
  });

  it.each([
    [['--bind', '/a'], /expected SOURCE:TARGET, both absolute/],
    [['--bind', '/a:b'], /expected SOURCE:TARGET, both absolute/],
    [['--bind', '/a:/b:never'], /expected SOURCE:TARGET, both absolute/],
    [['--bind', '/a:/b/../c'], /expected SOURCE:TARGET, both absolute/],
    [['--bind', '/a:/proc/b'], /nothing can be put below/],
    [['--workdir', 'tmp'], /expected an absolute path/],
  ])('refuses %j', async (flags, reason) => {
    const result = await saddlebag(['bundle', 'program:true', ...flags], { cwd: await tree() });
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toMatch(reason);
  });

  it('explains a command in both ways that people ask', async () => {
    const cwd = await temporaryDirectory();
    const asked = await saddlebag(['help', 'bundle'], { cwd });
    expect(asked).toMatchObject({ exitCode: 0, stderr: '' });
    expect(asked.stdout).toBe((await saddlebag(['bundle', '--help'], { cwd })).stdout);
  });

  it('says nothing but errors with --quiet', async () => {
    const cwd = await tree();
    const result = await saddlebag(['bundle', 'program:true', '-o', 'x', '-q'], { cwd });
    expect([result.exitCode, result.stderr]).toEqual([0, '']);
  });

  it.each([
    [['bundle', './nowhere'], 1, /^saddlebag: cannot .*nowhere.*\n {2}hint: /m],
    [['bundle', 'web/share/text'], 1, /^saddlebag: cannot .*share\/text.*\n {2}hint: /m],
    [['bundle', 'web'], 2, /^saddlebag: cannot .*web.*--entrypoint/ms],
    [['bundle', 'web', '--entrypoint', 'bin/none'], 2, /^saddlebag: cannot .*bin\/none/m],
    [['bundle', 'program:true', '--env', 'PORT'], 2, /expected NAME=VALUE/],
    [['bundle', 'program:true', '--jobs', '0'], 2, /expected a whole number from 1/],
    [
      ['bundle', 'program:true', '--compress', 'hard'],
      2,
      /^saddlebag: cannot take "hard" for --compress.*: expected one of fast, balanced, small$/m,
    ],
    [['bundle', 'program:true', '--name', '../x'], 2, /^saddlebag: cannot .*\.\.\/x/m],
    [['bundl'], 2, /^saddlebag: unknown command 'bundl'\n {2}hint: did you mean bundle\?$/],
    [
      ['bundle', 'true', '-o', '-'],
      2,
      /^saddlebag: cannot take "-" for -o, --output .*: it appears whole or not at all/m,
    ],
    [['bundle', 'true', 'cat'], 2, /what is "cat" for\? One app makes a bundle\.\n {2}hint: --include /],
  ])('%j ends with %i and says why', async (args, exitCode, message) => {
    const cwd = await tree();
    const result = await saddlebag(args, { cwd });
    expect(result.stderr).toMatch(message);
    expect([result.exitCode, result.stdout]).toEqual([exitCode, '']);
    expect((await readdir(cwd)).sort()).toEqual(['web']);
  });

  it('takes the program of PATH again where its own output bears the name, and refuses that by its path', async () => {
    const cwd = await tree();
    const bundle = (app: string) => saddlebag(['bundle', app, '-o', 'true', '--force'], { cwd });
    expect((await bundle('true')).exitCode).toBe(0);
    const again = await bundle('program:true');
    expect(again.stderr).toContain('closure  reading /usr/bin/true as a program of this machine\n');
    expect(again.exitCode).toBe(0);
    const included = await saddlebagJson<Bundle>(['bundle', 'cat', '--include', 'true', '-o', 'cat'], {
      cwd,
    });
    expect(included.binds).toEqual([]);
    const bundled = await saddlebag(['bundle', 'cat', '--include', './true', '-o', 'dog'], { cwd });
    expect(bundled.stderr).toContain('saddlebag: cannot include ./true: it is a bundle\n  hint: ');
    const refused = await bundle('./true');
    expect(refused.stderr).toContain(
      `saddlebag: cannot bundle ${join(cwd, 'true')}: it is a bundle already\n  hint: `,
    );
    expect(refused.exitCode).toBe(1);
  });

  it.each([
    ['out', 'it exists already'],
    ['none/out', 'no such file or directory'],
    ['web', 'it is a directory'],
  ])('says before all work that %s cannot be written: %s', async (output, reason) => {
    const cwd = await tree();
    await writeFile(join(cwd, 'out'), 'mine');
    const { stderr, exitCode } = await saddlebag(['bundle', 'program:true', '-o', output], { cwd });
    expect(stderr.split('\n')[0]).toBe(`saddlebag: cannot write ${join(cwd, output)}: ${reason}`);
    expect(exitCode).toBe(1);
  });

  it('refuses a socket in a directory, by its path', async () => {
    const cwd = await tree();
    const server = createServer().listen(join(cwd, 'web/socket'));
    onTestFinished(() => void server.close());
    const result = await saddlebag(['bundle', 'web', '--entrypoint', 'bin/web', '--json'], { cwd });
    expect(JSON.parse(result.stderr.trim().split('\n').at(-1) ?? '')).toMatchObject({
      error: { message: `cannot bundle ${join(cwd, 'web/socket')}: it is a socket` },
    });
    expect(result.exitCode).toBe(1);
  });

  it('does not write the bill of materials over the bundle', async () => {
    const cwd = await tree();
    const bundle = ['bundle', 'web', '--entrypoint', 'bin/web', '--name', 'web'];
    const told = {
      exitCode: 2,
      stderr: expect.stringContaining('it is the bundle and its bill of materials'),
    };
    expect(await saddlebag([...bundle, '-o', 'out', '--sbom', './out'], { cwd })).toMatchObject(told);
    expect(await readdir(cwd)).toEqual(['web']);
    // Its own name is known when it is made, and then it stays.
    const { file } = await saddlebagJson<Bundle>(bundle, { cwd });
    const bytes = await readFile(file);
    expect(await saddlebag([...bundle, '--force', '--sbom', file], { cwd })).toMatchObject(told);
    expect((await readFile(file)).equals(bytes)).toBe(true);
  });

  it('warns of an output that the next bundle would hold', async () => {
    const cwd = join(await tree(), 'web');
    const bundle = ['bundle', '.', '--entrypoint', 'bin/web', '--name', 'web'];
    const warning = 'the next bundle of it will hold this one';
    const inside = await saddlebag([...bundle, '-o', 'share/out'], { cwd });
    expect(inside.stderr).toContain(
      `${join(cwd, 'share/out')} lies in the directory that is bundled: ${warning}`,
    );
    for (const flags of [
      ['-o', '../out'],
      ['-o', 'share/out', '--force', '--exclude', 'out'],
    ]) {
      const { exitCode, stderr } = await saddlebag([...bundle, ...flags], { cwd });
      expect([exitCode, stderr.includes(warning)]).toEqual([0, false]);
    }
  });

  it('keeps an output that exists unless --force is given', async () => {
    const cwd = await tree();
    await writeFile(join(cwd, 'out'), 'mine');
    const refused = await saddlebag(['bundle', 'program:true', '-o', 'out'], { cwd });
    expect(refused.stderr).toContain(
      `saddlebag: cannot write ${join(cwd, 'out')}: it exists already\n  hint: pass --force`,
    );
    expect(await readFile(join(cwd, 'out'), 'utf8')).toBe('mine');
    expect((await saddlebag(['bundle', 'program:true', '-o', 'out', '--force'], { cwd })).exitCode).toBe(0);
    expect(
      (await execProcess(join(cwd, 'out'), [], { env: { SADDLEBAG_CACHE_DIR: join(cwd, 'c') } })).exitCode,
    ).toBe(0);
  });

  describeWith(['root', 'mount'], 'on a full disk', () => {
    it('names the disk and leaves no partial file', async () => {
      const cwd = await tree();
      const disk = join(cwd, 'disk');
      await mkdir(disk);
      await execProcess('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk]);
      onTestFinished(async () => void (await execProcess('umount', [disk])));
      const result = await saddlebag(['bundle', 'program:true', '-o', 'disk/out'], { cwd });
      expect(result.stderr).toContain(
        `saddlebag: cannot write ${join(disk, 'out')}: no space left on device`,
      );
      expect([result.exitCode, await readdir(disk)]).toEqual([1, []]);
    });
  });

  describeWith(['root'], 'as another user', () => {
    it('gives the same bytes', async (test) => {
      const probe = await execProcess(process.execPath, [builtCli, '--version'], nobody);
      if (probe.exitCode !== 0) test.skip('this checkout cannot be read by another user');
      const cwd = await tree();
      await chmod(cwd, 0o777);
      const args = ['bundle', 'web', '--entrypoint', 'bin/web', '--quiet', '-o'];
      await saddlebag([...args, 'one'], { cwd });
      const env = { PATH: process.env.PATH, TZ: 'Asia/Kathmandu' };
      const result = await saddlebag([...args, 'two', '--jobs', '1'], { cwd, env, ...nobody });
      expect(result.stderr).toBe('');
      expect(await readFile(join(cwd, 'two'))).toEqual(await readFile(join(cwd, 'one')));
    });
  });
});

describe('saddlebag inspect', () => {
  it('says what is wrong with a file that is damaged', async () => {
    const cwd = await tree();
    const { file } = await saddlebagJson<Bundle>(['bundle', 'program:true', '-o', 'x'], { cwd });
    const bytes = await readFile(file);
    const middle = bytes.length >> 1;
    bytes[middle] = (bytes[middle] ?? 0) ^ 1;
    await writeFile(file, bytes);
    const result = await saddlebag(['inspect', 'x'], { cwd });
    expect(result.exitCode).toBe(1);
    expect(result.stderr).toMatch(
      /^saddlebag: cannot read .*\/x: .*damaged.*\n {2}hint: fetch it or bundle it again$/m,
    );
  });

  it('prints a page for people', async () => {
    const cwd = await tree();
    const bundle = await saddlebagJson<Bundle>(['bundle', 'web', '--entrypoint', 'bin/web', '--env', 'A=b'], {
      cwd,
    });
    const { stdout } = await saddlebag(['inspect', bundle.file], { cwd });
    expect(stdout).toContain(`  closure     ${bundle.closureSha256}\n`);
    expect(stdout).toContain('  env         A=b\n');
    expect(stdout).toContain(`tail -c +${bundle.tailOffset} `);
  });
});
