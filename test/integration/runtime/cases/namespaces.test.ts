import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { TestBundle } from '../bundles.ts';
import { unprivileged } from './cell.ts';
import { describeCases } from './harness.ts';
import { sandboxed } from './programs.ts';

const onlyNamespace = {
  native: 'it makes no namespace',
  'in-place': 'it makes no namespace',
  relocate: 'it makes no namespace',
};

const lost = 'refused: they would be lost in a user namespace; the next case';
const lostInNamespaces = { namespace: lost, lazy: lost };

/** Puts a bundle beside another, where every machine of the cases has it. */
async function putBeside(outer: TestBundle, inner: TestBundle): Promise<string> {
  const file = join(outer.directory, 'inner');
  await copyFile(inner.file, file);
  return file;
}

/** What a kernel or a container may answer to the sequence of calls, and the words that the message must have. */
const forbidden: readonly (readonly [string, string, RegExp])[] = [
  ['seccomp answers EPERM to unshare', 'EPERM=unshare', /cannot make a .*namespace: operation not permitted/],
  [
    'seccomp answers ENOSYS to unshare',
    'ENOSYS=unshare',
    /cannot make a .*namespace: function not implemented/,
  ],
  ['the kernel answers EUSERS to unshare', 'EUSERS=unshare', /cannot make a .*namespace: too many users/i],
  ['the kernel answers ENOSPC to unshare', 'ENOSPC=unshare', /cannot make a .*namespace: no space left/],
  ['seccomp kills who calls unshare', 'kill=unshare', /cannot make a .*namespace: operation not permitted/],
  ['AppArmor allows unshare and refuses mounts', 'EACCES=mount', /cannot mount .+: permission denied/],
  ['seccomp answers EPERM to mount', 'EPERM=mount', /cannot mount .+: operation not permitted/],
  ['seccomp kills who calls mount', 'kill=mount', /cannot make a .*namespace: operation not permitted/],
];

