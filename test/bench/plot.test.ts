import { describe, expect, it } from 'vitest';
import { type Panel, renderPlot, ticksUpTo } from './plot.ts';

const panel: Panel = {
  title: 'Start',
  unit: 'ms',
  series: ['first start', 'next start'],
  groups: [
    { name: 'app', values: [200, null] },
    { name: 'Saddlebag', emphasis: true, values: [400, 201] },
  ],
};

function widthsOf(svg: string): readonly number[] {
  return [...svg.matchAll(/<rect class="s\d" x="210" y="[\d.]+" width="([\d.]+)" height="12"/g)].map(
    ([, width]) => Number(width),
  );
}

describe('the plot', () => {
  it('draws a bar for each value, as long as the value says', () => {
    const [app = 0, first = 0, next = 0, ...more] = widthsOf(renderPlot([panel], 'starts'));
    expect(more).toEqual([]);
    expect(first / app).toBeCloseTo(2, 2);
    expect(next / app).toBeCloseTo(1.005, 2);
  });

  it('has a legend only where there is more than one series', () => {
    const one = { ...panel, series: ['first start'], groups: [{ name: 'app', values: [200] }] };
    expect(renderPlot([panel], '')).toContain('next start');
    expect(renderPlot([one], '')).not.toContain('first start');
  });

  it('escapes what it is given', () => {
    const svg = renderPlot([{ ...panel, title: 'a < b & c' }], 'say "no"');
    expect(svg).toContain('a &lt; b &amp; c');
    expect(svg).toContain('aria-label="say &quot;no&quot;"');
  });

  it('takes nothing from outside, and knows dark pages', () => {
    const svg = renderPlot([panel], 'starts').replace('http://www.w3.org/2000/svg', '');
    expect(svg).not.toMatch(/https?:|url\(|@import|<script|href/);
    expect(svg).toContain('prefers-color-scheme: dark');
  });

  it('gives the same bytes for the same figures', () => {
    expect(renderPlot([panel], 'starts')).toBe(renderPlot([panel], 'starts'));
  });
});

describe('ticks', () => {
  it.each([
    [0.7, [0, 0.2, 0.4, 0.6, 0.8]],
    [17.7, [0, 5, 10, 15, 20]],
    [400, [0, 100, 200, 300, 400]],
    [4100, [0, 1000, 2000, 3000, 4000, 5000]],
  ])('are round and reach %d', (most, ticks) => {
    expect(ticksUpTo(most)).toEqual(ticks);
  });

  it('are there where nothing was measured', () => {
    expect(ticksUpTo(0)).toEqual([0, 1]);
    expect(ticksUpTo(Number.NaN)).toEqual([0, 1]);
  });
});
