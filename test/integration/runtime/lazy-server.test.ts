import { randomBytes } from 'node:crypto';
import { chown, mkdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import { describeWith } from '../../helpers/needs.ts';
import { makeBundle, start, startChild, withCache } from './bundles.ts';
import {
  expectNoServer,
  findServers,
  firstOutput,
  fuseTools,
  makeDevice,
  startLazy,
  startToEnd,
  top,
} from './fuse.ts';
import { debug, machineTools } from './machine.ts';

/** The number of prctl(2), whose option 36 is PR_SET_CHILD_SUBREAPER. */
const prctl = process.arch === 'arm64' ? 167 : 157;

describeWith(fuseTools, 'the end of a lazy start', () => {
  // 59
  it('is an error for the app when the server is killed', async () => {
    const bundle = await makeBundle(
      `for p in /proc/[0-9]*; do
        read -r comm < $p/comm && [ "$comm" = saddlebag-lazy ] && grep -q "^$BUNDLE" $p/cmdline && kill -9 "\${p#/proc/}"
      done 2> /dev/null
      cat "${top}/late" || echo "failed: $?"`,
      { members: { late: 'never read' } },
    );
    const outcome = await startToEnd(bundle, { env: { BUNDLE: bundle.file } });
    expect(outcome).toMatchObject({ code: 0, stdout: 'failed: 1\n' });
    expect(outcome.stderr).toMatch(/not connected|connection abort/);
  });

  // 60
  it('leaves no process when the app is killed', async () => {
    const bundle = await makeBundle('echo ready; exec sleep 600');
    const { child, outcome } = await startLazy(bundle);
    await firstOutput(child);
    expect(findServers(bundle)).toHaveLength(1);
    child.kill('SIGKILL');
    expect(await outcome).toMatchObject({ signal: 'SIGKILL' });
    await expectNoServer(bundle);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain('fuse saddlebag');
  });

  // 61: systemd sends TERM to each process of a control group
  it('comes after the app has shut down when TERM goes to all', async () => {
    const bundle = await makeBundle(
      `trap 'cat "${top}/late"; exit 7' TERM; echo ready; while :; do sleep 0.05; done`,
      { members: { late: 'read while shutting down\n' } },
    );
    const { child, outcome } = await startLazy(bundle);
    await firstOutput(child);
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGTERM'] as const) {
      for (const server of findServers(bundle)) process.kill(server, signal);
    }
    child.kill('SIGTERM');
    expect(await outcome).toMatchObject({ code: 7, stdout: 'ready\nread while shutting down\n' });
    await expectNoServer(bundle);
  });
});

describeWith([...machineTools, ...fuseTools, 'mknod', 'perl'], 'the choice of lazy', () => {
  /** Zeros cost next to nothing to bundle, and nothing to extract. */
  const makeLarge = () => makeBundle('echo ok', { members: { zeros: Buffer.alloc(257 << 20) } });

  it('is for a large closure with a cold cache', async () => {
    const large = await makeLarge();
    const env = { ...debug, SADDLEBAG_STRATEGY: '' };
    const cold = await startToEnd(large, { env });
    expect(cold).toMatchObject({ code: 0, stdout: 'ok\n' });
    expect(cold.stderr).toMatch(/\napp: lazy: taken\n$/);
    await start(large);
    const warm = await startToEnd(large, { env });
    expect(warm.stderr).toMatch(/\napp: lazy: refused: .+: there is not much to unpack\n/);
    expect(warm.stderr).toMatch(/\napp: namespace: taken\n$/);
  });

  // 64
  it.each([
    ['root’s alone', 0o600, 'permission denied'],
    ['missing', undefined, 'no such file or directory'],
  ])('passes a device by that is %s', async (_, mode, reason) => {
    const large = await makeLarge();
    const node = mode === undefined ? undefined : await makeDevice(large, mode);
    const before = node === undefined ? 'mount -t tmpfs test /dev' : `mount --bind ${node} /dev/fuse`;
    const outcome = await startToEnd(large, { before, env: { ...debug, SADDLEBAG_STRATEGY: '' } });
    expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
    expect(outcome.stderr).toContain(`app: lazy: refused: /dev/fuse: ${reason}\n`);
    expect(outcome.stderr).toMatch(/\napp: namespace: taken\n$/);
  });

  // 34
  it.each([
    ['PID 1', ['/usr/bin/unshare', '--pid', '--fork', '--kill-child']],
    ['a subreaper', ['/usr/bin/perl', '-e', `syscall(${prctl}, 36, 1, 0, 0, 0); exec @ARGV or die`, '--']],
  ])('is not for %s, which would have to reap the server', async (_, words) => {
    const bundle = await makeBundle('echo never');
    const outcome = await startChild(words[0] ?? '', {
      ...withCache(bundle, { env: { SADDLEBAG_STRATEGY: 'lazy' } }),
      args: [...words.slice(1), bundle.file],
      asSelf: true,
    }).outcome;
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toContain('  lazy: cannot serve the closure: as PID 1 or a subreaper ');
  });

  // 26, 30
  it('serves root without a user namespace, and who root becomes', async () => {
    const bundle = await makeBundle(
      `readlink /proc/self/ns/user; setpriv --reuid 1234 --clear-groups cat "${top}/it"`,
      {
        members: { it: 'for all\n' },
      },
    );
    await chown(bundle.cache, 0, 0);
    const outcome = await startChild(bundle.file, {
      ...withCache(bundle, { env: { SADDLEBAG_STRATEGY: 'lazy' } }),
      asSelf: true,
    }).outcome;
    const host = await startChild('/bin/readlink', { args: ['/proc/self/ns/user'], asSelf: true }).outcome;
    expect(outcome).toMatchObject({ code: 0, stdout: `${host.stdout}for all\n` });
    await expectNoServer(bundle);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain('fuse saddlebag');
  });
});

