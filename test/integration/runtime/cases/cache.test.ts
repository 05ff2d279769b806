import { execFileSync } from 'node:child_process';
import { chmod, copyFile, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { inspectBundle } from '../../../../bundler/inspect.ts';
import { appBase, type Outcome, ownDirectory } from '../bundles.ts';
import { debug } from '../machine.ts';
import { cacheMount, list, many, notFor, onlyCache, storeLine } from './cache.ts';
import type { Cell } from './cell.ts';
import { describeCases } from './harness.ts';
import { sandboxed } from './programs.ts';

/** Starts as root write anywhere: what a user is kept from by modes is no obstacle to them. */
const notAs = { root: 'root passes modes and owners' };

describeCases('Cache and extraction', (runCase) => {
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
