import { randomBytes } from 'node:crypto';
import { chmod, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { noCache } from '../../bundler/cache/record-cache.ts';
import { writeBundle } from '../../bundler/executable.ts';
import { inspectBundle } from '../../bundler/inspect.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';
import { appClosure, bundle } from './app-bundle.ts';

const signal = new AbortController().signal;

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
      runtime: Buffer.from('stands for the runtime'),
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
});
