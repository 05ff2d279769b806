import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bytesOf } from '../../../../bundler/closure/elf/bytes.ts';
import { libraryDirectories } from '../../../../bundler/closure/elf/library-directories.ts';
import { parseElf } from '../../../../bundler/closure/elf/read.ts';
import { expandSearchPath, findLibrary, type LoadedObject } from '../../../../bundler/closure/elf/search.ts';
import { temporaryDirectory } from '../../../helpers/temporary.ts';
import { buildElf, type ElfSketch, writeElf } from './build-elf.ts';

function loaded(file: string, sketch: ElfSketch, loadedBy: LoadedObject | null = null): LoadedObject {
  return { elf: parseElf(bytesOf(buildElf(sketch)), file), loadedBy };
}

/** Makes a library `libx.so` in each of the named directories below a new top. */
async function librariesIn(...names: string[]): Promise<string> {
  const top = await temporaryDirectory();
  for (const name of names) {
    await mkdir(join(top, name), { recursive: true });
    await writeElf(join(top, name, 'libx.so'));
  }
  return top;
}

describe('findLibrary', () => {
  it('looks in DT_RPATH, its own and its loaders’, before the directories of the host', async () => {
    const top = await librariesIn('own', 'program', 'host');
    const program = loaded('/app', { rpath: `${top}/program` });
    const library = loaded('/lib', { rpath: `${top}/own` }, program);
    const find = (requester: LoadedObject) => findLibrary('libx.so', requester, [`${top}/host`]);
    expect(await find(library)).toEqual({ kind: 'found', file: `${top}/own/libx.so` });
    expect(await find(loaded('/lib', {}, program))).toEqual({
      kind: 'found',
      file: `${top}/program/libx.so`,
    });
    expect(await find(loaded('/lib', {}))).toEqual({ kind: 'found', file: `${top}/host/libx.so` });
  });

  it('ignores every DT_RPATH where the requester has a DT_RUNPATH, and no other’s DT_RUNPATH', async () => {
    const top = await librariesIn('program', 'host');
    const program = loaded('/app', { rpath: `${top}/program` });
    const found = { kind: 'found', file: `${top}/host/libx.so` };
    expect(
      await findLibrary('libx.so', loaded('/lib', { runpath: '/absent' }, program), [`${top}/host`]),
    ).toEqual(found);
    const withRunpath = loaded('/app', { runpath: `${top}/program` });
    expect(await findLibrary('libx.so', loaded('/lib', {}, withRunpath), [`${top}/host`])).toEqual(found);
  });

  it('passes over text, directories and other processors, and tells of the latter', async () => {
    const top = await librariesIn('good');
    await mkdir(join(top, 'text'));
    await writeFile(join(top, 'text/libx.so'), 'GROUP ( libx.so.1 )');
    await mkdir(join(top, 'tree/libx.so'), { recursive: true });
    await mkdir(join(top, 'arm'));
    await writeElf(join(top, 'arm/libx.so'), { machine: 40 });
    const directories = ['text', 'tree', 'arm'].map((name) => join(top, name));
    const requester = loaded('/app', {});
    expect(await findLibrary('libx.so', requester, directories)).toEqual({
      kind: 'missing',
      rejected: [join(top, 'arm/libx.so')],
    });
    expect(await findLibrary('libx.so', requester, [...directories, join(top, 'good')])).toMatchObject({
      kind: 'found',
    });
  });
});

describe('expandSearchPath', () => {
  it('replaces tokens in both spellings and drops empty elements', () => {
    const { elf } = loaded('/opt/app/bin/app', {});
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the second spelling of ld.so's tokens
    expect(expandSearchPath('$ORIGIN/../lib::/x/${PLATFORM}/$ORIGINAL', elf)).toEqual([
      '/opt/app/bin/../lib',
      '/x/x86_64/$ORIGINAL',
    ]);
    expect(expandSearchPath('/opt/$LIB', elf)).toEqual([
      '/opt/lib/x86_64-linux-gnu',
      '/opt/lib64',
      '/opt/lib',
    ]);
  });
});

describe('libraryDirectories', () => {
  async function rootWith(files: Readonly<Record<string, string>>): Promise<string> {
    const root = await temporaryDirectory();
    for (const [name, text] of Object.entries(files)) {
      await mkdir(join(root, dirname(name)), { recursive: true });
      await writeFile(join(root, name), text);
    }
    return root;
  }

  it('reads ld.so.conf with what it includes, in byte order and once', async () => {
    const root = await rootWith({
      'etc/ld.so.conf': '# first\n/first # comment\ninclude ld.so.conf.d/*.conf\n/last=libc6\nrelative\n',
      'etc/ld.so.conf.d/b.conf': '/b\n/first\n',
      'etc/ld.so.conf.d/a.conf': '/a\ninclude /etc/ld.so.conf\n',
      'etc/ld.so.conf.d/ignored': '/ignored\n',
    });
    const found = await libraryDirectories('/lib64/ld-linux-x86-64.so.2', 'x86_64', { root });
    expect(found.slice(0, 5).map((directory) => directory.slice(root.length))).toEqual([
      '/first',
      '/a',
      '/b',
      '/last',
      '/lib/x86_64-linux-gnu',
    ]);
  });

  it('has the built-in directories alone where nothing is set', async () => {
    const root = await rootWith({});
    expect(await libraryDirectories('/lib/ld-linux-aarch64.so.1', 'aarch64', { root })).toEqual(
      ['lib/aarch64-linux-gnu', 'usr/lib/aarch64-linux-gnu', 'lib64', 'usr/lib64', 'lib', 'usr/lib'].map(
        (name) => join(root, name),
      ),
    );
  });

  it('reads the path file of musl, or knows its defaults', async () => {
    const root = await rootWith({ 'etc/ld-musl-x86_64.path': '/m/lib\n/n/lib:/o/lib\n' });
    const musl = '/lib/ld-musl-x86_64.so.1';
    expect(await libraryDirectories(musl, 'x86_64', { root })).toEqual(
      ['m/lib', 'n/lib', 'o/lib'].map((name) => join(root, name)),
    );
    const bare = await rootWith({});
    expect(await libraryDirectories(musl, 'x86_64', { root: bare })).toEqual(
      ['lib', 'usr/local/lib', 'usr/lib'].map((name) => join(bare, name)),
    );
  });
});
