import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from './measure.ts';

/** A control group with a limit of memory. Source: cgroups(7). */
export interface MemoryGroup {
  readonly version: 'cgroup v1' | 'cgroup v2';
  /** Makes a command run inside of it, as the user that it was for. */
  readonly confine: (command: Command) => Command;
  readonly remove: () => void;
}

/** Where the controllers are, newer first. */
const hierarchies = [
  { version: 'cgroup v2', root: '/sys/fs/cgroup', limit: 'memory.max' },
  { version: 'cgroup v1', root: '/sys/fs/cgroup/memory', limit: 'memory.limit_in_bytes' },
] as const;

/**
 * Makes a control group of its own.
 * @returns why not, where there can't be one
 */
export function makeMemoryGroup(limitBytes: number): MemoryGroup | string {
  if (process.getuid?.() !== 0) return 'only root may make one';
  const found = hierarchies.find(({ version, root, limit }) => {
    const controllers = join(root, 'cgroup.subtree_control');
    if (version === 'cgroup v1') return existsSync(join(root, limit));
    return existsSync(controllers) && readFileSync(controllers, 'utf8').split(/\s/).includes('memory');
  });
  if (found === undefined) return 'the memory controller is not to be had';
  const group = join(found.root, `saddlebag-bench-${process.pid}`);
  mkdirSync(group);
  writeFileSync(join(group, found.limit), String(limitBytes));
  return {
    version: found.version,
    confine: ({ file, args = [], env = {}, asRoot = false }) => ({
      file: '/bin/sh',
      args: [
        '-euc',
        'echo $$ > "$0" && exec "$@"',
        join(group, 'cgroup.procs'),
        ...(asRoot ? [] : ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']),
        file,
        ...args,
      ],
      env,
      asRoot: true,
    }),
    remove: () => rmdirSync(group),
  };
}
