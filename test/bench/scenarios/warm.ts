import type { Figure, Findings, Target } from '../figure.ts';
import { measureRounds, samplesOf } from '../measure.ts';
import { type Payload, payloadNames } from '../payloads.ts';
import type { Scenario } from '../scenario.ts';
import { differences, summarize } from '../statistics.ts';

const limitMs = 3;

function measure(payload: Payload, rounds: number): Findings {
  const { cache } = payload.filled();
  const samples = measureRounds(
    [
      { name: 'app', prepare: () => payload.app() },
      { name: 'next', prepare: () => payload.start('namespace', cache) },
    ],
    rounds,
  );
  const [app, next] = [samplesOf(samples, 'app'), samplesOf(samples, 'next')];
  const over = summarize(differences(next, app));
  const figures: readonly Figure[] = [
    { payload: payload.name, what: 'the app itself', unit: 'ms', ...summarize(app) },
    { payload: payload.name, what: 'Saddlebag', detail: 'next start', unit: 'ms', ...summarize(next), over },
  ];
  const target: Target = {
    what: `Next start over the app itself: ${payload.name}`,
    limit: `at most ${limitMs} ms`,
    measured: `${over.median.toFixed(1)} ms`,
    met: over.median <= limitMs,
  };
  return { figures, targets: [target], notes: [] };
}

export const warm: Scenario = {
  name: 'warm',
  title: 'Next start',
  lead: 'Strategy `namespace`, the closure in the cache. The app of the two large payloads is a shell script of a few lines, so that nothing hides what the runtime takes.',
  run: async ({ payloads, rounds, has }) => {
    const all: Findings[] = [];
    for (const name of payloadNames.filter(has)) {
      all.push(measure(await payloads[name](), name === 'flask' ? 3 * rounds : 10 * rounds));
    }
    return {
      figures: all.flatMap(({ figures }) => figures),
      targets: all.flatMap(({ targets }) => targets),
      notes: [],
    };
  },
};
