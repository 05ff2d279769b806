import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmod, lstat, open, readFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hostArch, makeBundle, start, startChild, type TestBundle, withCache } from './bundles.ts';
import { readRuntimeUnderTest } from './under-test.ts';

/** An app whose store path no other test has, for what runs is told by name; and its tree in the cache. */
async function makeApp(script = 'echo started') {
  const name = `app-${randomUUID()}`;
  const bundle = await makeBundle(script, {
    name,
    members: {
      'lib/data': 'data\n'.repeat(50_000),
      'lib/same': 'data\n'.repeat(50_000),
      'lib/link': { link: 'data' },
      'empty/': '',
    },
    frameBytes: 1 << 14,
  });
  return { bundle, tree: join(bundle.cache, 'store', `${'c'.repeat(32)}-${name}`) };
}

const verify = (bundle: TestBundle) =>
  start(bundle, { args: ['--saddlebag-verify'], env: { SADDLEBAG_STRATEGY: '' } });

/** Changes a tree as only a mistake can: what is in it can't be written to. */
async function inside(tree: string, folder: string, change: () => Promise<unknown>): Promise<void> {
  await chmod(join(tree, folder), 0o755);
  await change();
  await chmod(join(tree, folder), 0o555);
}

describe('verify', () => {
  it('finds all sound, with and without a cache', async () => {
    const { bundle, tree } = await makeApp();
    expect(await verify(bundle)).toMatchObject({ code: 0, stdout: 'app: sound\n', stderr: '' });
    await start(bundle);
    expect(await verify(bundle)).toMatchObject({
      code: 0,
      stdout: `app: sound\n${tree}: sound\n`,
      stderr: '',
    });
  });

  it.each<[string, string, (tree: string) => Promise<void>]>([
    ['a byte', '/lib/data', (tree) => flip(join(tree, 'lib/data'), 200_000)],
    ['a size', '/lib/data', (tree) => inside(tree, 'lib', () => writeFile(join(tree, 'lib/data'), 'data\n'))],
    ['a mode', '/bin/app', (tree) => chmod(join(tree, 'bin/app'), 0o444)],
    ['a file that is gone', '/lib/same', (tree) => inside(tree, 'lib', () => unlink(join(tree, 'lib/same')))],
    [
      'a directory that is gone',
      '/empty',
      (tree) => inside(tree, '', () => rm(join(tree, 'empty'), { recursive: true })),
    ],
    ['a link', '/lib/link', (tree) => inside(tree, 'lib', () => relink(join(tree, 'lib/link'), 'same'))],
    ['the whole', '', (tree) => rename(tree, `${tree}-moved`).then(() => writeFile(tree, ''))],
  ])('mends %s', async (_, where, damage) => {
    const { bundle, tree } = await makeApp();
    await start(bundle);
    await damage(tree);
    expect(await verify(bundle)).toMatchObject({
      code: 0,
      stdout: `app: sound\n${tree}: differs at ${tree.slice(tree.lastIndexOf('/') + 1)}${where}, extracted again\n`,
      stderr: '',
    });
    expect((await verify(bundle)).stdout).toBe(`app: sound\n${tree}: sound\n`);
    expect((await lstat(tree)).mode & 0o7777).toBe(0o555);
    expect(await start(bundle)).toMatchObject({ code: 0, stdout: 'started\n' });
  });

  it('leaves alone what something runs from', async () => {
    const { bundle, tree } = await makeApp('echo up; read line');
    const { child, outcome } = startChild(bundle.file, { ...withCache(bundle), keepInput: true });
    await once(child.stdout, 'data');
    await flip(join(tree, 'lib/data'), 7);
    const found = await verify(bundle);
    expect(found.code).toBe(125);
    expect(found.stdout).toContain('/lib/data, left: it is in use\n');
    expect(found.stderr).toMatch(
      /^app: cannot mend .+: what differs is in use .+\nhint: stop what runs from it/,
    );
    child.stdin.end('\n');
    await outcome;
    expect((await verify(bundle)).stdout).toContain(', extracted again\n');
  });

  it.each([
    ['a frame', 0, 20],
    ['the last frame', -1, 12],
  ])('says that %s of the bundle is damaged, and touches nothing', async (_, which, offset) => {
    const { bundle, tree } = await makeApp();
    await start(bundle);
    await flip(join(tree, 'lib/data'), 7);
    const bytes = await readFile(bundle.file);
    const frame = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
    // The runtime has the four bytes too, as a number of its decoder.
    const at =
      which === 0
        ? bytes.indexOf(frame, (await readRuntimeUnderTest(hostArch)).length)
        : bytes.lastIndexOf(frame);
    await flip(bundle.file, at + offset);
    const outcome = await verify(bundle);
    expect(outcome).toMatchObject({ code: 125, stdout: '' });
    expect(outcome.stderr).toMatch(/^app: cannot read .+: damaged \(its .+\)\n/);
    expect((await readFile(join(tree, 'lib/data'), 'utf8')).startsWith('data\ndat')).toBe(false);
  });
});

async function flip(file: string, at: number): Promise<void> {
  const { mode } = await lstat(file);
  await chmod(file, 0o644);
  const handle = await open(file, 'r+');
  const byte = Buffer.alloc(1);
  await handle.read(byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 0x20;
  await handle.write(byte, 0, 1, at);
  await handle.close();
  await chmod(file, mode & 0o7777);
}

async function relink(link: string, target: string): Promise<void> {
  await unlink(link);
  await symlink(target, link);
}