/** A control group of version 2 in which a test may start processes, or why there is none. */
async function makeGroup(): Promise<string | Error> {
  const mounts = await readFile('/proc/self/mountinfo', 'utf8');
  const root = /^(?:\S+ ){4}(\S+) .* - cgroup2 /m.exec(mounts)?.[1];
  if (root === undefined) return new Error('no control groups of version 2');
  const group = join(root, `saddlebag-test-${randomBytes(4).toString('hex')}`);
  try {
    await mkdir(group);
  } catch (cause) {
    return new Error('no control group can be made', { cause });
  }
  // A process that was killed may still be on its way out.
  const isRemoved = () =>
    rmdir(group).then(
      () => true,
      () => false,
    );
  onTestFinished(() => expect.poll(isRemoved, { timeout: 20_000 }).toBe(true));
  return group;
}

describeWith([...machineTools, ...fuseTools], 'a lazy start in a control group', () => {
  // 65
  it('goes on after it was frozen while it read', async ({ skip }) => {
    const group = await makeGroup();
    if (group instanceof Error) return skip(group.message);
    const bundle = await makeBundle(`echo ready; sha256sum "${top}/content"; read wait < "$FIFO"; echo end`, {
      members: { content: Buffer.alloc(64 << 20, randomBytes(1 << 20)) },
    });
    const fifo = join(bundle.cache, 'fifo');
    await execProcess('mkfifo', ['-m', '666', fifo]);
    const { child, outcome } = await startLazy(bundle, {
      before: `echo $$ > ${group}/cgroup.procs`,
      env: { FIFO: fifo },
    });
    await firstOutput(child);
    await writeFile(join(group, 'cgroup.freeze'), '1');
    const frozen = () => readFile(join(group, 'cgroup.events'), 'utf8');
    await expect.poll(frozen, { timeout: 20_000 }).toContain('frozen 1');
    await writeFile(join(group, 'cgroup.freeze'), '0');
    await writeFile(fifo, '\n');
    expect(await outcome).toMatchObject({ code: 0 });
    expect((await outcome).stdout).toMatch(/^ready\n[0-9a-f]{64} .*\nend\n$/);
    await expectNoServer(bundle);
  });

  // 61
  it('is gone when the group is killed', async ({ skip }) => {
    const group = await makeGroup();
    if (group instanceof Error) return skip(group.message);
    const bundle = await makeBundle('echo ready; exec sleep 600');
    const { child, outcome } = await startLazy(bundle, { before: `echo $$ > ${group}/cgroup.procs` });
    await firstOutput(child);
    expect(findServers(bundle)).toHaveLength(1);
    await writeFile(join(group, 'cgroup.kill'), '1');
    expect(await outcome).toMatchObject({ signal: 'SIGKILL' });
    await expectNoServer(bundle);
  });
});
