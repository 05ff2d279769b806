import { describe, expect, it } from 'vitest';
import type { Figure, Section } from './figure.ts';
import { formatDifference, formatValue } from './format.ts';
import { panelsOf, renderPage, renderTable, renderTargets } from './page.ts';
import { summarize } from './statistics.ts';

const app: Figure = { payload: 'Flask', what: 'the app itself', unit: 'ms', ...summarize([190, 200, 210]) };
const first: Figure = {
  payload: 'Flask',
  what: 'Saddlebag',
  detail: 'first start',
  unit: 'ms',
  ...summarize([390, 400, 410]),
  over: summarize([200, 200, 200]),
  ratio: 0.0712,
};
const section: Section = {
  name: 'peers',
  title: 'Beside other tools',
  lead: 'In turn.',
  takenAt: '2026-01-02T03:04:05.678Z',
  commit: '0123456789ab',
  load: [0.5, 1.5],
  seconds: 90,
  figures: [app, first],
  targets: [{ what: 'Runtime', limit: 'under 120 KB', measured: '121.0 KB', met: false }],
  notes: ['staticx was left out: patchelf missing.'],
};
const machine = {
  processors: 2,
  memoryGigabytes: 16,
  kernel: '6.18',
  system: 'Debian 12',
  fileSystem: 'ext4',
  arch: 'x64',
};

describe('values', () => {
  it.each([
    [0.84, 'ms', '0.84 ms'],
    [241.3, 'ms', '241 ms'],
    [2477, 'ms', '2.48 s'],
    [17.62, 'MB', '17.6 MB'],
  ] as const)('of %d %s read %s', (value, unit, text) => {
    expect(formatValue(value, unit)).toBe(text);
  });

  it('as differences carry their sign', () => {
    expect(formatDifference(-1.23, 'ms')).toBe('−1.23 ms');
    expect(formatDifference(40, 'ms')).toBe('+40.0 ms');
  });
});

describe('the table of figures', () => {
  it('has median, middle half, difference and ratio', () => {
    expect(renderTable([app, first], '`tar -xjf`').split('\n')).toEqual([
      '| payload | what | median | middle half | rounds | over the app | × `tar -xjf` |',
      '| --- | --- | --- | --- | --- | --- | --- |',
      '| Flask | the app itself | 200 ms | 195 ms – 205 ms | 3 |  |  |',
      '| Flask | Saddlebag, first start | 400 ms | 395 ms – 405 ms | 3 | +200 ms | 0.071 |',
    ]);
  });

  it('leaves out what nothing fills, and the spread of a single measurement', () => {
    const once = { payload: 'Flask', what: 'Saddlebag', unit: 'MB', ...summarize([17]) } as const;
    expect(renderTable([once]).split('\n')[0]).toBe('| payload | what | median |');
  });
});

describe('the page', () => {
  it('says plainly what was missed', () => {
    expect(renderTargets(section.targets)).toContain('| under 120 KB | 121.0 KB | **missed** |');
  });

  it('says when, of which commit, under which load and how to measure again', () => {
    expect(renderPage({ machine, sections: [section] })).toContain(
      '`npm run bench -- --only peers`: 2026-01-02 03:04 UTC, commit 0123456789ab, 1.5 minutes; load average 0.5 before, 1.5 at the end.',
    );
  });

  it('says where the machine had other work', () => {
    expect(renderPage({ machine, sections: [section] })).not.toContain('busy');
    expect(renderPage({ machine, sections: [{ ...section, load: [9.5, 8] }] })).toContain(
      '**The machine was busy',
    );
  });

  it('names what was not measured', () => {
    expect(renderPage({ machine, sections: [section], missing: ['lazy', 'size'] })).toContain(
      '**Not measured yet**, and what is aimed at there not shown: lazy, size.',
    );
  });

  it('says why a scenario has no figures', () => {
    const failed = { ...section, figures: [], failure: 'tar -cjf: no space left' };
    expect(renderPage({ machine, sections: [failed] })).toContain(
      '**It did not end:** tar -cjf: no space left',
    );
  });

  it('draws the tools with their first and next starts', () => {
    expect(panelsOf({ machine, sections: [section] })).toEqual([
      {
        title: 'Start of the Flask app',
        unit: 'ms',
        series: ['first start', 'next start'],
        groups: [
          { name: 'the app itself', emphasis: false, values: [200, null] },
          { name: 'Saddlebag', emphasis: true, values: [400, null] },
        ],
      },
    ]);
  });
});
