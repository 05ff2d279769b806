/*
 * `npm run bench`: what a bundle's first and next start cost over the app itself, started in turn as an unprivileged
 * user. Prints medians and what they are measured against; asserts nothing.
 *
 *   npm run bench -- [rounds]
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Bundle } from '../../src/core/types.ts';
import { nobody } from '../helpers/children.ts';
import { saddlebagJson } from '../helpers/cli.ts';
import { buildFlask } from '../stack/flask.ts';

const rounds = Number(process.argv[2] ?? 15);
const place = mkdtempSync(join(tmpdir(), 'saddlebag-bench-'));
chmodSync(place, 0o755);

/** Runs to the end and returns milliseconds of wall time. */
function time(file: string, args: readonly string[], env: NodeJS.ProcessEnv): number {
  const startNs = process.hrtime.bigint();
  const { status, stderr } = spawnSync(file, [...args], { ...nobody, cwd: '/', env });
  const durationMs = Number(process.hrtime.bigint() - startNs) / 1e6;
  if (status !== 0) throw new Error(`${file} ended with ${status}: ${stderr}`);
  return durationMs;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

try {
  const app = await buildFlask();
  const bundle = await saddlebagJson<Bundle>(['bundle', app, '-o', join(place, 'app')]);
  const tar = join(place, 'app.tar.bz2');
  spawnSync('tar', [
    '-cjf',
    tar,
    '-C',
    '/',
    ...bundle.image.paths.map(({ storePath }) => storePath.slice(1)),
  ]);
  const samples = { app: [] as number[], first: [] as number[], next: [] as number[], untar: [] as number[] };
  for (let round = 0; round <= rounds; round++) {
    const home = join(place, `round-${round}`);
    mkdirSync(home);
    chmodSync(home, 0o777);
    const env = { SADDLEBAG_CACHE_DIR: join(home, 'cache'), SADDLEBAG_STRATEGY: 'namespace' };
    const times = {
      app: time(join(app, 'bin/app'), ['--check'], {}),
      first: time(bundle.file, ['--check'], env),
      next: time(bundle.file, ['--check'], env),
      untar: time('/bin/tar', ['-xjf', tar, '-C', home], { PATH: process.env.PATH }),
    };
    // What a round made stays until the end: ext4 is slow to make files just after thousands were removed.
    // The first round warms the page cache.
    if (round > 0)
      for (const [name, value] of Object.entries(times)) samples[name as keyof typeof samples].push(value);
  }
  const [native, first, next, untar] = [samples.app, samples.first, samples.next, samples.untar].map(
    median,
  ) as [number, number, number, number];
  const overNext = median(samples.next.map((value, index) => value - (samples.app[index] ?? 0)));
  const line = (what: string, value: string) => process.stdout.write(`${what.padEnd(44)} ${value}\n`);
  line(`the app itself, median of ${rounds}`, `${native.toFixed(1)} ms`);
  line('first start of the bundle', `${first.toFixed(1)} ms, ${(first - native).toFixed(1)} ms over the app`);
  line(
    'next start of the bundle',
    `${next.toFixed(1)} ms, ${overNext.toFixed(1)} ms over the app (median of pairs)`,
  );
  line('tar -xjf of the same closure', `${untar.toFixed(1)} ms`);
  line('first start over the app / tar -xjf', ((first - native) / untar).toFixed(3));
} finally {
  rmSync(place, { recursive: true, force: true });
}
