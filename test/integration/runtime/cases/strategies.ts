import { globSync } from 'node:fs';
import { cp, mkdir, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { execProcess } from '../../../../src/core/exec.ts';
import type { ClosurePath } from '../../../../src/core/types.ts';
import type { TestBundle } from '../bundles.ts';
import { makeDevice } from '../fuse.ts';

export type User = 'root' | 'user';
export const users: readonly User[] = ['root', 'user'];

/** Where a strategy's store paths are made and kept, seen from outside. */
export interface Place {
  readonly trees: string;
  readonly markers: string;
  readonly temporary: string;
}

/** A way of the runtime to start, and the machine on which it is the one that serves. */
export interface Strategy {
  readonly name: string;
  /** Shell words that root says first, in a mount namespace of the start's own. */
  readonly prepare?: (bundle: TestBundle) => Promise<string>;
  /** The root of its own that it starts in; without one it starts on the machine as it is. */
  readonly root?: (bundle: TestBundle) => Promise<RootOptions>;
  /** What of root's rights is taken away, for `setpriv`. */
  readonly drop?: string;
  readonly place?: (bundle: TestBundle) => Place;
}

const placeIn = (control: string, trees: string): Place => ({
  trees,
  markers: join(control, 'meta'),
  temporary: join(control, '.saddlebag-tmp'),
});

const cachePlace = (bundle: TestBundle) => placeIn(bundle.cache, join(bundle.cache, 'store'));

/** The store of a relocated closure has the name of its link, which is chosen at the first start. */
function relocatedPlace({ cache }: TestBundle): Place {
  const [control = join(cache, 'none')] = globSync(join(cache, 'relocated-*/*-*'));
  return placeIn(control, join(control, 'store'));
}

/** Every strategy that the cases run under; another one is a line here. */
export const strategies: readonly Strategy[] = [
  { name: 'native', root: rootWithStore },
  {
    name: 'in-place',
    root: async () => ({}),
    drop: '--bounding-set -sys_admin --inh-caps -sys_admin',
    place: ({ directory }) =>
      placeIn(join(directory, 'root/nix/.saddlebag'), join(directory, 'root/nix/store')),
  },
  { name: 'namespace', place: cachePlace },
  { name: 'lazy', prepare: async (bundle) => `mount --bind '${await makeDevice(bundle, 0o666)}' /dev/fuse` },
  { name: 'relocate', place: relocatedPlace },
];

/** What is in a root of the task's own. */
export interface RootOptions {
  /** The host's directories that are mounted in it; by default what a container has. */
  readonly shows?: readonly string[];
  /** Shell words that change it before it is entered; they begin in it. */
  readonly inside?: string;
}

/**
 * Returns the shell words that make a root like a container's or an allocation's, with the test's directory at its own
 * path, and stand in it. What it has beside the host's directories is its own and can be written to.
 */
export function makeRoot({ directory }: TestBundle, user: User, options: RootOptions): string {
  const shown = options.shows ?? ['usr', 'etc', 'dev', 'proc', 'sys'];
  const links = shown.includes('usr') ? 'bin sbin lib lib64' : '';
  return `mkdir -p '${directory}/root' && mount --bind '${directory}/root' '${directory}/root' && cd '${directory}/root'
    mkdir -p old tmp '.${directory}' ${shown.join(' ')}
    chmod 1777 tmp
    ${user === 'user' ? 'chown 65534:65534 .' : 'true'}
    for each in ${links}; do ln -sfn usr/$each $each; done
    for each in ${shown.join(' ')}; do mount --rbind /$each $each; done
    mount --bind '${directory}' '.${directory}'
    ${options.inside ?? ''}
    cd '${directory}/root'`;
}

/** The trees of a bundle as Nix leaves them, at /nix/store. */
async function rootWithStore(bundle: TestBundle): Promise<RootOptions> {
  const store = join(bundle.directory, 'store');
  for (const path of bundle.paths) await copyTree(path, join(store, basename(path.storePath)));
  return { inside: `mkdir -p nix/store; mount --bind '${store}' nix/store` };
}

async function copyTree(path: ClosurePath, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await mkdir(to, { recursive: true });
  if (path.directory !== null) await cp(path.directory, to, { recursive: true, verbatimSymlinks: true });
  for (const [name, file] of Object.entries(path.files)) await cp(file, join(to, name), { force: true });
  for (const [name, target] of Object.entries(path.links ?? {})) {
    await mkdir(dirname(join(to, name)), { recursive: true });
    await symlink(target, join(to, name));
  }
  const script = 'chown -Rh 0:0 "$0"; chmod -R u=rX,go=rX "$0"; find "$0" -exec touch -hd @1 {} +';
  await execProcess('/bin/sh', ['-euc', script, to]);
}
