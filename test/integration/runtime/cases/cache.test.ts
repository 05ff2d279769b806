import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  copyFile,
  mkdir,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { inspectBundle } from '../../../../bundler/inspect.ts';
import { appBase, type Outcome, ownDirectory, type TestBundle } from '../bundles.ts';
import { debug } from '../machine.ts';
import { type Cell, untilPrinted } from './cell.ts';
import { describeCases } from './harness.ts';
import { sandboxed } from './programs.ts';

/** Which of two is meant where a strategy has no cache. */
const notFor = { native: 'it unpacks nothing', lazy: 'it unpacks nothing' };
const onlyCache = { ...notFor, 'in-place': 'it has one place, /nix' };

const manyFiles = (length: number) =>
  Object.fromEntries(
    Array.from({ length }, (_, index) => [`d${index % 20}/f${index}`, `${index}\n`.repeat(400)]),
  );
const many = manyFiles(500);

/** What debug says of the store in a place; relocate's is one of its own. */
const storeLine = (place: string, what: string) =>
  new RegExp(`^app: ${place}/(relocated-.*/)?store: ${what}$`, 'm');

const list = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);

/** Starts a bundle and returns once something lies in its temporary directory; or when it was done before. */
async function startUntilExtracting(cell: Cell, bundle: TestBundle) {
  const started = await cell.spawn(bundle, { env: { SADDLEBAG_JOBS: '1' } });
  const deadline = Date.now() + 20_000;
  while (Date.now() < deadline && started.child.exitCode === null) {
    if ((await list(cell.place(bundle).temporary)).length > 0) break;
  }
  return started;
}

/** Takes away what the cell's strategy has unpacked. */
async function forget(cell: Cell, bundle: TestBundle): Promise<void> {
  const { trees, markers } = cell.place(bundle);
  for (const directory of [trees, markers]) {
    for (const name of await list(directory))
      await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** Sends a signal to a first start once it unpacks, and returns how that one ended. */
async function signalled(cell: Cell, bundle: TestBundle, signal: NodeJS.Signals): Promise<Outcome> {
  await forget(cell, bundle);
  const { child, outcome } = await startUntilExtracting(cell, bundle);
  child.kill(signal);
  return outcome;
}

/** Kills starts at random moments of their extraction; the next start always works and runs what is whole. */
const killedRounds = (rounds: number) => async (cell: Cell) => {
  const bundle = await cell.bundle('cat "$(dirname "$0")"/../d*/f* | sha256sum', {
    members: manyFiles(1000),
  });
  const whole = await cell.start(bundle);
  expect(whole).toMatchObject({ code: 0, stderr: '' });
  const { temporary } = cell.place(bundle);
  let landed = 0;
  for (let round = 0; round < rounds; round++) {
    await forget(cell, bundle);
    const { child, outcome } = await startUntilExtracting(cell, bundle);
    for (let step = Math.random() * 60; step > 0; step--) await list(temporary);
    child.kill('SIGKILL');
    const killed = await outcome;
    // What had no time to be the app has printed nothing; what had is whole.
    expect([whole.stdout, '']).toContain(killed.stdout);
    if ((await list(temporary)).length > 0) landed++;
    expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: whole.stdout, stderr: '' });
    expect(await list(temporary)).toEqual([]);
  }
  expect(landed).toBeGreaterThanOrEqual(rounds / 2);
};

/** Bytes that a directory takes on its disk. */
async function diskBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true })) {
    bytes += (await stat(join(directory, entry)).catch(() => ({ blocks: 0 }))).blocks * 512;
  }
  return bytes;
}

/** A mount over a bundle's cache for its user; the words of the shell that make it. */
const cacheMount = (cell: Cell, bundle: TestBundle, options: string, type = 'tmpfs'): string =>
  `mount -t ${type} -o ${options}${cell.isRoot ? '' : ',uid=65534,gid=65534'},mode=0755 saddlebag-test ${bundle.cache}`;

/** Starts as root write anywhere: what a user is kept from by modes is no obstacle to them. */
const notAs = { root: 'root passes modes and owners' };

