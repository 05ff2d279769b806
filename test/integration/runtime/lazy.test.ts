import { randomBytes } from 'node:crypto';
import { open, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import { describeWith } from '../../helpers/needs.ts';
import { appBase, makeBundle } from './bundles.ts';
import { expectNoServer, findServers, fuseTools, startToEnd, top } from './fuse.ts';
import { debug } from './machine.ts';

describeWith(fuseTools, 'lazy', () => {
  it('shows what an extraction makes', async () => {
    const members = {
      'a/b/c': 'deep',
      'a/d': '',
      'a-b/c': 'beside it in byte order',
      'a.b': 'and this',
      'empty/': '',
      'bin/tool': { executable: 'x'.repeat(50_000) },
      'large/one': randomBytes(300_001),
      'large/same': randomBytes(4096).toString('hex').repeat(9),
      link: { link: 'a/b/c' },
      dangling: { link: '/nowhere/'.repeat(50) },
      ['n'.repeat(255)]: 'long name',
      'with\nnewline \\ and "': 'x',
    };
    const others = { 'large/same': members['large/same'], x: 'y' };
    const script = `cd "${top}/.." && find . ! -type d -printf '%p %y %m %s %T@ %l\\n' | LC_ALL=C sort &&
      find . -type d -printf '%p %y %m %T@\\n' | LC_ALL=C sort | grep -v '^\\. ' &&
      find . -type f -exec sha256sum {} + | LC_ALL=C sort; cat ./*-app-1.0/absent; ls ./*-app-1.0/a/b/c/d`;
    const dependencies = [
      {
        letter: 'b',
        name: 'many',
        members: Object.fromEntries(range(1500).map((n) => [`d/file-${n}`, `${n}`])),
      },
      { letter: 'd', name: 'other', members: others },
    ];
    // Frames of several pieces as well: they begin and end inside files.
    const joining = { pieceBytes: 1 << 12, mostBytes: 1 << 16, tuning: {} };
    const bundle = await makeBundle(script, { members, dependencies, frameBytes: 1 << 13, joining });
    // Neither may see what the machine has at /nix/store.
    const bare = 'mkdir -p /nix && mount -t tmpfs test /nix && mkdir /nix/store';
    const lazy = await startToEnd(bundle, { before: bare });
    const extracted = await startToEnd(bundle, { before: bare, env: { SADDLEBAG_STRATEGY: 'namespace' } });
    expect(lazy.stdout.split('\n').length).toBeGreaterThan(3000);
    expect(lazy.stdout).toBe(extracted.stdout);
    expect(lazy.stderr).toBe(extracted.stderr);
  });

  it.each([
    [
      'beside what is there',
      'mkdir -p /nix/store; mount -t tmpfs test /nix/store; echo hi > /nix/store/theirs',
    ],
    ['in an empty directory', 'mkdir -p /nix/store; mount -t tmpfs test /nix/store'],
    ['in a new root', 'mkdir -p /nix; mount -t tmpfs test /nix'],
  ])('comes to /nix/store %s', async (_, before) => {
    const bundle = await makeBundle('echo "$0"; cat /nix/store/theirs; ls -A / | grep saddlebag; pwd');
    const outcome = await startToEnd(bundle, { before, cwd: '/usr' });
    expect(outcome.stdout).toBe(
      `/nix/store/${appBase}/bin/app\n${before.includes('theirs') ? 'hi\n' : ''}/usr\n`,
    );
    expect(await readdir(bundle.cache)).toEqual([]);
  });

  // 31, 35
  it('is the app itself: same PID, no child to wait for, no descriptor more', async () => {
    const bundle = await makeBundle(
      'echo $$; read children < /proc/$$/task/$$/children; echo "[$children]"; ls /proc/self/fd | wc -l; while read -r line; do case $line in Sig[BCI]*) echo $line; esac; done < /proc/$$/status',
    );
    const lazy = await startToEnd(bundle);
    const extracted = await startToEnd(bundle, { env: { SADDLEBAG_STRATEGY: 'namespace' } });
    expect(lazy.stdout).toMatch(new RegExp(`^${lazy.pid}\n\\[\\]\n`));
    expect(lazy.stdout.split('\n').slice(1)).toEqual(extracted.stdout.split('\n').slice(1));
    expect(lazy).toMatchObject({ code: 0, stderr: '' });
  });

  // 38
  it('serves what goes on after the app has ended, and no longer', async () => {
    const bundle = await makeBundle(
      `(exec > "$OUT" 2>&1 < /dev/null; read wait < "$FIFO"; cat "${top}/late") & echo started`,
      { members: { late: 'read late\n' } },
    );
    const fifo = join(bundle.cache, 'fifo');
    const out = join(bundle.cache, 'out');
    await execProcess('mkfifo', ['-m', '666', fifo]);
    expect(await startToEnd(bundle, { env: { FIFO: fifo, OUT: out } })).toMatchObject({
      code: 0,
      stdout: 'started\n',
    });
    expect(findServers(bundle)).toHaveLength(1);
    await writeFile(fifo, '\n');
    await expectNoServer(bundle);
    expect(await readFile(out, 'utf8')).toBe('read late\n');
  });

  // 24, 25
  it('lets an app make user namespaces, and start a bundle that is served too', async () => {
    const inner = await makeBundle(`cat "${top}/it"; ls -d /nix/store/*-app-1.0`, {
      letter: 'd',
      members: { it: 'inner\n' },
    });
    const outer = await makeBundle('unshare -Ur id -u; exec "$INNER"');
    const outcome = await startToEnd(outer, { env: { INNER: inner.file } });
    expect(outcome.stdout).toMatch(/^0\ninner\n/);
    expect(outcome.stdout).toContain(`/nix/store/${appBase}\n`);
  });

  // 50
  it('fails the read of a damaged frame, and tells which store path it is of when asked', async () => {
    const content = randomBytes(100_000);
    const bundle = await makeBundle(`cat "${top}/content" > /dev/null || echo "failed: $?"`, {
      members: { content },
      frameBytes: 1 << 14,
    });
    const file = await open(bundle.file, 'r+');
    const at = (await readFile(bundle.file)).indexOf(content.subarray(50_000, 50_064));
    expect(at).toBeGreaterThan(0);
    await file.write(Buffer.from([~(content[50_000] ?? 0)]), 0, 1, at);
    await file.close();
    const outcome = await startToEnd(bundle, { env: debug });
    expect(outcome.stdout).toBe('failed: 1\n');
    expect(outcome.stderr).toContain('Input/output error');
    expect(outcome.stderr).toContain(`read error: ${appBase}: damaged (`);
    expect((await startToEnd(bundle)).stderr).not.toContain('damaged');
  });

  it('keeps an app from writing into its closure', async () => {
    const bundle = await makeBundle(
      `mkdir "${top}/new" || chmod 700 "${top}" || echo > "$0" || echo refused`,
    );
    expect((await startToEnd(bundle)).stdout).toBe('refused\n');
  });
});

const range = (count: number) => [...Array(count).keys()];
