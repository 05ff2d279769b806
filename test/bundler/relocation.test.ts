import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { ZipArchive } from 'archiver';
import { describe, expect, it } from 'vitest';
import { readEntries } from '../../bundler/entries.ts';
import { planGroups, tarFrames } from '../../bundler/frames.ts';
import { relocateRefusal } from '../../bundler/relocation/refusal.ts';
import { type Finding, RelocationScanner } from '../../bundler/relocation/scanner.ts';
import { closureOf, fakeStorePath } from '../helpers/closures.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const app = fakeStorePath('app-1.0', 'c');
const library = fakeStorePath('library', 'd');
const hash = 'c'.repeat(32);
const { signal } = new AbortController();

/** Writes files (a string that begins with `->` is a link) as the app's store path and scans them. */
async function scan(files: Readonly<Record<string, string | Buffer>>, frameBytes = 1 << 20) {
  const directory = await temporaryDirectory();
  for (const [name, content] of Object.entries(files)) {
    const file = join(directory, name);
    await mkdir(dirname(file), { recursive: true });
    if (typeof content === 'string' && content.startsWith('->')) await symlink(content.slice(2), file);
    else await writeFile(file, content);
  }
  const path = { storePath: app, directory, files: {}, references: [library] };
  const entries = await readEntries(path, signal);
  const scanner = new RelocationScanner(path, entries);
  for (const group of planGroups(entries, frameBytes)) {
    for await (const frame of tarFrames(group, frameBytes, signal)) scanner.take(frame);
  }
  return scanner.end(signal);
}

async function zip(members: Readonly<Record<string, string | Buffer>>, store = false): Promise<Buffer> {
  const archive = new ZipArchive({ store });
  for (const [name, content] of Object.entries(members)) archive.append(content, { name });
  const bytes = buffer(archive);
  await archive.finalize();
  return bytes;
}

const named = (content: string | Buffer) => scan({ file: content });
const utf16 = (text: string) => Buffer.from(text, 'utf16le');
const utf32 = (text: string) => Buffer.from([...text].flatMap((each) => [0, 0, 0, each.charCodeAt(0)]));

describe('what can be rewritten', () => {
  it.each([
    ['a name', `x${app}/bin:${library}`],
    ['a path from one store path to the next', `../${hash}-app-1.0/lib`],
    ['a name that begins another', `/nix/store${app} /nix/st${app} /nix/store/nix/store/${hash}`],
    ['a whole name behind half of one', `/nix/sto${app}`],
    ['the store itself', '/nix/store /nix/store/ /nix/store/*'],
    ['a foreign name of any kind', `${utf16('/nix/store/x')} ${'f'.repeat(32)}-foreign /nix/store/fffff`],
    ['zeros between that are none', `/\x01n\x01i\x01x\x01/\x01s\x01t\x01o\x01r\x01e\x01/\x01`],
    ['what only looks packed', Buffer.from([0x1f, 0x8b, 8, 1, 2, 3])],
  ])('%s', async (_, content) => {
    expect(await named(content)).toEqual([]);
  });

  it('documentation, whatever names what', async () => {
    const manual = gzipSync(`${app}/etc/app.conf`);
    expect(await scan({ 'share/man/man1/app.1.gz': manual, 'share/doc/app/bare': hash })).toEqual([]);
  });

  it('links in the store and absolute ones', async () => {
    expect(
      await scan({ a: `->${app}/x`, 'lib/b': `->../../${hash}-app-1.0/x`, c: '->/etc/passwd', up: '->..' }),
    ).toEqual([]);
  });
});

