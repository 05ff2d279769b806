import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { zstdDecompressSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { noCache, type RecordCache } from '../../bundler/cache/record-cache.ts';
import { writeBundle } from '../../bundler/executable.ts';
import { inspectBundle } from '../../bundler/inspect.ts';
import { silentReporter } from '../../src/core/reporter.ts';
import type { Bundle, Closure } from '../../src/core/types.ts';
import { closureOf, writeTree } from '../helpers/closures.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const signal = new AbortController().signal;
const runtime = Buffer.from('#!/bin/false\nstands where the runtime would\n');

async function appClosure(directory: string, overrides: Partial<Closure> = {}): Promise<Closure> {
  await writeTree(join(directory, 'lib'), { 'lib/data': Buffer.alloc(30_000, 'abc'), 'lib/empty': '' });
  await writeTree(join(directory, 'app'), {
    'bin/app': { executable: '#!/bin/sh\necho hello\n' },
    'share/big': randomLike(150_000),
    'share/link': { link: '../bin/app' },
  });
  return closureOf(
    [
      { name: 'lib', letter: 'b', directory: join(directory, 'lib') },
      { name: 'app-1.0', letter: 'c', directory: join(directory, 'app') },
    ],
    'bin/app',
    overrides,
  );
}

/** Bytes that do not compress to nothing and are the same in each run. */
function randomLike(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let state = 1;
  for (let at = 0; at < length; at++) {
    state = (state * 48271) % 2147483647;
    bytes[at] = (state >> 8) & 31;
  }
  return bytes;
}

async function bundle(
  closure: Closure,
  output: string,
  options: { jobs?: number; level?: number; force?: boolean; cache?: RecordCache } = {},
): Promise<Bundle> {
  return writeBundle(closure, {
    output,
    force: options.force ?? false,
    toolVersion: '9.9.9',
    runtime,
    runtimeOptions: true,
    compression: { level: options.level ?? 3, frameBytes: 1 << 16 },
    jobs: options.jobs ?? 2,
    cache: options.cache ?? noCache,
    signal,
    reporter: silentReporter,
  });
}

describe('writeBundle', () => {
  it('writes what inspectBundle reads back, to the last key', async () => {
    const directory = await temporaryDirectory();
    const closure = await appClosure(directory, {
      entrypoint: {
        program: `/nix/store/${'c'.repeat(32)}-app-1.0/bin/app`,
        args: ['--serve', 'été'],
        defaultArgs: ['all'],
        env: [
          { name: 'PORT', value: '80', policy: 'where-unset' },
          { name: 'PATH', value: '/nix/bin', policy: 'prepend' },
          { name: 'A', value: '', policy: 'unset' },
          { name: 'A', value: '1', policy: 'always' },
        ],
        workingDirectory: '/srv',
        init: true,
        ownName: true,
        interpreter: 'sh',
      },
    });
    const written = await bundle(closure, join(directory, 'out'));
    expect(await inspectBundle(join(directory, 'out'), { signal })).toEqual(written);
    expect(written).toMatchObject({
      name: 'app',
      appVersion: '1.0',
      toolVersion: '9.9.9',
      entrypoint: {
        args: ['--serve', 'été'],
        env: [
          { name: 'A', value: '', policy: 'unset' },
          { name: 'A', value: '1', policy: 'always' },
          { name: 'PATH', value: '/nix/bin', policy: 'prepend' },
          { name: 'PORT', value: '80', policy: 'where-unset' },
        ],
        interpreter: 'sh',
      },
    });
    expect((await stat(join(directory, 'out'))).mode & 0o777).toBe(0o755);
  });

  it('is one tar for any zstd decoder behind the runtime, with no store path in the clear', async () => {
    const directory = await temporaryDirectory();
    const written = await bundle(await appClosure(directory), join(directory, 'out'));
    const file = await readFile(written.file);
    const names = execFileSync('tar', ['tf', '-'], { input: decodeAll(file, written), encoding: 'utf8' });
    expect(names.split('\n').filter((name) => name.includes('-app-1.0'))).toEqual([
      `nix/store/${'c'.repeat(32)}-app-1.0/`,
      `nix/store/${'c'.repeat(32)}-app-1.0/bin/`,
      `nix/store/${'c'.repeat(32)}-app-1.0/bin/app`,
      `nix/store/${'c'.repeat(32)}-app-1.0/share/`,
      `nix/store/${'c'.repeat(32)}-app-1.0/share/big`,
      `nix/store/${'c'.repeat(32)}-app-1.0/share/link`,
    ]);
    expect(file.subarray(written.tailOffset - 1 + written.image.sizeBytes).includes('c'.repeat(32))).toBe(
      false,
    );
  });

  it('gives the same bytes whatever the times, the modes of the owner and the jobs', async () => {
    const directory = await temporaryDirectory();
    const closure = await appClosure(directory);
    const first = await bundle(closure, join(directory, 'one'), { jobs: 1 });
    const umask = process.umask(0o077);
    onTestFinished(() => void process.umask(umask));
    await utimes(join(directory, 'app/bin/app'), 7, 7);
    await chmod(join(directory, 'lib/lib/data'), 0o600);
    const second = await bundle(closure, join(directory, 'two'), { jobs: 5 });
    expect(await readFile(second.file)).toEqual(await readFile(first.file));
    expect((await stat(second.file)).mode & 0o777).toBe(0o755);
  });

  it('keeps closureSha256 across encoders and changes it with the content and the settings', async () => {
    const directory = await temporaryDirectory();
    const closure = await appClosure(directory);
    const first = await bundle(closure, join(directory, 'one'));
    const harder = await bundle(closure, join(directory, 'two'), { level: 9 });
    expect(harder.sha256).not.toBe(first.sha256);
    expect(harder.closureSha256).toBe(first.closureSha256);
    const withArgs = { ...closure, entrypoint: { ...closure.entrypoint, args: ['x'] } };
    expect((await bundle(withArgs, join(directory, 'three'))).closureSha256).not.toBe(first.closureSha256);
    await writeFile(join(directory, 'app/bin/app'), '#!/bin/sh\necho hallo\n');
    expect((await bundle(closure, join(directory, 'four'))).closureSha256).not.toBe(first.closureSha256);
  });

  it('keeps a file that is there unless told otherwise, and refuses a directory', async () => {
    const directory = await temporaryDirectory();
    const closure = await appClosure(directory);
    const output = join(directory, 'out');
    await writeFile(output, 'mine');
    await expect(bundle(closure, output)).rejects.toMatchObject({ code: 'output-exists' });
    expect(await readFile(output, 'utf8')).toBe('mine');
    await bundle(closure, output, { force: true });
    expect((await inspectBundle(output, { signal })).name).toBe('app');
    await expect(bundle(closure, join(directory, 'app'))).rejects.toMatchObject({
      code: 'output-is-directory',
    });
  });

  it('leaves nothing behind when it is interrupted', async () => {
    const directory = await temporaryDirectory();
    const closure = await appClosure(directory);
    const controller = new AbortController();
    const running = writeBundle(closure, {
      output: join(directory, 'out'),
      force: false,
      toolVersion: '1',
      runtime,
      runtimeOptions: true,
      compression: { level: 3, frameBytes: 1 << 16 },
      jobs: 1,
      cache: noCache,
      signal: controller.signal,
      reporter: { report: () => controller.abort() },
    });
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    expect((await readdir(directory)).sort()).toEqual(['app', 'lib']);
  });
});

describe('inspectBundle', () => {
  it('refuses what is no bundle, naming it', async () => {
    const directory = await temporaryDirectory();
    const file = join(directory, 'text');
    await writeFile(file, randomBytes(200));
    await expect(inspectBundle(file, { signal })).rejects.toMatchObject({
      code: 'not-a-bundle',
      message: `cannot read ${file}: not a bundle, or cut off or stripped`,
    });
    await expect(inspectBundle(join(directory, 'none'), { signal })).rejects.toMatchObject({
      code: 'bundle-unreadable',
    });
    await expect(inspectBundle(directory, { signal })).rejects.toMatchObject({ code: 'bundle-unreadable' });
  });

  it('refuses a bundle that was cut off, or that something was appended to', async () => {
    const directory = await temporaryDirectory();
    const written = await bundle(await appClosure(directory), join(directory, 'out'));
    const bytes = await readFile(written.file);
    for (const length of [bytes.length - 1, bytes.length - 72, bytes.length >> 1, 71, 0]) {
      await writeFile(written.file, bytes.subarray(0, length));
      await expect(inspectBundle(written.file, { signal })).rejects.toMatchObject({ code: 'not-a-bundle' });
    }
    await writeFile(written.file, Buffer.concat([bytes.subarray(0, 5000), bytes.subarray(5001)]));
    await expect(inspectBundle(written.file, { signal })).rejects.toMatchObject({
      message: expect.stringContaining('truncated, or something was appended'),
    });
  });

  it('notices any byte that differs', async () => {
    const directory = await temporaryDirectory();
    const written = await bundle(await appClosure(directory), join(directory, 'out'));
    const bytes = await readFile(written.file);
    const offsets = Array.from({ length: 150 }, (_, index) => Math.floor((index * (bytes.length - 1)) / 149));
    // Where the structures are dense, every byte: the end of the index, the header and the trailer.
    for (let at = bytes.length - 900; at < bytes.length; at++) offsets.push(at);
    for (const at of offsets) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] ?? 0) ^ 0x10;
      await writeFile(written.file, flipped);
      await expect(inspectBundle(written.file, { signal }), `byte ${at}`).rejects.toMatchObject({
        code: expect.stringMatching(/^(bundle-damaged|not-a-bundle|bundle-newer)$/),
      });
    }
  }, 60_000);
});

/** Decodes a bundle's frames as `zstd -d` does: from the first data frame to the end of the file. */
function decodeAll(file: Buffer, bundle: Bundle): Buffer {
  const data = file.subarray(bundle.tailOffset - 1, bundle.tailOffset - 1 + bundle.image.sizeBytes);
  return zstdDecompressSync(data);
}
