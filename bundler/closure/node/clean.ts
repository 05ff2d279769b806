import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { walkTree } from '../tree.ts';

/**
 * Removes from a tree of modules what npm and compilers leave of the time and place of the installation.
 * @param modules a directory `node_modules`
 */
export async function cleanModules(modules: string): Promise<void> {
  for (const name of ['.package-lock.json', '.cache', '.modules.yaml', '.yarn-integrity']) {
    await rm(join(modules, name), { recursive: true, force: true });
  }
  const builds: string[] = [];
  for await (const node of walkTree(modules)) {
    // node-gyp writes it beside what it builds.
    if (node.kind === 'file' && basename(node.path) === 'config.gypi') builds.push(dirname(node.path));
  }
  for (const build of builds) await cleanBuild(join(modules, build));
}

/** Leaves what a build made, and takes away what it was made from. */
async function cleanBuild(build: string): Promise<void> {
  for (const name of await readdir(build)) {
    if (/^(config\.gypi|Makefile|gyp-.*|.*\.(mk|Makefile))$/.test(name)) await rm(join(build, name));
  }
  for (const name of ['.deps', 'obj.target', 'obj', '.forge-meta']) {
    await rm(join(build, 'Release', name), { recursive: true, force: true });
  }
}
