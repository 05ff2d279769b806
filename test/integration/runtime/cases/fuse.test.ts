import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { execProcess } from '../../../../src/core/exec.ts';
import { expectNoServer, findServers, top } from '../fuse.ts';
import { debug } from '../machine.ts';
import { untilPrinted } from './cell.ts';
import { describeCases } from './harness.ts';
import { compile } from './programs.ts';

const none = 'nothing is served';
const notFor = { native: none, 'in-place': none, namespace: none, relocate: none };

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
  onTestFinished(() => expect.poll(isRemoved, { timeout: 60_000 }).toBe(true));
  return group;
}

const readFaults = async (): Promise<Buffer> => readFile(await compile('faults', ['-pthread']));

describeCases('FUSE', (runCase) => {
  runCase(59, 'the server is killed: an error for the app, no hang', { notFor }, async (cell) => {
    const bundle = await cell.bundle(
      `for p in /proc/[0-9]*; do
        read -r comm < $p/comm && [ "$comm" = saddlebag-lazy ] && grep -q "^$BUNDLE" $p/cmdline && kill -9 "\${p#/proc/}"
      done 2> /dev/null
      cat "${top}/late" || echo "failed: $?"`,
      { members: { late: 'never read' } },
    );
    const outcome = await cell.start(bundle, { env: { BUNDLE: bundle.file } });
    expect(outcome).toMatchObject({ code: 0, stdout: 'failed: 1\n' });
    expect(outcome.stderr).toMatch(/not connected|connection abort/);
  });

  runCase(60, 'kill -9 of the app leaves no mount and no process', { notFor }, async (cell) => {
    const bundle = await cell.bundle('echo ready; exec sleep 600');
    const { child, outcome } = await cell.spawn(bundle);
    await untilPrinted(child, 'ready');
    expect(findServers(bundle)).toHaveLength(1);
    child.kill('SIGKILL');
    expect(await outcome).toMatchObject({ signal: 'SIGKILL' });
    await expectNoServer(bundle);
    expect(await readFile('/proc/self/mountinfo', 'utf8')).not.toContain('fuse saddlebag');
  });

  runCase(
    61,
    'TERM to every process of the group: the app shuts down with its files',
    { notFor },
    async (cell) => {
      const bundle = await cell.bundle(
        `trap 'cat "${top}/late"; exit 7' TERM; echo ready; while :; do sleep 0.05; done`,
        { members: { late: 'read while shutting down\n' } },
      );
      const { child, outcome } = await cell.spawn(bundle);
      await untilPrinted(child, 'ready');
      for (const signal of ['SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGTERM'] as const) {
        for (const server of findServers(bundle)) process.kill(server, signal);
      }
      child.kill('SIGTERM');
      expect(await outcome).toMatchObject({ code: 7, stdout: 'ready\nread while shutting down\n' });
      await expectNoServer(bundle);
    },
  );

  runCase(61, 'the control group is killed', { notFor, needs: ['root'] }, async (cell) => {
    const group = await makeGroup();
    if (group instanceof Error) return cell.skip(group.message);
    const bundle = await cell.bundle('echo ready; exec sleep 600');
    const { child, outcome } = await cell.spawn(bundle, { machine: `echo $$ > ${group}/cgroup.procs` });
    await untilPrinted(child, 'ready');
    expect(findServers(bundle)).toHaveLength(1);
    await writeFile(join(group, 'cgroup.kill'), '1');
    expect(await outcome).toMatchObject({ signal: 'SIGKILL' });
    await expectNoServer(bundle);
  });

  runCase(62, '64 threads fault pages of one file', { notFor, needs: ['gcc'] }, async (cell) => {
    const content = randomBytes(20_000_001);
    const bundle = await cell.bundle(`exec "${top}/bin/faults" "${top}/content"`, {
      members: { content, 'bin/faults': { executable: await readFaults() } },
      frameBytes: 1 << 18,
    });
    const sum = content.reduce((total, byte) => total + byte, 0);
    expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: `${64 * sum}\n`, stderr: '' });
  });

  runCase(
    63,
    'a program that is mapped from the mount dumps core',
    { notFor, needs: ['gcc'] },
    async (cell) => {
      const pattern = await readFile('/proc/sys/kernel/core_pattern', 'utf8');
      if (/^[|/]/.test(pattern)) cell.skip('core dumps go to a program or a fixed place here');
      const bundle = await cell.bundle(
        `ulimit -c unlimited; exec "${top}/bin/faults" "${top}/content" crash`,
        {
          members: { content: 'x', 'bin/faults': { executable: await readFaults() } },
        },
      );
      expect(await cell.start(bundle, { cwd: bundle.cache })).toMatchObject({ signal: 'SIGABRT' });
      const [core] = (await readdir(bundle.cache)).filter((name) => name.startsWith('core'));
      const dumped = await readFile(join(bundle.cache, core ?? 'no core'));
      expect(dumped.subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    },
  );

  const devices = [
    ['of mode 0600', 'chmod 600 DEVICE; mount --bind DEVICE dev/fuse', 'permission denied'],
    ['missing', 'mount -t tmpfs test dev', 'no such file or directory'],
  ] as const;
  for (const [title, words, reason] of devices) {
    const options = { notFor, needs: ['mknod', 'root'] };
    const notAs: { root?: string } = title === 'missing' ? {} : { root: 'root may open it' };
    runCase(64, `/dev/fuse is ${title}: told, another way serves`, { ...options, notAs }, async (cell) => {
      const bundle = await cell.bundle('echo ok');
      const device = join(bundle.directory, 'device');
      await execProcess('mknod', [device, 'c', '10', '229']);
      const root = { inside: words.replaceAll('DEVICE', device) };
      const outcome = await cell.start(bundle, { root, env: debug });
      expect(outcome).toMatchObject({ code: 125, stdout: '' });
      expect(outcome.stderr).toContain(`app: lazy: refused: /dev/fuse: ${reason}\n`);
      const other = await cell.start(bundle, { root, env: { ...debug, SADDLEBAG_STRATEGY: '' } });
      expect(other).toMatchObject({ code: 0, stdout: 'ok\n' });
    });
  }

  runCase(65, 'frozen while it reads, and thawed', { notFor, needs: ['root'] }, async (cell) => {
    const group = await makeGroup();
    if (group instanceof Error) return cell.skip(group.message);
    const bundle = await cell.bundle(
      `echo ready; sha256sum "${top}/content"; read wait < "$FIFO"; echo end`,
      {
        members: { content: Buffer.alloc(64 << 20, randomBytes(1 << 20)) },
      },
    );
    const fifo = join(bundle.cache, 'fifo');
    await execProcess('mkfifo', ['-m', '666', fifo]);
    const machine = `echo $$ > ${group}/cgroup.procs`;
    const { child, outcome } = await cell.spawn(bundle, { machine, env: { FIFO: fifo } });
    await untilPrinted(child, 'ready');
    await writeFile(join(group, 'cgroup.freeze'), '1');
    const frozen = () => readFile(join(group, 'cgroup.events'), 'utf8');
    await expect.poll(frozen, { timeout: 20_000 }).toContain('frozen 1');
    await writeFile(join(group, 'cgroup.freeze'), '0');
    await writeFile(fifo, '\n');
    expect(await outcome).toMatchObject({ code: 0 });
    expect((await outcome).stdout).toMatch(/^ready\n[0-9a-f]{64} .*\nend\n$/);
    await expectNoServer(bundle);
  });
});
