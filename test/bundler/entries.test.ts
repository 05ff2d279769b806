import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readEntries } from '../../bundler/entries.ts';
import { fakeStorePath, writeTree } from '../helpers/closures.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const signal = new AbortController().signal;
const top = `nix/store/${'a'.repeat(32)}-app`;

async function entriesOf(directory: string | null, files: Record<string, string> = {}) {
  return readEntries({ storePath: fakeStorePath('app'), directory, files, references: [] }, signal);
}

describe('readEntries', () => {
  it('sorts by the bytes of the whole path, parents first', async () => {
    const directory = await temporaryDirectory();
    await writeTree(directory, { 'a/b': '1', 'a-b': '2', 'a.b': '3', é: '4', Z: '5' });
    const paths = (await entriesOf(directory)).map(({ path }) => path.slice(top.length));
    expect(paths).toEqual(['', '/Z', '/a', '/a-b', '/a.b', '/a/b', '/é']);
  });

  it('makes modes normal and keeps nothing of the owner or the umask', async () => {
    const directory = await temporaryDirectory();
    await writeTree(directory, { plain: 'x', run: { executable: 'y' }, 'empty/': '' });
    await writeFile(join(directory, 'setuid'), 'z', { mode: 0o4755 });
    const modes = (await entriesOf(directory)).map((entry) => [
      entry.path.slice(top.length + 1),
      'mode' in entry && entry.mode,
    ]);
    expect(modes).toEqual([
      ['', 0o555],
      ['empty', 0o555],
      ['plain', 0o444],
      ['run', 0o555],
      ['setuid', 0o555],
    ]);
  });

  it('records links that dangle or loop and follows none', async () => {
    const directory = await temporaryDirectory();
    await writeTree(directory, {
      dangling: { link: '/nowhere/at all' },
      posix: { link: '.' },
      self: { link: 'self' },
    });
    expect((await entriesOf(directory)).slice(1)).toEqual([
      { kind: 'symlink', path: `${top}/dangling`, target: '/nowhere/at all' },
      { kind: 'symlink', path: `${top}/posix`, target: '.' },
      { kind: 'symlink', path: `${top}/self`, target: 'self' },
    ]);
  });

  it('stores equal content once, but not across modes, nor empty files', async () => {
    const directory = await temporaryDirectory();
    await writeTree(directory, {
      b: 'same',
      a: 'same',
      c: { executable: 'same' },
      d: 'diff',
      e: '',
      f: '',
    });
    const kinds = (await entriesOf(directory)).map((entry) => [entry.path.at(-1), entry.kind]);
    expect(kinds.slice(1)).toEqual([
      ['a', 'file'],
      ['b', 'link'],
      ['c', 'file'],
      ['d', 'file'],
      ['e', 'file'],
      ['f', 'file'],
    ]);
    expect((await entriesOf(directory))[2]).toMatchObject({ kind: 'link', target: `${top}/a` });
  });

  it('lays files over the tree and makes the directories that they need', async () => {
    const directory = await temporaryDirectory();
    await mkdir(join(directory, 'tree'));
    await writeTree(directory, { 'tree/bin/app': 'old', edited: { executable: 'newer' } });
    const edited = join(directory, 'edited');
    const entries = await entriesOf(join(directory, 'tree'), { 'bin/app': edited, 'lib/x/y': edited });
    expect(entries.map(({ path }) => path.slice(top.length))).toEqual([
      '',
      '/bin',
      '/bin/app',
      '/lib',
      '/lib/x',
      '/lib/x/y',
    ]);
    expect(entries[2]).toMatchObject({ kind: 'file', mode: 0o555, sizeBytes: 5, file: edited });
  });

  it('refuses a socket by its path', async () => {
    const directory = await temporaryDirectory();
    const server = createServer().listen(join(directory, 'socket'));
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    await expect(entriesOf(directory)).rejects.toMatchObject({
      code: 'entry-unsupported',
      message: `cannot bundle ${join(directory, 'socket')}: it is a socket`,
    });
  });
});
