import { chmod, mkdir, readdir, readFile, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fakeStorePath } from '../../helpers/closures.ts';
import { describeWith } from '../../helpers/needs.ts';
import { hostArch, makeBundle, ownDirectory, start, type TestBundle } from './bundles.ts';
import { dropRights, inMounts, machineTools } from './machine.ts';
import { readRuntimeUnderTest } from './under-test.ts';

/** Makes a directory of `nobody` that was last changed 400 days ago, with a file in it. */
async function makeOld(parent: string, name: string): Promise<void> {
  const directory = await ownDirectory(parent, name);
  await writeFile(join(directory, 'file'), 'theirs');
  const then = Date.now() / 1000 - 400 * 86_400;
  await utimes(directory, then, then);
}

const theirTree = `${'x'.repeat(32)}-tool`;

describe('a place that holds other things too', () => {
  it('keeps a store that no bundle made: neither a start nor gc changes it', async () => {
    const bundle = await makeBundle('echo ok');
    await makeOld(await ownDirectory(bundle.cache, 'store'), theirTree);
    const outcome = await start(bundle, { env: { SADDLEBAG_DEBUG: '1' } });
    expect(outcome).toMatchObject({ code: 0, stdout: 'ok\n' });
    expect(outcome.stderr).toContain(
      `${bundle.cache}: refused: ${bundle.cache}/store: it is there and not ours\n`,
    );
    expect(await readdir(bundle.spare)).toContain('.saddlebag');
    await start(bundle, { args: ['--saddlebag-gc'] });
    expect(await readdir(bundle.cache, { recursive: true })).toEqual([
      'store',
      `store/${theirTree}`,
      `store/${theirTree}/file`,
    ]);
  });

  it('keeps directories whose names begin as ours do', async () => {
    const bundle = await makeBundle('echo ok');
    await start(bundle);
    const names = ['own-work', 'relocated-files', `own-${'a'.repeat(65)}`, `relocated-${'g'.repeat(64)}`];
    for (const name of names) await makeOld(bundle.cache, name);
    expect(await start(bundle, { args: ['--saddlebag-gc'] })).toMatchObject({
      code: 0,
      stdout: 'freed 0 bytes\n',
    });
    for (const name of names) expect(await readdir(join(bundle.cache, name))).toEqual(['file']);
  });
});

describe('--saddlebag-extract', () => {
  it('removes nothing but its own where it fails', async () => {
    const data = Buffer.alloc(8 << 20, 'data');
    const members = Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`lib/${index}`, data]));
    const bundle = await makeBundle('', { members });
    const bytes = await readFile(bundle.file);
    const runtimeBytes = (await readRuntimeUnderTest(hostArch)).length;
    const frames = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
    // The last but one: the last one only ends the tar.
    const at = bytes.lastIndexOf(frames, bytes.lastIndexOf(frames) - 1);
    expect(at).toBeGreaterThan(runtimeBytes);
    bytes.fill(0xff, at + 20, at + 30);
    await writeFile(bundle.file, bytes);
    const place = await ownDirectory(bundle.directory, 'place');
    const extraction = start(bundle, { args: ['--saddlebag-extract', place], env: { SADDLEBAG_JOBS: '1' } });
    while ((await readdir(place)).length === 0);
    await writeFile(join(place, 'theirs'), '');
    expect(await extraction).toMatchObject({ code: 125 });
    expect(await readdir(place)).toEqual(['theirs']);
  });
});

describeWith(machineTools, 'a bundle with a set-user-id bit', () => {
  const makeSetUserId = async (): Promise<TestBundle> => {
    const bundle = await makeBundle('echo app "$@"', {
      members: { 'bin/other': { executable: '#!/bin/sh\necho other\n' } },
      closure: { programs: [{ name: 'other', program: `${fakeStorePath('app-1.0', 'c')}/bin/other` }] },
    });
    await chmod(bundle.file, 0o4755);
    return bundle;
  };
  /** It has no variable to go by, and would leave the caches of root behind. */
  const ownTemporary = 'mount -t tmpfs -o mode=1777 test /var/tmp';

  it('takes neither options nor variables of its caller, and starts its first program', async () => {
    const bundle = await makeSetUserId();
    const other = join(bundle.directory, 'other');
    await symlink(bundle.file, other);
    const env = { SADDLEBAG_STRATEGY: 'native', SADDLEBAG_CACHE_DIR: bundle.cache, SADDLEBAG_JOBS: 'x' };
    for (const args of [
      '--saddlebag-exec other',
      `--saddlebag-extract ${bundle.cache}/new`,
      '--saddlebag-gc',
    ]) {
      const script = `${ownTemporary}; exec ${dropRights} ${other} ${args}`;
      expect(await inMounts(bundle, script, env)).toMatchObject({
        code: 0,
        stdout: `app ${args}\n`,
        stderr: '',
      });
    }
    expect(await readdir(bundle.cache)).toEqual([]);
  });

  it('asks for /proc: a name may lead to another file by now', async () => {
    const bundle = await makeSetUserId();
    const root = join(bundle.directory, 'root');
    for (const name of ['usr', 'var/tmp']) await mkdir(join(root, name), { recursive: true });
    for (const name of ['bin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name));
    const script = `cd ${root}; mount --rbind /usr usr; cp -p ${bundle.file} app; chown 0:0 app; chmod 4755 app
      exec chroot --userspec=65534:65534 ${root} /app`;
    expect(await inMounts(bundle, script, {})).toMatchObject({
      code: 125,
      stdout: '',
      stderr: 'app: cannot use /proc/self/exe: no such file or directory\nhint: mount /proc\n',
    });
  });
});

describe('a variable that is not what it has to be', () => {
  it.each([
    ['SADDLEBAG_JOBS', 'many', 'a number from 1 to 64'],
    ['SADDLEBAG_JOBS', '0', 'a number from 1 to 64'],
    ['SADDLEBAG_JOBS', '65', 'a number from 1 to 64'],
    ['SADDLEBAG_JOBS', '4x', 'a number from 1 to 64'],
    ['SADDLEBAG_CACHE_DIR', './cache', 'an absolute path'],
  ])('is told: %s=%s', async (name, value, wanted) => {
    const bundle = await makeBundle('echo ok');
    expect(await start(bundle, { env: { [name]: value } })).toMatchObject({
      code: 125,
      stdout: '',
      stderr:
        `app: cannot use ${name}=${value}: not what this variable takes (${wanted})\n` +
        'hint: unset it to let the runtime choose\n',
    });
  });
});
