import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { arch, availableParallelism, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { execProcess } from '../../src/core/exec.ts';
import type { Machine } from './figure.ts';

/** Set in the process that has mounts of its own. */
const marker = 'SADDLEBAG_BENCH_MOUNTS';

/** Describes the machine, and the file system of a directory on it. */
export async function describeMachine(directory: string): Promise<Machine> {
  const { stdout } = await execProcess('stat', ['--file-system', '--format=%T', directory]);
  const os = readFileSync('/etc/os-release', 'utf8');
  return {
    processors: availableParallelism(),
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(os)?.[1] ?? 'Linux',
    fileSystem: stdout.trim().replace('ext2/ext3', 'ext4'),
    arch: arch(),
  };
}

/** Names the commit that is measured, and says whether files differ from it. */
export async function describeCommit(): Promise<string> {
  const git = async (...args: string[]) =>
    (await execProcess('git', args, { cwd: import.meta.dirname })).stdout;
  const changed = (await git('status', '--porcelain', '--untracked-files=no')) !== '';
  return `${(await git('rev-parse', '--short=12', 'HEAD')).trim()}${changed ? ' with changes' : ''}`;
}

/**
 * Runs this program again with mounts of its own, where ordinary users can't open /dev/fuse yet, and returns how that
 * ended; undefined where this process is the one to go on.
 */
export function runWithOwnMounts(): number | undefined {
  const device = statSync('/dev/fuse', { throwIfNoEntry: false });
  const isForAll = device === undefined || (device.mode & 0o6) === 0o6;
  if (isForAll || process.getuid?.() !== 0 || process.env[marker] !== undefined) return undefined;
  const { status } = spawnSync('unshare', ['--mount', process.execPath, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, [marker]: '1' },
  });
  return status ?? 130;
}

/** Lets ordinary users open /dev/fuse, in the mount namespace that `runWithOwnMounts` made. */
export async function openFuse(place: string): Promise<void> {
  if (process.env[marker] === undefined) return;
  const node = join(place, 'fuse');
  await execProcess('mknod', ['-m', '666', node, 'c', '10', '229']);
  await execProcess('mount', ['--bind', node, '/dev/fuse']);
}
