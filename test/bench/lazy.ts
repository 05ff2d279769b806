/*
 * `node test/bench/lazy.ts [MB] [rounds]`: the first start of a large app that reads a megabyte of itself, lazily and
 * with an extraction, against the app itself; started in turn as an unprivileged user. Prints medians of the differences
 * within a round; asserts nothing. Needs root, for the user, and a /dev/fuse that the user may open.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { noCache } from '../../bundler/cache/record-cache.ts';
import { writeBundle } from '../../bundler/executable.ts';
import { readRuntime } from '../../bundler/runtime-file.ts';
import { silentReporter } from '../../src/core/reporter.ts';
import { nobody } from '../helpers/children.ts';
import { closureOf } from '../helpers/closures.ts';
import { writeLargeApp } from '../helpers/large-app.ts';

const [megabytes = 1000, rounds = 11] = process.argv.slice(2).map(Number);
/** A megabyte, from one file, from sixteen; and all of it. */
const workloads = [
  ['1 MB of one file', '1', '1000000'],
  ['1 MB of 16 files', '16', '62500'],
] as const;

function time(file: string, args: readonly string[], env: NodeJS.ProcessEnv): number {
  const startNs = process.hrtime.bigint();
  const { status, stderr } = spawnSync(file, [...args], { ...nobody, cwd: '/', env });
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${stderr}`);
  return Number(process.hrtime.bigint() - startNs) / 1e6;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

const place = mkdtempSync(join(tmpdir(), 'saddlebag-bench-'));
try {
  chmodSync(place, 0o755);
  const tree = join(place, 'tree');
  const files = await writeLargeApp(tree, megabytes * 1e6);
  const closure = closureOf([{ name: 'large-1.0', letter: 'c', directory: tree }], 'bin/app');
  const file = join(place, 'app');
  await writeBundle(closure, {
    output: file,
    force: false,
    toolVersion: '0.0.0',
    runtime: await readRuntime(closure.arch),
    runtimeOptions: true,
    cache: noCache,
    // The frames of `balanced` at the speed of `fast`.
    compression: { level: 3, frameBytes: 4 << 20 },
    jobs: availableParallelism(),
    signal: new AbortController().signal,
    reporter: silentReporter,
  });
  for (const [name, ...args] of [...workloads, ['all of it', String(files), '8388608'] as const]) {
    const over = { lazy: [] as number[], namespace: [] as number[] };
    let native = Number.NaN;
    for (let round = 0; round <= rounds; round++) {
      const cache = join(place, `cache-${name}-${round}`);
      mkdirSync(cache, { mode: 0o700 });
      chownSync(cache, nobody.uid, nobody.gid);
      native = time(join(tree, 'bin/app'), args, { PATH: process.env.PATH });
      for (const strategy of ['lazy', 'namespace'] as const) {
        const env = { PATH: process.env.PATH, SADDLEBAG_STRATEGY: strategy, SADDLEBAG_CACHE_DIR: cache };
        const taken = time(file, args, env);
        // The first round warms the page cache.
        if (round > 0) over[strategy].push(taken - native);
      }
      rmSync(cache, { recursive: true, force: true });
    }
    const said = Object.entries(over).map(([strategy, ms]) => `${strategy} +${median(ms).toFixed(1)} ms`);
    process.stdout.write(`${name}: native ${native.toFixed(1)} ms; first start ${said.join(', ')}\n`);
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
