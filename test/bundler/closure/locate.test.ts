import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { enterStore, findOnPath, locateApp } from '../../../bundler/closure/locate.ts';
import { fakeStorePath } from '../../helpers/closures.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

async function place() {
  const cwd = await temporaryDirectory();
  await mkdir(join(cwd, 'tree'));
  await writeFile(join(cwd, 'tool'), '', { mode: 0o755 });
  await writeFile(join(cwd, 'script'), '#!/bin/sh\n', { mode: 0o644 });
  await writeFile(join(cwd, 'text'), 'text', { mode: 0o644 });
  return { cwd, env: { PATH: `relative:${cwd}/absent:${cwd}` } };
}

describe('locateApp', () => {
  it('takes a directory for a directory and an executable file for a program', async () => {
    const context = await place();
    expect(await locateApp('tree', context)).toEqual({ source: 'directory', file: `${context.cwd}/tree` });
    expect(await locateApp('./tool', context)).toEqual({ source: 'program', file: `${context.cwd}/tool` });
    expect(await locateApp('program:tool', context)).toEqual({
      source: 'program',
      file: `${context.cwd}/tool`,
    });
  });

  it('looks a bare name up on PATH where there is no such file', async () => {
    const context = await place();
    const elsewhere = { ...context, cwd: join(context.cwd, 'tree') };
    expect(await locateApp('tool', elsewhere)).toEqual({ source: 'program', file: `${context.cwd}/tool` });
    await expect(locateApp('./tool', elsewhere)).rejects.toMatchObject({
      code: 'app-not-found',
      message: 'cannot bundle ./tool: no such file or directory',
    });
  });

  it.each([
    ['gone', 'app-not-found', () => 'cannot bundle gone: no such file or directory'],
    ['', 'app-not-found', () => 'cannot bundle an app without a name'],
    ['script', 'not-executable', (cwd: string) => `cannot bundle ${cwd}/script: it is not executable`],
    [
      'text',
      'not-executable',
      (cwd: string) =>
        `cannot bundle ${cwd}/text: it is neither an ELF program nor a script that begins with #!`,
    ],
    ['dir:', 'app-not-found', () => 'cannot bundle an app without a name'],
    ['nix:tool', 'source-mismatch', () => 'cannot bundle nix:tool: it does not lead into /nix/store'],
    ['dir:tool', 'source-mismatch', () => 'cannot bundle dir:tool: it is not a directory'],
    [
      'program:tree',
      'source-mismatch',
      (cwd: string) => `cannot bundle ${cwd}/tree: it is a directory, not a program`,
    ],
  ])('refuses %j with %s', async (app, code, message) => {
    const context = await place();
    await expect(locateApp(app, context)).rejects.toMatchObject({ code, message: message(context.cwd) });
  });
});

it('opens nothing that is no file: a pipe would wait for who writes to it', async () => {
  for (const app of ['/dev/null', 'image:/dev/null', 'program:/dev/null']) {
    await expect(locateApp(app, await place())).rejects.toMatchObject({
      code: 'not-executable',
      message: expect.stringMatching(/: it is a device, a pipe or a socket$/),
    });
  }
});

describe('the hint for what is not there', () => {
  it.each([
    ['docker://alpine', 'docker save alpine > image.tar'],
    ['alpine:3.20', 'docker save alpine:3.20 > image.tar'],
    ['ghcr.io/me/web:1.4', 'docker save ghcr.io/me/web:1.4 > image.tar'],
    ['image:web:1.4', 'docker save web:1.4 > image.tar'],
    ['./dist/web', 'give a Nix build'],
    ['web', 'nor such a program on PATH'],
  ])('of %s names what to do', async (app, hint) => {
    await expect(locateApp(app, await place())).rejects.toMatchObject({
      code: 'app-not-found',
      hint: expect.stringContaining(hint),
    });
  });
});

describe('enterStore', () => {
  const app = fakeStorePath('app-1.0');

  it('stops at the first place in the store, whatever lies behind it', async () => {
    const directory = await temporaryDirectory();
    await symlink(app, join(directory, 'result'));
    await symlink('result', join(directory, 'again'));
    expect(await enterStore(`${directory}/again/bin/app`)).toBe(`${app}/bin/app`);
    expect(await enterStore(`${app}/bin/app`)).toBe(`${app}/bin/app`);
  });

  it('is undefined outside the store and in a loop', async () => {
    const directory = await temporaryDirectory();
    await symlink('loop', join(directory, 'loop'));
    expect(await enterStore(join(directory, 'loop/x'))).toBeUndefined();
    expect(await enterStore(directory)).toBeUndefined();
    // An environment without the link that it would be followed by.
    expect(await enterStore(`${fakeStorePath('user-environment')}/bin/app`)).toBeUndefined();
  });
});

describe('findOnPath', () => {
  it('passes over files that are not executable, and relative directories', async () => {
    const { cwd, env } = await place();
    await mkdir(join(cwd, 'first'));
    await writeFile(join(cwd, 'first/tool'), '');
    await chmod(join(cwd, 'first/tool'), 0o644);
    expect(await findOnPath('tool', { PATH: `${cwd}/first:${env.PATH}` })).toBe(`${cwd}/tool`);
    expect(await findOnPath('tool', {})).toBeUndefined();
  });
});

describe('an image', () => {
  it.each([
    ['a layout', 'layout/oci-layout', '{}', 'layout'],
    ['an archive of any name', 'saved', `${'\0'.repeat(257)}ustar\0`, 'saved'],
    ['a compressed archive', 'saved.tar.gz', '\x1f\x8b\x08', 'saved.tar.gz'],
  ])('is found in %s', async (_, file, content, app) => {
    const context = await place();
    await mkdir(join(context.cwd, 'layout'));
    await writeFile(join(context.cwd, file), Buffer.from(content, 'latin1'));
    expect(await locateApp(app, context)).toEqual({ source: 'image', file: join(context.cwd, app) });
  });

  it('is refused where a script would write it, with the commands that do', async () => {
    const context = await place();
    const script = '#!/nix/store/bash/bin/sh\nexec /nix/store/x-stream_layered_image/bin/stream conf.json\n';
    await writeFile(join(context.cwd, 'result'), script, { mode: 0o755 });
    const file = join(context.cwd, 'result');
    await expect(locateApp('result', context)).rejects.toMatchObject({
      code: 'image-not-written',
      message: `cannot bundle ${file}: it is a script that writes an image, not an image`,
      hint: `${file} > image.tar && saddlebag bundle image.tar`,
    });
  });
});
