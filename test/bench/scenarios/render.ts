import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { artifactIn } from '../../helpers/artifact.ts';
import type { Figure, Target } from '../figure.ts';
import { type Contender, measureRounds, samplesOf } from '../measure.ts';
import type { Scenario } from '../scenario.ts';
import { differences, summarize } from '../statistics.ts';

const limitMs = 50;
const cli = fileURLToPath(new URL('../../../dist/src/cli.js', import.meta.url));

const artifact = artifactIn('https://apps.example/web', {
  appVersion: '1.2',
  arch: 'x86_64',
  sha256: 'ab'.repeat(32),
  closureSha256: 'cd'.repeat(32),
  sizeBytes: 1_000_000,
});

function contendersIn(place: string): readonly Contender[] {
  const file = join(place, 'artifact.json');
  writeFileSync(file, JSON.stringify(artifact), { mode: 0o644 });
  const node = (...args: readonly string[]) => ({ file: process.execPath, args });
  return [
    { name: 'node', prepare: () => node('-e', '0') },
    { name: 'start', prepare: () => node(cli, '--version') },
    { name: 'render', prepare: () => node(cli, 'deploy', file, '--port', 'http', '--dry-run') },
  ];
}

export const render: Scenario = {
  name: 'render',
  title: 'A job from an artifact',
  lead: '`saddlebag deploy artifact.json --port http --dry-run`, beside Node that does nothing and the command that prints its version.',
  run: async ({ place, rounds }) => {
    const samples = measureRounds(contendersIn(place), 3 * rounds);
    const [node, start, rendered] = [
      samplesOf(samples, 'node'),
      samplesOf(samples, 'start'),
      samplesOf(samples, 'render'),
    ];
    const over = summarize(differences(rendered, start));
    const ratioOf = (taken: readonly number[]) => summarize(taken).median / summarize(node).median;
    const figures: readonly Figure[] = [
      { payload: 'a job', what: '`node -e 0`', unit: 'ms', ...summarize(node) },
      {
        payload: 'a job',
        what: '`saddlebag --version`',
        unit: 'ms',
        ...summarize(start),
        ratio: ratioOf(start),
      },
      {
        payload: 'a job',
        what: 'Saddlebag',
        unit: 'ms',
        ...summarize(rendered),
        over,
        ratio: ratioOf(rendered),
      },
    ];
    const target: Target = {
      what: 'A job from an artifact, over the start of the command',
      limit: `under ${limitMs} ms`,
      measured: `${over.median.toFixed(1)} ms`,
      met: over.median < limitMs,
    };
    return { beside: '`node -e 0`', figures, targets: [target], notes: [] };
  },
};
