import { readdirSync, readFileSync, statSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { execProcess } from '../../../src/core/exec.ts';
import { type StartOptions, startChild, type TestBundle, withCache } from './bundles.ts';
import { dropRights, machineTools } from './machine.ts';

/** Where no udev runs, the device is root's alone. */
const isForAll = ((statSync('/dev/fuse', { throwIfNoEntry: false })?.mode ?? 0) & 0o6) === 0o6;
const hasFuse = readFileSync('/proc/filesystems', 'utf8').includes('\tfuse\n');

/** What `describeWith` needs for `startLazy`; a kernel without FUSE lacks a tool of that name. */
export const fuseTools = [...(hasFuse ? [] : ['fuse']), ...(isForAll ? [] : [...machineTools, 'mknod'])];

/** Makes a device node like /dev/fuse with a mode of its own; for root. */
export async function makeDevice(bundle: TestBundle, mode: number): Promise<string> {
  const node = join(bundle.directory, `fuse-${mode.toString(8)}`);
  await execProcess('mknod', [node, 'c', '10', '229']);
  await chmod(node, mode);
  return node;
}

/** In a script: the top of the app's store path. */
export const top = '$(dirname "$(dirname "$0")")';

export interface LazyOptions extends StartOptions {
  /** Words of a shell that root says first, in a mount namespace of the start's own. */
  readonly before?: string;
}

/**
 * Starts a bundle as `nobody` with the strategy lazy. Where only root may open /dev/fuse, a node for all is bound over it
 * in a mount namespace of the start's own: the machine's is not touched.
 */
export async function startLazy(bundle: TestBundle, options: LazyOptions = {}) {
  const settings = withCache(bundle, { ...options, env: { SADDLEBAG_STRATEGY: 'lazy', ...options.env } });
  if (isForAll && options.before === undefined) return startChild(bundle.file, settings);
  const bind = isForAll ? '' : `mount --bind ${await makeDevice(bundle, 0o666)} /dev/fuse`;
  const script = `${bind}\n${options.before ?? ''}\nexec ${dropRights} "$@"`;
  return startChild('/usr/bin/unshare', {
    ...settings,
    args: ['-m', '/bin/sh', '-euc', script, 'sh', bundle.file, ...(options.args ?? [])],
    asSelf: true,
  });
}

/** Finds the processes that serve a bundle; one that is dead and not reaped yet has no command line. */
export function findServers(bundle: TestBundle): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
        return words[0] === bundle.file && readFileSync(`/proc/${name}/comm`, 'utf8') === 'saddlebag-lazy\n';
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Starts a bundle lazily and waits for its end. */
export async function startToEnd(...words: Parameters<typeof startLazy>) {
  return (await startLazy(...words)).outcome;
}

/** Waits until nothing serves the bundle any more. */
export function expectNoServer(bundle: TestBundle) {
  return expect.poll(() => findServers(bundle), { timeout: 20_000 }).toEqual([]);
}
