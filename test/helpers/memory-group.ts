import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nobody } from './children.ts';

/** A control group with a limit of memory. Source: cgroups(7). */
export interface MemoryGroup {
  readonly version: 'cgroup v1' | 'cgroup v2';
  /** Says what root has to start for a program to run inside of it, as root or as the unprivileged user. */
  readonly confine: (program: Program) => Pick<Program, 'file' | 'args'>;
  readonly remove: () => void;
}

interface Program {
  readonly file: string;
  readonly args: readonly string[];
  readonly asRoot: boolean;
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
  const group = join(found.root, `saddlebag-test-${process.pid}`);
  mkdirSync(group);
  writeFileSync(join(group, found.limit), String(limitBytes));
  return {
    version: found.version,
    confine: ({ file, args, asRoot }) => ({
      file: '/bin/sh',
      args: [
        '-euc',
        'echo $$ > "$0" && exec "$@"',
        join(group, 'cgroup.procs'),
        ...(asRoot ? [] : ['setpriv', `--reuid=${nobody.uid}`, `--regid=${nobody.gid}`, '--clear-groups']),
        file,
        ...args,
      ],
    }),
    remove: () => rmdirSync(group),
  };
}
