import { stat } from 'node:fs/promises';
import { delimiter, dirname } from 'node:path';
import type { Context } from '../../src/core/context.ts';
import { type Inclusions, kindOf } from './include.ts';
import { isBelow } from './libraries.ts';
import type { TracedFiles } from './trace.ts';

/** Where a distribution installs what belongs to programs; all else that a run opens is its user's or the host's. */
const installed = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/etc', '/opt'];

/** What says who and where the host is: an app must find the one of the host that it runs on. */
const ofTheHost =
  /^\/etc\/(ld\.so\.(cache|preload)|g?shadow-?|passwd-?|group-?|nsswitch\.conf|resolv\.conf|hosts|host\.conf|hostname|gai\.conf|localtime|timezone|machine-id|mtab|fstab|sudoers.*|sub[ug]id)$/;

// Each name directly below one of these is one package's: all that a run read there appears together, or not at all
// where the host has that directory.
const shelves =
  /^\/(usr\/)?(local\/)?(share|libexec|lib(32|64)?(\/[^/]+-linux-(gnu|musl)[^/]*)?)\/|^\/(etc|opt)\//;

/**
 * Decides what of a traced run comes along: programs that it started and that lie on PATH as helpers; libraries; other
 * files under the directory of their package.
 */
export async function sortTraced(
  { opened, executed }: TracedFiles,
  { env }: Pick<Context, 'env'>,
): Promise<Inclusions> {
  const onPath = new Set((env.PATH ?? '').split(delimiter));
  const helpers = executed.filter((file) => onPath.has(dirname(file)));
  const others = executed.filter((file) => !onPath.has(dirname(file)) && isInstalled(file));
  const files: string[] = [...others];
  const libraries: string[] = [];
  for (const file of opened) {
    if (!isInstalled(file) || ofTheHost.test(file)) continue;
    const kind = await kindOf(file);
    if (kind === 'library') libraries.push(file);
    // A directory is opened to list it; what was read in it is here by itself.
    else if (kind !== null && (await isPlainFile(file))) files.push(file);
  }
  return {
    helpers: helpers.map((file) => ({ file, target: file })),
    extra: { files, binds: [...new Set(files.map(shelfOf))], libraries },
  };
}

function isInstalled(file: string): boolean {
  return installed.some((directory) => isBelow(directory, file));
}

async function isPlainFile(file: string): Promise<boolean> {
  return (await stat(file)).isFile();
}

/** Returns the directory of a file's package, `/usr/share/vim`; the file itself where it lies on the shelf. */
export function shelfOf(file: string): string {
  const shelf = shelves.exec(file)?.[0];
  if (shelf === undefined) return file;
  return shelf + file.slice(shelf.length).split('/')[0];
}
