import { readdir, readFile, readlink, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { readImage } from '../../../../bundler/closure/image/image.ts';
import type { SourceClosure } from '../../../../bundler/closure/program-closure.ts';
import { testContext } from '../../../helpers/context.ts';
import {
  type LayerMember,
  layoutOf,
  savedOf,
  type TestImage,
  tarOf,
  writeFiles,
} from '../../../helpers/images.ts';
import { temporaryDirectory } from '../../../helpers/temporary.ts';

const script = '#!/bin/sh\n';

async function read(file: string): Promise<SourceClosure> {
  return readImage(
    file,
    { name: 'web' },
    { context: testContext(), workDirectory: await temporaryDirectory() },
  );
}

async function readLayout(image: TestImage): Promise<SourceClosure> {
  const directory = join(await temporaryDirectory(), 'layout');
  await writeFiles(directory, await layoutOf(image));
  return read(directory);
}

async function readSaved(image: TestImage): Promise<SourceClosure> {
  const file = join(await temporaryDirectory(), 'web.tar');
  await writeFile(file, await savedOf(image));
  return read(file);
}

/** The paths of the tree that layers make, below the app's own program. */
async function treeOf(...layers: Readonly<Record<string, LayerMember>>[]): Promise<string[]> {
  const closure = await readLayout({ layers: [{ 'bin/app': script }, ...layers] });
  const names = await readdir(closure.paths[0]?.directory ?? '', { recursive: true });
  return names.filter((name) => !['bin', 'bin/app'].includes(name)).sort();
}

describe('readImage', () => {
  it('reads how the image runs', async () => {
    const closure = await readSaved({
      layers: [{ 'usr/bin/web': '#!/usr/bin/env python3\n' }],
      config: {
        Entrypoint: ['web', '--serve'],
        Cmd: ['--port', '80'],
        Env: ['PATH=/usr/bin', 'MODE=production', 'EQUAL=a=b'],
        WorkingDir: 'srv',
        User: 'www',
        ExposedPorts: { '8080/tcp': {}, '53/udp': {}, '80': {} },
        StopSignal: 'SIGQUIT',
      },
    });
    expect(closure).toMatchObject({
      program: `${closure.paths[0]?.storePath}/usr/bin/web`,
      args: ['--serve'],
      defaultArgs: ['--port', '80'],
      env: [
        { name: 'PATH', value: '/usr/bin', policy: 'always' },
        { name: 'MODE', value: 'production', policy: 'where-unset' },
        { name: 'EQUAL', value: 'a=b', policy: 'where-unset' },
      ],
      workingDirectory: '/srv',
      interpreter: 'python3',
      imageSettings: { user: 'www', ports: ['53/udp', '80/tcp', '8080/tcp'], stopSignal: 'SIGQUIT' },
    });
  });

  it('takes the program from Cmd where there is no Entrypoint, through the links of the image', async () => {
    const closure = await readLayout({
      layers: [{ 'usr/bin/app': script, bin: { type: 'symlink', linkname: 'usr/bin' } }],
      config: { Cmd: ['/bin/app', 'a'] },
    });
    expect(closure).toMatchObject({ args: [], defaultArgs: ['a'], workingDirectory: '/' });
    expect(closure.program).toMatch(/-web\/bin\/app$/);
  });

  it.each(['none', 'gzip', 'zstd'] as const)(
    'gives the same store path for layers in %s, whenever made',
    async (compress) => {
      const layers = [{ 'bin/app': script, 'etc/empty/': '' }];
      const [one, two] = [
        await readLayout({ layers, compress, created: '1970-01-01T00:00:00Z' }),
        await readSaved({ layers }),
      ];
      expect(one.paths[0]?.storePath).toBe(two.paths[0]?.storePath);
    },
  );

  it('reads an archive of a layout, compressed', async () => {
    const file = join(await temporaryDirectory(), 'web.tar.gz');
    await writeFile(file, gzipSync(await tarOf(await layoutOf({ layers: [{ 'bin/app': script }] }))));
    expect((await read(file)).program).toMatch(/-web\/bin\/app$/);
  });
});

describe('layers', () => {
  it('remove what a whiteout names, and what an opaque directory had', async () => {
    const lower = { 'etc/a': '1', 'etc/b': '2', 'opt/old/x': '3', 'opt/keep': '4' };
    expect(await treeOf(lower, { 'etc/.wh.a': '', 'opt/new': '5', 'opt/.wh..wh..opq': '' })).toEqual([
      'etc',
      'etc/b',
      'opt',
      'opt/new',
    ]);
  });

  it('replace a file by a directory and a directory by a file', async () => {
    expect(
      await treeOf({ one: '1', 'two/x': '2' }, { 'one/y': '', 'one/': '', two: '3' }).catch(
        (error) => error.message,
      ),
    ).toMatch(/\/one: /);
    expect(await treeOf({ one: '1', 'two/x': '2' }, { 'one/': '', 'one/y': '', two: '3' })).toEqual([
      'one',
      'one/y',
      'two',
    ]);
  });

  it('copy hard links, also of a lower layer', async () => {
    const closure = await readLayout({
      layers: [{ 'bin/app': script, 'etc/a': 'text' }, { 'etc/b': { type: 'link', linkname: 'etc/a' } }],
    });
    const tree = closure.paths[0]?.directory ?? '';
    expect(await readFile(join(tree, 'etc/b'), 'utf8')).toBe('text');
    expect((await stat(join(tree, 'etc/b'))).nlink).toBe(1);
  });

  it('write through links inside the tree only', async () => {
    const outside = await temporaryDirectory();
    const closure = await readLayout({
      layers: [
        {
          'bin/app': script,
          absolute: { type: 'symlink', linkname: outside },
          up: { type: 'symlink', linkname: '../../../../../../../../..' },
          loop: { type: 'symlink', linkname: 'loop' },
        },
        { 'absolute/written': '1', [`up${outside}/written`]: '2', '../../../escaped': '3', '/rooted': '4' },
      ],
    });
    expect(await readdir(outside)).toEqual([]);
    const tree = closure.paths[0]?.directory ?? '';
    expect(await readlink(join(tree, 'absolute'))).toBe(outside);
    expect(await readFile(join(tree, outside, 'written'), 'utf8')).toBe('2');
    expect((await readdir(tree)).sort()).toContain('escaped');
    expect((await readdir(tree)).sort()).toContain('rooted');
  });
});

describe('an image that is not sound', () => {
  const layers = [{ 'bin/app': script }];
  const cases: [string, TestImage, RegExp][] = [
    [
      'is for another processor',
      { layers, architecture: 's390x' },
      /it is for linux on s390x; bundles run on Linux/,
    ],
    ['starts nothing', { layers, config: {} }, /it says neither Entrypoint nor Cmd/],
    [
      'starts what it has not',
      { layers, config: { Cmd: ['nginx'] } },
      /it starts nginx, which it does not hold/,
    ],
    [
      'has a broken Env',
      { layers, config: { Cmd: ['/bin/app'], Env: ['=x'] } },
      /Env has "=x", which sets no variable/,
    ],
    [
      'has a link to nothing',
      { layers: [{ ...layers[0], x: { type: 'link', linkname: '../../etc/passwd' } }] },
      /\/x links to \/etc\/passwd, which is no file/,
    ],
    [
      'hides the directory above its own',
      { layers: [...layers, { '.wh...': '' }] },
      /\/\.wh\.\.\. hides no file/,
    ],
    ['hides its root', { layers: [...layers, { '.wh..': '' }] }, /hides no file/],
    ['hides a directory by no name', { layers: [...layers, { 'bin/.wh.': '' }] }, /hides no file/],
    [
      'has a path of a hundred kilobytes',
      { layers: [...layers, { ['a/'.repeat(50_000)]: '' }] },
      /is longer than any path can be/,
    ],
    [
      'is for what every object has',
      { layers, architecture: 'constructor' },
      /it is for linux on constructor/,
    ],
    [
      'goes through a link that loops',
      { layers: [{ ...layers[0], loop: { type: 'symlink', linkname: 'loop' } }, { 'loop/x': '' }] },
      /leads through too many links/,
    ],
  ];
  it.each(cases)('is refused when it %s', async (_, image, reason) => {
    await expect(readSaved(image)).rejects.toThrow(reason);
  });

  it('is refused when a blob is not what its digest says', async () => {
    const directory = join(await temporaryDirectory(), 'layout');
    const files = await layoutOf({ layers });
    for (const [name, bytes] of Object.entries(files)) {
      const layer = bytes.includes('ustar')
        ? Buffer.from(bytes.toString('latin1').replace('#!/bin', '#!/tmp'), 'latin1')
        : bytes;
      await writeFiles(directory, { [name]: layer });
    }
    await expect(read(directory)).rejects.toThrow(
      /layer blobs\/sha256\/\w+ is damaged \(its digest differs\)/,
    );
  });

  it('is read from its own directory only', async () => {
    const top = await temporaryDirectory();
    await writeFiles(top, {
      'secret.json': Buffer.from('{}'),
      'layout/oci-layout': Buffer.from('{}'),
      'layout/manifest.json': Buffer.from('[{"Config":"../secret.json","Layers":[]}]'),
    });
    await expect(read(join(top, 'layout'))).rejects.toThrow('"../secret.json" would lie outside it');
  });

  it.each([
    ['nothing', {}, /it has neither index.json nor manifest.json/],
    ['no JSON', { 'index.json': 'x' }, /index.json is not JSON/],
    [
      'a digest that leads elsewhere',
      { 'index.json': '{"manifests":[{"digest":"sha256:../../x"}]}' },
      /is no SHA-256 digest/,
    ],
    [
      'several images without a platform',
      {
        'index.json':
          '{"manifests":[{"annotations":{"org.opencontainers.image.ref.name":"web"}},{"digest":"sha256:00"}]}',
      },
      /it holds 2 images: web, one without a name$/,
    ],
    ['two images', { 'manifest.json': '[{},{}]' }, /it holds 2 images; save one by itself/],
  ])('is refused with %s', async (_, files, reason) => {
    const file = join(await temporaryDirectory(), 'web.tar');
    await writeFile(file, await tarOf(files));
    await expect(read(file)).rejects.toThrow(reason);
  });
});
