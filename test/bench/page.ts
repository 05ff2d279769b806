import type { Figure, Machine, Section, Target } from './figure.ts';
import { formatDifference, formatValue } from './format.ts';
import type { Panel } from './plot.ts';
import type { Summary } from './statistics.ts';

/** What the page is made from. */
export interface Results {
  readonly machine: Machine;
  readonly sections: readonly Section[];
  /** Scenarios that have no figures yet, by name. */
  readonly missing?: readonly string[];
}

const command = 'npm ci && npm run bench';

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** Renders the middle half of what was measured; nothing where it was measured once. */
function spread({ low, high, count }: Summary, unit: Figure['unit']): string {
  return count === 1 ? '' : `${formatValue(low, unit)} – ${formatValue(high, unit)}`;
}

function differenceOf({ over, unit }: Figure): string {
  return over === undefined ? '' : formatDifference(over.median, unit);
}

/** Renders figures as a table; columns that nothing fills are left out. */
export function renderTable(figures: readonly Figure[], beside?: string): string {
  const columns: readonly (readonly [string, (figure: Figure) => string])[] = [
    ['payload', ({ payload }) => payload],
    ['what', ({ what, detail }) => (detail === undefined ? what : `${what}, ${detail}`)],
    ['median', ({ median, unit }) => formatValue(median, unit)],
    ['middle half', (figure) => spread(figure, figure.unit)],
    ['rounds', ({ count }) => String(count)],
    ['over the app', differenceOf],
    [`× ${beside ?? ''}`, ({ ratio }) => ratio?.toFixed(3) ?? ''],
  ];
  const filled = columns.filter(
    ([name, cell]) =>
      figures.some((figure) => cell(figure) !== '') &&
      (name !== 'rounds' || figures.some(({ count }) => count > 1)),
  );
  return [
    row(filled.map(([name]) => name)),
    row(filled.map(() => '---')),
    ...figures.map((figure) => row(filled.map(([, cell]) => cell(figure)))),
  ].join('\n');
}

/** Renders what was aimed at, with a word for each whether it was met. */
export function renderTargets(targets: readonly Target[]): string {
  return [
    row(['aim', 'limit', 'measured', '']),
    row(['---', '---', '---', '---']),
    ...targets.map(({ what, limit, measured, met }) =>
      row([what, limit, measured, met ? 'met' : '**missed**']),
    ),
  ].join('\n');
}

function renderSection(section: Section, processors: number): string {
  const { name, title, lead, figures, beside, notes, failure, ...when } = section;
  const busy = Math.max(...when.load) > processors;
  const minutes = (when.seconds / 60).toFixed(1);
  return [
    `## ${title}`,
    '',
    lead,
    '',
    ...(figures.length === 0 ? [] : [renderTable(figures, beside), '']),
    ...(failure === undefined ? [] : [`**It did not end:** ${failure}`, '']),
    ...(notes.length === 0 ? [] : [...notes.map((note) => `- ${note}`), '']),
    `\`npm run bench -- --only ${name}\`: ${when.takenAt.slice(0, 16).replace('T', ' ')} UTC, commit ${when.commit}, ${minutes} minutes; load average ${when.load.map((each) => each.toFixed(1)).join(' before, ')} at the end.${busy ? ' **The machine was busy with other work**: absolute times are too long, and differences uncertain.' : ''}`,
  ].join('\n');
}

/** Renders docs/benchmarks.md. */
export function renderPage({ machine, sections, missing = [] }: Results): string {
  const { processors, memoryGigabytes, kernel, system, fileSystem, arch } = machine;
  const targets = sections.flatMap((section) => section.targets);
  return [
    '# Benchmarks',
    '',
    'Written by `npm run bench`, which measures again and writes again; no figure here is from elsewhere:',
    '',
    '```sh',
    command,
    '```',
    '',
    `On ${processors} processors (${arch}), ${memoryGigabytes} GB of memory, ${system}, kernel ${kernel}, ${fileSystem}. Everything is started as an ordinary user, by \`posix_spawn\` from one program that waits for its end. What is compared is measured in turn, in rounds whose order changes; the first round counts for nothing. A figure is the median of the rounds, *over the app* the median of the differences within a round.`,
    '',
    'Three payloads: **Flask**, a Nix closure of a Flask app with its Python and libc; **1 GB** in files of 8 MiB, half of it random; **500,000 files** of some 25 bytes in 500 directories.',
    '',
    '![Start and size of the Flask app, by tool](benchmarks.svg)',
    '',
    '## Aims',
    '',
    renderTargets(targets),
    '',
    ...(missing.length === 0
      ? []
      : [`**Not measured yet**, and what is aimed at there not shown: ${missing.join(', ')}.`, '']),
    ...sections.flatMap((section) => [renderSection(section, processors), '']),
  ].join('\n');
}

/** Chooses what the plot shows: starts and sizes of the Flask app. */
export function panelsOf({ sections }: Results): readonly Panel[] {
  const figuresOf = (name: string) =>
    (sections.find((section) => section.name === name)?.figures ?? []).filter(
      ({ payload }) => payload === 'Flask',
    );
  return [
    panelOf('Start of the Flask app', figuresOf('peers'), ['first start', 'next start']),
    panelOf('Size of the Flask app', figuresOf('size'), ['']),
  ].filter(({ groups }) => groups.length > 0);
}

/** @param series details of figures; a figure without one is what they are all measured against, and is the last one. */
function panelOf(title: string, figures: readonly Figure[], series: readonly string[]): Panel {
  const names = [...new Set(figures.map(({ what }) => what))];
  return {
    title,
    unit: figures[0]?.unit ?? 'ms',
    series,
    groups: names.map((name) => {
      const ofName = figures.filter(({ what }) => what === name);
      const plain = ofName.find(({ detail }) => detail === undefined);
      return {
        name: name.replaceAll('`', ''),
        emphasis: name === 'Saddlebag',
        values: series.map(
          (detail, index) =>
            (ofName.find((figure) => figure.detail === detail) ?? (index === 0 ? plain : undefined))
              ?.median ?? null,
        ),
      };
    }),
  };
}