describeCases('Cache and extraction', (runCase) => {
  const together = (count: number) => async (cell: Cell) => {
    const bundle = await cell.bundle('echo ok', { members: many });
    const outcomes: Outcome[] = await Promise.all(
      Array.from({ length: count }, () => cell.start(bundle, { env: debug })),
    );
    expect(outcomes.map(({ code, stdout }) => [code, stdout])).toEqual(Array(count).fill([0, 'ok\n']));
    expect(outcomes.filter(({ stderr }) => stderr.includes('/store: extracted\n'))).toHaveLength(1);
    const { trees, temporary } = cell.place(bundle);
    expect(await list(temporary)).toEqual([]);
    const { image } = await inspectBundle(bundle.file, { signal: new AbortController().signal });
    // Blocks are rounded up for each file; two closures would take twice as much.
    const content = image.paths.reduce((sum, path) => sum + path.contentBytes, 0);
    const used = await diskBytes(trees);
    expect(used).toBeGreaterThan(content / 2);
    expect(used).toBeLessThan(1.5 * content + 500 * 4096);
  };
  runCase(46, 'eight first starts at once: one extraction, eight successes', { notFor }, together(8));
  runCase(
    46,
    'fifty first starts at once: one extraction, fifty successes',
    { notFor, isLong: true },
    together(50),
  );

  runCase(47, 'kill -9 at four random moments', { notFor }, killedRounds(4));
  runCase(
    47,
    'kill -9 at a hundred random moments',
    { notFor, notAs: { root: 'as for a user' }, isLong: true },
    killedRounds(100),
  );

  runCase(
    47,
    'TERM INT HUP QUIT while unpacking end the start and leave nothing',
    { notFor },
    async (cell) => {
      const bundle = await cell.bundle('echo started', { members: manyFiles(1000) });
      for (const [signal, code] of [
        ['SIGTERM', 143],
        ['SIGINT', 130],
        ['SIGHUP', 129],
        ['SIGQUIT', 131],
      ] as const) {
        let ended = await signalled(cell, bundle, signal);
        // On a busy machine the signal may come when all is done: that says nothing.
        for (let late = 0; ended.code === 0 && late < 5; late++) {
          ended = await signalled(cell, bundle, signal);
        }
        expect(ended).toMatchObject({ code, signal: null, stdout: '', stderr: '' });
        expect(await list(cell.place(bundle).temporary)).toEqual([]);
        expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: 'started\n' });
      }
    },
  );

  runCase(
    48,
    'power loss after the rename: a tree without content is not trusted after a boot',
    { notFor },
    async (cell) => {
      const bundle = await cell.bundle('cat "$(dirname "$0")/../share/data"', {
        members: { 'share/data': 'data\n' },
      });
      await cell.start(bundle);
      const { trees, markers } = cell.place(bundle);
      const data = join(trees, appBase, 'share/data');
      const known = await readlink(join(markers, appBase));
      for (const bad of [undefined, known.slice(0, -1), known.replace(/boot .*/, 'boot before'), 'synced']) {
        // The name reached the disk, its content did not.
        await chmod(data, 0o644);
        await writeFile(data, '');
        await unlink(join(markers, appBase));
        if (bad !== undefined) await symlink(bad, join(markers, appBase));
        expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: 'data\n', stderr: '' });
        expect(await readlink(join(markers, appBase))).toBe(known);
      }
    },
  );

  runCase(48, 'what SADDLEBAG_SYNC=1 wrote out counts after a boot', { notFor }, async (cell) => {
    const bundle = await cell.bundle('echo ok');
    await cell.start(bundle, { env: { SADDLEBAG_SYNC: '1' } });
    expect(await readlink(join(cell.place(bundle).markers, appBase))).toMatch(/^[0-9a-f]{64} synced$/);
    expect((await cell.start(bundle, { env: debug })).stderr).not.toContain('extracted');
  });

  runCase(
    48,
    'containers with boot ids of their own share a cache: what runs goes on',
    { notFor },
    async (cell) => {
      const bundle = await cell.bundle(
        'echo ready; while [ ! -e "$1" ]; do sleep 0.02; done; cat "$(dirname "$0")/../share/data"',
        { members: { 'share/data': 'data\n' } },
      );
      const go = join(await ownDirectory(bundle.directory, 'shared'), 'go');
      const startIn = (container: string) => {
        const id = `${bundle.directory}/boot-${container}`;
        const machine = `echo ${container} > '${id}'; mount --bind '${id}' /proc/sys/kernel/random/boot_id`;
        return cell.spawn(bundle, { args: [go], machine });
      };
      const first = await startIn('one');
      await untilPrinted(first.child, 'ready');
      const second = await startIn('two');
      await untilPrinted(second.child, 'ready');
      await writeFile(go, '');
      for (const { outcome } of [first, second]) {
        expect(await outcome).toMatchObject({ code: 0, stdout: 'ready\ndata\n', stderr: '' });
      }
    },
  );

  runCase(
    49,
    'ENOSPC: cleaned up, the next place is taken',
    { notFor: onlyCache, needs: ['root'] },
    async (cell) => {
      const members = { content: randomBytes(3 << 20) };
      const bundle = await cell.bundle('echo ok; find "$SADDLEBAG_CACHE_DIR" -path "*/.saddlebag-tmp/*"', {
        members,
      });
      const outcome = await cell.start(bundle, { machine: cacheMount(cell, bundle, 'size=1m'), env: debug });
      expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
      expect(outcome.stderr).toMatch(/cache: refused: .*no space left on device \(4 MB to unpack\)/);
    },
  );

  runCase(49, 'ENOSPC that no figure foretold', { notFor: onlyCache, needs: ['root'] }, async (cell) => {
    const members = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`f${index}`, `${index}`]));
    const bundle = await cell.bundle('echo ok; find "$SADDLEBAG_CACHE_DIR" -path "*/.saddlebag-tmp/*"', {
      members,
    });
    const machine = cacheMount(cell, bundle, 'size=1m,nr_inodes=60');
    const outcome = await cell.start(bundle, { machine, env: debug });
    expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
    expect(outcome.stderr).toMatch(/cache: refused: .*no space left on device/);
  });

  for (const error of ['EDQUOT', 'EIO', 'EROFS'] as const) {
    const words = { EDQUOT: /quota exceeded/i, EIO: /input\/output error/, EROFS: /read-only file system/ }[
      error
    ];
    runCase(49, `${error} while writing: cleaned up and named`, { notFor, needs: ['gcc'] }, async (cell) => {
      const bundle = await cell.bundle('echo never', { members: { data: 'data\n' } });
      const outcome = await cell.start(bundle, {
        before: `exec ${await sandboxed(bundle, `${error}=pwrite64`)} "$0"`,
      });
      expect(outcome).toMatchObject({ code: 125, stdout: '' });
      expect(outcome.stderr).toMatch(words);
      expect(await list(cell.place(bundle).temporary)).toEqual([]);
    });
  }

  runCase(
    49,
    'EROFS: a read-only cache is passed over',
    { notFor: onlyCache, needs: ['root'] },
    async (cell) => {
      const bundle = await cell.bundle('echo ok');
      const machine = `mount --bind ${bundle.cache} ${bundle.cache}; mount -o remount,bind,ro ${bundle.cache}`;
      const outcome = await cell.start(bundle, { machine, env: debug });
      expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
      expect(outcome.stderr).toMatch(/: refused: .*read-only file system/);
    },
  );

  runCase(49, 'EMFILE: 7 descriptors are enough', { notFor }, async (cell) => {
    const bundle = await cell.bundle('echo ok', { members: many });
    const outcome = await cell.start(bundle, { before: 'ulimit -n 16', env: { SADDLEBAG_JOBS: '8' } });
    expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
  });

  runCase(
    49,
    'ENAMETOOLONG: a cache whose name is too long is passed over',
    { notFor: onlyCache },
    async (cell) => {
      const bundle = await cell.bundle('echo ok');
      const env = { ...debug, SADDLEBAG_CACHE_DIR: `/${'n'.repeat(5000)}` };
      const outcome = await cell.start(bundle, { env });
      expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
      expect(outcome.stderr).toMatch(/: refused: .*name too long/);
    },
  );

  runCase(49, 'a limit of file sizes is told, not died of', { notFor }, async (cell) => {
    const bundle = await cell.bundle('echo ok', { members: { data: 'data\n'.repeat(40_000) } });
    const outcome = await cell.start(bundle, { before: 'ulimit -f 8', env: { NOMAD_ALLOC_DIR: '' } });
    expect(outcome).toMatchObject({ code: 125, signal: null, stdout: '' });
    expect(outcome.stderr).toContain(': file too large');
    expect(await list(cell.place(bundle).temporary)).toEqual([]);
    expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: 'ok\n' });
  });

  runCase(
    49,
    'a relative SADDLEBAG_CACHE_DIR is told, and nothing made',
    { notFor: onlyCache },
    async (cell) => {
      const bundle = await cell.bundle('echo ok');
      const outcome = await cell.start(bundle, { env: { SADDLEBAG_CACHE_DIR: './cache' } });
      expect(outcome).toMatchObject({ code: 125, stdout: '' });
      expect(outcome.stderr).toContain(
        'SADDLEBAG_CACHE_DIR=./cache: not what this variable takes (an absolute path)',
      );
    },
  );

  runCase(
    49,
    'a sparse file counts for what it takes',
    { notFor: onlyCache, needs: ['root'] },
    async (cell) => {
      const bundle = await cell.bundle('stat -c %s "$(dirname "$0")/../sparse"', {
        members: { sparse: Buffer.alloc(64 << 20) },
      });
      const outcome = await cell.start(bundle, { machine: cacheMount(cell, bundle, 'size=8m'), env: debug });
      expect(outcome).toMatchObject({ code: 0, stdout: `${64 << 20}\n` });
      expect(outcome.stderr).not.toContain(`${bundle.cache}: refused`);
      expect(outcome.stderr).toMatch(storeLine(bundle.cache, 'extracted'));
    },
  );

  runCase(50, 'one bit flipped at 100 places: told, or as if nothing had been', { notFor }, async (cell) => {
    const bundle = await cell.bundle('echo started', { members: { 'lib/data': 'data\n'.repeat(2000) } });
    const sound = await readFile(bundle.file);
    const dataOffset = await dataOffsetOf(bundle);
    const damaged: TestBundle = { ...bundle, file: join(bundle.directory, 'damaged') };
    let refused = 0;
    for (let round = 0; round < 100; round++) {
      // The runtime's own code is the kernel's to run, whatever it says; from its end on, every part is hit.
      const at = dataOffset + Math.floor(((sound.length - dataOffset) * (round + 0.5)) / 100);
      const bytes = Buffer.from(sound);
      bytes.writeUInt8(bytes.readUInt8(at) ^ (1 << (round % 8)), at);
      await writeFile(damaged.file, bytes, { mode: 0o755 });
      await forget(cell, bundle);
      const outcome = await cell.start(damaged);
      if (outcome.code === 0) expect(outcome).toMatchObject({ stdout: 'started\n', stderr: '' });
      else {
        refused++;
        expect(outcome).toMatchObject({ code: 125, stdout: '' });
        expect(outcome.stderr).toMatch(/^damaged: cannot read /);
      }
    }
    expect(refused).toBeGreaterThan(50);
  });

  runCase(50, 'cut off, stripped, with something appended: told', {}, async (cell) => {
    const bundle = await cell.bundle('echo never');
    const sound = await readFile(bundle.file);
    const dataOffset = await dataOffsetOf(bundle);
    const cuts = [
      sound.subarray(0, -1),
      sound.subarray(0, dataOffset + 100),
      sound.subarray(0, dataOffset),
      Buffer.concat([sound, Buffer.from('\n')]),
    ];
    for (const bytes of cuts) {
      const damaged = { ...bundle, file: join(bundle.directory, 'damaged') };
      await writeFile(damaged.file, bytes, { mode: 0o755 });
      const outcome = await cell.start(damaged);
      expect(outcome).toMatchObject({ code: 125, stdout: '' });
      expect(outcome.stderr).toMatch(
        /: not a bundle, or cut off or stripped\nhint: fetch or bundle it again\n$/,
      );
    }
  });

  runCase(50, 'replaced while the app runs', {}, async (cell) => {
    const bundle = await cell.bundle(
      'echo ready >&2; while [ ! -e "$1" ]; do sleep 0.02; done; cat "$(dirname "$0")/../share/data"',
      { members: { 'share/data': 'data\n' } },
    );
    const go = join(await ownDirectory(bundle.directory, 'shared'), 'go');
    const { child, outcome } = await cell.spawn(bundle, { args: [go] });
    await new Promise((resolve) => child.stderr.once('data', resolve));
    await writeFile(`${bundle.file}.new`, 'another\n', { mode: 0o755 });
    await rm(bundle.file);
    await copyFile(`${bundle.file}.new`, bundle.file);
    await chmod(join(go, '..'), 0o755);
    await writeFile(go, '');
    expect(await outcome).toMatchObject({ code: 0, stdout: 'data\n' });
  });

  runCase(
    51,
    'another user made the cache, or a link or a file in its place: refused',
    { notFor: onlyCache, notAs },
    async (cell) => {
      const bundle = await cell.bundle('echo ok');
      const squatted = join(bundle.directory, 'squatted');
      await mkdir(squatted, { mode: 0o777 });
      await chmod(squatted, 0o777);
      await chmod(await ownDirectory(bundle.directory, 'open'), 0o777);
      await writeFile(join(bundle.directory, 'file'), '');
      await symlink(bundle.cache, join(bundle.directory, 'link'));
      for (const [name, words] of [
        ['squatted', 'not ours alone (another owner, or writable by others)'],
        ['open', 'not ours alone (another owner, or writable by others)'],
        ['link', 'not a directory'],
        ['file', 'not a directory'],
      ]) {
        const place = join(bundle.directory, name ?? '');
        const outcome = await cell.start(bundle, { env: { ...debug, SADDLEBAG_CACHE_DIR: place } });
        expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
        expect(outcome.stderr).toContain(`${place}: refused: ${place}: ${words}\n`);
      }
      expect(await readdir(squatted)).toEqual([]);
      expect(await readdir(bundle.cache)).toEqual([]);
    },
  );

  runCase(
    51,
    'a lock, a store or a temporary directory that is a link: refused',
    { notFor: onlyCache },
    async (cell) => {
      for (const name of ['lock', 'store', 'meta', '.saddlebag-tmp']) {
        const bundle = await cell.bundle('echo ok');
        const victim = join(bundle.directory, 'victim');
        await mkdir(victim);
        await writeFile(join(victim, 'thesis'), 'years of work');
        await symlink(name === 'lock' ? join(victim, 'thesis') : victim, join(bundle.cache, name));
        expect(await cell.start(bundle, { env: debug })).toMatchObject({ code: 0, stdout: 'ok\n' });
        expect(await readdir(victim)).toEqual(['thesis']);
        expect(await readFile(join(victim, 'thesis'), 'utf8')).toBe('years of work');
      }
    },
  );

  runCase(52, 'a noexec cache is passed over', { notFor: onlyCache, needs: ['root'] }, async (cell) => {
    const bundle = await cell.bundle('echo ok');
    const outcome = await cell.start(bundle, { machine: cacheMount(cell, bundle, 'noexec'), env: debug });
    expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
    expect(outcome.stderr).toContain(`refused: ${bundle.cache}: mounted noexec\n`);
  });

  runCase(52, 'a nosuid, nodev cache serves', { notFor: onlyCache, needs: ['root'] }, async (cell) => {
    const bundle = await cell.bundle('echo ok');
    const machine = cacheMount(cell, bundle, 'nosuid,nodev,noatime');
    const outcome = await cell.start(bundle, { machine, env: debug });
    expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
    expect(outcome.stderr).toMatch(storeLine(bundle.cache, 'extracted'));
  });

  runCase(52, 'a cache without locks is passed over', { notFor: onlyCache, needs: ['gcc'] }, async (cell) => {
    const bundle = await cell.bundle('echo never');
    const outcome = await cell.start(bundle, {
      before: `exec ${await sandboxed(bundle, 'ENOLCK=flock')} "$0"`,
    });
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toMatch(/no locks available/);
  });

  runCase(52, 'a cache in an overlay', { notFor: onlyCache, needs: ['root'] }, async (cell) => {
    const bundle = await cell.bundle('cat "$(dirname "$0")/../share/data"', {
      members: { 'share/data': 'data\n' },
    });
    const machine = `cd ${bundle.directory}; mkdir up work low; chown --reference=cache up low; chmod 700 up low
      mount -t tmpfs x ${bundle.spare}; mkdir ${bundle.spare}/up ${bundle.spare}/work
      chown --reference=cache ${bundle.spare}/up; chmod 700 ${bundle.spare}/up
      mount -t overlay -o lowerdir=low,upperdir=${bundle.spare}/up,workdir=${bundle.spare}/work x cache`;
    const outcome = await cell.start(bundle, { machine, env: debug });
    expect(outcome).toMatchObject({ code: 0, stdout: 'data\n' });
    expect(outcome.stderr).toMatch(storeLine(bundle.cache, 'extracted'));
  });

  runCase(52, 'no HOME, HOME=/nonexistent, an empty environment', { notFor: onlyCache }, async (cell) => {
    const bundle = await cell.bundle('echo ok');
    for (const before of ['unset HOME', 'HOME=/nonexistent', 'HOME=relative', 'exec env -i "$0"']) {
      const env = before.startsWith('exec')
        ? 'SADDLEBAG_STRATEGY="$SADDLEBAG_STRATEGY" SADDLEBAG_CACHE_DIR="$SADDLEBAG_CACHE_DIR"'
        : '';
      const words = before.replace('env -i', `env -i ${env}`);
      expect(await cell.start(bundle, { before: words })).toMatchObject({
        code: 0,
        stdout: 'ok\n',
        stderr: '',
      });
    }
  });

  runCase(53, 'a store path that a cleaner took away is noticed and mended', { notFor }, async (cell) => {
    const bundle = await cell.bundle('echo ok');
    await cell.start(bundle);
    await rm(join(cell.place(bundle).trees, appBase), { recursive: true });
    expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: 'ok\n', stderr: '' });
  });

  runCase(
    53,
    '/var/tmp and /tmp are the last places taken',
    { notFor: onlyCache, needs: ['root'] },
    async (cell) => {
      const bundle = await cell.bundle('echo ok');
      const home = await ownDirectory(bundle.directory, 'home');
      const machine = `mount -t tmpfs -o mode=1777 x /var/tmp; ${cell.isRoot ? `chown 0:0 ${home}; mkdir -p -m 755 ${home}/.cache; chmod 755 ${home}` : 'true'}`;
      const variables = [
        'SADDLEBAG_CACHE_DIR',
        'NOMAD_TASK_DIR',
        'NOMAD_ALLOC_DIR',
        'XDG_CACHE_HOME',
        'HOME',
      ];
      const env: Record<string, string> = {
        ...debug,
        ...Object.fromEntries(variables.map((name) => [name, ''])),
      };
      const last = await cell.start(bundle, { machine, env });
      expect(last.stderr).toMatch(/^app: \/var\/tmp\/saddlebag-\d+\/(.*\/)?store: extracted$/m);
      const before = await cell.start(bundle, { machine, env: { ...env, HOME: home } });
      expect(before.stderr).toMatch(storeLine(`${home}/.cache/saddlebag`, 'extracted'));
    },
  );

  runCase(54, 'two builds of one name never share a place', { notFor }, async (cell) => {
    const one = await cell.bundle('echo one');
    const two = { ...one, file: (await cell.bundle('echo two')).file };
    const file = join(one.directory, 'two');
    await copyFile(two.file, file);
    for (let round = 0; round < 2; round++) {
      expect((await cell.start(one)).stdout).toBe('one\n');
      const other = await cell.start({ ...one, file });
      if (cell.strategy.place !== undefined && other.code === 125) {
        expect(other.stderr).toContain('holds a store path of this name with other content');
      } else expect(other.stdout).toBe('two\n');
    }
  });

  runCase(
    55,
    'an app is kept from writing into its closure',
    { notAs: { root: 'in-place has no mount that could; root passes modes' } },
    async (cell) => {
      const bundle = await cell.bundle(
        'for f in "$0" "$(dirname "$0")/new"; do { echo x >> "$f"; } 2>/dev/null && echo "wrote $f"; done; echo end',
      );
      expect(await cell.start(bundle)).toMatchObject({ code: 0, stdout: 'end\n' });
    },
  );

  runCase(
    56,
    'two versions side by side share what they have in common',
    { notFor: { ...notFor, relocate: 'a relocated closure is one of its own' } },
    async (cell) => {
      const dependencies = [{ letter: 'd', name: 'lib', members: { 'lib/data': 'shared\n' } }];
      const script = (version: string) => `echo ${version}; cat "$(dirname "$0")"/../../d*-lib/lib/data`;
      const one = await cell.bundle(script('one'), { dependencies });
      const two = await cell.bundle(script('two'), { dependencies, letter: 'f' });
      const file = join(one.directory, 'two');
      await copyFile(two.file, file);
      expect((await cell.start(one, { env: debug })).stdout).toBe('one\nshared\n');
      const kept = await stat(join(cell.place(one).trees, `${'d'.repeat(32)}-lib`));
      expect((await cell.start({ ...one, file })).stdout).toBe('two\nshared\n');
      expect((await stat(join(cell.place(one).trees, `${'d'.repeat(32)}-lib`))).ino).toBe(kept.ino);
      expect((await list(cell.place(one).trees)).length).toBe(3);
    },
  );

  runCase(
    57,
    'a clock that jumps back or ahead changes nothing',
    { notFor, needs: ['touch'] },
    async (cell) => {
      const bundle = await cell.bundle('echo ok');
      await cell.start(bundle);
      const { trees, markers } = cell.place(bundle);
      for (const date of ['2001-01-01', '2099-01-01']) {
        execFileSync('touch', ['-h', '-d', date, join(trees, '..'), markers, join(markers, appBase)]);
        const outcome = await cell.start(bundle, { env: debug });
        expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
        expect(outcome.stderr).not.toContain('extracted');
      }
    },
  );

  runCase(
    58,
    'a cache that is mounted at another place',
    {
      notFor: { ...onlyCache, relocate: 'its link names one place; it is unpacked for the other' },
      needs: ['root'],
    },
    async (cell) => {
      const bundle = await cell.bundle('echo ok');
      const elsewhere = join(bundle.directory, 'elsewhere');
      await mkdir(elsewhere);
      await cell.start(bundle);
      const outcome = await cell.start(bundle, {
        machine: `mount --bind ${bundle.cache} ${elsewhere}`,
        env: { ...debug, SADDLEBAG_CACHE_DIR: elsewhere },
      });
      expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
      expect(outcome.stderr).toContain(`${elsewhere}/store: complete\n`);
    },
  );

  const nested = async (cell: Cell): Promise<Outcome> => {
    const inner = await cell.bundle('echo inner');
    const outer = await cell.bundle('echo outer; SADDLEBAG_STRATEGY= exec "$INNER"');
    const file = join(outer.directory, 'inner');
    await copyFile(inner.file, file);
    return cell.start(outer, { env: { INNER: file } });
  };
  const oneName = 'two bundles carry one store path name with different bytes';
  runCase(
    69,
    `${oneName}: the one starts the other, each runs its own`,
    { notFor: { native: 'it unpacks nothing', 'in-place': 'it has one place, /nix' } },
    async (cell) => {
      expect(await nested(cell)).toMatchObject({ code: 0, stdout: 'outer\ninner\n', stderr: '' });
    },
  );
  const withOthers = { namespace: 'the case before', lazy: 'the case before', relocate: 'the case before' };
  runCase(
    69,
    `${oneName}: told where there is one /nix`,
    { notFor: { ...notFor, ...withOthers } },
    async (cell) => {
      const outcome = await nested(cell);
      expect(outcome.stdout).toMatch(/^outer\n(inner\n)?$/);
      if (outcome.code !== 0)
        expect(outcome.stderr).toMatch(/holds a store path of this name with other content/);
    },
  );

  runCase(
    70,
    'a warm start reads no entry table, of 500,000 entries or five',
    { notFor: { ...notFor }, needs: ['strace'] },
    async (cell) => {
      const bundle = await cell.bundle('true', { members: many });
      await cell.start(bundle);
      const trace = join(await ownDirectory(bundle.directory, 'trace'), 'calls');
      if (cell.isRoot) await chmod(join(trace, '..'), 0o777);
      const before = `exec strace -o ${trace} -e trace=pread64,read,mmap "$0"`;
      const outcome = await cell.start(bundle, { before });
      if (outcome.code !== 0) cell.skip(`strace: ${outcome.stderr.trim()}`);
      const { image, sizeBytes, tailOffset } = await inspectBundle(bundle.file, {
        signal: new AbortController().signal,
      });
      const indexBytes = sizeBytes - (tailOffset - 1) - image.sizeBytes;
      const calls = await readFile(trace, 'utf8');
      const reads = calls.matchAll(/^(?:pread64|read)\(.*= (\d+)$/gm);
      const bytes = [...reads].reduce((sum, [, each]) => sum + Number(each), 0);
      expect(bytes).toBeGreaterThan(0);
      expect(bytes).toBeLessThan(indexBytes / 4);
    },
  );
});

async function dataOffsetOf(bundle: TestBundle): Promise<number> {
  return (await inspectBundle(bundle.file, { signal: new AbortController().signal })).tailOffset - 1;
}
