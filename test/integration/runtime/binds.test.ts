import { lstat, mkdir, readFile, realpath, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Bind } from '../../../src/core/types.ts';
import { describeWith } from '../../helpers/needs.ts';
import { appBase, makeBundle, start } from './bundles.ts';
import { debug, machineTools } from './machine.ts';
import { inPrivateRoot } from './private-root.ts';

const inClosure = (path: string) => `/nix/store/${appBase}/${path}`;

/** Bundles a script with binds; `lib/data` of its store path holds `file`, with the content "ours". */
function withBinds(script: string, ...binds: readonly Bind[]) {
  return makeBundle(script, { members: { 'lib/data/file': 'ours\n' }, closure: { binds } });
}

describe('binds', () => {
  it('bring what the host lacks, beside all that it has, and leave nothing on it', async () => {
    const target = '/usr/share/saddlebag-test/data';
    const bundle = await withBinds(
      `cat ${target}/file; touch ${target}/new 2>/dev/null || echo closed; ls /usr/share | wc -l; pwd`,
      { source: inClosure('lib/data'), target, policy: 'where-absent' },
    );
    const outcome = await start(bundle, { cwd: '/usr/share' });
    const { stdout: known } = await start(await makeBundle('ls /usr/share | wc -l'));
    expect(outcome).toMatchObject({
      code: 0,
      stdout: `ours\nclosed\n${Number(known) + 1}\n/usr/share\n`,
      stderr: '',
    });
    await expect(lstat('/usr/share/saddlebag-test')).rejects.toThrow('ENOENT');
  });

  it('bring a file and a directory to the root and below a link', async () => {
    const bundle = await withBinds(
      'cat /saddlebag-test/a/file /saddlebag-test/b /lib/saddlebag-test; ls -d /etc/passwd',
      { source: inClosure('lib/data'), target: '/saddlebag-test/a', policy: 'where-absent' },
      { source: inClosure('lib/data/file'), target: '/saddlebag-test/b', policy: 'always' },
      { source: inClosure('lib/data/file'), target: '/lib/saddlebag-test', policy: 'where-absent' },
    );
    expect(await start(bundle)).toMatchObject({ code: 0, stdout: 'ours\nours\nours\n/etc/passwd\n' });
  });

  it('leave what is there, unless always', async () => {
    const bundle = await withBinds(
      'cat /etc/passwd | wc -l; cat /etc/group',
      { source: inClosure('lib/data/file'), target: '/etc/passwd', policy: 'where-absent' },
      { source: inClosure('lib/data/file'), target: '/etc/group', policy: 'always' },
    );
    const lines = (await readFile('/etc/passwd', 'utf8')).split('\n').length - 1;
    expect(await start(bundle)).toMatchObject({ code: 0, stdout: `${lines}\nours\n` });
  });

  it('cover a link and not what it leads to, and stand in for one that leads nowhere', async () => {
    const { directory } = await makeBundle('');
    const file = join(directory, 'file');
    const link = join(directory, 'link');
    const lost = join(directory, 'lost');
    await writeFile(file, 'theirs\n');
    await symlink(file, link);
    await symlink('nowhere', lost);
    const app = await withBinds(
      `cat ${link} ${file} ${lost}`,
      { source: inClosure('lib/data/file'), target: link, policy: 'always' },
      { source: inClosure('lib/data/file'), target: lost, policy: 'where-absent' },
    );
    expect(await start(app)).toMatchObject({ code: 0, stdout: 'ours\ntheirs\nours\n' });
  });

  it('bring directories of the host as they are, and leave out what it lacks', async () => {
    const { spare } = await makeBundle('');
    const bundle = await withBinds(
      'echo new > /saddlebag-test/data/file; test -e /saddlebag-test/none || echo none',
      { source: spare, target: '/saddlebag-test/data', policy: 'always' },
      { source: '/no/such/place', target: '/saddlebag-test/none', policy: 'always' },
    );
    expect(await start(bundle)).toMatchObject({ code: 0, stdout: 'none\n', stderr: '' });
    expect(await readFile(join(spare, 'file'), 'utf8')).toBe('new\n');
  });

  it('take a strategy that can mount, where something has to be bound', async () => {
    const bundle = await withBinds('echo started', {
      source: inClosure('lib/data'),
      target: '/usr/share/saddlebag-test',
      policy: 'where-absent',
    });
    const outcome = await start(bundle, { env: { ...debug, SADDLEBAG_STRATEGY: '' } });
    expect(outcome.stdout).toBe('started\n');
    expect(outcome.stderr).toContain('app: native: refused: /usr/share/saddlebag-test: it takes a mount\n');
  });

  it('name what can’t be bound', async () => {
    const bundle = await withBinds('echo never', {
      source: inClosure('lib/data/file'),
      target: '/proc/saddlebag-test',
      policy: 'where-absent',
    });
    const outcome = await start(bundle);
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toMatch(/namespace: cannot mount \/proc\/saddlebag-test: /);
  });

  it('keep the working directory', async () => {
    const { directory } = await makeBundle('');
    const work = await realpath(directory);
    await mkdir(join(work, 'inner'));
    const bundle = await withBinds('pwd; ls', {
      source: inClosure('lib/data/file'),
      target: join(work, 'file'),
      policy: 'where-absent',
    });
    const outcome = await start(bundle, { cwd: join(work, 'inner') });
    expect(outcome).toMatchObject({ code: 0, stdout: `${work}/inner\n` });
    await expect(lstat(join(work, 'file'))).rejects.toThrow('ENOENT');
  });
});

describeWith(['root'], 'binds as root', () => {
  it('are made without a user namespace', async () => {
    const bundle = await withBinds('cat /usr/share/saddlebag-test/file; cat /proc/self/uid_map', {
      source: inClosure('lib/data'),
      target: '/usr/share/saddlebag-test',
      policy: 'where-absent',
    });
    const outcome = await start(bundle, {
      asSelf: true,
      env: { SADDLEBAG_CACHE_DIR: join(bundle.directory, 'own') },
    });
    expect(outcome.stdout).toBe(`ours\n${await readFile('/proc/self/uid_map', 'utf8')}`);
  });
});

describeWith(machineTools, 'binds in a private root', () => {
  const env = { SADDLEBAG_STRATEGY: 'in-place' };
  const bind = (policy: Bind['policy'], target: string): Bind => ({
    source: inClosure('lib/data'),
    target,
    policy,
  });

  it('are links, where nothing is', async () => {
    const bundle = await withBinds('readlink /opt/data; cat /opt/data/file', bind('always', '/opt/data'));
    const { outcome } = await inPrivateRoot(bundle, { env });
    expect(outcome).toMatchObject({ code: 0, stdout: `${inClosure('lib/data')}\nours\n` });
    expect((await inPrivateRoot(bundle, { env })).outcome).toMatchObject({ code: 0 });
  });

  it.each([
    ['what is there', bind('always', '/usr'), '/usr'],
    ['a directory of others', bind('where-absent', '/usr/saddlebag-test'), '/usr/saddlebag-test'],
  ])('never touch %s', async (_, needed, target) => {
    const bundle = await withBinds('echo never', needed);
    const { outcome, root } = await inPrivateRoot(bundle, { env });
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toContain(`in-place: cannot provide ${target}: it takes a mount\n`);
    await expect(lstat(join(root, 'nix'))).rejects.toThrow('ENOENT');
  });
});
