import { chown, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nobody, ownDirectory, type TestBundle } from './bundles.ts';
import { debug, dropRights, inMounts } from './machine.ts';

/** Makes a root for the app from the host's /usr, and starts the bundle in it as `nobody`. */
export async function inPrivateRoot(
  bundle: TestBundle,
  options: {
    readonly before?: string;
    readonly after?: string;
    readonly env?: Record<string, string>;
  } = {},
) {
  const root = join(bundle.directory, 'root');
  for (const name of ['usr', 'proc', 'old', 'tmp']) await mkdir(join(root, name), { recursive: true });
  for (const name of ['bin', 'lib', 'lib64']) {
    await symlink(`usr/${name}`, join(root, name)).catch(() => undefined);
  }
  await writeFile(join(root, 'app'), '');
  await ownDirectory(root, 'cache').catch(() => undefined);
  await chown(root, nobody.uid ?? 0, nobody.gid ?? 0);
  const script = `mount --bind ${root} ${root}; cd ${root}; mount --rbind /usr usr; mount --rbind /proc proc
    mount --bind ${bundle.file} app; ${options.before ?? ''}
    pivot_root . old; cd /; umount -l old; rmdir old; ${options.after ?? 'true'}; exec ${dropRights} /app`;
  const env = { ...debug, SADDLEBAG_CACHE_DIR: '/cache', ...options.env };
  return { root, outcome: await inMounts(bundle, script, env) };
}
