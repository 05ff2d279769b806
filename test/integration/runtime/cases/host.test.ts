import { execFile } from 'node:child_process';
import { copyFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { appBase, type TestBundle } from '../bundles.ts';
import { debug } from '../machine.ts';
import { describeCases } from './harness.ts';
import { sandboxed } from './programs.ts';
import { staticBundle } from './trees.ts';

const run = promisify(execFile);
const fixtures = fileURLToPath(new URL('../../../fixtures/runtime/', import.meta.url));

/** What says something only of a start that makes a view of /nix/store of its own. */
const onlyViews = {
  native: 'it makes no view of its own',
  'in-place': 'it makes no view of its own',
  relocate: 'it needs no /nix/store',
};

const foreignNix = `mkdir -p nix/var/nix/db nix/store/${'a'.repeat(32)}-other; echo host > nix/store/${'a'.repeat(32)}-other/file
  find nix -exec touch -hd @1 {} +`;

/** Words for a shell that has printed what it found at a few paths of the host. */
const describeHost = `for f in /etc/resolv.conf /etc/localtime /etc/nsswitch.conf /etc/ssl/certs/ca-certificates.crt \\
  /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/ca-bundle.pem /etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem \\
  /etc/ssl/cert.pem; do echo "$f $(readlink -f "$f") $(cat "$f" | cksum)"; done`;

async function putFixture(bundle: TestBundle, name: string): Promise<string> {
  const file = join(bundle.directory, name);
  await copyFile(join(fixtures, name), file);
  return file;
}

describeCases('The host', (runCase) => {
  runCase(
    17,
    'the host has its own /nix with other paths: both are visible',
    { notFor: onlyViews },
    async (cell) => {
      const bundle = await cell.bundle('ls -A /nix /nix/var /nix/store; cat /nix/store/a*/file; ls -d "$0"');
      const outcome = await cell.start(bundle, { root: { inside: foreignNix } });
      expect(outcome).toMatchObject({ code: 0, stderr: '' });
      expect(outcome.stdout).toContain('/nix:\nstore\nvar\n\n/nix/store:\n');
      expect(outcome.stdout).toContain(`${'a'.repeat(32)}-other\n`);
      expect(outcome.stdout).toContain('\nhost\n');
      expect(await readdir(join(bundle.directory, 'root/nix/store'))).toEqual([`${'a'.repeat(32)}-other`]);
    },
  );

  runCase(
    17,
    'a host with Nix, /.dockerenv and NOMAD_TASK_DIR=/local: its /nix is not touched',
    { notFor: { native: 'it only looks' } },
    async (cell) => {
      const bundle = await cell.bundle('echo started');
      const inside = `${foreignNix}; touch .dockerenv; mkdir -p local; ${cell.isRoot ? 'true' : 'chown -R 65534:65534 nix local'}`;
      const nix = join(bundle.directory, 'root/nix');
      const variables = { NOMAD_TASK_DIR: '/local', NOMAD_ALLOC_DIR: '/alloc', container: 'docker' };
      // Pinned, and as the runtime chooses: whatever comes of it, this /nix is not its.
      for (const strategy of [cell.strategy.name, '']) {
        const env = { ...variables, SADDLEBAG_STRATEGY: strategy };
        const outcome = await cell.start(bundle, { root: { inside }, env });
        if (strategy !== 'in-place') expect([0, 125]).toContain(outcome.code);
        else expect(outcome.stderr).toContain('/nix: it is there and not ours');
        expect(await readdir(join(nix, 'store'))).toEqual([`${'a'.repeat(32)}-other`]);
        expect((await readdir(nix)).sort()).toEqual(['store', 'var']);
      }
    },
  );

  runCase(
    18,
    'the host has the same paths: they are used, nothing is unpacked',
    {
      notFor: {
        'in-place': 'native is tried first',
        namespace: 'native is tried first',
        lazy: 'native is tried first',
        relocate: 'native is tried first',
      },
    },
    async (cell) => {
      const bundle = await cell.bundle('echo "$0"');
      const outcome = await cell.start(bundle, { env: { ...debug, SADDLEBAG_STRATEGY: '' } });
      expect(outcome).toMatchObject({
        code: 0,
        stdout: `/nix/store/${appBase}/bin/app\n`,
        stderr: 'app: native: taken\n',
      });
      expect(await readdir(bundle.cache)).toEqual([]);
    },
  );

  runCase(19, 'links, files and closed directories in /', { notFor: onlyViews }, async (cell) => {
    const script =
      'ls -A / | sort; readlink /lib64 /loop; cat /plain; stat -c "%n %a" /closed /tmp; ls /closed 2>&1 | tail -1';
    const bundle = await cell.bundle(script);
    const inside =
      'ln -sfn loop loop; echo plain > plain; mkdir -p closed; chmod 700 closed; [ -p fifo ] || mkfifo fifo; ln -sfn nowhere dangling';
    const host = await cell.start(bundle, { root: { inside }, before: `${script}; exit 0` });
    const seen = await cell.start(bundle, { root: { inside } });
    expect(seen).toMatchObject({ code: 0, stderr: '' });
    expect(seen.stdout.replace('\nnix\n', '\n')).toBe(host.stdout);
    expect(seen.stdout).toContain('\nusr/lib64\nloop\nplain\n');
  });

  for (const kind of ['dead', 'silent']) {
    runCase(
      19,
      `a FUSE mount in / whose server is ${kind}`,
      { notFor: onlyViews, needs: ['python3'] },
      async (cell) => {
        const bundle = await cell.bundle('echo started');
        const file = await putFixture(bundle, 'stale-mount.py');
        const inside = `mkdir -p stale; python3 ${file} "$PWD"/stale ${kind}`;
        const outcome = await cell.start(bundle, { root: { inside }, timeoutMs: 20_000 });
        expect(outcome).toMatchObject({ code: 0, stdout: 'started\n', stderr: '' });
      },
    );
  }

  runCase(
    20,
    'a root file system that does not tell the types of entries',
    { notFor: onlyViews, needs: ['mkfs.ext4', 'losetup'] },
    async (cell) => {
      const script = 'ls -A / | sort; readlink /lib64; cat /plain';
      const bundle = await cell.bundle(script);
      const image = join(bundle.directory, 'image');
      await writeFile(image, '');
      await run('truncate', ['-s', '16M', image]);
      await run('mkfs.ext4', ['-q', '-O', '^filetype', image]);
      const root = `${bundle.directory}/root`;
      const mounted = `mkdir -p ${root}; mount -o loop ${image} ${root}`;
      const probe = await cell.start(bundle, { machine: mounted, before: 'exit 7' });
      if (probe.code !== 7) cell.skip(`no loop device: ${probe.stderr.trim()}`);
      const host = { machine: mounted, root: { inside: 'echo plain > plain' } };
      const known = await cell.start(bundle, { ...host, before: `${script}; exit 0` });
      const seen = await cell.start(bundle, host);
      expect(seen).toMatchObject({ code: 0, stderr: '' });
      expect(seen.stdout.replace('\nnix\n', '\n')).toBe(known.stdout);
    },
  );

  runCase(
    21,
    'resolv.conf as a link to /run, CA files in five places, localtime, nsswitch',
    {},
    async (cell) => {
      const bundle = await cell.bundle(describeHost);
      const host = await cell.start(bundle, { before: `${describeHost}; exit 0` });
      const places = [
        'ssl/certs/ca-certificates.crt',
        'pki/tls/certs/ca-bundle.crt',
        'ssl/ca-bundle.pem',
        'pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
        'ssl/cert.pem',
      ];
      const machine = `mount -t tmpfs x /etc; mount -t tmpfs x /run; cd /etc
      for f in ${places.join(' ')}; do mkdir -p $(dirname $f); echo $f > $f; done
      mkdir -p /run/systemd/resolve; echo 'nameserver 192.0.2.1' > /run/systemd/resolve/stub-resolv.conf
      ln -s ../run/systemd/resolve/stub-resolv.conf resolv.conf; ln -s /usr/share/zoneinfo/Asia/Tokyo localtime
      echo 'hosts: files dns' > nsswitch.conf; mkdir -p ${bundle.directory}`;
      const made = await cell.start(bundle, { machine, before: `${describeHost}; exit 0` });
      const seen = await cell.start(bundle, { machine });
      expect(made.stdout).not.toBe(host.stdout);
      expect(seen).toMatchObject({ code: 0, stdout: made.stdout, stderr: made.stderr });
    },
  );

  runCase(22, '/dev/shm, /dev/pts and a masked /proc', { needs: ['script'] }, async (cell) => {
    const bundle = await cell.bundle(
      'f=/dev/shm/$$; echo shared > $f; cat $f; rm $f; script -qec "echo pty" /dev/null | tr -d "\\r"; wc -c < /proc/keys; touch /proc/sys/kernel/hostname 2>&1 | grep -c "Read-only\\|denied"',
    );
    const machine = `mount --bind /dev/null /proc/keys; mount --bind /proc/sys /proc/sys
      mount -o remount,bind,ro /proc/sys; mount -t tmpfs -o ro x /proc/scsi 2>/dev/null || true`;
    expect(await cell.start(bundle, { machine })).toMatchObject({ code: 0, stdout: 'shared\npty\n0\n1\n' });
  });

  const withoutProc = { isBare: true, root: { shows: ['dev'] } };
  const starts = 'it starts: the next case';
  const unknown = 'without /proc nothing tells whose root it is';
  runCase(
    22,
    'no /proc: told, with what to do',
    { notFor: { native: starts, 'in-place': unknown, relocate: starts }, needs: ['gcc'] },
    async (cell) => {
      const outcome = await cell.start(await staticBundle(cell), withoutProc);
      expect(outcome).toMatchObject({ code: 125, stdout: '' });
      expect(outcome.stderr).toContain('hint: mount /proc');
    },
  );

  const told = 'told: the case before';
  runCase(
    22,
    'no /proc, and it starts',
    { notFor: { namespace: told, lazy: told, 'in-place': unknown }, needs: ['gcc'] },
    async (cell) => {
      const outcome = await cell.start(await staticBundle(cell), withoutProc);
      expect(outcome).toMatchObject({ code: 0, stderr: '' });
      expect(outcome.stdout).toMatch(/\ndata\n$/);
    },
  );

  runCase(
    23,
    'the read-only view of a cache that is mounted nosuid, nodev and noatime',
    { notFor: { ...onlyViews, lazy: 'it has no cache' } },
    async (cell) => {
      const bundle = await cell.bundle(
        'grep " /nix/store\\(/[^ ]*\\)\\? " /proc/self/mountinfo | cut -d" " -f6 | sort -u',
      );
      const owner = cell.isRoot ? '' : ',uid=65534,gid=65534';
      const machine = `mount -t tmpfs -o nosuid,nodev,noatime,mode=0700${owner} x ${bundle.cache}`;
      const outcome = await cell.start(bundle, { machine });
      expect(outcome).toMatchObject({ code: 0 });
      expect(outcome.stdout).toMatch(/^ro,nosuid,nodev,noatime\n/m);
    },
  );

  runCase(
    52,
    'a read-only root with a /tmp',
    { notFor: { 'in-place': 'it has nowhere to make /nix' } },
    async (cell) => {
      const bundle = await cell.bundle('cat "$(dirname "$0")/../share/data"', {
        members: { 'share/data': 'data\n' },
      });
      const inside = `mount -t tmpfs -o mode=1777 x tmp; mkdir -p '.${bundle.directory}'
      mount --bind '${bundle.directory}' '.${bundle.directory}'; mount -o remount,bind,ro .`;
      const root = { inside };
      const before = '! touch /written 2>/dev/null';
      expect(await cell.start(bundle, { root, before })).toMatchObject({
        code: 0,
        stdout: 'data\n',
        stderr: '',
      });
    },
  );

  runCase(
    52,
    'nowhere to write: every place is named, with what to do',
    { notFor: { ...onlyViews, lazy: 'it writes nothing' } },
    async (cell) => {
      const bundle = await cell.bundle('echo never');
      const inside = `mkdir -p var/tmp; for each in tmp var/tmp; do mount -t tmpfs -o noexec,mode=1777 x $each; done
      mkdir -p '.${bundle.directory}'; mount --bind '${bundle.directory}' '.${bundle.directory}'`;
      const env = { SADDLEBAG_CACHE_DIR: '/nonexistent/cache', NOMAD_ALLOC_DIR: '', HOME: '/nonexistent' };
      const outcome = await cell.start(bundle, { root: { inside }, env });
      expect(outcome).toMatchObject({ code: 125, stdout: '' });
      for (const place of ['/nonexistent/cache', '/var/tmp/saddlebag-', '/tmp/saddlebag-'])
        expect(outcome.stderr).toContain(place);
      expect(outcome.stderr).toContain('mounted noexec');
      expect(outcome.stderr).toContain('SADDLEBAG_CACHE_DIR');
    },
  );

  runCase(66, 'a root with busybox and nothing else', { needs: ['busybox', 'gcc'] }, async (cell) => {
    const bundle = await cell.bundle('echo "$(basename "$0") $(busybox | head -n 1 | cut -d" " -f1)"');
    const inside = `mkdir -p bin; cp "$(command -v busybox)" bin/busybox
      for each in sh ls cat basename cut head; do ln -sf busybox bin/$each; done`;
    const root = { shows: ['dev', 'proc', 'sys'], inside };
    const outcome = await cell.start(bundle, { root, isBare: true, env: { PATH: '/bin:/usr/bin:/sbin' } });
    expect(outcome).toMatchObject({ code: 0, stdout: 'app BusyBox\n', stderr: '' });
  });

  runCase(
    67,
    'a sandbox like a systemd unit’s, which forbids namespaces and ends who mounts',
    { needs: ['gcc'], notFor: { 'in-place': 'the root is read-only' } },
    async (cell) => {
      const bundle = await staticBundle(cell);
      const rules = [
        'kill=mount,umount2,pivot_root,chroot,fsopen,fsmount,move_mount,open_tree,setns,ptrace',
        'EPERM=namespaces',
      ];
      const before = `exec ${await sandboxed(bundle, ...rules)} "$0"`;
      const outcome = await cell.start(bundle, {
        before,
        rights: cell.isRoot
          ? '--no-new-privs --bounding-set -sys_ptrace'
          : '--reuid 65534 --regid 65534 --clear-groups --no-new-privs',
      });
      expect(outcome.signal).toBeNull();
      if (cell.strategy.name === 'native' || cell.strategy.name === 'relocate') {
        expect(outcome).toMatchObject({ code: 0, stderr: '' });
      } else {
        expect(outcome).toMatchObject({ code: 125, stdout: '' });
        expect(outcome.stderr).toMatch(/namespace: operation not permitted\n {4}hint: /);
        expect(await readdir(bundle.cache)).toEqual([]);
      }
    },
  );
});
