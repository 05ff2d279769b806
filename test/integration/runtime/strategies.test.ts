import { chown, mkdir, readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWith } from '../../helpers/needs.ts';
import {
  appBase,
  makeBundle,
  nobody,
  ownDirectory,
  start,
  startChild,
  type TestBundle,
  withCache,
} from './bundles.ts';

const debug = { SADDLEBAG_DEBUG: '1' };

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
        'hint: one of native, in-place, namespace; unset it to let the runtime choose\n',
    });
  });
});

describe('options of the runtime', () => {
  it('describe the bundle', async () => {
    const bundle = await makeBundle('echo never', { closure: { name: 'a "b"', appVersion: '1.2' } });
    const outcome = await start(bundle, { args: ['--saddlebag-info'] });
    expect(JSON.parse(outcome.stdout)).toMatchObject({
      name: 'a "b"',
      appVersion: '1.2',
      entrypoint: `/nix/store/${appBase}/bin/app`,
      closureSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      toolVersion: '9.9.9',
      storePaths: 1,
    });
  });

  it('are refused when they are unknown, and are the app’s anywhere but first', async () => {
    const bundle = await makeBundle('echo "$@"');
    const outcome = await start(bundle, { args: ['--saddlebag-extract'] });
    expect(outcome.code).toBe(125);
    expect(outcome.stderr).toMatch(/^app: cannot use --saddlebag-extract: .+\nhint: .+\n$/);
    expect((await start(bundle, { args: ['x', '--saddlebag-y'] })).stdout).toBe('x --saddlebag-y\n');
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

describeWith(['root', 'unshare', 'setpriv'], 'strategies of a machine that is made for the test', () => {
  const drop = 'setpriv --reuid 65534 --regid 65534 --clear-groups';

  /** Starts a shell script as root in a mount namespace of its own. */
  const inMounts = (bundle: TestBundle, script: string, env: Record<string, string>) =>
    startChild('/usr/bin/unshare', {
      ...withCache(bundle, { env }),
      args: ['-m', '/bin/sh', '-euc', script],
      asSelf: true,
    }).outcome;

  it('names the setting when user namespaces are forbidden', async () => {
    const bundle = await makeBundle('echo never');
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
    expect(outcome.stderr).toMatch(/\n {2}in-place: cannot write below \/(nix)?: it is .+\n/);
    expect(outcome.stderr).toContain(
      '  namespace: cannot make a user namespace: no space left on device\n' +
        '    hint: allow user namespaces: sysctl user.max_user_namespaces and ' +
        "kernel.unprivileged_userns_clone, the container's seccomp profile\n",
    );
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
      chown -R 0:0 /nix/store && ${drop} ${bundle.file}`;
    expect((await start(bundle)).code).toBe(0);
    const outcome = await inMounts(bundle, `mkdir -p /nix/store; ${script}`, {
      ...debug,
      SADDLEBAG_STRATEGY: '',
    });
    expect(outcome).toMatchObject({ code: 0, stdout: 'native\n', stderr: 'app: native: taken\n' });
  });

  describe('with a private root', () => {
    /** Makes a root for the app from the host's /usr, and starts the bundle in it as `nobody`. */
    async function inRoot(
      bundle: TestBundle,
      options: {
        readonly before?: string;
        readonly after?: string;
        readonly env?: Record<string, string>;
      } = {},
    ) {
      const root = join(bundle.directory, 'root');
      for (const name of ['usr', 'proc', 'old', 'tmp']) await mkdir(join(root, name), { recursive: true });
      for (const name of ['bin', 'lib', 'lib64']) {
        await symlink(`usr/${name}`, join(root, name)).catch(() => undefined);
      }
      await writeFile(join(root, 'app'), '');
      await ownDirectory(root, 'cache').catch(() => undefined);
      await chown(root, nobody.uid ?? 0, nobody.gid ?? 0);
      const script = `mount --bind ${root} ${root}; cd ${root}; mount --rbind /usr usr; mount --rbind /proc proc
        mount --bind ${bundle.file} app; ${options.before ?? ''}
        pivot_root . old; cd /; umount -l old; rmdir old; ${options.after ?? 'true'}; exec ${drop} /app`;
      const env = { ...debug, SADDLEBAG_CACHE_DIR: '/cache', ...options.env };
      return { root, outcome: await inMounts(bundle, script, env) };
    }

    const inPlace = { SADDLEBAG_STRATEGY: 'in-place' };

    it('makes /nix there, and finds it again', async () => {
      const bundle = await makeBundle('echo $$ "$0"');
      const cold = await inRoot(bundle, { env: inPlace });
      expect(cold.outcome).toMatchObject({
        code: 0,
        stdout: `${cold.outcome.pid} /nix/store/${appBase}/bin/app\n`,
        stderr: 'app: /nix/store: extracted\napp: in-place: taken\n',
      });
      expect(await readdir(join(cold.root, 'nix', 'store'))).toEqual([appBase]);
      expect(await readlink(join(cold.root, 'nix', '.saddlebag', 'meta', appBase))).toMatch(
        /^[0-9a-f]{64} boot /,
      );
      const warm = await inRoot(bundle, { env: inPlace });
      expect(warm.outcome).toMatchObject({ code: 0, stderr: 'app: in-place: taken\n' });
    });

    it.each([
      ['a /nix of somebody else', 'mkdir nix', /cannot write below \/nix: it is there and not ours/],
      [
        'a Nix in it',
        'mkdir -p nix/var/nix nix/.saddlebag',
        /cannot write below \/nix: it is there and not ours/,
      ],
      ['a system that was booted', 'mkdir -p run/systemd/system', /cannot write below \/: it is not private/],
    ])('leaves %s alone', async (_, before, message) => {
      const bundle = await makeBundle('echo never');
      const { outcome, root } = await inRoot(bundle, { before, env: inPlace });
      expect(outcome).toMatchObject({ code: 125, stdout: '' });
      expect(outcome.stderr).toMatch(message);
      expect(await readdir(join(root, 'nix')).catch(() => [])).not.toContain('store');
    });

    it('gets a new root with the old one’s entries when it has no /nix', async () => {
      const script =
        'echo $$ $(ls -A /) $(readlink /lib) $(stat -f -c %T "$0"); touch /new 2>/dev/null || echo closed';
      const bundle = await makeBundle(script, { members: { 'lib/x': 'x' } });
      const { outcome } = await inRoot(bundle);
      expect(outcome).toMatchObject({ code: 0 });
      expect(outcome.stderr).toContain('app: namespace: taken\n');
      const entries = 'app bin cache lib lib64 nix proc tmp usr';
      expect(outcome.stdout).toMatch(
        new RegExp(`^${outcome.pid} ${entries} usr/lib (?!tmpfs|overlay).+\nclosed\n$`),
      );
    });

    it('keeps what the host’s own /nix has beside the closure', async () => {
      const bundle = await makeBundle('ls -A /nix /nix/store /nix/var; stat -f -c %T "$0"');
      const { outcome, root } = await inRoot(bundle, { before: 'mkdir -p nix/var/nix nix/store/other' });
      expect(outcome.stdout).toMatch(
        new RegExp(
          `^/nix:\nstore\nvar\n\n/nix/store:\n${appBase}\nother\n\n/nix/var:\nnix\n(?!overlay).+\n$`,
        ),
      );
      expect(await readdir(join(root, 'nix', 'store'))).toEqual(['other']);
    });

    it('joins a /nix that holds no store', async () => {
      const bundle = await makeBundle('ls -A /nix /nix/store');
      const { outcome, root } = await inRoot(bundle, { before: 'mkdir -p nix/other' });
      expect(outcome.stdout).toBe(`/nix:\nother\nstore\n\n/nix/store:\n${appBase}\n`);
      expect(await readdir(join(root, 'nix'))).toEqual(['other']);
    });

    it('keeps the working directory in a new root, and lets the app make namespaces', async () => {
      const bundle = await makeBundle('pwd; ls; unshare -Ur id -u');
      const after = 'mkdir -m 755 -p tmp/work/inner; cd tmp/work';
      const { outcome } = await inRoot(bundle, { after });
      expect(outcome).toMatchObject({ code: 0, stdout: '/tmp/work\ninner\n0\n' });
    });

    it('keeps a working directory that nobody may enter by its path', async () => {
      const bundle = await makeBundle('cat file');
      const after =
        'mkdir -p tmp/closed/work; echo here > tmp/closed/work/file; cd tmp/closed/work; chmod 700 ..';
      const { outcome } = await inRoot(bundle, { after });
      expect(outcome).toMatchObject({ code: 0, stdout: 'here\n' });
    });

    it('starts in a deleted working directory', async () => {
      const bundle = await makeBundle('echo started');
      const { outcome } = await inRoot(bundle, { after: 'mkdir tmp/gone; cd tmp/gone; rmdir ../gone' });
      expect(outcome).toMatchObject({ code: 0, stdout: 'started\n' });
    });

    it('is not taken for private on the word of variables or marker files', async () => {
      const bundle = await makeBundle('echo never');
      const env = { SADDLEBAG_STRATEGY: 'in-place', NOMAD_TASK_DIR: '/local', container: 'docker' };
      const outcome = await start(bundle, { env });
      expect(outcome.code).toBe(125);
      expect(outcome.stderr).toMatch(/in-place: cannot write below \/(nix)?: it is /);
    });
  });
});
