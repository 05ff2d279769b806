import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { debug } from '../machine.ts';
import { cacheMount, list, many, notFor, onlyCache, storeLine } from './cache.ts';
import { describeCases } from './harness.ts';
import { sandboxed } from './programs.ts';

describeCases('Cache and extraction', (runCase) => {
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
});
