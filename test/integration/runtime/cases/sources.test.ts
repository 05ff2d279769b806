/* Which strategies serve what a bundle is made from: the table in docs/runtime.md says it in short. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { readClosure } from '../../../../bundler/closure/closure.ts';
import type { Closure } from '../../../../src/core/types.ts';
import { fakeStorePath, writeTree } from '../../../helpers/closures.ts';
import { testContext } from '../../../helpers/context.ts';
import { temporaryDirectory } from '../../../helpers/temporary.ts';
import { buildFlask, flaskTools } from '../../../stack/flask.ts';
import type { TestBundle } from '../bundles.ts';
import type { Cell } from './cell.ts';
import { describeCases } from './harness.ts';
import { compile } from './programs.ts';

const madeByUs = { native: 'no host has store paths that Nix did not make' };

/** Bundles a real app; its trees are those of the closure. */
async function bundleOf(cell: Cell, app: string, entrypoint?: string): Promise<TestBundle> {
  const request = { app, args: [], env: {}, ...(entrypoint === undefined ? {} : { entrypoint }) };
  const context = testContext({ env: { PATH: process.env.PATH ?? '' } });
  const closure: Closure = await readClosure(request, await temporaryDirectory(), context);
  return cell.bundle('', { closure, args: closure.entrypoint.args });
}

describeCases('Sources', (runCase) => {
  runCase(
    71,
    'a Nix closure starts: Flask, which finds its modules and tells a wrong port',
    { isLong: true, needs: flaskTools },
    async (cell) => {
      const bundle = await bundleOf(cell, `nix:${await buildFlask({})}`);
      const outcome = await cell.start(bundle, { env: { PORT: 'none' } });
      expect(outcome.stderr).toContain("invalid literal for int() with base 10: 'none'");
      expect(outcome.code).toBe(1);
    },
  );

  runCase(
    72,
    'a program of the machine starts: Perl, with compiled modules',
    { isLong: true, notFor: madeByUs, needs: ['perl'] },
    async (cell) => {
      const bundle = await bundleOf(cell, 'program:perl');
      const args = ['-MPOSIX', '-MSocket', '-e', 'print POSIX::floor(2.5)'];
      expect(await cell.start(bundle, { args })).toMatchObject({ code: 0, stdout: '2', stderr: '' });
    },
  );

  runCase(
    73,
    'a directory starts: a static program and its data',
    { isLong: true, notFor: madeByUs, needs: ['gcc'] },
    async (cell) => {
      const tree = join(await temporaryDirectory(), 'web');
      await writeTree(tree, { 'bin/web': { executable: await readFile(await compile('app')) } });
      const bundle = await bundleOf(cell, tree, 'bin/web');
      const outcome = await cell.start(bundle, { args: ['tell', 'me'] });
      expect(outcome).toMatchObject({ code: 0, stderr: '' });
      expect(outcome.stdout).toContain(' tell me');
    },
  );

  runCase(
    74,
    'an image starts, with its tree as the root',
    {
      isLong: true,
      notFor: { ...madeByUs, 'in-place': 'a root takes a mount', relocate: 'a root takes a mount' },
      needs: ['gcc'],
    },
    async (cell) => {
      const app = { executable: await readFile(await compile('app')) };
      const closure = { root: fakeStorePath('app-1.0', 'c') };
      const bundle = await cell.bundle('', { members: { 'bin/app': app, 'etc/image': '' }, closure });
      const outcome = await cell.start(bundle, { args: ['tell', 'me'] });
      expect(outcome).toMatchObject({ code: 0, stderr: '' });
      expect(outcome.stdout).toContain(' tell me');
    },
  );
});
