import { mkdir, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { DirectoryCache } from '../../../bundler/cache/directory-cache.ts';
import { noCache, type RecordCache } from '../../../bundler/cache/record-cache.ts';
import type { Compression } from '../../../bundler/compression.ts';
import { writeBundle } from '../../../bundler/executable.ts';
import { PathReader } from '../../../bundler/path-reader.ts';
import { sha256Hex } from '../../../src/core/digest.ts';
import { silentReporter } from '../../../src/core/reporter.ts';
import { parseStorePath } from '../../../src/core/store-path.ts';
import type { Closure } from '../../../src/core/types.ts';
import { closureOf, fakeStorePath, writeTree } from '../../helpers/closures.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const signal = new AbortController().signal;
const frameBytes = 1 << 16;

/** Bytes of which no two parts are equal. */
function counting(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 40_503 + seed) >>> 0, at);
  return bytes;
}

/** The directories of small store paths that share a frame, and of one with a file of several frames, or two alike. */
async function libraries({ repeats = false } = {}): Promise<string> {
  const directory = await temporaryDirectory();
  await writeTree(join(directory, 'one'), { 'lib/one': 'one', 'lib/same': 'one' });
  await writeTree(join(directory, 'two'), { 'lib/two': 'two', 'lib/empty': '' });
  await writeTree(join(directory, 'big'), {
    'share/a': 'first',
    'share/big': counting(300_000, 1),
    'share/z': 'last',
    ...(repeats ? { 'share/again': Buffer.concat([Buffer.from('again'), counting(300_000, 1)]) } : {}),
  });
  return directory;
}

/** An app over those libraries. */
async function release(directory: string, version: 'd' | 'f' = 'd'): Promise<Closure> {
  const app = join(directory, version);
  await writeTree(app, { 'bin/app': { executable: `#!/bin/sh\necho ${version}\n` } });
  return closureOf(
    [
      { name: 'one', letter: 'a', directory: join(directory, 'one') },
      { name: 'two', letter: 'b', directory: join(directory, 'two') },
      { name: 'big', letter: 'c', directory: join(directory, 'big') },
      { name: 'app', letter: version, directory: app },
    ],
    'bin/app',
  );
}

/**
 * A closure of packages that were installed long ago: a file is known by its times only some seconds after it was written,
 * and until then by its content. One of their files takes several frames.
 */
function installed(): Closure {
  const paths = (['archiver', 'commander', 'tar-stream'] as const).map((name, index) => ({
    name,
    letter: 'abc'.charAt(index),
    directory: fileURLToPath(new URL(`../../../node_modules/${name}`, import.meta.url)),
  }));
  return closureOf(paths, 'pack.js');
}

/** Returns the SHA-256 of a bundle: to compare the bytes themselves takes longer than to make them. */
async function bundle(
  closure: Closure,
  cache: RecordCache,
  jobs = 2,
  joining?: Compression['joining'],
): Promise<string> {
  const output = join(await temporaryDirectory(), 'out');
  const compression = { level: 3, frameBytes, ...(joining === undefined ? {} : { joining }) };
  const options = { output, compression, jobs, cache, signal, reporter: silentReporter };
  const tool = { force: false, toolVersion: '1', runtime: Buffer.from('runtime'), runtimeOptions: false };
  await writeBundle(closure, { ...options, ...tool });
  return sha256Hex(await readFile(output));
}

/** A cache on disk, and the keys that were asked of it in vain. */
async function watchedCache(directory?: string) {
  const place = directory ?? (await temporaryDirectory());
  const kept = new DirectoryCache(place, (cause) => {
    throw cause;
  });
  const missed: string[] = [];
  const cache: RecordCache = {
    read: async (key) => {
      const record = await kept.read(key);
      if (record === undefined) missed.push(key);
      return record;
    },
    write: (key, record) => kept.write(key, record),
  };
  return { cache, missed, directory: place };
}

async function recordsIn(directory: string): Promise<string[]> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  return names.filter((name) => name.isFile()).map((name) => join(name.parentPath, name.name));
}

