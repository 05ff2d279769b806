import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { builtCli } from '../../helpers/cli.ts';
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
  /** Whether the check of its frames goes before. */
  readonly isBundle: boolean;
}

/** Writes a program that loads like any other, followed by bytes that no compression makes smaller. */
function writeProgram(file: string): string {
  const descriptor = openSync(file, 'wx', 0o755);
  const chunk = Buffer.alloc(1 << 20);
  // The head of an ELF program for x86_64 without segments: all that `publish` looks at.
  const head = Buffer.from('7f454c4602010100000000000000000002003e00010000000010400000000000', 'hex');
  try {
    for (let at = 0; at < fileBytes; at += chunk.length) {
      randomFillSync(chunk);
      if (at === 0) Buffer.concat([head, Buffer.alloc(64)]).copy(chunk);
      writeSync(descriptor, chunk);
    }
  } finally {
    closeSync(descriptor);
  }
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
    publish: ({ file }) => {
      clear();
      const args = [builtCli, 'publish', file, '--to', 's3://apps', '--endpoint', endpoint, '--quiet'];
      return { file: process.execPath, args, env, asRoot: true };
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
  return { figures, targets: sent.isBundle ? targets.slice(1) : targets, notes: [] };
}

export const publishing: Scenario = {
  name: 'publish',
  title: 'Publishing',
  lead: 'The command from its start to its end, to a MinIO on the same machine, in rounds with `mc cp`. `mc` neither hashes nor checks what it sends; `publish` reads all of it before, since the key is its digest, and decodes and checks each frame of a bundle. Over a network that share is small.',
  run: async (bench) => {
    const mc = findTool('mc');
    if (mc === undefined || findTool('minio') === undefined) {
      return { figures: [], targets: [], notes: ['Publishing was not measured: minio or mc is not there.'] };
    }
    const minio = await startMinio();
    try {
      await minio.makeBucket('apps');
      const make = senders(minio, mc);
      const program = {
        name: 'a program of 1 GB',
        file: writeProgram(join(bench.place, 'program')),
        isBundle: false,
      };
      const found = [await compare(program, bench, make)];
      if (bench.has('large')) {
        const { bundle, name } = await bench.payloads.large();
        found.push(
          await compare({ name: `the bundle of ${name}`, file: bundle.file, isBundle: true }, bench, make),
        );
      }
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
