import { copyFile, cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ExecResult, execProcess } from '../../../src/core/exec.ts';
import type { Closure } from '../../../src/core/types.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

/**
 * Lays a closure out in a root directory that holds its store paths and nothing else, and returns that root.
 */
export async function placeClosure(closure: Closure): Promise<string> {
  const root = await temporaryDirectory();
  for (const name of ['dev', 'proc', 'tmp']) await mkdir(join(root, name));
  // Programs open it; an empty file reads and takes what they write as well.
  await writeFile(join(root, 'dev/null'), '', { mode: 0o666 });
  for (const { storePath, directory, files, links = {} } of closure.paths) {
    const top = join(root, storePath);
    await mkdir(dirname(top), { recursive: true });
    if (directory === null) await mkdir(top);
    else await cp(directory, top, { recursive: true, verbatimSymlinks: true });
    for (const [inside, file] of Object.entries(files)) {
      const place = join(top, inside);
      await mkdir(dirname(place), { recursive: true });
      await copyFile(file, place);
    }
    for (const [inside, target] of Object.entries(links)) {
      await mkdir(dirname(join(top, inside)), { recursive: true });
      await symlink(target, join(top, inside));
    }
  }
  return root;
}

/** What `runInRoot` needs of the machine. */
export const rootTools = ['root', 'unshare', 'chroot'] as const;

/**
 * Starts a placed closure's program in its root, where /proc is all that is in reach of this machine.
 */
export async function runInRoot(
  root: string,
  closure: Closure,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<ExecResult> {
  const { program } = closure.entrypoint;
  // A mount namespace of its own takes the mount of /proc away with it.
  const enter = 'mount --bind /proc "$0/proc" && exec chroot "$0" "$@"';
  const argv = [root, program, ...closure.entrypoint.args, ...args];
  return execProcess('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', enter, ...argv], {
    env: { PATH: process.env.PATH, ...env },
    timeoutMs: 60_000,
  });
}