describe('a bundle with a cache', () => {
  it('is the same as without, first and again, with any number of jobs', async () => {
    const closure = await release(await libraries());
    const { cache } = await watchedCache();
    const plain = await bundle(closure, noCache);
    expect(await bundle(closure, cache)).toEqual(plain);
    expect(await bundle(closure, cache, 1)).toEqual(plain);
    expect(await bundle(closure, cache, 7)).toEqual(plain);
  });

  it('is the same as without where pieces share frames', async () => {
    const closure = await release(await libraries({ repeats: true }));
    const { cache, missed } = await watchedCache();
    const joining = { pieceBytes: frameBytes / 2, mostBytes: 8 * frameBytes, tuning: { windowLog: 20 } };
    const [alone, joined] = [await bundle(closure, noCache), await bundle(closure, noCache, 2, joining)];
    expect(joined).not.toEqual(alone);
    for (const jobs of [1, 2, 7]) expect(await bundle(closure, cache, jobs, joining)).toEqual(joined);
    expect(new Set(missed).size).toBe(missed.length);
    // Those of another cut are others.
    expect(await bundle(closure, cache)).toEqual(alone);
  });

  it('asks a second time for nothing that is not there', async () => {
    const closure = installed();
    const { cache, missed } = await watchedCache();
    await bundle(closure, cache);
    expect(missed.length).toBeGreaterThan(8);
    missed.length = 0;
    await bundle(closure, cache);
    expect(missed).toEqual([]);
  });

  it('adds for a new release the record and the frame of the app', async () => {
    const { cache, missed } = await watchedCache();
    await bundle(installed(), cache);
    const directory = await temporaryDirectory();
    await writeTree(directory, { 'bin/app': { executable: '#!/bin/sh\necho hello\n' } });
    const app = { storePath: fakeStorePath('app', 'f'), directory, files: {}, references: [] };
    const next = { ...installed(), paths: [...installed().paths.slice(0, -1), app] };
    missed.length = 0;
    expect(await bundle(next, cache)).toEqual(await bundle(next, noCache));
    expect(missed.length).toBe(2);
  });

  it('hides the hashes of its own closure in frames that another closure left', async () => {
    const directory = await libraries();
    // In a frame of a few bytes a hash stands as it is.
    await writeTree(join(directory, 'one'), {
      'lib/one': `/nix/store/${'7'.repeat(16)}${'9'.repeat(16)}-lib`,
    });
    const without = await release(directory);
    const [first, ...others] = without.paths;
    const storePath = parseStorePath(`/nix/store/${'7'.repeat(16)}${'9'.repeat(16)}-lib`);
    const lib = { storePath, directory: join(directory, 'two'), files: {}, references: [] };
    const alone = { ...without, paths: [...(first === undefined ? [] : [first]), ...others.slice(-1)] };
    const both = { ...alone, paths: [lib, ...alone.paths] };
    const { cache } = await watchedCache();
    for (const closure of [alone, both, alone, both]) {
      expect(await bundle(closure, cache)).toEqual(await bundle(closure, noCache));
    }
  });

  it('notices a file that changed without another size or time', async () => {
    const directory = await libraries();
    const closure = await release(directory);
    const { cache } = await watchedCache();
    await bundle(closure, cache);
    const file = join(directory, 'two/lib/two');
    const { atime, mtime } = await stat(file);
    await writeFile(file, 'owt');
    await utimes(file, atime, mtime);
    const changed = await bundle(closure, cache);
    expect(changed).toEqual(await bundle(closure, noCache));
  });

  it.each([
    ['cut off', (file: string) => truncate(file, 40)],
    ['empty', (file: string) => truncate(file, 0)],
    ['changed in one byte', flipLastByte],
    ['gone', (file: string) => rm(file)],
  ])('makes again what is %s, be it all or every other record', async (_, damage) => {
    const closure = installed();
    const plain = await bundle(closure, noCache);
    const { cache, directory } = await watchedCache();
    await bundle(closure, cache);
    const records = (await recordsIn(directory)).sort();
    for (const part of [records, records.filter((_, index) => index % 2 === 0), records.slice(0, 1)]) {
      for (const file of part) await damage(file);
      expect(await bundle(closure, cache)).toEqual(plain);
      expect((await recordsIn(directory)).sort()).toEqual(records);
    }
  });

  it('reads the middle of a large file again where only that frame is gone', async () => {
    const closure = installed();
    const plain = await bundle(closure, noCache);
    const { cache, directory } = await watchedCache();
    await bundle(closure, cache);
    for (const file of await recordsIn(directory)) {
      const bytes = await readFile(file);
      await rm(file);
      expect(await bundle(closure, cache)).toEqual(plain);
      expect(await readFile(file)).toEqual(bytes);
    }
  });

  it('is right when two are made at once with one cache', async () => {
    const closure = await release(await libraries());
    const { directory } = await watchedCache();
    const two = await Promise.all([watchedCache(directory), watchedCache(directory)]);
    const [first, second] = await Promise.all(two.map(({ cache }) => bundle(closure, cache)));
    expect(first).toEqual(second);
    expect(first).toEqual(await bundle(closure, noCache));
  });
});

describe('DirectoryCache', () => {
  it('tells once why it cannot keep a record, and goes on', async () => {
    const failures: unknown[] = [];
    const gone = join(await temporaryDirectory(), 'gone');
    const cache = new DirectoryCache(gone, (cause) => failures.push(cause));
    await cache.write('a'.repeat(64), Buffer.from('record'));
    await cache.write('b'.repeat(64), Buffer.from('record'));
    expect(failures).toEqual([expect.objectContaining({ code: 'ENOENT' })]);
    expect(await cache.read('a'.repeat(64))).toBeUndefined();
  });

  it('does not take the record of another key', async () => {
    const directory = await temporaryDirectory();
    const cache = new DirectoryCache(directory, () => undefined);
    await cache.write('a'.repeat(64), Buffer.from('record'));
    expect((await cache.read('a'.repeat(64)))?.toString()).toBe('record');
    await mkdir(join(directory, 'bb'));
    await writeFile(
      join(directory, 'bb', 'b'.repeat(62)),
      await readFile(join(directory, 'aa', 'a'.repeat(62))),
    );
    expect(await cache.read('b'.repeat(64))).toBeUndefined();
  });
});

describe('PathReader', () => {
  it('refuses a piece that is not the one that was recorded', async () => {
    const directory = await temporaryDirectory();
    await writeTree(directory, { file: 'what it is now' });
    const path = { storePath: fakeStorePath('app'), directory, files: {}, references: [] };
    const pieces = [{ tarBytes: 1024, sha256: '0'.repeat(64), firstRow: 0, contentBytes: 1, joins: false }];
    await expect(new PathReader(path, frameBytes, signal).piece(0, pieces)).rejects.toMatchObject({
      code: 'file-changed',
      message: `cannot bundle ${directory}: it changed while it was read`,
    });
  });
});

async function flipLastByte(file: string): Promise<void> {
  const bytes = await readFile(file);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  await writeFile(file, bytes);
}
