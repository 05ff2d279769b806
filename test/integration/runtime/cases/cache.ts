import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestBundle } from '../bundles.ts';
import type { Cell } from './cell.ts';

/** Why a case of unpacking says nothing about a strategy. */
export const notFor = { native: 'it unpacks nothing', lazy: 'it unpacks nothing' };

/** Why a case of the cache's place says nothing about a strategy. */
export const onlyCache = { ...notFor, 'in-place': 'it has one place, /nix' };

/** Makes that many files of about a kilobyte, in twenty directories. */
export const manyFiles = (length: number) =>
  Object.fromEntries(
    Array.from({ length }, (_, index) => [`d${index % 20}/f${index}`, `${index}\n`.repeat(400)]),
  );

/** What takes a while to unpack. */
export const many = manyFiles(500);

/** What debug says of the store in a place; relocate's is one of its own. */
export const storeLine = (place: string, what: string) =>
  new RegExp(`^app: ${place}/(relocated-.*/)?store: ${what}$`, 'm');

/** The names in a directory; none where there is no such directory. */
export const list = (directory: string): Promise<string[]> => readdir(directory).catch(() => []);

/** Takes away what the cell's strategy has unpacked. */
export async function forget(cell: Cell, bundle: TestBundle): Promise<void> {
  const { trees, markers } = cell.place(bundle);
  for (const directory of [trees, markers]) {
    for (const name of await list(directory))
      await rm(join(directory, name), { recursive: true, force: true });
  }
}

/** A mount over a bundle's cache for its user; the words of the shell that make it. */
export const cacheMount = (cell: Cell, bundle: TestBundle, options: string, type = 'tmpfs'): string =>
  `mount -t ${type} -o ${options}${cell.isRoot ? '' : ',uid=65534,gid=65534'},mode=0755 saddlebag-test ${bundle.cache}`;
