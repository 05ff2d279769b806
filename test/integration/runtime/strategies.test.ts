import { chown, mkdir, readdir, symlink } from 'node:fs/promises';
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
      /^app: cannot start: no way to put the closure at \/nix\/store works here\n {2}native: cannot use .+: .+\n$/,
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

  it('keeps an app from writing into its closure', async () => {
    const bundle = await makeBundle('mkdir "$(dirname "$0")/new" 2>&1 || echo refused');
    expect((await start(bundle)).stdout).toMatch(/refused\n$/);
  });
});

describeWith(machineTools, 'strategies of a machine that is made for the test', () => {
  it('names the setting when user namespaces are forbidden', async () => {
    // What is absent at a fixed path takes a mount, so that nothing is left to try.
    const binds = [{ source: '/etc', target: '/no/where', policy: 'where-absent' }] as const;
    const bundle = await makeBundle('echo never', { closure: { binds } });
    const outcome = await startChild('/usr/bin/unshare', {
      ...withCache(bundle, { env: { SADDLEBAG_STRATEGY: '' } }),
      args: [
        ...['--user', '--map-current-user', '--keep-caps', '/bin/sh', '-euc'],
        // The limit is one of the namespace around it, so this machine's own stays as it is.
        `echo 0 > /proc/sys/user/max_user_namespaces
        exec setpriv --ambient-caps -all --inh-caps -all ${bundle.file}`,
      ],
    }).outcome;
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toMatch(
      /^app: cannot start: no way to put the closure at \/nix\/store works here\n/,
    );
    expect(outcome.stderr).toContain('  in-place: cannot provide /no/where: it takes a mount\n');
    expect(outcome.stderr).toContain(
      '  namespace: cannot make a user namespace: no space left on device\n' +
        '    hint: allow user namespaces: sysctl user.max_user_namespaces and ' +
        "kernel.unprivileged_userns_clone, the container's seccomp profile\n",
    );
    expect(outcome.stderr).toMatch(/\n {2}relocate: cannot provide \/no\/where: .+\n$/);
    expect(await readdir(bundle.cache)).toEqual([]);
  });

  it('refuses a user namespace to root without CAP_SYS_ADMIN', async () => {
    const bundle = await makeBundle('echo never');
    const outcome = await startChild('/usr/bin/setpriv', {
      ...withCache(bundle),
      args: ['--bounding-set', '-sys_admin', '--inh-caps', '-sys_admin', bundle.file],
      asSelf: true,
    }).outcome;
    expect(outcome.code).toBe(125);
    expect(outcome.stderr).toContain(
      '  namespace: cannot enter a user namespace: not as root\n    hint: add CAP_SYS_ADMIN, or run as another user\n',
    );
  });

  it('refuses a user namespace that would take ambient capabilities away', async () => {
    const bundle = await makeBundle('echo never');
    const caps = ['--inh-caps', '+net_bind_service', '--ambient-caps', '+net_bind_service'];
    const outcome = await startChild('/usr/bin/setpriv', {
      ...withCache(bundle),
      args: ['--reuid', '65534', '--regid', '65534', '--clear-groups', ...caps, bundle.file],
      asSelf: true,
    }).outcome;
    expect(outcome.code).toBe(125);
    expect(outcome.stderr).toContain(
      'cannot enter a user namespace: ambient capabilities would be lost in it\n',
    );
  });

  it('mounts as root without a user namespace, and leaves no mount on the host', async () => {
    const bundle = await makeBundle('readlink /proc/self/ns/user');
    await chown(bundle.cache, 0, 0);
    const outcome = await startChild(bundle.file, { ...withCache(bundle), asSelf: true }).outcome;
    const host = await startChild('/bin/sh', {
      args: ['-c', 'readlink /proc/self/ns/user; grep -c "$0" /proc/self/mountinfo', bundle.cache],
      asSelf: true,
    }).outcome;
    expect(host.stdout).toBe(`${outcome.stdout}0\n`);
  });

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