describe('what cannot', () => {
  it.each([
    ['bare', `{"path": "\\/nix\\/store\\/${hash}-app-1.0"}`],
    ['bare', `${hash}-app-1.0`],
    ['bare', `%2Fnix%2Fstore%2F${hash}`],
    ['split', Buffer.from(`\x48\xb8/nix/sto\x48\x89\x06\x48\xb8re/ccccc\x48\x89\x46\x08`, 'latin1')],
    ['split', `/nix/store/ccccc\0\0\0\0`],
    ['wide', utf16(`x${app}`)],
    ['wide', Buffer.concat([Buffer.of(0), utf16(`${app}/y`)])],
    ['wide', utf16(`${app}/y`).swap16()],
    ['wide', utf32(`${app}`)],
    ['compressed', gzipSync(`x${app}`)],
    ['compressed', gzipSync(`x${app}`, { level: 0 })],
    ['compressed', Buffer.concat([gzipSync('first member'), gzipSync(`x${app}`)])],
    ['compressed', zstdCompressSync(`x${app}`)],
  ])('is %s', async (obstacle, content) => {
    expect(await named(content)).toContainEqual({ file: 'file', hash, obstacle });
  });

  it('is in a zip, wherever that begins and whatever its members are', async () => {
    const inner = await zip({ 'a.class': `x${app}` });
    const foundIn = async (content: Buffer) => (await named(content)).map(({ obstacle }) => obstacle);
    expect(await foundIn(inner)).toEqual(['archived']);
    expect(await foundIn(await zip({ 'a.class': `x${app}` }, true))).toEqual(['archived']);
    expect(await foundIn(await zip({ 'inner.jar': inner }))).toEqual(['archived']);
    expect(await foundIn(Buffer.concat([Buffer.from(`#!${app}/bin/python\n`), inner]))).toEqual(['archived']);
    expect(await foundIn(await zip({ 'broken.zip': 'PK\x03\x04', 'b.class': `x${app}` }))).toEqual([
      'archived',
    ]);
    expect(await foundIn(await zip({ 'a.class': 'nothing' }))).toEqual([]);
  });

  it('is brotli by its name alone', async () => {
    const file = 'static/index.html.br';
    expect(await scan({ [file]: brotliCompressSync(`x${app}`) })).toEqual([
      { file, hash, obstacle: 'compressed' },
    ]);
  });

  it('is a link that climbs out of the store', async () => {
    expect(await scan({ 'lib/link': '->../../../../etc/passwd' })).toEqual([
      { file: 'lib/link', hash, obstacle: 'climbing' },
    ]);
  });

  it.each([
    ['wide', utf16(app), 4 * 43],
    ['bare', Buffer.from(`--${hash}`), 43],
    ['split', Buffer.from('/nix/store/cccccc\0'), 43],
  ])('is %s over the border of two frames, and nothing else', async (obstacle, what, reach) => {
    for (let offset = 0; offset <= reach; offset += 6) {
      const content = Buffer.alloc(3 * 4096, ' ');
      // A frame ends at a multiple of its size from where the header of the file begins.
      what.copy(content, 2 * 4096 - 512 - offset);
      expect(await scan({ file: content }, 4096), `offset ${offset}`).toEqual([
        { file: 'file', hash, obstacle },
      ]);
    }
  });

  it('is not said of names that are whole, wherever frames end', async () => {
    for (let offset = 0; offset < 60; offset += 4) {
      const content = Buffer.alloc(3 * 4096, ' '.repeat(offset) + `${app}/bin\n${library}/lib\n`.repeat(200));
      expect(await scan({ file: content.subarray(0, content.lastIndexOf('\n')) }, 4096)).toEqual([]);
    }
  });
});

describe('the refusal', () => {
  const closure = closureOf([{ name: 'app-1.0', letter: 'c', directory: '/nonexistent' }], 'bin/app');
  const finding = (file: string, of: string): Finding => ({ file, hash: of, obstacle: 'archived' });

  it('names the first that is in the way, and counts the others', () => {
    expect(relocateRefusal(closure, [[]])).toBeNull();
    expect(relocateRefusal(closure, [[finding('a.jar', 'f'.repeat(32))]])).toBeNull();
    expect(relocateRefusal(closure, [[finding('a.jar', hash)]])).toBe(
      'a.jar of app-1.0 names a store path in a zip archive',
    );
    expect(relocateRefusal(closure, [[finding('a.jar', hash), finding('b.jar', hash)]])).toBe(
      'a.jar of app-1.0 names a store path in a zip archive, and 1 more like it',
    );
  });

  it('is given to what takes a mount', () => {
    expect(relocateRefusal({ ...closure, root: app }, [[]])).toBe('its root is its own');
    const bind = (policy: 'always' | 'where-absent') => [{ source: app, target: '/etc/x', policy }];
    expect(relocateRefusal({ ...closure, binds: bind('always') }, [[]])).toBe(
      'it has a file of its own at /etc/x',
    );
    expect(relocateRefusal({ ...closure, binds: bind('where-absent') }, [[]])).toBeNull();
  });
});
