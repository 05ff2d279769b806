import { randomFillSync } from 'node:crypto';
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Bundle } from '../../../src/core/types.ts';
import { builtCli, saddlebagJson } from '../../helpers/cli.ts';
import { findTool } from '../../helpers/needs.ts';
import { credentialsEnv } from '../../helpers/s3-credentials.ts';
import { type Minio, startMinio } from '../../stack/minio.ts';
import { costOf } from '../cost.ts';
import type { Figure, Findings, Target } from '../figure.ts';
import { type Command, measureRounds, samplesOf, time } from '../measure.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { ratios, summarize } from '../statistics.ts';

const fileBytes = 1e9;
const leastRatio = 0.9;
const limitMegabytes = 200;
const rounds = 5;

/** Something that is sent. */
interface Sent {
  readonly name: string;
  readonly file: string;
  /** Where `publish` finds what is remembered of files; without it everything is new to it. */
  readonly cache?: string;
}

/** Writes bytes that no compression makes smaller, with `head` in place of the first of them. */
function writeRandom(file: string, sizeBytes: number, head = Buffer.alloc(0)): string {
  const descriptor = openSync(file, 'wx', 0o755);
  const chunk = Buffer.alloc(1 << 20);
  try {
    for (let at = 0; at < sizeBytes; at += chunk.length) {
      randomFillSync(chunk);
      if (at === 0) head.copy(chunk);
      writeSync(descriptor, chunk);
    }
  } finally {
    closeSync(descriptor);
  }
  return file;
}

/** A program that loads like any other. */
function writeProgram(file: string): string {
  // The head of an ELF program for x86_64 without segments: all that `publish` looks at.
  const head = Buffer.from('7f454c4602010100000000000000000002003e00010000000010400000000000', 'hex');
  return writeRandom(file, fileBytes, Buffer.concat([head, Buffer.alloc(64)]));
}

/** Has `saddlebag bundle` make a bundle as large as the program; the cache then knows it. */
async function makeBundle(place: string, cache: string): Promise<string> {
  const tree = join(place, 'published');
  mkdirSync(join(tree, 'bin'), { recursive: true });
  writeFileSync(join(tree, 'bin/app'), '#!/bin/sh\n', { mode: 0o755 });
  for (let number = 0; number < 10; number++) writeRandom(join(tree, String(number)), fileBytes / 10);
  const output = join(place, 'published-bundle');
  const args = ['bundle', tree, '--entrypoint', 'bin/app', '--compress', 'fast', '-o', output];
  const { file } = await saddlebagJson<Bundle>(args, {
    timeoutMs: 600_000,
    env: { PATH: process.env.PATH, SADDLEBAG_BUILD_CACHE: cache },
  });
  return file;
}

/** Makes the commands that send a file, each time as an object of its own; what was sent before is removed. */
function senders(minio: Minio, mc: string): Readonly<Record<'publish' | 'mc', (sent: Sent) => Command>> {
  const { endpoint, accessKey, secretKey } = minio;
  const env = {
    ...credentialsEnv(minio),
    MC_HOST_bench: endpoint.replace('://', `://${accessKey}:${secretKey}@`),
  };
  const clear = () =>
    time({ file: mc, args: ['rm', '--quiet', '--recursive', '--force', 'bench/apps'], env, asRoot: true });
  return {
    publish: ({ cache, file }) => {
      clear();
      const args = [builtCli, 'publish', file, '--to', 's3://apps', '--endpoint', endpoint, '--quiet'];
      const known = cache === undefined ? {} : { SADDLEBAG_BUILD_CACHE: cache };
      return { file: process.execPath, args, env: { ...env, ...known }, asRoot: true };
    },
    mc: ({ file }) => {
      clear();
      return { file: mc, args: ['cp', '--quiet', file, 'bench/apps/web'], env, asRoot: true };
    },
  };
}

async function compare(sent: Sent, bench: Bench, make: ReturnType<typeof senders>): Promise<Findings> {
  const samples = measureRounds(
    [
      { name: 'publish', prepare: () => make.publish(sent) },
      { name: 'mc', prepare: () => make.mc(sent) },
    ],
    Math.min(rounds, bench.rounds),
  );
  const [ours, theirs] = [samplesOf(samples, 'publish'), samplesOf(samples, 'mc')];
  // As speeds: how much of mc's is ours.
  const ratio = summarize(ratios(theirs, ours)).median;
  const { peakBytes } = costOf(make.publish(sent), bench.place);
  const figures: readonly Figure[] = [
    { payload: sent.name, what: 'Saddlebag', unit: 'ms', ...summarize(ours), ratio },
    { payload: sent.name, what: '`mc cp`', unit: 'ms', ...summarize(theirs) },
    ...(peakBytes === undefined
      ? []
      : [
          {
            payload: sent.name,
            what: 'Saddlebag',
            detail: 'most resident',
            unit: 'MB' as const,
            ...summarize([peakBytes / 1e6]),
          },
        ]),
  ];
  const megabytes = peakBytes === undefined ? Number.NaN : peakBytes / 1e6;
  const targets: readonly Target[] = [
    {
      what: `Publishing ${sent.name} beside \`mc cp\` in the same rounds`,
      limit: `at least ${leastRatio} of its speed`,
      measured: ratio.toFixed(2),
      met: ratio >= leastRatio,
    },
    {
      what: `Resident memory while ${sent.name} is published`,
      limit: `under ${limitMegabytes} MB`,
      measured: Number.isNaN(megabytes) ? 'not measured' : `${megabytes.toFixed(0)} MB`,
      met: megabytes < limitMegabytes,
    },
  ];
  return { figures, targets, notes: [] };
}

export const publishing: Scenario = {
  name: 'publish',
  title: 'Publishing',
  lead: 'The command from its start to its end, to a MinIO on the same machine, in rounds with `mc cp` of the same file, and each time as a new object. `mc` neither hashes nor checks what it sends. `publish` takes the SHA-256 of all of it, which is in the key: of what it has not seen yet before it sends, of what `bundle` has just written while it sends. Over a network that share is small.',
  run: async (bench) => {
    const mc = findTool('mc');
    if (mc === undefined || findTool('minio') === undefined) {
      return { figures: [], targets: [], notes: ['Publishing was not measured: minio or mc is not there.'] };
    }
    const minio = await startMinio();
    try {
      await minio.makeBucket('apps');
      const make = senders(minio, mc);
      const cache = join(bench.place, 'published-cache');
      const bundle = await makeBundle(bench.place, cache);
      const sent: readonly Sent[] = [
        { name: 'a bundle of 1 GB, just made', file: bundle, cache },
        { name: 'a bundle of 1 GB, copied from elsewhere', file: bundle },
        { name: 'a program of 1 GB', file: writeProgram(join(bench.place, 'program')) },
      ];
      const found: Findings[] = [];
      for (const each of sent) found.push(await compare(each, bench, make));
      return {
        beside: '`mc cp`, as speeds',
        figures: found.flatMap(({ figures }) => figures),
        targets: found.flatMap(({ targets }) => targets),
        notes: [],
      };
    } finally {
      await minio.stop();
    }
  },
};
