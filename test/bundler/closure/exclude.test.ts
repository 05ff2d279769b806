import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { excludeFiles } from '../../../bundler/closure/exclude.ts';
import { readEntries } from '../../../bundler/entries.ts';
import type { Closure } from '../../../src/core/types.ts';
import { closureOf, type Member, writeTree } from '../../helpers/closures.ts';
import { testContext } from '../../helpers/context.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

const members = {
  'bin/app': '#!',
  'lib/a.pyc': '12345',
  'lib/a.py': '',
  'lib/deep/b.pyc': '678',
  'share/doc/app/readme': 'text',
  'share/empty/': '',
  'share/link': { link: 'doc' },
};

async function place(tree: Readonly<Record<string, Member>> = members) {
  const directory = join(await temporaryDirectory(), 'tree');
  await writeTree(directory, tree);
  const closure = closureOf([{ name: 'app', letter: 'a', directory }], 'bin/app');
  const context = testContext();
  const workDirectory = await temporaryDirectory();
  const exclude = (...globs: string[]) => excludeFiles(closure, globs, { context, workDirectory });
  return { closure, context, exclude };
}

async function pathsOf({ paths }: Closure): Promise<string[]> {
  const [path] = paths;
  if (path === undefined) return [];
  const entries = await readEntries(path, new AbortController().signal);
  return entries.map((entry) => entry.path.slice(path.storePath.length)).filter((name) => name !== '');
}

describe('excludeFiles', () => {
  it.each([
    ['a name anywhere', '*.pyc', ['lib/a.pyc', 'lib/deep/b.pyc'], 2, 8],
    ['a path inside a store path', 'lib/*.pyc', ['lib/a.pyc'], 1, 5],
    ['all in a directory', 'share/doc/', ['share/doc', 'share/doc/app', 'share/doc/app/readme'], 1, 4],
    [
      'a whole path',
      '/nix/store/*-app/share/**',
      ['share/doc', 'share/doc/app', 'share/doc/app/readme', 'share/empty', 'share/link'],
      2,
      4,
    ],
  ])('leaves out %s', async (_, glob, gone, files, bytes) => {
    const { closure, exclude } = await place();
    const all = await pathsOf(closure);
    const left = await exclude(glob);
    const kept = await pathsOf(left);
    expect(all.filter((path) => !kept.includes(path)).filter((path) => path !== 'share')).toEqual(gone);
    expect(left.excluded).toEqual([{ glob, files, bytes }]);
  });

  it('keeps empty directories, and what other globs don’t match', async () => {
    const { exclude } = await place();
    expect(await pathsOf(await exclude('*.py', 'readme'))).toEqual([
      'bin',
      'bin/app',
      'lib',
      'lib/a.pyc',
      'lib/deep',
      'lib/deep/b.pyc',
      'share',
      'share/doc',
      'share/doc/app',
      'share/empty',
      'share/link',
    ]);
  });

  it('leaves a closure alone that no glob matches, and says so', async () => {
    const { closure, context, exclude } = await place();
    const left = await exclude('*.exe');
    expect(left.paths).toEqual(closure.paths);
    expect(context.events).toMatchObject([
      { kind: 'warning', code: 'exclude-unused', message: '--exclude *.exe matches no file of the closure' },
    ]);
  });

  it.each(['app', 'bin', '/nix/store/**'])(
    'refuses %s, which would leave out the entrypoint',
    async (glob) => {
      const { closure, exclude } = await place();
      await expect(exclude(glob)).rejects.toMatchObject({
        code: 'exclude-entrypoint',
        message: `cannot exclude ${glob}: it would leave out ${closure.entrypoint.program}, which the bundle starts`,
      });
    },
  );
});
