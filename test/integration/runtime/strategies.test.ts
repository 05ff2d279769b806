import { mkdir, readdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../../helpers/needs.ts';
import { appBase, makeBundle, start, startChild, withCache } from './bundles.ts';
import { debug, dropRights, inMounts, machineTools } from './machine.ts';

describe('the choice of a strategy', () => {
  it('tells what each was refused with', async () => {
    const bundle = await makeBundle('echo ok');
    const outcome = await start(bundle, { env: { ...debug, SADDLEBAG_STRATEGY: '' } });
    expect(outcome.stdout).toBe('ok\n');
    expect(outcome.stderr).toMatch(/^app: native: refused: .+\napp: in-place: refused: .+\n/);
    expect(outcome.stderr).toMatch(/\napp: namespace: taken\n$/);
  });

  it('takes the pinned one or none', async () => {
    const bundle = await makeBundle('echo ok');
    const outcome = await start(bundle, { env: { SADDLEBAG_STRATEGY: 'native' } });
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toMatch(
      /^app: cannot start: no way to put the closure at \/nix\/store works here\n {2}native: cannot use .+: .+\nhint: SADDLEBAG_STRATEGY allows no other; .+\n$/,
    );
  });

  it('refuses a name that it doesn’t know', async () => {
    const bundle = await makeBundle('echo ok');
    expect(await start(bundle, { env: { SADDLEBAG_STRATEGY: 'magic' } })).toMatchObject({
      code: 125,
      stdout: '',
      stderr:
        'app: cannot use strategy magic: no such strategy (from SADDLEBAG_STRATEGY)\n' +
        'hint: one of native, in-place, lazy, namespace, relocate; unset it to let the runtime choose\n',
    });
  });
});

describe('namespace', () => {
  it('shows the whole old root beside the store', async () => {
    const script =
      'ls -A /; for d in /*; do if [ -L "$d" ]; then readlink "$d"; else stat -c %i "$d"; fi; done';
    const bundle = await makeBundle(script);
    const inside = (await start(bundle)).stdout.split('\n').filter((line) => line !== 'nix');
    const host = (await startChild('/bin/sh', { args: ['-c', script] }).outcome).stdout.split('\n');
    for (const line of host.filter((line) => line !== 'nix')) expect(inside).toContain(line);
  });

  it('starts a bundle that a bundle starts, and keeps a working directory inside the store', async () => {
    const inner = await makeBundle('pwd; ls "$0"', { letter: 'd' });
    const outer = await makeBundle('cd "$(dirname "$0")" && exec "$INNER"');
    const env = { ...withCache(outer).env, INNER: inner.file };
    expect((await start(outer, { env })).stdout).toBe(
      `/nix/store/${appBase}/bin\n/nix/store/${'d'.repeat(32)}-app-1.0/bin/app\n`,
    );
  });
});

describeWith(machineTools, 'strategies of a machine that is made for the test', () => {
  it.each([
    ['with /proc', 'mount --rbind /proc proc'],
    ['without /proc', 'true'],
  ])('makes /nix as root in a chroot that is no mount, %s', async (_, proc) => {
    const bundle = await makeBundle('echo "$0"');
    const root = join(bundle.directory, 'root');
    for (const name of ['usr', 'proc', 'tmp']) await mkdir(join(root, name), { recursive: true });
    for (const name of ['bin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name));
    const script = `cd ${root}; mount --rbind /usr usr; ${proc}; cp ${bundle.file} app; exec chroot ${root} /app`;
    for (const said of ['app: /nix/store: extracted\napp: in-place: taken\n', 'app: in-place: taken\n']) {
      const outcome = await inMounts(bundle, script, { ...debug, SADDLEBAG_STRATEGY: '' });
      expect(outcome).toMatchObject({ code: 0, stdout: `/nix/store/${appBase}/bin/app\n` });
      expect(outcome.stderr.endsWith(said), outcome.stderr).toBe(true);
    }
    expect((await readdir(root)).sort()).toEqual(['app', 'bin', 'lib', 'lib64', 'nix', 'proc', 'tmp', 'usr']);
  });

  it('takes a tree as Nix leaves it for native', async () => {
    const bundle = await makeBundle('echo native');
    const script = `mount -t tmpfs test /nix/store && cp -a ${bundle.cache}/store/. /nix/store/ &&
      chown -R 0:0 /nix/store && chmod 1775 /nix/store && ${dropRights} ${bundle.file}`;
    expect((await start(bundle)).code).toBe(0);
    const outcome = await inMounts(bundle, `mkdir -p /nix/store; ${script}`, {
      ...debug,
      SADDLEBAG_STRATEGY: '',
    });
    expect(outcome).toMatchObject({ code: 0, stdout: 'native\n', stderr: 'app: native: taken\n' });
  });
});
