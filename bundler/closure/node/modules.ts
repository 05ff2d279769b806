import { readdir, readlink, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { compareBytes } from '../../../src/core/files.ts';
import { linksOutside } from '../project/links.ts';

/** Lists the directories `node_modules` of a tree, but for those inside another: workspaces have their own. */
export async function findModules(top: string, path = ''): Promise<readonly string[]> {
  const found: string[] = [];
  for (const entry of await readdir(join(top, path), { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const below = path === '' ? entry.name : `${path}/${entry.name}`;
    if (entry.name === 'node_modules') found.push(below);
    else found.push(...(await findModules(top, below)));
  }
  return found.sort(compareBytes);
}

/**
 * Moves the installed modules to where they are bundled from. Those that link to the project's own files (workspaces)
 * stay with it: a link from another store path would lead nowhere.
 * @returns whether they stand apart
 */
export async function placeModules(copy: string, directory: string): Promise<boolean> {
  const all = await findModules(copy);
  const apart =
    all.length === 1 &&
    all[0] === 'node_modules' &&
    (await linksOutside(join(copy, 'node_modules'))).length === 0;
  for (const path of all) {
    await rename(join(copy, path), join(directory, apart ? 'modules' : 'app', path));
  }
  return apart;
}

/** Reads the commands that the modules bring, by name: where each one's file lies, relative to `modules`. */
export async function readCommands(modules: string): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const bin = join(modules, '.bin');
  for (const name of (await readdir(bin).catch(() => [])).sort(compareBytes)) {
    const target = await readlink(join(bin, name)).catch(() => undefined);
    if (target !== undefined) found.set(name, cleanPath(join('.bin', target)));
  }
  return found;
}

/** Removes `./` and the like from a relative path, and what would lead out of its directory. */
export function cleanPath(path: string): string {
  return join('/', path).slice(1);
}
