import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, open, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished } from 'vitest';
import type { Cell } from './cell.ts';
import { describeCases } from './harness.ts';
import { bundleOf, printed } from './trees.ts';

const run = promisify(execFile);

/** Lists the tree that the app finds itself in: path, kind, mode, time, target. */
const listTree = `cd "$(dirname "$0")/.." && find . -printf '%P|%y|%m|%T@|%l\\n' | LC_ALL=C sort`;

/** Nothing is unpacked where the store paths are Nix's. */
const notFor = { native: 'the tree there is Nix’s, not the bundle’s' };
/** What takes minutes runs where the others' code is the same. */
const onceOnly = {
  notFor: { ...notFor, 'in-place': 'unpacks as namespace does', relocate: 'unpacks as namespace does' },
  notAs: { root: 'as for a user' },
};
const withoutStrategy = 'decided when the bundle is made';

describeCases('Payload fidelity', (runCase) => {
  runCase(1, 'dangling, broken relative and absolute symlinks are kept', { notFor }, async (cell) => {
    const links = {
      dangling: 'no/such/file',
      'sub/broken': '../../outside/of/it',
      absolute: `/nix/store/${'z'.repeat(32)}-elsewhere/lib`,
      outside: '/etc/hostname',
    };
    const members = Object.fromEntries(
      Object.entries(links).map(([name, target]) => [name, { link: target }]),
    );
    const text = await printed(cell, listTree, { members });
    for (const [name, target] of Object.entries(links)) {
      expect(text).toContain(`${name}|l|777|1.0000000000|${target}\n`);
    }
  });

  runCase(2, 'a loop and zoneinfo/posix -> . are recorded, not followed', { notFor }, async (cell) => {
    const members = {
      loop: { link: 'loop' },
      'zoneinfo/posix': { link: '.' },
      'zoneinfo/UTC': 'utc\n',
      'zoneinfo/up': { link: '..' },
    };
    const lines = (await printed(cell, listTree, { members })).trim().split('\n');
    const names = ['', 'bin', 'bin/app', 'loop', 'zoneinfo', 'zoneinfo/UTC', 'zoneinfo/posix', 'zoneinfo/up'];
    expect(lines.map((line) => line.split('|')[0]).sort()).toEqual(names);
    expect(lines).toContain('zoneinfo/posix|l|777|1.0000000000|.');
  });

  runCase(3, 'a hard link is one file inside its store path', { notFor }, async (cell) => {
    const script = 'cd "$(dirname "$0")/.." && stat -c %i one two | sort -u';
    const bundle = await bundleOf(cell, script, async (tree) => {
      await writeFile(join(tree, 'one'), 'content\n'.repeat(900));
      await link(join(tree, 'one'), join(tree, 'two'));
    });
    expect((await cell.start(bundle)).stdout).toMatch(/^\d+\n$/);
  });

  runCase(4, 'setuid, setgid and sticky bits and capabilities are dropped', { notFor }, async (cell) => {
    const script = 'cd "$(dirname "$0")/.." && stat -c "%n %a" set* dir && getcap setcap; true';
    const bundle = await bundleOf(cell, script, async (tree) => {
      await mkdir(join(tree, 'dir'));
      for (const name of ['setuid', 'setgid', 'setcap'])
        await writeFile(join(tree, name), name, { mode: 0o755 });
      await run('/bin/sh', ['-euc', 'cd "$0"; chmod 4755 setuid; chmod 2755 setgid; chmod 3777 dir', tree]);
      if (process.getuid?.() === 0)
        await run('/bin/sh', [
          '-c',
          'PATH=$PATH:/sbin setcap cap_net_raw+ep "$0" || :',
          join(tree, 'setcap'),
        ]);
    });
    const outcome = await cell.start(bundle, { env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } });
    expect(outcome.stdout).toBe('setcap 555\nsetgid 555\nsetuid 555\ndir 555\n');
  });

  runCase(5, 'extended attributes and ACLs do no harm', { notFor, needs: ['python3'] }, async (cell) => {
    const bundle = await bundleOf(cell, 'cat "$(dirname "$0")/../data"', async (tree) => {
      await writeFile(join(tree, 'data'), 'data\n');
      // user::rw-, user:1:rw-, group::r--, mask::rw-, other::r-- in the kernel's own bytes.
      const acl =
        '02000000 01000600ffffffff 0200060001000000 04000400ffffffff 10000600ffffffff 20000400ffffffff';
      const script = `import os, sys
os.setxattr(sys.argv[1], 'user.note', b'x' * 1000)
os.setxattr(sys.argv[1], 'system.posix_acl_access', bytes.fromhex(sys.argv[2].replace(' ', '')))`;
      await run('python3', ['-c', script, join(tree, 'data'), acl]);
    });
    expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: 'data\n', stderr: '' });
  });

  const sparse = (size: number) => async (cell: Cell) => {
    const script = 'cd "$(dirname "$0")/.." && stat -c "%s %b" sparse && tail -c 4 sparse | od -An -c';
    const bundle = await bundleOf(cell, script, async (tree) => {
      const handle = await open(join(tree, 'sparse'), 'w');
      await handle.write('end', size - 3);
      await handle.close();
    });
    const [length, blocks, ...end] = (await cell.start(bundle, { timeoutMs: 600_000 })).stdout.split(/\s+/);
    expect([length, end.join(' ')]).toEqual([String(size), '\\0 e n d ']);
    // A mount has no blocks to save.
    if (cell.strategy.place !== undefined) expect(Number(blocks) * 512).toBeLessThan(1 << 20);
  };
  runCase(6, 'a sparse file of 64 MB comes out sparse', { notFor }, sparse(64 << 20));
  runCase(6, 'a sparse file of 10 GB comes out sparse', { ...onceOnly, isLong: true }, sparse(10 * 2 ** 30));

  runCase(
    7,
    'a file and a payload above 4 GiB',
    { ...onceOnly, isLong: true, needs: ['openssl'] },
    async (cell) => {
      const size = 2 ** 32 + (1 << 20) + 1;
      // Bytes that nothing compresses, the same each time.
      const words = `head -c ${size} /dev/zero | openssl enc -aes-128-ctr -nosalt -K ${'0'.repeat(32)} -iv ${'0'.repeat(32)}`;
      const script = 'cd "$(dirname "$0")/.." && stat -c %s big && tail -c 65536 big | sha256sum';
      const bundle = await bundleOf(cell, script, (tree) =>
        run('/bin/sh', ['-euc', `${words} > "$0"/big`, tree]),
      );
      const { stdout: expected } = await run('/bin/sh', ['-euc', `${words} | tail -c 65536 | sha256sum`]);
      const outcome = await cell.start(bundle, { timeoutMs: 600_000 });
      expect(outcome).toMatchObject({ code: 0, stdout: `${size}\n${expected}` });
    },
  );

  runCase(8, 'names with newline, tab, leading dash and backslash are kept', { notFor }, async (cell) => {
    const names = ['-rf', 'a\nb', 'tab\there', 'system\\x2dfoo', ' ', '日本', '*', "'", '"', 'C:x', '$(id)'];
    const members = Object.fromEntries(names.map((name) => [`n/${name}`, `${name}\n`]));
    const text = await printed(cell, 'cd "$(dirname "$0")/../n" && for f in ./*; do cat "$f"; done', {
      members,
    });
    for (const name of names) expect(text).toContain(`${name}\n`);
    expect(text.length).toBe(names.reduce((sum, name) => sum + name.length + 1, 0));
  });

  runCase(8, 'a name that is no UTF-8 is refused with its path', { withoutStrategy }, async (cell) => {
    const bad = Buffer.concat([Buffer.from('caf'), Buffer.from([0xe9])]);
    const making = bundleOf(cell, '', (tree) => writeFile(Buffer.concat([Buffer.from(`${tree}/`), bad]), ''));
    await expect(making).rejects.toMatchObject({
      code: 'name-not-utf8',
      message: expect.stringMatching(/special\/caf.+: /),
    });
  });

  runCase(9, 'names of 255 bytes, paths above 1,024 bytes and above PATH_MAX', { notFor }, async (cell) => {
    const name = 'n'.repeat(255);
    const descend = `cd "$0"; i=0; while [ $i -lt 15 ]; do mkdir -p ${name}; cd -P ./${name}; i=$((i + 1)); done`;
    // As long as the bundler can name it: from a cache, or from /nix/store, it is too long for a single call.
    const script = `cd "$(dirname "$0")/.." && find . -name 'b*' -type f -execdir cat {} + && find . | wc -L`;
    const bundle = await bundleOf(cell, script, async (tree) => {
      const bottom = 'b'.repeat(4095 - tree.length - 1 - 15 * 256);
      await run('/bin/bash', ['-euc', `${descend}; echo deep > ${bottom}`, tree]);
    });
    const outcome = await cell.start(bundle);
    expect(outcome).toMatchObject({ code: 0, stderr: '' });
    expect(outcome.stdout).toMatch(/^deep\n40\d\d\n$/);
  });

  runCase(9, 'a path that the bundler cannot name is refused', { withoutStrategy }, async (cell) => {
    const name = 'n'.repeat(255);
    const descend = `cd "$0"; i=0; while [ $i -lt 17 ]; do mkdir -p ${name}; cd -P ./${name}; i=$((i + 1)); done`;
    const making = bundleOf(cell, '', (tree) => run('/bin/bash', ['-euc', descend, tree]));
    await expect(making).rejects.toMatchObject({
      code: 'tree-unreadable',
      message: expect.stringMatching(/: the name is too long$/),
    });
  });

  runCase(10, 'empty directories and files, modes, and a umask of 077', { notFor }, async (cell) => {
    const members = {
      'share/data': 'data\n',
      'share/empty': '',
      'share/nothing/': '',
      'bin/x': { executable: '' },
    };
    const bundle = await cell.bundle(`umask; ${listTree}`, { members });
    const kept = [
      'bin/app|f|555|1.0000000000|',
      'bin/x|f|555|1.0000000000|',
      'bin|d|555|1.0000000000|',
      'share/data|f|444|1.0000000000|',
      'share/empty|f|444|1.0000000000|',
      'share/nothing|d|555|1.0000000000|',
      'share|d|555|1.0000000000|',
      '|d|555|1.0000000000|',
    ];
    const { code, stdout } = await cell.start(bundle, { before: 'umask 077' });
    expect({ code, stdout }).toEqual({ code: 0, stdout: `0077\n${kept.join('\n')}\n` });
  });

  runCase(
    11,
    'read-only directories of a tree that cannot be kept are cleaned up',
    { notFor: { ...notFor, lazy: 'it unpacks nothing' } },
    async (cell) => {
      const members = { 'a/b/c/d': 'x', 'big/data': Buffer.alloc(300_000, 'saddlebag') };
      const bundle = await cell.bundle('echo never', { members });
      const outcome = await cell.start(bundle, { before: 'ulimit -f 8', env: { NOMAD_ALLOC_DIR: '' } });
      expect(outcome.code).toBe(125);
      const { trees, temporary } = cell.place(bundle);
      for (const directory of [trees, temporary]) {
        expect(await readdir(directory).catch(() => [])).toEqual([]);
      }
    },
  );

  runCase(12, 'fifos, sockets and devices are refused with their path', { withoutStrategy }, async (cell) => {
    const makers: ((tree: string) => Promise<unknown>)[] = [
      (tree) => run('mkfifo', [join(tree, 'it')]),
      async (tree) => {
        const server = createServer().listen(join(tree, 'it'));
        await once(server, 'listening');
        onTestFinished(() => void server.close());
      },
    ];
    if (process.getuid?.() === 0) makers.push((tree) => run('mknod', [join(tree, 'it'), 'c', '1', '3']));
    for (const make of makers) {
      await expect(bundleOf(cell, '', make)).rejects.toMatchObject({
        code: 'entry-unsupported',
        message: expect.stringContaining('special/it'),
      });
    }
  });

  const manyEntries = (directories: number, each: number) => async (cell: Cell) => {
    const script = 'cd "$(dirname "$0")/../many" && find . -type f | wc -l';
    const bundle = await bundleOf(cell, script, (tree) =>
      run('/bin/bash', [
        '-euc',
        `mkdir "$0"/many; cd "$0"/many
        for ((d = 0; d < ${directories}; d++)); do mkdir $d; (cd $d; seq -f 'f%.0f' ${each} | xargs touch); done`,
        tree,
      ]),
    );
    const outcome = await cell.start(bundle, { timeoutMs: 600_000 });
    expect(outcome).toMatchObject({ code: 0, stdout: `${directories * each}\n`, stderr: '' });
  };
  runCase(13, '65,000 entries in a directory', { ...onceOnly, isLong: true }, manyEntries(1, 65_000));
  runCase(13, '500,000 files', { ...onceOnly, isLong: true }, manyEntries(20, 25_000));

  runCase(
    14,
    'the time of every file is 1, so that Python keeps its compiled modules',
    { notFor },
    async (cell) => {
      const members = { 'lib/a.py': 'a = 1\n', 'lib/link': { link: 'a.py' }, 'lib/d/': '' };
      const script = `find "$(dirname "$0")/.." -printf '%T@\\n' | sort -u`;
      expect(await printed(cell, script, { members })).toBe('1.0000000000\n');
    },
  );

  runCase(15, 'names that differ in case only are two files', { notFor }, async (cell) => {
    const members = { 'n/Makefile': 'upper\n', 'n/makefile': 'lower\n' };
    expect(await printed(cell, 'cd "$(dirname "$0")/../n" && cat Makefile makefile', { members })).toBe(
      'upper\nlower\n',
    );
  });

  runCase(16, 'files of equal content and mode are stored once in a store path', { notFor }, async (cell) => {
    const content = 'equal\n'.repeat(1500);
    const members = { 'a/one': content, 'b/two': content, 'b/run': { executable: content } };
    const script = 'cd "$(dirname "$0")/.." && [ a/one -ef b/two ] && stat -c %a a/one b/two b/run';
    expect(await printed(cell, script, { members })).toBe('444\n444\n555\n');
  });

  runCase(16, 'more equal files than a file may have links', { ...onceOnly, isLong: true }, async (cell) => {
    const script = 'cd "$(dirname "$0")/../many" && find . -type f -size 5c | wc -l';
    const bundle = await bundleOf(cell, script, (tree) =>
      run('/bin/bash', [
        '-euc',
        `mkdir "$0"/many; cd "$0"/many; seq -f 'f%.0f' 70000 | while read -r name; do echo same > $name; done`,
        tree,
      ]),
    );
    const outcome = await cell.start(bundle, { timeoutMs: 600_000 });
    expect(outcome).toMatchObject({ code: 0, stdout: '70000\n', stderr: '' });
  });
});
