import { chmod, chown, mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import type { Bundle } from '../../../src/core/types.ts';
import { nobody } from '../../helpers/children.ts';
import { saddlebag, saddlebagJson } from '../../helpers/cli.ts';
import { writeTree } from '../../helpers/closures.ts';
import { describeWith, findTool } from '../../helpers/needs.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

/** An empty directory that belongs to nobody, and a bundle in it as `app`. */
async function rootWith(...args: string[]): Promise<string> {
  const cwd = await temporaryDirectory();
  await chmod(cwd, 0o755);
  const root = join(cwd, 'root');
  await mkdir(root);
  await chown(root, nobody.uid, nobody.gid);
  await saddlebagJson<Bundle>(['bundle', ...args, '-o', join(root, 'app')], { cwd });
  return root;
}

/** Runs the bundle as nobody, where there is nothing else, with no environment. */
async function runIn(root: string, ...args: string[]) {
  return execProcess(
    findTool('chroot') ?? 'chroot',
    [`--userspec=${nobody.uid}:${nobody.gid}`, root, '/app', ...args],
    {
      env: {},
    },
  );
}

// Each cost somebody days: see the posts that the project began with.
describeWith(['root', 'bash', 'getent'], 'what a hand-made closure misses', () => {
  it('characters beyond ASCII, without a locale set', async () => {
    const root = await rootWith('program:bash');
    const counted = await runIn(root, '-c', 'text=Grüße; echo $' + '{#text}');
    expect(counted).toMatchObject({ exitCode: 0, stdout: '5', stderr: '' });
  });

  it('/etc/services', async () => {
    const found = await runIn(
      await rootWith('program:getent', '--with', 'services,nss'),
      'services',
      'https',
    );
    expect(found).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/^https +443\/tcp/) });
  });

  it('nothing, but holds a tree forty times because of a link to itself', async () => {
    const cwd = await temporaryDirectory();
    await writeTree(join(cwd, 'zone'), {
      'bin/app': { executable: '#!/bin/sh\n' },
      UTC: 'x'.repeat(100_000),
    });
    await symlink('.', join(cwd, 'zone/posix'));
    const { image } = await saddlebagJson<Bundle>(['bundle', './zone', '--entrypoint', 'bin/app'], { cwd });
    const [own] = image.paths.slice(-1);
    expect(own).toMatchObject({
      entries: 5,
      contentBytes: expect.toSatisfy((bytes: number) => bytes < 100_200),
    });
  });

  it('a variable that was given wrongly', async () => {
    const cwd = await temporaryDirectory();
    const wrong = await saddlebag(['bundle', 'program:true', '--env', 'PORT'], { cwd });
    expect(wrong).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('expected NAME=VALUE') });
    const root = await rootWith('program:true');
    const start = await execProcess(join(root, 'app'), [], { env: { SADDLEBAG_STRATEGY: 'natve' } });
    expect(start).toMatchObject({ exitCode: 125, stderr: expect.stringContaining('natve') });
  });
});

describeWith(['root', 'busybox'], '--with shell', () => {
  it('gives a shell and its programs where the root has none', async () => {
    const root = await rootWith('program:true', '--with', 'shell');
    const shell = await runIn(root, '--saddlebag-exec', 'sh', '-c', 'ls / | grep -v nix; id -u');
    expect(shell).toMatchObject({ exitCode: 0, stdout: 'app\n65534', stderr: '' });
  });
});

describeWith(['root', 'unshare', 'python3.11'], '--check', () => {
  const bundle = async (cwd: string, command: readonly string[]) =>
    saddlebag(
      [
        'bundle',
        'program:/usr/bin/python3.11',
        '-o',
        'python',
        '--compress',
        'fast',
        '--check',
        '--',
        ...command,
      ],
      {
        cwd,
      },
    );

  it('keeps a bundle in which the command ends well', async () => {
    const cwd = await temporaryDirectory();
    const { exitCode, stderr } = await bundle(cwd, [
      'python3.11',
      '-c',
      'import json, ssl, os; assert os.listdir("/etc") == []',
    ]);
    expect({ exitCode, stderr }).toMatchObject({
      exitCode: 0,
      stderr: expect.stringContaining('in an empty root'),
    });
    expect(await readdir(cwd)).toEqual(['python']);
  });

  it('writes nothing where a module was not wired in, and shows what the command said', async () => {
    const cwd = await temporaryDirectory();
    const { exitCode, stderr } = await bundle(cwd, ['python3.11', '-c', 'import no_such_module']);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("ModuleNotFoundError: No module named 'no_such_module'");
    expect(stderr).toMatch(
      /cannot keep .+\/python: python3.11 -c import no_such_module failed in an empty root \(exit code 1\)/,
    );
    expect(await readdir(cwd)).toEqual([]);
  });
});
