import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type DataRequest, dataKinds } from '../../bundler/closure/data/kinds.ts';
import { parseStorePath } from '../../src/core/store-path.ts';
import type { Closure, Entrypoint, EnvSetting } from '../../src/core/types.ts';

/** What a test tree holds: a file's content, an executable file, or a symbolic link. */
export type Member = string | Buffer | { readonly executable: string | Buffer } | { readonly link: string };

/**
 * Writes a tree of files; parents come by themselves, a path that ends in a slash is an empty directory.
 */
export async function writeTree(top: string, members: Readonly<Record<string, Member>>): Promise<void> {
  await mkdir(top, { recursive: true });
  for (const [path, member] of Object.entries(members)) {
    const file = join(top, path);
    await mkdir(path.endsWith('/') ? file : dirname(file), { recursive: true });
    if (path.endsWith('/')) continue;
    if (typeof member === 'string' || Buffer.isBuffer(member)) await writeFile(file, member);
    else if ('link' in member) await symlink(member.link, file);
    else await writeFile(file, member.executable, { mode: 0o755 });
  }
}

/** A well-formed store path for tests; `letter` makes it one of its own. */
export function fakeStorePath(name: string, letter = 'a') {
  return parseStorePath(`/nix/store/${letter.repeat(32)}-${name}`);
}

/** Makes an entrypoint that starts `program`, an absolute path, and sets nothing. */
export function entrypointOf(program: string): Entrypoint {
  return {
    program,
    args: [],
    defaultArgs: [],
    env: [],
    workingDirectory: null,
    init: false,
    ownName: false,
    interpreter: null,
  };
}

/**
 * Makes a closure of directories on disk, in the order given; the last one has the program.
 */
export function closureOf(
  directories: readonly { readonly name: string; readonly letter: string; readonly directory: string }[],
  program: string,
  overrides: Partial<Closure> = {},
): Closure {
  const paths = directories.map(({ name, letter, directory }) => ({
    storePath: fakeStorePath(name, letter),
    directory,
    files: {},
    references: [],
  }));
  return {
    source: 'directory',
    name: 'app',
    appVersion: '1.0',
    arch: process.arch === 'arm64' ? 'aarch64' : 'x86_64',
    ownLoader: false,
    entrypoint: entrypointOf(`${paths.at(-1)?.storePath}/${program}`),
    programs: [],
    binds: [],
    root: null,
    imageSettings: null,
    excluded: [],
    paths,
    ...overrides,
  };
}

/** Variables that are set where they are unset, as `--env` gives them. */
export function settingsOf(env: Readonly<Record<string, string>>): readonly EnvSetting[] {
  return Object.entries(env).map(([name, value]) => ({ name, value, policy: 'where-unset' }));
}

/** Asks for a closure without what comes by itself. */
export const noData: DataRequest = { with: [], without: dataKinds };
