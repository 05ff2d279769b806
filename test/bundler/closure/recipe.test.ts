import { chmod, mkdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { mirrorFiles, mirrorPlace } from '../../../bundler/closure/mirror.ts';
import { findNeeds } from '../../../bundler/closure/recipe.ts';
import { writeTree } from '../../helpers/closures.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const python = {
  program: /\/bin\/snake(\d)/,
  paths: ['{prefix}/lib/snake{1}', '{prefix}/lib/absent'],
  fixed: ['{prefix}/lib/snake{1}/os', '/no/such/thing'],
  without: ['{prefix}/lib/snake{1}/test*'],
  env: [
    { name: 'SNAKE_PATH', policy: 'prepend' as const, paths: ['{prefix}/lib/snake*'] },
    { name: 'SNAKE_ABSENT', policy: 'always' as const, paths: ['{prefix}/lib/absent'] },
  ],
};

const embedded = {
  library: /libsnake(\d)\.so/,
  paths: ['{prefix}/lib/snake{1}'],
  env: [{ name: 'SNAKE_PATH', policy: 'prepend' as const, paths: ['{prefix}/lib/snake{1}'] }],
};

const tables = { programs: [python], libraries: [embedded] };

describe('findNeeds', () => {
  it('says what of a recipe is there, relative to where the program is installed', async () => {
    const top = await temporaryDirectory();
    await writeTree(top, { 'bin/snake3': '', 'lib/snake3/os': '', 'lib/snake3/tests/a': '' });
    expect(await findNeeds(join(top, 'bin/snake3'), [], tables)).toEqual({
      paths: [join(top, 'lib/snake3')],
      fixed: [join(top, 'lib/snake3/os')],
      without: new Set([join(top, 'lib/snake3/tests')]),
      variables: [{ name: 'SNAKE_PATH', policy: 'prepend', paths: [join(top, 'lib/snake3')] }],
      findsItselfByName: false,
      helpers: [],
    });
  });

  it('asks for what the libraries of another program need, and only then', async () => {
    const top = await temporaryDirectory();
    await writeTree(top, { 'bin/snake3': '', 'bin/debugger': '', 'lib/snake3/os': '', 'lib/snake4/os': '' });
    const needed = ['libc.so.6', 'libsnake4.so'];
    expect(await findNeeds(join(top, 'bin/debugger'), needed, tables)).toMatchObject({
      paths: [join(top, 'lib/snake4')],
      variables: [{ name: 'SNAKE_PATH', paths: [join(top, 'lib/snake4')] }],
    });
    expect((await findNeeds(join(top, 'bin/snake3'), needed, tables)).paths).toEqual([
      join(top, 'lib/snake3'),
    ]);
    expect((await findNeeds(join(top, 'bin/debugger'), ['libsnake4.so.1'], tables)).paths).toEqual([]);
  });

  it('takes a directory name with the signs of globs as it is', async () => {
    const top = join(await temporaryDirectory(), 'a[b]*');
    await writeTree(top, { 'lib/snake3/os': '' });
    expect((await findNeeds(join(top, 'bin/snake3'), [], tables)).paths).toEqual([join(top, 'lib/snake3')]);
  });

  it('asks nothing of other programs', async () => {
    expect(await findNeeds('/usr/bin/snake', ['libother.so.1'], tables)).toMatchObject({
      paths: [],
      variables: [],
    });
  });
});

describe('mirrorPlace', () => {
  it.each([
    ['/usr/lib/a', '/usr', 'lib/a'],
    ['/usr/local/bin/a', '/usr', 'local/bin/a'],
    ['/etc/a', '/usr', 'etc/a'],
    ['/home/me/app/bin/a', '/home/me/app', 'bin/a'],
    ['/home/me/other', '/home/me/app', 'home/me/other'],
  ])('puts %s, with the top at %s, to %s', (file, prefix, place) => {
    expect(mirrorPlace(file, prefix)).toBe(place);
  });
});

describe('mirrorFiles', () => {
  async function mirror(
    members: Parameters<typeof writeTree>[1],
    names: readonly string[],
    without: string[] = [],
  ) {
    const top = await temporaryDirectory();
    await writeTree(top, members);
    const options = { prefix: top, without: new Set(without.map((name) => join(top, name))) };
    const found = await mirrorFiles(
      names.map((name) => join(top, name)),
      options,
    );
    return { ...found, top };
  }

  it('brings what links lead to, and makes them lead there', async () => {
    const { top, files, links } = await mirror(
      { 'home/conf': { link: '../etc/conf' }, 'etc/conf/main': 'text', 'home/gone': { link: 'nowhere' } },
      ['home'],
    );
    expect([...files]).toEqual([['etc/conf/main', join(top, 'etc/conf/main')]]);
    expect(Object.fromEntries(links)).toEqual({ 'home/conf': '../etc/conf', 'home/gone': 'nowhere' });
    expect(await readlink(join(top, 'home/conf'))).toBe('../etc/conf');
  });

  it('follows no link to a directory that holds it', async () => {
    const { files, links } = await mirror({ 'a/b/up': { link: '../..' }, 'a/file': '' }, ['a']);
    expect([...files.keys()]).toEqual(['a/file']);
    expect(Object.fromEntries(links)).toEqual({ 'a/b/up': '../..' });
  });

  it('leaves out what a recipe leaves out, and what not everybody may read', async () => {
    const top = await temporaryDirectory();
    await mkdir(join(top, 'd'));
    await writeTree(top, { 'd/key': 'secret', 'd/text': '', 'd/test/a': '' });
    await chmod(join(top, 'd/key'), 0o600);
    const found = await mirrorFiles([join(top, 'd')], {
      prefix: top,
      without: new Set([join(top, 'd/test')]),
    });
    expect([...found.files.keys()]).toEqual(['d/text']);
    expect(found.guarded).toEqual([join(top, 'd/key')]);
  });
});
