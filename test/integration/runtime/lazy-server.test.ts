import { chown, readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { describeWith } from '../../helpers/needs.ts';
import { makeBundle, start, startChild, withCache } from './bundles.ts';
import { expectNoServer, fuseTools, makeDevice, startToEnd, top } from './fuse.ts';
import { debug, machineTools } from './machine.ts';

/** The number of prctl(2), whose option 36 is PR_SET_CHILD_SUBREAPER. */
const prctl = process.arch === 'arm64' ? 167 : 157;

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
