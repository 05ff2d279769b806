import { statSync } from 'node:fs';
import { join } from 'node:path';
import { readRuntime } from '../../../bundler/runtime-file.ts';
import { execProcess } from '../../../src/core/exec.ts';
import type { Figure, Target } from '../figure.ts';
import { type Payload, payloadNames } from '../payloads.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { summarize } from '../statistics.ts';

const limitKilobytes = 120;
const arches = ['x86_64', 'aarch64'] as const;

function figure(payload: string, what: string, sizeBytes: number): Figure {
  return { payload, what, unit: 'MB', ...summarize([sizeBytes / 1e6]) };
}

/** Returns the bytes of the files that are unpacked. */
async function contentBytes({ directories }: Payload): Promise<number> {
  const paths = directories.map((directory) => join('/', directory));
  const args = ['--bytes', '--total', '--summarize', '--apparent-size', ...paths];
  const { stdout } = await execProcess('du', args);
  return Number(stdout.trim().split('\n').at(-1)?.split('\t')[0]);
}

async function sizesOf(bench: Bench, payload: Payload): Promise<readonly Figure[]> {
  const { sizeBytes } = payload.bundle;
  const own = [
    figure(payload.name, 'the app itself', await contentBytes(payload)),
    figure(payload.name, 'Saddlebag', sizeBytes),
  ];
  if (!bench.largeTar && payload === (await bench.payloads.large())) return own;
  const tar = statSync(await payload.tarball()).size;
  const peers = payload.name === 'Flask' ? (await bench.peers()).made : [];
  return [
    ...own.map((each) => (each.what === 'Saddlebag' ? { ...each, ratio: sizeBytes / tar } : each)),
    figure(payload.name, '`tar -cjf`', tar),
    ...peers
      .filter(({ file }) => !file.endsWith('.tar.bz2'))
      .map((peer) => ({ ...figure(payload.name, peer.name, peer.sizeBytes), ratio: peer.sizeBytes / tar })),
  ];
}

export const size: Scenario = {
  name: 'size',
  title: 'Size',
  lead: 'One file each, with what the tool takes when it is told nothing (`balanced`). PyInstaller and staticx pack less than the closure.',
  run: async (bench) => {
    const runtimes = await Promise.all(
      arches.map(async (arch) => ({ arch, kilobytes: (await readRuntime(arch)).length / 1e3 })),
    );
    const figures: Figure[] = [];
    for (const name of payloadNames.filter(bench.has)) {
      figures.push(...(await sizesOf(bench, await bench.payloads[name]())));
    }
    const targets: readonly Target[] = runtimes.map(({ arch, kilobytes }) => ({
      what: `Runtime of ${arch}`,
      limit: `under ${limitKilobytes} KB`,
      measured: `${kilobytes.toFixed(1)} KB`,
      met: kilobytes < limitKilobytes,
    }));
    return { beside: '`tar -cjf`', figures, targets, notes: [] };
  },
};
