import { type Contender, measureRounds, samplesOf, time } from '../measure.ts';
import { emptyDirectory } from '../payloads.ts';
import type { Peer } from '../peers.ts';
import type { Scenario } from '../scenario.ts';
import { differences, summarize } from '../statistics.ts';

const starts = ['first', 'next'] as const;

/** Leaves out a peer that does not start here, with its reason. */
function startable(made: readonly Peer[]): {
  readonly able: readonly Peer[];
  readonly notes: readonly string[];
} {
  const notes: string[] = [];
  const able = made.filter((peer) => {
    try {
      time(peer.first());
      return true;
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message.trim().split('\n').at(-1) : String(cause);
      notes.push(`${peer.name} was left out, it does not start here: ${reason}`);
      return false;
    }
  });
  return { able, notes };
}

export const peers: Scenario = {
  name: 'peers',
  title: 'Beside other tools',
  lead: 'The Flask app, packed by each; first and next starts of all of them in turn, as an ordinary user.',
  run: async (bench) => {
    const flask = await bench.payloads.flask();
    const { made, skipped } = await bench.peers();
    const { able, notes } = startable(made);
    const saddlebag = {
      name: 'Saddlebag',
      first: () => flask.start('namespace', emptyDirectory(bench.place)),
      next: () => flask.start('namespace', flask.filled().cache),
    };
    const all = [saddlebag, ...able];
    const contenders: readonly Contender[] = all.flatMap((tool) =>
      starts.map((start) => ({ name: `${tool.name} ${start}`, prepare: tool[start] })),
    );
    // Before the rounds, not inside of the first.
    flask.filled();
    const rounds = Math.max(1, Math.round(bench.rounds / 2));
    const samples = measureRounds([{ name: 'app', prepare: () => flask.app() }, ...contenders], rounds);
    const app = samplesOf(samples, 'app');
    const figure = { payload: flask.name, unit: 'ms' } as const;
    return {
      figures: [
        { ...figure, what: 'the app itself', ...summarize(app) },
        ...all.flatMap(({ name }) =>
          starts.map((start) => {
            const taken = samplesOf(samples, `${name} ${start}`);
            const over = summarize(differences(taken, app));
            return { ...figure, what: name, detail: `${start} start`, ...summarize(taken), over };
          }),
        ),
      ],
      targets: [],
      notes: [...able.map(({ name, how }) => `${name}: ${how}`), ...skipped, ...notes],
    };
  },
};
