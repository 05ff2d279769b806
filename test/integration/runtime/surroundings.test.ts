import { chmod, mkdir, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fakeStorePath, writeTree } from '../../helpers/closures.ts';
import { describeWith } from '../../helpers/needs.ts';
import {
  appBase,
  makeBundle,
  ownDirectory,
  start,
  startChild,
  type TestBundle,
  withCache,
} from './bundles.ts';
import { debug } from './machine.ts';

/** Starts a bundle from a shell that does something first. */
const startAfter = (command: string, bundle: TestBundle, env: Record<string, string> = {}) =>
  startChild('/bin/sh', { ...withCache(bundle, { env }), args: ['-c', `${command}; exec "$0"`, bundle.file] })
    .outcome;

describe('a cache directory', () => {
  it('keeps what else is in it, a tmp of its owner’s too', async () => {
    const bundle = await makeBundle('echo ok');
    const theirs = join(await ownDirectory(bundle.cache, 'tmp'), 'thesis');
    await writeFile(theirs, 'years of work');
    expect(await start(bundle)).toMatchObject({ code: 0, stdout: 'ok\n' });
    expect(await readFile(theirs, 'utf8')).toBe('years of work');
  });

  it('may have a colon in its name; only systemd’s variable is a list', async () => {
    const bundle = await makeBundle('echo ok');
    const directory = await ownDirectory(bundle.directory, 'a:b');
    await start(bundle, { env: { SADDLEBAG_CACHE_DIR: directory } });
    expect(await readdir(join(directory, 'store'))).toEqual([appBase]);
    const listed = { SADDLEBAG_CACHE_DIR: '', CACHE_DIRECTORY: `${bundle.cache}:/nonexistent` };
    await start(bundle, { env: listed });
    expect(await readdir(join(bundle.cache, 'saddlebag', 'store'))).toEqual([appBase]);
  });
});

describe('a first start', () => {
  it('waits for its threads to be gone before it makes a user namespace', async () => {
    const parts = await makeBundle('');
    const directory = join(parts.directory, 'part');
    await writeTree(directory, { data: 'data\n' });
    const paths = Array.from({ length: 40 }, (_, index) => ({
      storePath: fakeStorePath(`part-${index}`, 'd'),
      directory,
      files: {},
      references: [],
    }));
    const app = { storePath: fakeStorePath('app-1.0', 'c'), directory: join(parts.directory, 'tree') };
    const closure = { paths: [...paths, { ...app, files: {}, references: [] }] };
    const bundle = await makeBundle('', { closure });
    for (let round = 0; round < 25; round++) {
      const env = { SADDLEBAG_JOBS: '40', SADDLEBAG_CACHE_DIR: join(bundle.cache, String(round)) };
      expect(await startAfter('taskset -cp 0 $$ >/dev/null 2>&1', bundle, env)).toMatchObject({
        code: 0,
        stderr: '',
      });
    }
  });
});

describeWith(['root', 'unshare', 'setpriv'], 'what surrounds a bundle', () => {
  const drop = 'setpriv --reuid 65534 --regid 65534 --clear-groups';
  const inMounts = (bundle: TestBundle, script: string, env: Record<string, string> = {}) =>
    startChild('/usr/bin/unshare', {
      ...withCache(bundle, { env: { ...debug, ...env } }),
      args: ['-m', '/bin/sh', '-euc', script],
      asSelf: true,
    }).outcome;

  it('finds its store paths again where the kernel tells no boot id', async () => {
    const bundle = await makeBundle('echo ok');
    const empty = join(bundle.directory, 'empty');
    await writeFile(empty, '');
    const script = `mount --bind ${empty} /proc/sys/kernel/random/boot_id; exec ${drop} ${bundle.file}`;
    expect((await inMounts(bundle, script)).stderr).toContain('/store: extracted\n');
    expect((await inMounts(bundle, script)).stderr).toContain('/store: complete\n');
    expect(await readlink(join(bundle.cache, 'meta', appBase))).toMatch(/ synced$/);
  });

  it('lets only markers vouch for store paths that root made in a private root', async () => {
    const bundle = await makeBundle('echo ok');
    const root = join(bundle.directory, 'root');
    for (const name of ['usr', 'proc', 'old']) await mkdir(join(root, name), { recursive: true });
    for (const name of ['bin', 'lib', 'lib64']) await symlink(`usr/${name}`, join(root, name));
    await writeFile(join(root, 'app'), '');
    const script = `mount --bind ${root} ${root}; cd ${root}; mount --rbind /usr usr; mount --rbind /proc proc
      mount --bind ${bundle.file} app; pivot_root . old; cd /; umount -l old
      exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin /app`;
    const cold = await inMounts(bundle, script, { SADDLEBAG_STRATEGY: '' });
    expect(cold).toMatchObject({ code: 0, stdout: 'ok\n' });
    expect(cold.stderr).toContain('app: in-place: taken\n');
    // As after a power loss: the tree looks right, its content never reached the disk, and the boot is another.
    const program = join(root, 'nix/store', appBase, 'bin/app');
    const marker = join(root, 'nix/.saddlebag/meta', appBase);
    const known = await readlink(marker);
    await rm(marker);
    await symlink(known.replace(/boot .*/, 'boot before'), marker);
    await chmod(program, 0o755);
    await writeFile(program, '');
    await chmod(program, 0o555);
    const again = await inMounts(bundle, script, { SADDLEBAG_STRATEGY: '' });
    expect(again).toMatchObject({ code: 0, stdout: 'ok\n' });
    expect(again.stderr).toContain('app: native: refused: /nix/store: not as Nix leaves it');
    expect(await readlink(marker)).toBe(known);
  });
});
