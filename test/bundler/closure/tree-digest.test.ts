import { chmod, mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { contentPath, digestTree } from '../../../bundler/closure/tree-digest.ts';
import { fakeStorePath, writeTree } from '../../helpers/closures.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const { signal } = new AbortController();

async function digest(directory: string | null, files: Readonly<Record<string, string>> = {}) {
  return Buffer.from(await digestTree({ directory, files }, signal)).toString('hex');
}

async function tree(): Promise<string> {
  const top = join(await temporaryDirectory(), 'tree');
  await writeTree(top, { 'a/b': 'text', 'a-b': { executable: 'run' }, link: { link: 'a/b' }, 'empty/': '' });
  return top;
}

describe('digestTree', () => {
  it('depends on nothing but paths, kinds, contents, executable bits and targets', async () => {
    const [one, other] = [await tree(), await tree()];
    await chmod(join(other, 'a'), 0o700);
    await chmod(join(other, 'a-b'), 0o711);
    await utimes(join(other, 'a/b'), 1, 1);
    // Another inode, and another order in the directory.
    await rename(join(other, 'a-b'), join(other, 'z'));
    await rename(join(other, 'z'), join(other, 'a-b'));
    expect(await digest(other)).toBe(await digest(one));
    // Fixed: whoever changes it moves every store path that Nix did not make.
    expect(await digest(one)).toBe('5181ecdc83cc2a3fb2b88a607aac2e9ce72ae089fda8cea6ba13b62b2e325305');
  });

  it.each<[string, (top: string) => Promise<unknown>]>([
    ['content', (top) => writeFile(join(top, 'a/b'), 'Text')],
    ['an executable bit', (top) => chmod(join(top, 'a/b'), 0o755)],
    ['a name', (top) => rename(join(top, 'a/b'), join(top, 'a/c'))],
    ['a target', (top) => rm(join(top, 'link')).then(() => symlink('a/c', join(top, 'link')))],
    ['an empty directory', (top) => mkdir(join(top, 'more'))],
    [
      'a link in place of a file',
      (top) => rm(join(top, 'a/b')).then(() => symlink('text', join(top, 'a/b'))),
    ],
  ])('changes with %s', async (_, change) => {
    const top = await tree();
    const before = await digest(top);
    await change(top);
    expect(await digest(top)).not.toBe(before);
  });

  it('lays files over a tree: the result is that of the tree with them in it', async () => {
    const [top, changed] = [await tree(), await tree()];
    await writeFile(join(changed, 'a/b'), 'other');
    await writeFile(join(changed, 'zz'), 'new');
    const over = { 'a/b': join(changed, 'a/b'), zz: join(changed, 'zz') };
    expect(await digest(top, over)).toBe(await digest(changed));
  });

  it('stops when it is asked to', async () => {
    const aborted = AbortSignal.abort(new Error('enough'));
    await expect(digestTree({ directory: await tree(), files: {} }, aborted)).rejects.toThrow('enough');
  });
});

describe('contentPath', () => {
  it('names a store path by content, with its references sorted', async () => {
    const file = join(await temporaryDirectory(), 'file');
    await writeFile(file, 'content', { mode: 0o644 });
    const [a, b] = [fakeStorePath('a', 'a'), fakeStorePath('b', 'b')];
    const path = await contentPath('app', { directory: null, files: { 'bin/app': file } }, [b, a], signal);
    expect(path).toEqual({
      storePath: expect.stringMatching(/^\/nix\/store\/[0-9a-z]{32}-app$/),
      directory: null,
      files: { 'bin/app': file },
      references: [a, b],
    });
  });
});
