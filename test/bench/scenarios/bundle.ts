import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { builtCli } from '../../helpers/cli.ts';
import { buildFlask } from '../../stack/flask.ts';
import { buildLarge } from '../../stack/large.ts';
import { costOf } from '../cost.ts';
import type { Figure, Target } from '../figure.ts';
import { keepSize, keptSize } from '../kept-size.ts';
import type { Command } from '../measure.ts';
import type { Scenario } from '../scenario.ts';
import { summarize } from '../statistics.ts';

/** A closure, and another release of it in which the app's own store path alone differs. */
interface Releases {
  readonly name: string;
  readonly app: string;
  readonly next: string;
  /** What a bundle may take when the app alone changed. */
  readonly aimMs: number;
}

interface Made {
  readonly ms: number;
  readonly sizeBytes: number;
  readonly peakBytes: number | undefined;
}

const runs = ['first', 'again', 'the app changed'] as const;

/** What one closure gave. */
interface Measured {
  readonly releases: Releases;
  readonly bzip2: Made;
  /** Of `tar | xz -9e`; undefined where it was neither measured nor kept. */
  readonly xzBytes: number | undefined;
  readonly bundles: readonly {
    readonly level: string;
    readonly run: (typeof runs)[number];
    readonly made: Made;
  }[];
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

/** Archives once more, unmeasured, which brings the closure into memory for all alike; returns the tar's SHA-256. */
function digest(place: string, app: string): string {
  archive(place, app, 'sha256sum');
  return readFileSync(join(place, 'made.tar'), 'utf8').slice(0, 64);
}

/** How xz is measured: each time; once, its size kept from then on; or only if that was kept. */
type XzRun = 'always' | 'once' | 'never';

/** Of a large closure it takes half an hour, but the same tar gives the same bytes. */
function compressWithXz(
  place: string,
  app: string,
  tarSha256: string,
  run: XzRun,
): Made | number | undefined {
  const kept = keptSize('xz -9e', tarSha256);
  if (run === 'never' || (run === 'once' && kept !== undefined)) return kept;
  const made = archive(place, app, 'xz -9e');
  keepSize('xz -9e', tarSha256, made.sizeBytes);
  return made;
}

interface Comparison {
  readonly place: string;
  readonly levels: readonly string[];
  readonly xzRun: XzRun;
}

function compare(
  releases: Releases,
  { place, levels, xzRun }: Comparison,
): { readonly figures: readonly Figure[]; readonly targets: readonly Target[] } {
  const { name, app, next } = releases;
  const tarSha256 = digest(place, app);
  const bzip2 = archive(place, app, 'bzip2 -9');
  const bundles = levels.flatMap((level) =>
    runs.map((run) => {
      const made = bundle(place, run === 'the app changed' ? next : app, '--compress', level);
      return { level, run, made };
    }),
  );
  const xz = compressWithXz(place, app, tarSha256, xzRun);
  const xzBytes = typeof xz === 'object' ? xz.sizeBytes : xz;
  const figures = [
    ...figuresOf(name, { what: '`tar \\| bzip2 -9`' }, bzip2, bzip2),
    ...bundles.flatMap(({ level, run, made }) =>
      figuresOf(name, { what: 'Saddlebag', detail: `\`${level}\`, ${run}` }, made, bzip2),
    ),
    ...(typeof xz === 'object' ? figuresOf(name, { what: '`tar \\| xz -9e`' }, xz, bzip2) : []),
    ...(typeof xz === 'number' ? [keptFigure(name, xz, bzip2)] : []),
  ];
  return { figures, targets: targetsOf({ releases, bzip2, xzBytes, bundles }) };
}

function keptFigure(payload: string, sizeBytes: number, beside: Made): Figure {
  return {
    payload,
    what: '`tar \\| xz -9e`',
    detail: 'size, of an earlier run on the same tar',
    unit: 'MB',
    ...summarize([sizeBytes / 1e6]),
    ratio: sizeBytes / beside.sizeBytes,
  };
}

function targetsOf({ releases, bzip2, xzBytes, bundles }: Measured): readonly Target[] {
  const { name, aimMs } = releases;
  const find = (level: string, run: string) =>
    bundles.find((each) => each.level === level && each.run === run)?.made;
  const times = (
    what: string,
    [made, beside]: readonly [number | undefined, number | undefined],
    limit: Limit,
  ) =>
    made === undefined || beside === undefined ? [] : [ratioTarget(`${name}: ${what}`, made / beside, limit)];
  const [first, changed] = [find('balanced', 'first'), find('balanced', 'the app changed')];
  const peaks = bundles.flatMap(({ made }) => made.peakBytes ?? []);
  const peakMegabytes = Math.max(...peaks) / 1e6;
  return [
    ...times('size at `balanced`', [first?.sizeBytes, bzip2.sizeBytes], {
      most: 1,
      of: '`tar \\| bzip2 -9`',
    }),
    ...times('first bundle at `balanced`', [first?.ms, bzip2.ms], { most: 1.2, of: '`tar \\| bzip2 -9`' }),
    ...times('size at `small`', [find('small', 'first')?.sizeBytes, xzBytes], {
      most: 1.16,
      of: '`tar \\| xz -9e`',
    }),
    ...(changed === undefined
      ? []
      : [
          {
            what: `${name}: bundle with the app changed`,
            limit: `under ${aimMs / 1000} s`,
            measured: `${(changed.ms / 1000).toFixed(2)} s`,
            met: changed.ms < aimMs,
          },
        ]),
    ...(peaks.length === 0
      ? []
      : [
          {
            what: `${name}: resident memory while bundling, at every level`,
            limit: 'under 300 MB',
            measured: `${peakMegabytes.toFixed(0)} MB`,
            met: peakMegabytes < 300,
          },
        ]),
  ];
}

interface Limit {
  readonly most: number;
  readonly of: string;
}

function ratioTarget(what: string, ratio: number, { most, of }: Limit): Target {
  return { what, limit: `at most ${most} × ${of}`, measured: `${ratio.toFixed(3)} ×`, met: ratio <= most };
}

async function flaskReleases(): Promise<Releases> {
  const [app, next] = [await buildFlask(), await buildFlask({ version: '0.2.0' })];
  return { name: 'Flask', app, next, aimMs: 1000 };
}

async function largeReleases(): Promise<Releases> {
  const [app, next] = [await buildLarge('0.1.0'), await buildLarge('0.2.0')];
  return { name: '1 GB of programs', app, next, aimMs: 3000 };
}

export const bundling: Scenario = {
  name: 'bundle',
  title: 'Making a bundle',
  lead: "`saddlebag bundle`, first with an empty build cache, then again, then with the app's own store path changed, beside `tar | bzip2 -9`, which is what nix-bundle does, and `tar | xz -9e`; each once. The large closure is made of programs and modules of this machine. Memory is that of the largest process.",
  run: async ({ place, has, largeTar }) => {
    const parts: ReturnType<typeof compare>[] = [];
    const notes: string[] = [];
    if (has('flask')) {
      const levels = ['fast', 'balanced', 'small'];
      parts.push(compare(await flaskReleases(), { place, levels, xzRun: 'always' }));
    }
    if (has('large')) {
      try {
        const levels = ['balanced', 'small'];
        parts.push(compare(await largeReleases(), { place, levels, xzRun: largeTar ? 'once' : 'never' }));
      } catch (cause) {
        notes.push(
          `The large closure was left out: ${cause instanceof Error ? cause.message : String(cause)}`,
        );
      }
    }
    const figures = parts.flatMap((part) => part.figures);
    const targets = parts.flatMap((part) => part.targets);
    return { beside: '`tar \\| bzip2 -9`', figures, targets, notes };
  },
};
