import { chmod, mkdir, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { surveyPath } from '../../bundler/fingerprint.ts';
import { fakeStorePath, writeTree } from '../helpers/closures.ts';
import { temporaryDirectory } from '../helpers/temporary.ts';

const signal = new AbortController().signal;
const whenSettled = Number.MAX_SAFE_INTEGER;
const whenFresh = 0;

async function treeOf(): Promise<string> {
  const directory = await temporaryDirectory();
  await writeTree(directory, { 'bin/app': { executable: 'app' }, 'lib/a': 'one', link: { link: 'lib/a' } });
  return directory;
}

function survey(directory: string, settledBeforeMs: number, files: Record<string, string> = {}) {
  const path = { storePath: fakeStorePath('app'), directory, files, references: [] };
  return surveyPath(path, { settledBeforeMs, signal });
}

describe('surveyPath', () => {
  it('counts the bytes of files and says the same of the same tree', async () => {
    const directory = await treeOf();
    const first = await survey(directory, whenSettled);
    expect(first.contentBytes).toBe(6);
    expect(await survey(directory, whenSettled)).toEqual(first);
  });

  it.each([
    ['a content of the same size', (top: string) => writeFile(join(top, 'lib/a'), 'two')],
    ['a name', (top: string) => rename(join(top, 'lib/a'), join(top, 'lib/b'))],
    ['a mode', (top: string) => chmod(join(top, 'lib/a'), 0o755)],
    ['a new file', (top: string) => writeFile(join(top, 'lib/new'), '')],
    ['an empty directory', (top: string) => mkdir(join(top, 'empty'))],
    ['a target', (top: string) => rm(join(top, 'link')).then(() => symlink('lib/other', join(top, 'link')))],
  ])('tells %s, settled or fresh', async (_, change) => {
    for (const when of [whenSettled, whenFresh]) {
      const directory = await treeOf();
      const before = await survey(directory, when);
      // Beyond the step of the file system's clock, which the fresh reading does without.
      if (when === whenSettled) await utimes(join(directory, 'lib/a'), 1, 1);
      await change(directory);
      expect((await survey(directory, when)).fingerprint).not.toBe(before.fingerprint);
    }
  });

  it('takes files that changed only just now by their content alone', async () => {
    const [one, two] = [await treeOf(), await treeOf()];
    expect(await survey(one, whenFresh)).toEqual(await survey(two, whenFresh));
    expect((await survey(one, whenSettled)).fingerprint).not.toBe(
      (await survey(two, whenSettled)).fingerprint,
    );
  });

  it('looks at the files that are laid over the tree, under the names that they get', async () => {
    const directory = await treeOf();
    const over = join(await temporaryDirectory(), 'edited');
    await writeFile(over, 'edited');
    const plain = await survey(directory, whenFresh);
    const edited = await survey(directory, whenFresh, { 'bin/app': over });
    const elsewhere = await survey(directory, whenFresh, { 'bin/other': over });
    expect(new Set([plain, edited, elsewhere].map(({ fingerprint }) => fingerprint)).size).toBe(3);
  });

  it('tells a link that is laid over the tree', async () => {
    const path = { storePath: fakeStorePath('app'), directory: await treeOf(), files: {}, references: [] };
    const options = { settledBeforeMs: whenFresh, signal };
    const plain = await surveyPath(path, options);
    const linked = await surveyPath({ ...path, links: { 'bin/sh': 'app' } }, options);
    const other = await surveyPath({ ...path, links: { 'bin/sh': 'bash' } }, options);
    expect(new Set([plain, linked, other].map(({ fingerprint }) => fingerprint)).size).toBe(3);
  });

  it('says nothing of a tree that cannot be looked at, and leaves the error to its reader', async () => {
    const directory = await treeOf();
    const { fingerprint } = await survey(directory, whenSettled, { 'bin/gone': join(directory, 'gone') });
    expect(fingerprint).toBeNull();
  });

  it('ends when it is told to', async () => {
    const directory = await treeOf();
    const path = { storePath: fakeStorePath('app'), directory, files: {}, references: [] };
    const aborted = AbortSignal.abort();
    await expect(surveyPath(path, { settledBeforeMs: whenFresh, signal: aborted })).rejects.toThrow(
      'aborted',
    );
  });
});
