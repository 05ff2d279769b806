import { lchown, lutimes, mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execProcess } from '../../src/core/exec.ts';
import type { Bundle } from '../../src/core/types.ts';
import { nobody } from './children.ts';
import { builtCli } from './cli.ts';
import { type Member, writeTree } from './closures.ts';
import { temporaryDirectory } from './temporary.ts';

/** What two machines are imitated with. */
export const machineTools = ['root', 'setpriv', 'taskset', 'sh'] as const;

/** What is bundled on both: in a directory of each machine's own. */
export interface Recipe {
  /** Of `saddlebag bundle`, relative to that directory. */
  readonly args: readonly string[];
  readonly members?: Readonly<Record<string, Member>>;
  /** Adds what `members` can't say. */
  readonly prepare?: (directory: string) => Promise<void>;
  readonly env?: (directory: string) => Readonly<Record<string, string>>;
}

/** How machines differ, besides the place and order of their files and their dates. */
interface Machine {
  readonly env: Readonly<Record<string, string>>;
  /** What stands before the command. */
  readonly prefix: readonly string[];
  readonly seconds: number;
}

const root: Machine = { env: { TZ: 'UTC', LC_ALL: 'C' }, prefix: [], seconds: 1_000_000_000 };
const user: Machine = {
  env: { TZ: 'Asia/Kathmandu', LC_ALL: 'tr_TR.UTF-8' },
  prefix: [
    ...['setpriv', '--reuid', `${nobody.uid}`, '--regid', `${nobody.gid}`, '--clear-groups'],
    ...['sh', '-c', 'umask 077; exec taskset -c 0 "$@"', 'sh'],
  ],
  seconds: 1_600_000_000,
};

/**
 * Bundles as root, and as another user with another umask, time zone, locale, home and working directory, with files of
 * another owner and other dates that the file system was given in another order, on one processor; without a cache.
 */
export async function bundleOnTwoMachines(recipe: Recipe): Promise<readonly [Bundle, Bundle]> {
  const top = await temporaryDirectory();
  const members = Object.entries(recipe.members ?? {});
  const first = await bundleOn(root, join(top, 'one'), { ...recipe, members: Object.fromEntries(members) });
  const second = await bundleOn(user, join(top, 'elsewhere/two'), {
    ...recipe,
    members: Object.fromEntries(members.reverse()),
  });
  return [first, second];
}

async function bundleOn(
  { env, prefix, seconds }: Machine,
  directory: string,
  recipe: Recipe,
): Promise<Bundle> {
  await mkdir(join(directory, 'home'), { recursive: true });
  await writeTree(directory, recipe.members ?? {});
  await recipe.prepare?.(directory);
  const owner = prefix.length === 0 ? { uid: 0, gid: 0 } : nobody;
  for (const name of ['.', ...(await readdir(directory, { recursive: true }))]) {
    await lutimes(join(directory, name), seconds, seconds);
    await lchown(join(directory, name), owner.uid, owner.gid);
  }
  const options = ['--no-cache', '--compress', 'fast', '--json', '--quiet', '-o', 'out'];
  const args = ['bundle', ...options, ...recipe.args];
  const [file = '', ...rest] = [...prefix, process.execPath, builtCli, ...args];
  const { stdout, stderr, exitCode } = await execProcess(file, rest, {
    cwd: directory,
    env: { PATH: process.env.PATH, HOME: join(directory, 'home'), ...env, ...recipe.env?.(directory) },
    timeoutMs: 300_000,
  });
  if (exitCode !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Bundle;
}
