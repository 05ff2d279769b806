import type { Unit } from './figure.ts';
import { formatValue } from './format.ts';

/** Bars below one another, in groups that share a name. */
export interface Panel {
  readonly title: string;
  readonly unit: Unit;
  /** One bar of each group; more than one get a legend. At most three. */
  readonly series: readonly string[];
  readonly groups: readonly {
    readonly name: string;
    readonly emphasis?: boolean;
    /** As many as there are series, none negative; null leaves a bar out. */
    readonly values: readonly (number | null)[];
  }[];
}

const width = 760;
const labelWidth = 210;
const valueWidth = 80;
const barHeight = 12;
const barGap = 2;
const groupGap = 10;
const headHeight = 42;
const axisHeight = 22;
const panelGap = 18;
const margin = 12;
const plotWidth = width - labelWidth - valueWidth;

/** Light first; colours of a series keep their order of lightness against the ground, so that they differ in grey too. */
const style = `
    svg { --ground: #ffffff; --text: #1f2328; --faint: #59636e; --line: #d8dee4; --a: #0b5cad; --b: #6fabe6; --c: #b9b9b9 }
    @media (prefers-color-scheme: dark) { svg { --ground: #0d1117; --text: #e6edf3; --faint: #9198a1; --line: #30363d; --a: #79b8ff; --b: #2f6cab; --c: #6a6f76 } }
    text { font: 12px system-ui, sans-serif; fill: var(--text) }
    .title { font-size: 14px; font-weight: 600 }
    .strong { font-weight: 700 }
    .faint { fill: var(--faint); font-size: 11px }
    .line { stroke: var(--line) }
    .ground { fill: var(--ground) }
    .s0 { fill: var(--a) } .s1 { fill: var(--b) } .s2 { fill: var(--c) }`;

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

function text(at: { readonly x: number; readonly y: number }, content: string, more = ''): string {
  return `<text x="${round(at.x)}" y="${round(at.y)}"${more}>${escapeXml(content)}</text>`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Returns round numbers from 0 on, three to six of them, the last one at least as large as `most`. */
export function ticksUpTo(most: number): readonly number[] {
  if (!(most > 0)) return [0, 1];
  const power = 10 ** Math.floor(Math.log10(most));
  const step = [0.2, 0.5, 1, 2].map((each) => each * power).find((each) => most / each <= 5) ?? 2 * power;
  const count = Math.ceil(most / step - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => Number((index * step).toPrecision(12)));
}

function heightOf({ series, groups }: Panel): number {
  return headHeight + groups.length * (series.length * (barHeight + barGap) + groupGap) + axisHeight;
}

function legendOf({ series }: Panel, top: number): readonly string[] {
  if (series.length < 2) return [];
  return series.flatMap((name, index) => {
    const x = labelWidth + index * 130;
    return [
      `<rect class="s${index}" x="${x}" y="${top + 25}" width="10" height="10" rx="2"/>`,
      text({ x: x + 15, y: top + 34 }, name, ' class="faint"'),
    ];
  });
}

function axisOf(panel: Panel, top: number, ticks: readonly number[]): readonly string[] {
  const bottom = top + heightOf(panel) - axisHeight;
  const last = ticks.at(-1) ?? 1;
  return ticks.flatMap((tick) => {
    const x = round(labelWidth + (tick / last) * plotWidth);
    return [
      `<line class="line" x1="${x}" x2="${x}" y1="${top + headHeight}" y2="${bottom}"/>`,
      text(
        { x, y: bottom + 14 },
        tick === 0 ? '0' : formatTick(tick, panel.unit),
        ' class="faint" text-anchor="middle"',
      ),
    ];
  });
}

function formatTick(tick: number, unit: Unit): string {
  return unit === 'ms' && tick >= 1000 ? `${tick / 1000} s` : `${tick} ${unit}`;
}

function barsOf(panel: Panel, top: number, most: number): readonly string[] {
  const groupHeight = panel.series.length * (barHeight + barGap) + groupGap;
  return panel.groups.flatMap(({ name, emphasis, values }, row) => {
    const y = top + headHeight + row * groupHeight + groupGap / 2;
    const middle = y + (panel.series.length * (barHeight + barGap) - barGap) / 2 + 4;
    const weight = emphasis === true ? ' class="strong"' : '';
    const bars = values.flatMap((value, index) => {
      if (value === null) return [];
      const length = round((value / most) * plotWidth);
      const barTop = y + index * (barHeight + barGap);
      return [
        `<rect class="s${index}" x="${labelWidth}" y="${barTop}" width="${length}" height="${barHeight}" rx="2"/>`,
        text(
          { x: labelWidth + length + 6, y: barTop + 10 },
          formatValue(value, panel.unit),
          ' class="faint"',
        ),
      ];
    });
    return [text({ x: labelWidth - 10, y: middle }, name, `${weight} text-anchor="end"`), ...bars];
  });
}

/**
 * Draws panels of bars as an SVG for light and dark pages, with nothing from outside.
 * @param description what it shows, for those who don't see it
 */
export function renderPlot(panels: readonly Panel[], description: string): string {
  const parts: string[] = [];
  let top = margin;
  for (const panel of panels) {
    const values = panel.groups.flatMap((group) => group.values).filter((value) => value !== null);
    const ticks = ticksUpTo(Math.max(0, ...values));
    parts.push(
      text({ x: margin, y: top + 14 }, panel.title, ' class="title"'),
      ...legendOf(panel, top),
      ...axisOf(panel, top, ticks),
      ...barsOf(panel, top, ticks.at(-1) ?? 1),
    );
    top += heightOf(panel) + panelGap;
  }
  const height = top - panelGap + margin;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeXml(description)}">`,
    `  <style>${style}\n  </style>`,
    `  <rect class="ground" width="${width}" height="${height}" rx="6"/>`,
    ...parts.map((part) => `  ${part}`),
    '</svg>',
    '',
  ].join('\n');
}
