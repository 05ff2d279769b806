import { spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { noCache } from '../../../bundler/cache/record-cache.ts';
import type { Compression } from '../../../bundler/compression.ts';
import { writeBundle } from '../../../bundler/executable.ts';
import { execProcess } from '../../../src/core/exec.ts';
import { silentReporter } from '../../../src/core/reporter.ts';
import type { Arch, Closure, Entrypoint } from '../../../src/core/types.ts';
import { closureOf, type Member, settingsOf, writeTree } from '../../helpers/closures.ts';
import { readRuntimeUnderTest, sanitizerVariables } from './under-test.ts';

/** The machine's own architecture. */
export const hostArch: Arch = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

/** Who the app runs as where the tests run as root: a user without any right. */
export const nobody = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};

/** The directory of the tested store path, wherever it is extracted. */
export const appBase = `${'c'.repeat(32)}-app-1.0`;

/**
 * Makes a directory that `nobody` may enter, removed when the test ends, whatever modes are in it.
 */
async function sharedDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'saddlebag-runtime-'));
  onTestFinished(async () => {
    await removeLinksInto(directory);
    await removeTree(directory);
  });
  await chmod(directory, 0o755);
  return directory;
}

/** Removes what Node's own function cannot: read-only trees without root, paths above PATH_MAX. */
async function removeTree(directory: string): Promise<void> {
  const script = 'rm -rf "$0" 2>/dev/null || { chmod -R u+rwX "$0"; rm -rf "$0"; }';
  const result = await execProcess('/bin/sh', ['-c', script, directory]);
  if (result.exitCode !== 0) throw new Error(result.stderr);
}

/** Removes the links that relocated starts from a directory left where everybody's are. */
async function removeLinksInto(directory: string): Promise<void> {
  for (const parent of ['/run', '/tmp', '/var/tmp']) {
    for (const name of await readdir(parent)) {
      const link = join(parent, name);
      // What is no link, or another test's and gone by now, is none of ours.
      const target = await readlink(link).catch(() => '');
      if (target.startsWith(`${directory}/`)) await rm(link);
    }
  }
}

/** Makes a directory that belongs to `nobody`, with mode 0700. */
export async function ownDirectory(parent: string, name: string): Promise<string> {
  const directory = join(parent, name);
  await mkdir(directory, { mode: 0o700 });
  if (nobody.uid !== undefined) await chown(directory, nobody.uid, nobody.gid);
  return directory;
}

export interface TestBundle {
  readonly file: string;
  /** A directory beside it for whatever a test needs. */
  readonly directory: string;
  /** An empty cache of `nobody`. */
  readonly cache: string;
  /** The next place that is tried when `cache` does not serve. */
  readonly spare: string;
  /** What was bundled. */
  readonly paths: Closure['paths'];
}

/**
 * Bundles a tree as the store path of `appBase`, with `bin/app`, a script for the host's shell, as its program.
 */
export async function makeBundle(
  script: string,
  options: {
    readonly members?: Readonly<Record<string, Member>>;
    /** Store paths of their own before the app's; the letter makes the hash. */
    readonly dependencies?: readonly {
      readonly letter: string;
      readonly name: string;
      readonly members: Readonly<Record<string, Member>>;
    }[];
    readonly closure?: Partial<Closure>;
    /** Of the closure's, what is another; arguments are `args`. */
    readonly entrypoint?: Partial<Entrypoint>;
    readonly args?: readonly string[];
    readonly env?: Readonly<Record<string, string>>;
    readonly frameBytes?: number;
    readonly joining?: Compression['joining'];
    readonly runtimeOptions?: boolean;
    readonly arch?: Arch;
    readonly letter?: string;
    /** Of the app's store path, where not that of `appBase`. */
    readonly name?: string;
  } = {},
): Promise<TestBundle> {
  const directory = await sharedDirectory();
  const tree = join(directory, 'tree');
  await writeTree(tree, { 'bin/app': { executable: `#!/bin/sh\n${script}\n` }, ...options.members });
  const dependencies: { readonly name: string; readonly letter: string; readonly directory: string }[] = [];
  for (const { name, letter, members } of options.dependencies ?? []) {
    const own = join(directory, `tree-${letter}`);
    await writeTree(own, members);
    dependencies.push({ name, letter, directory: own });
  }
  const closure = closureOf(
    [...dependencies, { name: options.name ?? 'app-1.0', letter: options.letter ?? 'c', directory: tree }],
    'bin/app',
    options.closure,
  );
  const arch = options.arch ?? closure.arch;
  const started = { ...closure.entrypoint, ...options.entrypoint };
  const entrypoint = {
    ...started,
    args: options.args ?? [],
    env: [...settingsOf(options.env ?? {}), ...started.env],
  };
  const file = join(directory, 'app');
  await writeBundle(
    { ...closure, arch, entrypoint },
    {
      output: file,
      force: false,
      toolVersion: '9.9.9',
      runtime: await readRuntimeUnderTest(arch),
      runtimeOptions: options.runtimeOptions ?? true,
      compression: {
        level: 1,
        frameBytes: options.frameBytes ?? 1 << 20,
        ...(options.joining === undefined ? {} : { joining: options.joining }),
      },
      jobs: 2,
      cache: noCache,
      signal: new AbortController().signal,
      reporter: silentReporter,
    },
  );
  return {
    file,
    directory,
    cache: await ownDirectory(directory, 'cache'),
    spare: await ownDirectory(directory, 'spare'),
    paths: closure.paths,
  };
}

export interface StartOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly input?: string | Buffer;
  /** Leaves its standard input open, for a test that writes to it. */
  readonly keepInput?: boolean;
  readonly argv0?: string;
  /** As the tests' own user instead of `nobody`. */
  readonly asSelf?: boolean;
  /** When the child is killed; a minute unless told otherwise. */
  readonly timeoutMs?: number;
}

export interface Outcome {
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a program as `nobody` and hands out the child, for tests that signal it. */
export function startChild(file: string, options: StartOptions = {}) {
  const child = spawn(file, [...(options.args ?? [])], {
    cwd: options.cwd ?? '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...sanitizerVariables, ...options.env },
    ...(options.asSelf === true ? {} : nobody),
    ...(options.argv0 === undefined ? {} : { argv0: options.argv0 }),
    timeout: options.timeoutMs ?? 60_000,
    killSignal: 'SIGKILL',
  });
  const outcome = new Promise<Outcome>((resolve, reject) => {
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
    child.once('error', reject);
    child.once('close', (code, signal) =>
      resolve({
        pid: child.pid,
        code,
        signal,
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      }),
    );
  });
  // An app that ends without reading closes its end: no concern of ours.
  child.stdin.on('error', () => undefined);
  if (options.keepInput !== true) child.stdin.end(options.input);
  return { child, outcome };
}

/** Starts a bundle as `nobody`, with its own cache and the namespace strategy unless told otherwise. */
export function start(bundle: TestBundle, options: StartOptions = {}): Promise<Outcome> {
  return startChild(bundle.file, withCache(bundle, options)).outcome;
}

/** The options of a start whose cache is the bundle's own and whose strategy is the namespace. */
export function withCache(bundle: TestBundle, options: StartOptions = {}): StartOptions {
  return {
    ...options,
    env: {
      SADDLEBAG_STRATEGY: 'namespace',
      SADDLEBAG_CACHE_DIR: bundle.cache,
      NOMAD_ALLOC_DIR: bundle.spare,
      HOME: '/nonexistent',
      ...options.env,
    },
  };
}
