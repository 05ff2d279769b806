import { glob, readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join } from 'node:path';
import { compareBytes } from '../../../src/core/files.ts';
import type { Arch } from '../../../src/core/types.ts';

/** Where to read the host's settings; tests give a tree of their own. */
export interface LibraryDirectoriesOptions {
  /** Prefixed to every path that is read or returned. */
  readonly root?: string;
}

/**
 * Lists the directories in which a dynamic loader looks last, in its order: those of its settings, then those built in.
 * A loader of musl reads its path file, glibc's `/etc/ld.so.conf` with what it includes. glibc's binary cache holds
 * nothing else, and its `glibc-hwcaps` subdirectories are left out on purpose: a bundle runs on older processors too.
 * Source: ld.so(8), ldconfig(8); musl, "Dynamic linker path file".
 */
export async function libraryDirectories(
  interpreter: string,
  arch: Arch,
  options: LibraryDirectoriesOptions = {},
): Promise<readonly string[]> {
  const root = options.root ?? '/';
  const found = isMuslLoader(interpreter)
    ? await muslDirectories(root, arch)
    : [
        ...(await readConfiguration(join(root, 'etc/ld.so.conf'), root, new Set())),
        ...glibcDefaults(arch).map((directory) => join(root, directory)),
      ];
  return [...new Set(found)];
}

/** True for the path of musl's dynamic loader, which is also its C library. */
export function isMuslLoader(interpreter: string): boolean {
  return /(^|\/)ld-musl-[^/]+$/.test(interpreter);
}

async function muslDirectories(root: string, arch: Arch): Promise<string[]> {
  const text = await readIfThere(join(root, `etc/ld-musl-${arch}.path`));
  const named = (text ?? '/lib:/usr/local/lib:/usr/lib').split(/[:\n]/);
  return named.filter((directory) => directory !== '').map((directory) => join(root, directory));
}

/** Debian's multiarch directories and the plain ones; a directory that is not there finds nothing. */
function glibcDefaults(arch: Arch): readonly string[] {
  const triplet = `${arch}-linux-gnu`;
  return [`/lib/${triplet}`, `/usr/lib/${triplet}`, '/lib64', '/usr/lib64', '/lib', '/usr/lib'];
}

async function readConfiguration(file: string, root: string, seen: Set<string>): Promise<string[]> {
  if (seen.has(file)) return [];
  seen.add(file);
  const directories: string[] = [];
  for (const line of ((await readIfThere(file)) ?? '').split('\n')) {
    const text = line.replace(/#.*/, '').trim();
    const included = /^include\s+(.*)$/.exec(text)?.[1];
    if (included !== undefined) {
      const pattern = isAbsolute(included) ? join(root, included) : join(dirname(file), included);
      for (const name of (await Array.fromAsync(glob(pattern))).sort(compareBytes)) {
        directories.push(...(await readConfiguration(name, root, seen)));
      }
    } else if (isAbsolute(text)) {
      // `=type` behind a directory is a relic of libc5 that ldconfig still takes.
      directories.push(join(root, text.replace(/\s*=.*$/, '')));
    }
  }
  return directories;
}

async function readIfThere(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(() => undefined);
}
