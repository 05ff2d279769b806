import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { appBase, type StartOptions, start, type TestBundle } from './bundles.ts';

export const store = '/nix/store';

/** The store path of the bundles that `makeBundle` makes. */
export const own = `${store}/${appBase}`;

/** A store path that no bundle of these tests holds. */
export const foreign = `${store}/${'f'.repeat(32)}-foreign`;

/** Pins the strategy. */
export const relocate = { SADDLEBAG_STRATEGY: 'relocate' };

/** The directory of the closure that was relocated in a cache. */
export async function shelfOf(cache: string): Promise<string> {
  const name = (await readdir(cache)).find((entry) => entry.startsWith('relocated-'));
  return join(cache, name ?? 'none');
}

/** The link that stands for /nix/store. */
export async function linkOf(cache: string): Promise<string> {
  return readlink(join(await shelfOf(cache), 'link'));
}

/** Starts a bundle relocated; returns its outcome and the link. */
export async function startRelocated(bundle: TestBundle, options: StartOptions = {}) {
  const outcome = await start(bundle, { ...options, env: { ...relocate, ...options.env } });
  expect(outcome, outcome.stderr).toMatchObject({ code: 0 });
  return { ...outcome, link: await linkOf(bundle.cache) };
}
