import { chown, cp, mkdir, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execProcess } from '../../../../src/core/exec.ts';
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
  /** Shell words, run as root in a mount namespace of the test's own, that make that machine around `bundle`. */
  readonly machine?: (bundle: TestBundle, user: User) => Promise<string>;
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

/** Every strategy that the cases run under; another one is a line here. */
export const strategies: readonly Strategy[] = [
  { name: 'native', machine: machineWithStore },
  {
    name: 'in-place',
    machine: (bundle, user) => privateRoot(bundle, user),
    drop: '--bounding-set -sys_admin --inh-caps -sys_admin',
    place: ({ directory }) =>
      placeIn(join(directory, 'root/nix/.saddlebag'), join(directory, 'root/nix/store')),
  },
  { name: 'namespace', place: cachePlace },
  { name: 'lazy', machine: async (bundle) => `mount --bind '${await makeDevice(bundle, 0o666)}' /dev/fuse` },
];

/** What a root of the task's own shows of the host; what it has beside is its own and can be written to. */
const shownDirectories = ['usr', 'etc', 'dev', 'proc', 'sys'];
const links = ['bin', 'sbin', 'lib', 'lib64'];

/**
 * Makes a root that looks like a container's or an allocation's, with the test's directory at its own path, and returns
 * the words that enter it.
 */
export async function privateRoot(bundle: TestBundle, user: User, inside = ''): Promise<string> {
  const root = join(bundle.directory, 'root');
  const within = join(root, bundle.directory);
  for (const name of [...shownDirectories, 'old', 'tmp', within.slice(root.length + 1)]) {
    await mkdir(join(root, name), { recursive: true });
  }
  for (const name of links) await symlink(`usr/${name}`, join(root, name)).catch(() => undefined);
  if (user === 'user') await chown(root, 65534, 65534);
  return `mount --bind '${root}' '${root}'
    for each in ${shownDirectories.join(' ')}; do mount --rbind /$each '${root}'/$each; done
    mount --bind '${bundle.directory}' '${within}'
    chmod 1777 '${root}/tmp'
    ${inside}
    cd '${root}' && pivot_root . old && cd / && umount -l old`;
}

/** The trees of a bundle as Nix leaves them, at /nix/store of a root of its own. */
async function machineWithStore(bundle: TestBundle, user: User): Promise<string> {
  const store = join(bundle.directory, 'store');
  const entered = privateRoot(
    bundle,
    user,
    `mkdir -p '${bundle.directory}/root/nix/store'; mount --bind '${store}' '${bundle.directory}/root/nix/store'`,
  );
  for (const { base, directory } of bundle.trees) await copyTree(directory, join(store, base));
  return entered;
}

async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await rm(to, { recursive: true, force: true });
  await cp(from, to, { recursive: true, verbatimSymlinks: true });
  const script = 'chown -Rh 0:0 "$0"; chmod -R u=rX,go=rX "$0"; find "$0" -exec touch -hd @1 {} +';
  await execProcess('/bin/sh', ['-euc', script, to]);
}
