import { statSync } from 'node:fs';
import { join } from 'node:path';
import { builtCli } from '../../helpers/cli.ts';
import { buildFlask } from '../../stack/flask.ts';
import { buildLarge } from '../../stack/large.ts';
import { costOf } from '../cost.ts';
import type { Figure } from '../figure.ts';
import type { Command } from '../measure.ts';
import type { Scenario } from '../scenario.ts';
import { summarize } from '../statistics.ts';

/** A closure, and another release of it in which the app's own store path alone differs. */
interface Releases {
  readonly name: string;
  readonly app: string;
  readonly next: string;
}

interface Made {
  readonly ms: number;
  readonly sizeBytes: number;
  readonly peakBytes: number | undefined;
}

function make(place: string, output: string, command: Command): Made {
  const cost = costOf({ ...command, asRoot: true }, place);
  return { ...cost, sizeBytes: statSync(output).size };
}

function bundle(place: string, app: string, ...more: readonly string[]): Made {
  const output = join(place, 'made');
  const args = [builtCli, 'bundle', app, '--force', '--quiet', '-o', output, ...more];
  const env = { SADDLEBAG_BUILD_CACHE: join(place, 'build-cache') };
  return make(place, output, { file: process.execPath, args, env });
}

/** Packs as nix-bundle does, names in order and times fixed so that the size can be compared from day to day. */
function archive(place: string, app: string, compressor: string): Made {
  const output = join(place, 'made.tar');
  const script = `nix-store --query --requisites "$1" | sort | xargs tar --sort=name --mtime=@1 -cf - 2>/dev/null | ${compressor} > "$2"`;
  return make(place, output, {
    file: '/bin/bash',
    args: ['-o', 'pipefail', '-c', script, 'bash', app, output],
  });
}

function figuresOf(
  payload: string,
  what: { readonly what: string; readonly detail?: string },
  made: Made,
  beside: Made,
): readonly Figure[] {
  const detail = (unit: string) => (what.detail === undefined ? unit : `${what.detail}: ${unit}`);
  const figure = { payload, what: what.what } as const;
  return [
    { ...figure, detail: detail('time'), unit: 'ms', ...summarize([made.ms]), ratio: made.ms / beside.ms },
    {
      ...figure,
      detail: detail('size'),
      unit: 'MB',
      ...summarize([made.sizeBytes / 1e6]),
      ratio: made.sizeBytes / beside.sizeBytes,
    },
    ...(made.peakBytes === undefined
      ? []
      : [{ ...figure, detail: detail('memory'), unit: 'MB', ...summarize([made.peakBytes / 1e6]) } as const]),
  ];
}

function compare(place: string, { name, app, next }: Releases, levels: readonly string[]): readonly Figure[] {
  // Unmeasured: brings the closure into memory, for all alike.
  archive(place, app, 'wc -c');
  const bzip2 = archive(place, app, 'bzip2 -9');
  const figures = [...figuresOf(name, { what: '`tar \\| bzip2 -9`' }, bzip2, bzip2)];
  for (const level of levels) {
    const runs = [
      ['first', bundle(place, app, '--compress', level)],
      ['again', bundle(place, app, '--compress', level)],
      ['the app changed', bundle(place, next, '--compress', level)],
    ] as const;
    for (const [run, made] of runs) {
      figures.push(...figuresOf(name, { what: 'Saddlebag', detail: `\`${level}\`, ${run}` }, made, bzip2));
    }
  }
  return figures;
}

export const bundling: Scenario = {
  name: 'bundle',
  title: 'Making a bundle',
  lead: "`saddlebag bundle`, first with an empty build cache, then again, then with the app's own store path changed, beside `tar | bzip2 -9`, which is what nix-bundle does; each once. The large closure is made of programs and modules of this machine. Memory is that of the largest process.",
  run: async ({ place }) => {
    const flask = {
      name: 'Flask',
      app: await buildFlask(),
      next: await buildFlask({ version: '0.2.0' }),
    };
    const figures = [...compare(place, flask, ['fast', 'balanced', 'small'])];
    const xz = archive(place, flask.app, 'xz -9e');
    const bzip2 = archive(place, flask.app, 'bzip2 -9');
    figures.push(...figuresOf('Flask', { what: '`tar \\| xz -9e`' }, xz, bzip2));
    const notes: string[] = [];
    try {
      const large = {
        name: '1 GB of programs',
        app: await buildLarge('0.1.0'),
        next: await buildLarge('0.2.0'),
      };
      figures.push(...compare(place, large, ['balanced']));
    } catch (cause) {
      notes.push(`The large closure was left out: ${cause instanceof Error ? cause.message : String(cause)}`);
    }
    return { beside: '`tar \\| bzip2 -9`', figures, targets: [], notes };
  },
};
