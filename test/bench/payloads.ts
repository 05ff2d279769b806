import { chmodSync, chownSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { noCache } from '../../bundler/cache/record-cache.ts';
import { compressions } from '../../bundler/compression.ts';
import { writeBundle } from '../../bundler/executable.ts';
import { readRuntime } from '../../bundler/runtime-file.ts';
import { execProcess } from '../../src/core/exec.ts';
import { silentReporter } from '../../src/core/reporter.ts';
import type { Bundle, Closure } from '../../src/core/types.ts';
import { nobody } from '../helpers/children.ts';
import { saddlebagJson } from '../helpers/cli.ts';
import { closureOf } from '../helpers/closures.ts';
import { writeLargeApp } from '../helpers/large-app.ts';
import { buildFlask } from '../stack/flask.ts';
import { type Cost, costOf } from './cost.ts';
import { type Command, time } from './measure.ts';
import { once } from './once.ts';

/** What is started, unpacked and packed. */
export interface Payload {
  readonly name: string;
  readonly bundle: Bundle;
  /** Where its store paths are on this machine, without `/` in front: what tar packs, from `/`. */
  readonly directories: readonly string[];
  /** Arguments with which the app does a little and ends. */
  readonly args: readonly string[];
  /** Starts the app itself, from where it was built. */
  readonly app: (args?: readonly string[]) => Command;
  /** Starts the bundle. */
  readonly start: (strategy: string, cache: string, args?: readonly string[]) => Command;
  /** A first start, done once; its cache is full afterwards. */
  readonly filled: () => FirstStart;
  /** `tar -cjf` of the closure, done once. */
  readonly tarball: () => Promise<string>;
}

export interface FirstStart extends Cost {
  readonly cache: string;
}

/** What all scenarios share; each is made when it is first asked for. */
export type Payloads = Readonly<Record<PayloadName, () => Promise<Payload>>>;

export const payloadNames = ['flask', 'large', 'many'] as const;

export type PayloadName = (typeof payloadNames)[number];

/** Makes a directory that the unprivileged user may fill. */
export function emptyDirectory(place: string): string {
  const directory = mkdtempSync(join(place, 'empty-'));
  chownSync(directory, nobody.uid, nobody.gid);
  chmodSync(directory, 0o700);
  return directory;
}

/**
 * Says how to make the payloads below a directory. `scale` makes the large ones smaller, to try something.
 */
export function payloadsIn(place: string, scale: number): Payloads {
  return {
    flask: once(() => flask(place)),
    large: once(() => large(place, 1e9 * scale)),
    many: once(() => many(place, Math.round(500 * scale))),
  };
}

async function flask(place: string): Promise<Payload> {
  const app = await buildFlask();
  const output = join(place, 'flask');
  const bundle = await saddlebagJson<Bundle>(['bundle', app, '--no-cache', '-o', output]);
  return payload(place, {
    name: 'Flask',
    bundle,
    directories: bundle.image.paths.map(({ storePath }) => storePath.slice(1)),
    program: join(app, 'bin/app'),
    args: ['--check'],
  });
}

async function large(place: string, sizeBytes: number): Promise<Payload> {
  const tree = join(place, 'large-tree');
  await writeLargeApp(tree, sizeBytes);
  const closure = closureOf([{ name: 'large-1.0', letter: 'c', directory: tree }], 'bin/app');
  return payload(place, {
    name: sizeBytes === 1e9 ? '1 GB' : `${Math.round(sizeBytes / 1e6)} MB`,
    bundle: await bundled(closure, join(place, 'large')),
    directories: [tree.slice(1)],
    program: join(tree, 'bin/app'),
    args: ['1', '1000000'],
  });
}

const filesOfDirectory = 1000;

async function many(place: string, directories: number): Promise<Payload> {
  const tree = join(place, 'many-tree');
  mkdirSync(join(tree, 'bin'), { recursive: true });
  mkdirSync(join(tree, 'data'));
  for (let directory = 0; directory < directories; directory++) {
    mkdirSync(join(tree, 'data', String(directory)));
    for (let file = 0; file < filesOfDirectory; file++) {
      // No two alike: those of equal content are one file.
      const text = `file ${file} of directory ${directory}\n`;
      writeFileSync(join(tree, 'data', String(directory), String(file)), text);
    }
  }
  const script = `#!/bin/sh\nread -r line < "\${0%/*}/../data/${directories >> 1}/500"\n`;
  writeFileSync(join(tree, 'bin/app'), script, { mode: 0o755 });
  const closure = closureOf([{ name: 'many-1.0', letter: 'd', directory: tree }], 'bin/app');
  return payload(place, {
    name: `${(directories * filesOfDirectory).toLocaleString('en')} files`,
    bundle: await bundled(closure, join(place, 'many')),
    directories: [tree.slice(1)],
    program: join(tree, 'bin/app'),
    args: [],
  });
}

/** Bundles as `saddlebag bundle` does without being told more. */
async function bundled(closure: Closure, output: string): Promise<Bundle> {
  return writeBundle(closure, {
    output,
    force: false,
    toolVersion: '0.0.0',
    runtime: await readRuntime(closure.arch),
    runtimeOptions: true,
    cache: noCache,
    compression: compressions.balanced,
    jobs: availableParallelism(),
    signal: new AbortController().signal,
    reporter: silentReporter,
  });
}

function payload(
  place: string,
  made: Pick<Payload, 'name' | 'bundle' | 'directories' | 'args'> & { readonly program: string },
): Payload {
  const start = (strategy: string, cache: string, args = made.args) => ({
    file: made.bundle.file,
    args,
    env: { SADDLEBAG_STRATEGY: strategy, SADDLEBAG_CACHE_DIR: cache },
  });
  return {
    ...made,
    app: (args = made.args) => ({ file: made.program, args }),
    start,
    filled: once(() => {
      const cache = emptyDirectory(place);
      return { cache, ...costOf(start('namespace', cache), place) };
    }),
    tarball: once(async () => {
      const file = `${made.bundle.file}.tar.bz2`;
      const { exitCode, stderr } = await execProcess('tar', ['-cjf', file, '-C', '/', ...made.directories]);
      if (exitCode !== 0) throw new Error(`tar -cjf: ${stderr}`);
      return file;
    }),
  };
}

/** Unpacks a payload's tarball into a directory of its own, and returns milliseconds. */
export async function untar(place: string, { tarball }: Payload): Promise<number> {
  return time(untarCommand(place, await tarball()));
}

export function untarCommand(place: string, tarball: string): Command {
  return { file: '/bin/tar', args: ['-xjf', tarball, '-C', emptyDirectory(place)] };
}
