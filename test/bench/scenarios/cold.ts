import { rmSync } from 'node:fs';
import type { Figure, Findings } from '../figure.ts';
import { measureRounds, samplesOf, time } from '../measure.ts';
import { emptyDirectory, type Payload, untar, untarCommand } from '../payloads.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { differences, median, ratios, summarize } from '../statistics.ts';

const limit = 0.15;

/** The Flask closure in rounds: app, first start and `tar -xjf` in turn, each into an empty directory. */
async function small(bench: Bench): Promise<Findings> {
  const flask = await bench.payloads.flask();
  const tarball = await flask.tarball();
  const samples = measureRounds(
    [
      { name: 'app', prepare: () => flask.app() },
      { name: 'first', prepare: () => flask.start('namespace', emptyDirectory(bench.place)) },
      { name: 'tar', prepare: () => untarCommand(bench.place, tarball) },
    ],
    bench.rounds,
  );
  const [app, first, tar] = ['app', 'first', 'tar'].map((name) => samplesOf(samples, name)) as [
    readonly number[],
    readonly number[],
    readonly number[],
  ];
  const over = differences(first, app);
  const ratio = median(ratios(over, tar));
  return {
    figures: [
      { payload: flask.name, what: 'the app itself', unit: 'ms', ...summarize(app) },
      {
        payload: flask.name,
        what: 'Saddlebag',
        detail: 'first start',
        unit: 'ms',
        ...summarize(first),
        over: summarize(over),
        ratio,
      },
      { payload: flask.name, what: '`tar -xjf`', unit: 'ms', ...summarize(tar) },
    ],
    targets: [
      {
        what: 'First start of the Flask closure over the app itself, without FUSE, as an ordinary user',
        limit: `at most ${limit} × \`tar -xjf\``,
        measured: `${ratio.toFixed(3)} ×`,
        met: ratio <= limit,
      },
    ],
    notes: [],
  };
}

/** A large payload: rounds of app and first start, `tar -xjf` once. */
async function large(bench: Bench): Promise<readonly Figure[]> {
  const payload = await bench.payloads.large();
  const caches: string[] = [];
  const samples = measureRounds(
    [
      { name: 'app', prepare: () => payload.app() },
      {
        name: 'first',
        prepare: () => {
          // Few and large files: to remove them costs the next ones nothing, to keep them fills the disk.
          for (const cache of caches.splice(0)) rmSync(cache, { recursive: true });
          const cache = emptyDirectory(bench.place);
          caches.push(cache);
          return payload.start('namespace', cache);
        },
      },
    ],
    Math.max(1, Math.round(bench.rounds / 3)),
  );
  for (const cache of caches) rmSync(cache, { recursive: true });
  const figures = { app: samplesOf(samples, 'app'), first: samplesOf(samples, 'first') };
  return besideTar(payload, {
    ...figures,
    tar: bench.largeTar ? await untar(bench.place, payload) : undefined,
  });
}

/** Many files: all of it once, it is heavy on the file system. */
async function many(bench: Bench): Promise<readonly Figure[]> {
  const payload = await bench.payloads.many();
  const app = time(payload.app());
  const first = payload.filled().ms;
  return besideTar(payload, { app: [app], first: [first], tar: await untar(bench.place, payload) });
}

function besideTar(
  { name }: Payload,
  {
    app,
    first,
    tar,
  }: { readonly app: readonly number[]; readonly first: readonly number[]; readonly tar: number | undefined },
): readonly Figure[] {
  const over = summarize(differences(first, app));
  const saddlebag = { payload: name, what: 'Saddlebag', detail: 'first start', unit: 'ms' } as const;
  return [
    { payload: name, what: 'the app itself', unit: 'ms', ...summarize(app) },
    { ...saddlebag, ...summarize(first), over, ...(tar === undefined ? {} : { ratio: over.median / tar }) },
    ...(tar === undefined
      ? []
      : [{ payload: name, what: '`tar -xjf`', unit: 'ms', ...summarize([tar]) } as const]),
  ];
}

export const cold: Scenario = {
  name: 'cold',
  title: 'First start',
  lead: 'Strategy `namespace`, without FUSE, into an empty cache; `tar -xjf` unpacks the same closure into an empty directory, in the same round for Flask and once for the others. What was unpacked stays until the end of the run: ext4 is slow to make files for minutes after thousands were removed. The files that are read are in the page cache.',
  run: async (bench) => {
    const nothing: Findings = { figures: [], targets: [], notes: [] };
    const found = bench.has('flask') ? await small(bench) : nothing;
    const figures = [
      ...found.figures,
      ...(bench.has('large') ? await large(bench) : []),
      ...(bench.has('many') ? await many(bench) : []),
    ];
    const notes = bench.largeTar ? [] : ['`tar -xjf` of the 1 GB payload was left out (`--no-large-tar`).'];
    return { ...found, beside: '`tar -xjf`', figures, notes };
  },
};
