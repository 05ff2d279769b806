import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Figure, Target } from '../figure.ts';
import { measureRounds, samplesOf } from '../measure.ts';
import { emptyDirectory, type Payload } from '../payloads.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { differences, summarize } from '../statistics.ts';

const limitMs = 40;
const strategies = ['lazy', 'namespace'] as const;

interface Workload {
  readonly name: string;
  readonly args: readonly string[];
  readonly rounds: number;
}

function measure(bench: Bench, payload: Payload, { name, args, rounds }: Workload): readonly Figure[] {
  const caches: string[] = [];
  const samples = measureRounds(
    [
      { name: 'app', prepare: () => payload.app(args) },
      ...strategies.map((strategy) => ({
        name: strategy,
        prepare: () => {
          for (const cache of caches.splice(0)) rmSync(cache, { recursive: true });
          const cache = emptyDirectory(bench.place);
          caches.push(cache);
          return payload.start(strategy, cache, args);
        },
      })),
    ],
    rounds,
  );
  for (const cache of caches) rmSync(cache, { recursive: true });
  const app = samplesOf(samples, 'app');
  const figure = { payload: `${payload.name}, ${name}`, unit: 'ms' } as const;
  return [
    { ...figure, what: 'the app itself', ...summarize(app) },
    ...strategies.map((strategy) => {
      const taken = samplesOf(samples, strategy);
      const over = summarize(differences(taken, app));
      return {
        ...figure,
        what: 'Saddlebag',
        detail: `first start, \`${strategy}\``,
        ...summarize(taken),
        over,
      };
    }),
  ];
}

/** Why it can't be measured; undefined: it can. */
function refusal(): string | undefined {
  const mode = statSync('/dev/fuse', { throwIfNoEntry: false })?.mode;
  if (mode === undefined) return 'there is no /dev/fuse';
  return (mode & 0o6) === 0o6 ? undefined : '/dev/fuse opens for root alone';
}

export const lazy: Scenario = {
  name: 'lazy',
  title: 'First start of a large closure',
  lead: 'With an empty cache, strategy `lazy` (a FUSE mount, taken by itself where more than 256 MiB would have to be unpacked) beside `namespace`, which unpacks all of it.',
  run: async (bench) => {
    const reason = refusal();
    if (reason !== undefined) return { figures: [], targets: [], notes: [`Not measured: ${reason}.`] };
    const payload = await bench.payloads.large();
    const files = readdirSync(join('/', payload.directories[0] ?? '', 'data')).length;
    const few = Math.max(1, Math.round(bench.rounds / 5));
    const workloads: readonly Workload[] = [
      { name: '1 MB of one file', args: ['1', '1000000'], rounds: bench.rounds },
      { name: '1 MB of 16 files', args: [String(Math.min(16, files)), '62500'], rounds: few },
      { name: 'all of it', args: [String(files), '8388608'], rounds: few },
    ];
    const figures = workloads.flatMap((workload) => measure(bench, payload, workload));
    const over = figures[1]?.over?.median ?? Number.NaN;
    const target: Target = {
      what: `First start of a payload of ${payload.name} over the app itself, which reads 1 MB of it`,
      limit: `at most ${limitMs} ms`,
      measured: `${over.toFixed(1)} ms`,
      met: over <= limitMs,
    };
    return { figures, targets: [target], notes: [] };
  },
};
