import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { fakeStorePath, writeTree } from '../../../helpers/closures.ts';
import { makeBundle } from '../bundles.ts';
import type { Cell } from './cell.ts';
import { compile } from './programs.ts';

/** What a cell bundles beside a script. */
export type BundleOptions = Parameters<Cell['bundle']>[1];

/** Runs a script in a bundle with these members and returns what it printed. */
export async function printed(cell: Cell, script: string, options: BundleOptions = {}): Promise<string> {
  const outcome = await cell.start(await cell.bundle(script, options), { timeoutMs: 600_000 });
  expect(outcome).toMatchObject({ code: 0, stderr: '' });
  return outcome.stdout;
}

/** The options of a bundle whose only other store path is a directory that the test has filled itself. */
export function withTree(directory: string): BundleOptions {
  const app = { storePath: fakeStorePath('app-1.0', 'c'), files: {}, references: [] };
  return { closure: { paths: [{ ...app, directory }] } };
}

/** Makes a tree with a script as its program, and hands it over to be filled with what no plain member can be. */
export async function bundleOf(cell: Cell, script: string, fill: (tree: string) => Promise<unknown>) {
  const { directory } = await makeBundle('');
  const tree = join(directory, 'special');
  await writeTree(tree, { 'bin/app': { executable: `#!/bin/sh\n${script}\n` } });
  await fill(tree);
  return cell.bundle('', withTree(tree));
}

/** Makes a bundle of the static app of test/fixtures/runtime, which needs nothing of its host. */
export async function staticBundle(cell: Cell, ...[options = {}]: [Parameters<Cell['bundle']>[1]?]) {
  const app = await readFile(await compile('app'));
  return cell.bundle('', {
    ...options,
    members: { 'bin/app': { executable: app }, 'share/data': 'data\n', ...options.members },
  });
}