describeCases('Namespaces', (runCase) => {
  runCase(24, 'an app makes user and mount namespaces of its own', {}, async (cell) => {
    const bundle = await cell.bundle(
      `unshare -Urm /bin/sh -euc 'id -u; mount -t tmpfs x "$NOMAD_ALLOC_DIR"; cat "$0"' "$(dirname "$0")/../share/data"`,
      { members: { 'share/data': 'data\n' } },
    );
    expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: '0\ndata\n', stderr: '' });
  });

  runCase(25, 'a bundle starts a bundle, as another user’s cache or as its own', {}, async (cell) => {
    const inner = await cell.bundle('echo inner; ls -d "$0"; ls -d "$OUTER"', { letter: 'd' });
    const outer = await cell.bundle('SADDLEBAG_STRATEGY= OUTER=$0 exec "$INNER"');
    const file = await putBeside(outer, inner);
    const outcome = await cell.start(outer, { env: { INNER: file } });
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/^inner\n.*\/d{32}-app-1\.0\/bin\/app\n.*\/c{32}-app-1\.0\/bin\/app\n$/);
  });

  runCase(25, 'an app that starts the bundle again, by the path it was started as', {}, async (cell) => {
    const bundle = await cell.bundle(
      'echo "$1"; [ "$1" = 3 ] || SADDLEBAG_STRATEGY= exec "$SELF" $(($1 + 1))',
    );
    const env = { SELF: bundle.file };
    expect(await cell.start(bundle, { args: ['1'], env })).toMatchObject({
      code: 0,
      stdout: '1\n2\n3\n',
      stderr: '',
    });
  });

  const notAs = { root: 'root is root' };
  runCase(26, 'a gid other than the uid', { notAs, needs: ['root'] }, async (cell) => {
    const bundle = await cell.bundle('id -u; id -g');
    for (const [user, group] of [
      ['65534', '1'],
      ['65534', '0'],
    ]) {
      const rights = `--reuid ${user} --regid ${group} --clear-groups`;
      expect(await cell.start(bundle, { rights })).toMatchObject({ code: 0, stdout: `${user}\n${group}\n` });
    }
  });

  runCase(26, 'supplementary groups keep their rights', { notAs, needs: ['root'] }, async (cell) => {
    const bundle = await cell.bundle('cat "$1"');
    const machine = `cd ${bundle.directory}; echo secret > secret; chgrp 4321 secret; chmod 640 secret`;
    const rights = '--reuid 65534 --regid 65534 --groups 65534,4321';
    const outcome = await cell.start(bundle, { machine, rights, args: [`${bundle.directory}/secret`] });
    expect(outcome).toMatchObject({ code: 0, stdout: 'secret\n', stderr: '' });
  });

  runCase(
    26,
    'ambient capabilities survive',
    {
      notAs,
      needs: ['root'],
      notFor: lostInNamespaces,
    },
    async (cell) => {
      const bundle = await cell.bundle('grep CapAmb /proc/self/status');
      const rights = `${unprivileged} --inh-caps +net_bind_service --ambient-caps +net_bind_service`;
      expect((await cell.start(bundle, { rights })).stdout).toBe('CapAmb:\t0000000000000400\n');
    },
  );

  runCase(
    26,
    'ambient capabilities keep a start out of a user namespace',
    { notAs, needs: ['root'], notFor: onlyNamespace },
    async (cell) => {
      const bundle = await cell.bundle('echo never');
      const rights = `${unprivileged} --inh-caps +net_bind_service --ambient-caps +net_bind_service`;
      const outcome = await cell.start(bundle, { rights });
      expect(outcome).toMatchObject({ code: 125, stdout: '' });
      expect(outcome.stderr).toContain(
        'cannot enter a user namespace: ambient capabilities would be lost in it\n',
      );
      expect(await readdir(bundle.cache)).toEqual([]);
    },
  );

  runCase(
    26,
    'started as root, a server becomes its service user and reads its files',
    { notAs: { user: 'only root becomes another' } },
    async (cell) => {
      const bundle = await cell.bundle(
        `exec setpriv ${unprivileged} /bin/sh -c 'id -u; cat "$0"' "$(dirname "$0")/../share/data"`,
        { members: { 'share/data': 'data\n' } },
      );
      const outcome = await cell.start(bundle, { before: 'umask 077' });
      expect(outcome).toMatchObject({ code: 0, stdout: '65534\ndata\n', stderr: '' });
    },
  );

  for (const [title, rule, message] of forbidden) {
    runCase(
      27,
      `${title}: told before anything is unpacked`,
      { notFor: onlyNamespace, needs: ['gcc'] },
      async (cell) => {
        const bundle = await cell.bundle('echo never');
        const outcome = await cell.start(bundle, { before: `exec ${await sandboxed(bundle, rule)} "$0"` });
        expect(outcome).toMatchObject({ code: 125, signal: null, stdout: '' });
        expect(outcome.stderr).toMatch(message);
        expect(await readdir(bundle.cache)).toEqual([]);
      },
    );
  }

  runCase(
    27,
    'user.max_user_namespaces is 0',
    { notFor: onlyNamespace, notAs: { root: 'root makes none' }, needs: ['root'] },
    async (cell) => {
      const bundle = await cell.bundle('echo never');
      // The limit is one of the namespace around it, so that this machine's own stays as it is.
      const words = `echo 0 > /proc/sys/user/max_user_namespaces
        exec setpriv --ambient-caps -all --inh-caps -all "$0"`;
      const before = `exec unshare --user --map-current-user --keep-caps /bin/sh -euc '${words}' "$0"`;
      const outcome = await cell.start(bundle, { before });
      expect(outcome).toMatchObject({ code: 125, stdout: '' });
      expect(outcome.stderr).toMatch(
        /cannot make a user namespace: .+\n {4}hint: allow user namespaces: sysctl/,
      );
      expect(await readdir(bundle.cache)).toEqual([]);
    },
  );

  runCase(
    28,
    'what was refused once is tried again, and the other way round',
    { notFor: onlyNamespace, needs: ['gcc'] },
    async (cell) => {
      const bundle = await cell.bundle('echo ok');
      const before = `exec ${await sandboxed(bundle, 'EPERM=unshare')} "$0"`;
      for (let round = 0; round < 2; round++) {
        expect(await cell.start(bundle, { before })).toMatchObject({ code: 125 });
        expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: 'ok\n', stderr: '' });
      }
    },
  );

  runCase(
    29,
    'pivot_root answers EINVAL, as in an initramfs',
    { notFor: onlyNamespace, needs: ['gcc'] },
    async (cell) => {
      const bundle = await cell.bundle('ls / | sort; cat "$0" | tail -1; unshare -Ur id -u; exit 4');
      // On a root with a /nix there is nothing to pivot.
      const before = `ls / | sort; exec ${await sandboxed(bundle, 'EINVAL=pivot_root')} "$0"`;
      const outcome = await cell.start(bundle, { root: {}, before });
      expect(outcome).toMatchObject({ code: 4, stderr: '' });
      expect(outcome.stdout).toContain('\nnix\n');
      expect(outcome.stdout).toMatch(/exit 4\n0\n$/);
    },
  );

  runCase(30, 'no mount is seen outside', { notFor: onlyNamespace }, async (cell) => {
    const bundle = await cell.bundle('grep -c /nix/store /proc/self/mountinfo');
    const before = `before=$(cat /proc/self/mountinfo); "$0"; [ "$before" = "$(cat /proc/self/mountinfo)" ]; exit 3`;
    const outcome = await cell.start(bundle, { machine: 'mount --make-rshared /', before });
    expect(outcome).toMatchObject({ code: 3, stderr: '' });
    expect(Number(outcome.stdout)).toBeGreaterThan(0);
  });

  runCase(
    30,
    'root without CAP_SYS_ADMIN',
    {
      notAs: { user: 'no root' },
      notFor: { namespace: 'refused: the next case', lazy: 'refused as namespace is' },
    },
    async (cell) => {
      const bundle = await cell.bundle('id -u');
      const rights = '--bounding-set -sys_admin --inh-caps -sys_admin';
      expect(await cell.start(bundle, { rights })).toMatchObject({ code: 0, stdout: '0\n', stderr: '' });
    },
  );

  runCase(
    30,
    'root without CAP_SYS_ADMIN enters no user namespace',
    { notAs: { user: 'no root' }, notFor: onlyNamespace },
    async (cell) => {
      const bundle = await cell.bundle('echo never');
      const outcome = await cell.start(bundle, { rights: '--bounding-set -sys_admin --inh-caps -sys_admin' });
      expect(outcome).toMatchObject({ code: 125, stdout: '' });
      expect(outcome.stderr).toContain(
        'cannot enter a user namespace: not as root\n    hint: add CAP_SYS_ADMIN, or run as another user\n',
      );
      expect(await readdir(bundle.cache)).toEqual([]);
    },
  );
});
