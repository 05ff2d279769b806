import { lstat, open, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectBundle } from '../../../bundler/inspect.ts';
import { appBase, makeBundle, start, startChild, type TestBundle, withCache } from './bundles.ts';

const extracted = (bundle: TestBundle, path = '') => join(bundle.cache, 'store', appBase, path);

/** Content without pattern, so that frames end in odd places. */
function noise(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0, state = 1; at < length; at++) {
    state = (state * 48271) % 2147483647;
    bytes[at] = state >> 8;
  }
  return bytes;
}

describe('an extracted store path', () => {
  it('has the links of the original, dangling and looping ones too', async () => {
    const links = {
      dangling: 'no/such/file',
      loop: 'loop',
      up: '../..',
      absolute: '/nix/store/elsewhere',
      'zone/posix': '.',
    };
    const members = Object.fromEntries(Object.entries(links).map(([name, link]) => [name, { link }]));
    const bundle = await makeBundle('', { members });
    expect((await start(bundle)).code).toBe(0);
    for (const [name, target] of Object.entries(links)) {
      expect(await readlink(extracted(bundle, name))).toBe(target);
      expect((await lstat(extracted(bundle, name))).mtimeMs).toBe(1000);
    }
  });

  it('has Nix’s modes and time, whatever the caller’s umask', async () => {
    const bundle = await makeBundle('umask', {
      members: { 'share/data': 'data\n', 'share/empty': '', 'share/nothing/': '' },
    });
    const launcher = ['-c', 'umask 077; exec "$0"', bundle.file];
    const outcome = await startChild('/bin/sh', { ...withCache(bundle), args: launcher }).outcome;
    expect(outcome.stdout).toBe('0077\n');
    const modes: Record<string, number> = {};
    for (const path of ['', 'bin', 'bin/app', 'share', 'share/data', 'share/empty', 'share/nothing']) {
      const status = await lstat(extracted(bundle, path));
      modes[path] = status.mode & 0o7777;
      expect(status.mtimeMs).toBe(1000);
    }
    expect(modes).toEqual({
      '': 0o555,
      bin: 0o555,
      'bin/app': 0o555,
      share: 0o555,
      'share/data': 0o444,
      'share/empty': 0o444,
      'share/nothing': 0o555,
    });
    expect(await readdir(extracted(bundle, 'share/nothing'))).toEqual([]);
  });

  it('has files of equal content once', async () => {
    const bundle = await makeBundle('', { members: { 'a/one': noise(9000), 'b/two': noise(9000) } });
    await start(bundle);
    const [one, two] = [await lstat(extracted(bundle, 'a/one')), await lstat(extracted(bundle, 'b/two'))];
    expect(one.ino).toBe(two.ino);
    expect(two.nlink).toBe(2);
    expect(two.mtimeMs).toBe(1000);
  });

  it('has a file that spans frames, byte for byte', async () => {
    const content = noise(300_001);
    const members = { before: noise(70_000), big: content, 'zz/after': noise(4096), 'zz/small': 'x' };
    const bundle = await makeBundle('', { members, frameBytes: 1 << 16 });
    expect((await start(bundle, { env: { SADDLEBAG_JOBS: '8' } })).code).toBe(0);
    expect((await readFile(extracted(bundle, 'big'))).equals(content)).toBe(true);
    expect((await readFile(extracted(bundle, 'zz/after'))).equals(noise(4096))).toBe(true);
    const status = await lstat(extracted(bundle, 'big'));
    expect([status.mode & 0o7777, status.mtimeMs]).toEqual([0o444, 1000]);
  });

  it('leaves holes where a file has blocks of zeros', async () => {
    const bundle = await makeBundle('', { frameBytes: 1 << 20 });
    const size = 64 << 20;
    const sparse = join(bundle.directory, 'tree', 'sparse');
    const handle = await open(sparse, 'w');
    await handle.write('end', size - 3);
    await handle.close();
    const again = await makeBundle('', {
      members: { sparse: await readFile(sparse), zeros: Buffer.alloc(9000) },
    });
    expect((await start(again)).code).toBe(0);
    const status = await lstat(extracted(again, 'sparse'));
    expect(status.size).toBe(size);
    expect(status.blocks * 512).toBeLessThan(1 << 20);
    expect((await readFile(extracted(again, 'sparse'))).subarray(-4).toString()).toBe('\0end');
    expect((await readFile(extracted(again, 'zeros'))).equals(Buffer.alloc(9000))).toBe(true);
  });

  it('has names of 255 bytes, and names that a shell would trip over', async () => {
    const names = ['n'.repeat(255), '-rf', 'a\nb', 'tab\there', ' ', '日本', '*', "'", 'Case', 'case'];
    const bundle = await makeBundle('', { members: Object.fromEntries(names.map((name) => [name, name])) });
    expect(await start(bundle)).toMatchObject({ code: 0, stderr: '' });
    for (const name of names) expect(await readFile(extracted(bundle, name), 'utf8')).toBe(name);
  });

  it('is the same by one thread and by eight', async () => {
    const members = Object.fromEntries(
      Array.from({ length: 200 }, (_, index) => [`d${index % 7}/f${index}`, noise(index * 97)]),
    );
    const bundle = await makeBundle(
      'cd "$(dirname "$0")/.." && find . -type f | sort | xargs cat | sha256sum',
      {
        members,
        frameBytes: 1 << 14,
      },
    );
    const digests = new Set<string>();
    for (const jobs of ['1', '8']) {
      const cache = join(bundle.cache, `jobs-${jobs}`);
      digests.add(
        (await start(bundle, { env: { SADDLEBAG_JOBS: jobs, SADDLEBAG_CACHE_DIR: cache } })).stdout,
      );
    }
    expect(digests.size).toBe(1);
    expect([...digests][0]).toMatch(/^[0-9a-f]{64} /);
  });

  it('comes out of a frame that it shares, alone or with its neighbours', async () => {
    const dependencies = ['d', 'f', 'g', 'h'].map((letter) => ({
      letter,
      name: 'part',
      members: { 'share/text': `this is ${letter}\n`, 'share/more': noise(3000 + letter.charCodeAt(0)) },
    }));
    const bundle = await makeBundle('cat /nix/store/*-part/share/text', { dependencies });
    const { image } = await inspectBundle(bundle.file, { signal: new AbortController().signal });
    // All parts in one frame, the app in another, the end of the tar in the last.
    expect([image.paths.length, image.frames]).toEqual([5, 3]);
    const all = 'this is d\nthis is f\nthis is g\nthis is h\n';
    expect((await start(bundle)).stdout).toBe(all);
    const part = (letter: string, path = '') =>
      join(bundle.cache, 'store', `${letter.repeat(32)}-part`, path);
    for (const gone of [['f'], ['d', 'g'], ['h']]) {
      for (const letter of gone) await rm(part(letter), { recursive: true });
      expect((await start(bundle)).stdout).toBe(all);
      for (const { letter, members } of dependencies) {
        expect(await readFile(part(letter, 'share/more'))).toEqual(members['share/more']);
      }
    }
  });
});
