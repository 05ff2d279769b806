/*
 * `npm run bench:bundle`: how long a bundle takes to make, first and again, how large it is and how much memory that needs,
 * beside `tar | bzip2 -9` (what nix-bundle does) and `tar | xz -9e` of the same closure. Prints, and asserts nothing.
 *
 *   npm run bench:bundle -- [flask] [large] [--xz]     xz takes a quarter of an hour for the large closure
 *
 * Needs nix-build and GNU time; `nix-collect-garbage` removes the closures that it built.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { builtCli } from '../helpers/cli.ts';
import { buildFlask } from '../stack/flask.ts';
import { buildLarge } from '../stack/large.ts';

interface Cost {
  readonly seconds: number;
  readonly processorSeconds: number;
  readonly peakMegabytes: number;
  readonly megabytes: number;
}

const place = mkdtempSync(join(tmpdir(), 'saddlebag-bench-'));
const flags = process.argv.slice(2).filter((word) => word.startsWith('--'));
const asked = process.argv.slice(2).filter((word) => !word.startsWith('--'));

/** Runs a program that writes `output`, under GNU time. */
function measure(output: string, file: string, args: readonly string[]): Cost {
  const env = { ...process.env, SADDLEBAG_BUILD_CACHE: join(place, 'cache') };
  const report = join(place, 'time');
  const timed = ['-f', '%e %U %S %M', '-o', report, file, ...args];
  const { status, stderr } = spawnSync('/usr/bin/time', timed, { env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${file} ${args.join(' ')} ended with ${status}: ${stderr}`);
  const words = spawnSync('tail', ['-1', report], { encoding: 'utf8' }).stdout.trim().split(' ').map(Number);
  const [seconds = 0, user = 0, system = 0, kilobytes = 0] = words;
  return {
    seconds,
    processorSeconds: user + system,
    peakMegabytes: (kilobytes * 1024) / 1e6,
    megabytes: statSync(output).size / 1e6,
  };
}

function bundle(app: string, ...more: string[]): Cost {
  const output = join(place, 'bundle');
  const args = ['bundle', app, '--force', '--quiet', '-o', output, ...more];
  return measure(output, process.execPath, [builtCli, ...args]);
}

/** Packs as nix-bundle does, names in order and times fixed so that the size can be compared from day to day. */
function archive(app: string, compressor: string): Cost {
  const output = join(place, 'archive');
  const script = `nix-store --query --requisites "$1" | sort | xargs tar --sort=name --mtime=@1 -cf - 2>/dev/null | ${compressor} > "$2"`;
  return measure(output, 'bash', ['-o', 'pipefail', '-c', script, 'bash', app, output]);
}

function show(what: string, cost: Cost, beside?: { readonly name: string; readonly cost: Cost }): void {
  const ratios =
    beside === undefined
      ? ''
      : `; ${(cost.megabytes / beside.cost.megabytes).toFixed(3)} of the size, ${(cost.seconds / beside.cost.seconds).toFixed(2)} of the time of ${beside.name}`;
  process.stdout.write(
    `${what.padEnd(34)} ${cost.megabytes.toFixed(2).padStart(8)} MB ${cost.seconds.toFixed(1).padStart(7)} s (${cost.processorSeconds.toFixed(1)} s of processors), ${cost.peakMegabytes.toFixed(0)} MB of memory${ratios}\n`,
  );
}

/** @param next another release of `app`, in which its own store path alone differs */
function compare(name: string, { app, next }: { readonly app: string; readonly next: string }): void {
  process.stdout.write(
    `${name}, ${availableParallelism()} processors, load ${loadavg()[0]?.toFixed(1)} before the first run\n`,
  );
  // Brings the closure into memory, for all alike.
  spawnSync('bash', ['-c', 'nix-store --query --requisites "$1" | xargs tar -cf - | wc -c', 'bash', app]);
  const bzip2 = { name: 'tar | bzip2 -9', cost: archive(app, 'bzip2 -9') };
  show(bzip2.name, bzip2.cost);
  for (const level of ['fast', 'balanced', 'small']) {
    show(`${level}, first`, bundle(app, '--compress', level), bzip2);
    show(`${level}, again, nothing changed`, bundle(app, '--compress', level));
    show(`${level}, again, the app changed`, bundle(next, '--compress', level));
  }
  show('balanced, --no-cache', bundle(app, '--no-cache'), bzip2);
  if (name !== 'Flask' && !flags.includes('--xz')) return;
  const xz = { name: 'tar | xz -9e', cost: archive(app, 'xz -9e') };
  show(xz.name, xz.cost);
  show('small, again', bundle(app, '--compress', 'small'), xz);
}

try {
  if (asked.length === 0 || asked.includes('flask')) {
    compare('Flask', { app: await buildFlask(), next: await buildFlask({ version: '0.2.0' }) });
  }
  if (asked.length === 0 || asked.includes('large')) {
    compare('large', { app: await buildLarge('0.1.0'), next: await buildLarge('0.2.0') });
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
