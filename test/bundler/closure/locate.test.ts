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
  await writeFile(join(cwd, 'text'), '', { mode: 0o644 });
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
    ['text', 'not-executable', (cwd: string) => `cannot bundle ${cwd}/text: it is not executable`],
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
