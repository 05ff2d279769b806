import { chmod, mkdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execProcess } from '../../../src/core/exec.ts';
import type { ProgramCase } from './table.ts';

/**
 * Makes a root directory with nothing in it but a /tmp for everybody.
 */
export async function emptyRoot(directory: string): Promise<string> {
  const root = join(directory, 'empty-root');
  await mkdir(join(root, 'tmp'), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  await chmod(root, 0o755);
  return root;
}

/**
 * Returns the root of a Debian 11: the directory of `SADDLEBAG_DEBIAN_11`, or one that debootstrap makes below
 * `directory`.
 * @throws with debootstrap's words when it fails
 */
export async function oldDebian(directory: string): Promise<string> {
  const given = process.env.SADDLEBAG_DEBIAN_11;
  if (given !== undefined) return given;
  const root = join(directory, 'debian-11');
  const { exitCode, stderr, stdout } = await execProcess('debootstrap', [
    '--variant=minbase',
    'bullseye',
    root,
  ]);
  if (exitCode !== 0) throw new Error(`cannot make a Debian 11: ${stderr || stdout}`);
  return root;
}

/** Makes the directories of a root that `enter-root` mounts on. */
export async function prepareRoot(root: string, shared: string): Promise<void> {
  for (const directory of ['proc', 'dev', shared]) await mkdir(join(root, directory), { recursive: true });
}

/** Removes what `prepareRoot` made and a given root did not have. */
export async function leaveRoot(root: string, shared: string): Promise<void> {
  await rmdir(join(root, shared));
}

/**
 * Installs the Debian packages of programs with apt.
 * @throws with apt's words when it fails
 */
export async function installPackages(cases: readonly Pick<ProgramCase, 'packages'>[]): Promise<void> {
  const packages = cases.flatMap((one) => one.packages.split(' '));
  const args = ['install', '-y', '--no-install-recommends', 'debootstrap', 'gcc', 'libc6-dev', ...packages];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const { exitCode, stderr } = await execProcess('apt-get', args, { env });
  if (exitCode !== 0) throw new Error(`cannot install the packages: ${stderr}`);
}
