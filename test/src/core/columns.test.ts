import { describe, expect, it } from 'vitest';
import { renderColumns } from '../../../src/core/columns.ts';

describe('renderColumns', () => {
  it('gives each column the width of its widest cell', () => {
    expect(
      renderColumns([
        ['NAME', 'SIZE'],
        ['a', '1 B'],
        ['longer', ''],
      ]),
    ).toBe('NAME    SIZE\na       1 B\nlonger');
  });

  it('shows control characters, and counts them as they are shown', () => {
    const text = renderColumns([
      ['a\u001b[2J', 'b'],
      ['c', 'd'],
    ]);
    expect(text).not.toContain('\u001b');
    const [first = '', second = ''] = text.split('\n');
    expect(first.indexOf('Y')).toBe(second.indexOf('Z'));
  });

  it('makes nothing of nothing', () => {
    expect(renderColumns([])).toBe('');
  });
});
