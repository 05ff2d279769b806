import { rmSync } from 'node:fs';
import { type MemoryGroup, makeMemoryGroup } from '../../helpers/memory-group.ts';
import { costOf } from '../cost.ts';
import type { Figure, Findings, Target } from '../figure.ts';
import { type Command, measureRounds, samplesOf, time } from '../measure.ts';
import { emptyDirectory } from '../payloads.ts';
import type { Bench, Scenario } from '../scenario.ts';
import { summarize } from '../statistics.ts';

const limitMegabytes = 64;
const groupBytes = 32 * 2 ** 20;

/** What a process has resident while it unpacks. */
async function resident(bench: Bench): Promise<Findings> {
  const large = await bench.payloads.large();
  const peaks = Array.from({ length: 3 }, () => {
    const cache = emptyDirectory(bench.place);
    const { peakBytes } = costOf(large.start('namespace', cache), bench.place);
    rmSync(cache, { recursive: true });
    return peakBytes;
  });
  const figure = (payload: string, bytes: readonly (number | undefined)[]): readonly Figure[] => {
    const megabytes = bytes.filter((each) => each !== undefined).map((each) => each / 1e6);
    if (megabytes.length === 0) return [];
    const what = { what: 'Saddlebag', detail: 'most resident while unpacking', unit: 'MB' } as const;
    return [{ payload, ...what, ...summarize(megabytes) }];
  };
  const figures = [...figure(large.name, peaks)];
  if (bench.has('many')) {
    const many = await bench.payloads.many();
    figures.push(...figure(many.name, [many.filled().peakBytes]));
  }
  const most = Math.max(...peaks.map((each) => (each ?? Number.NaN) / 1e6));
  const target: Target = {
    what: `Resident memory while a payload of ${large.name} is unpacked`,
    limit: `under ${limitMegabytes} MB`,
    measured: Number.isNaN(most) ? 'not measured' : `${most.toFixed(1)} MB`,
    met: most < limitMegabytes,
  };
  const notes = figures.length > 0 ? [] : ['Resident memory was not measured: GNU time is not there.'];
  return { figures, targets: [target], notes };
}

function confine(group: MemoryGroup, command: Command): Command {
  const { args = [], asRoot = false } = command;
  return { ...command, ...group.confine({ ...command, args, asRoot }), asRoot: true };
}

/** Unpacks inside a control group, pages of files included in what it may have. */
async function confined(bench: Bench, group: MemoryGroup): Promise<Findings> {
  const large = await bench.payloads.large();
  const caches: string[] = [];
  const start = () => {
    for (const cache of caches.splice(0)) rmSync(cache, { recursive: true });
    const cache = emptyDirectory(bench.place);
    caches.push(cache);
    return large.start('namespace', cache);
  };
  const what = `A payload of ${large.name} unpacked inside a memory control group of 32 MB (${group.version})`;
  try {
    const samples = measureRounds(
      [
        { name: 'free', prepare: start },
        { name: 'confined', prepare: () => confine(group, start()) },
      ],
      2,
    );
    const figure = { payload: large.name, what: 'Saddlebag', unit: 'ms' } as const;
    return {
      figures: [
        { ...figure, detail: 'first start', ...summarize(samplesOf(samples, 'free')) },
        { ...figure, detail: 'first start in 32 MB', ...summarize(samplesOf(samples, 'confined')) },
      ],
      targets: [{ what, limit: 'starts', measured: 'starts', met: true }],
      notes: [],
    };
  } catch (cause) {
    const measured = cause instanceof Error ? cause.message : String(cause);
    return { figures: [], targets: [{ what, limit: 'starts', measured, met: false }], notes: [] };
  } finally {
    for (const cache of caches) rmSync(cache, { recursive: true });
  }
}

export const memory: Scenario = {
  name: 'memory',
  title: 'Memory',
  lead: 'What GNU time reads from wait4(2) of a first start, strategy `namespace`, with as many threads as processors; the app is a shell script and smaller. The control group counts the pages of the files that are read and written as well.',
  run: async (bench) => {
    const free = await resident(bench);
    const group = makeMemoryGroup(groupBytes);
    if (typeof group === 'string') return { ...free, notes: [...free.notes, `No control group: ${group}.`] };
    try {
      // Once as it is, so that a group in which nothing runs is no failure of ours.
      time(confine(group, { file: '/bin/true' }));
      const inGroup = await confined(bench, group);
      return {
        figures: [...free.figures, ...inGroup.figures],
        targets: [...free.targets, ...inGroup.targets],
        notes: [...free.notes, ...inGroup.notes],
      };
    } finally {
      group.remove();
    }
  },
};
