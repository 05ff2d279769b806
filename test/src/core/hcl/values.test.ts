import { describe, expect, it } from 'vitest';
import { loadHclReader } from '../../../../src/core/hcl/values.ts';

describe('the values of HCL', () => {
  it('are plain objects, and what is computed stays text', async () => {
    const read = await loadHclReader();
    const text = 'a = 1\nb "x" {\n  c = [true, null]\n  d = x.y + 1\n}\n';
    expect(read(text)).toEqual({
      a: 1,
      b: { x: [{ c: [true, null], d: `\${x.y + 1}` }] },
    });
  });

  it.each([
    ['it is none', 'a = = 1\n'],
    ['a label is here and not there, where the parser panics', 'b "x" {}\nb {}\n'],
    ['the parser runs out of stack', `a = ${'x ? y : '.repeat(20_000)}z\n`],
  ])('are null where %s, and others are read after it', async (_, text) => {
    const read = await loadHclReader();
    expect(read(text)).toBeNull();
    expect(read('a = 1\n')).toEqual({ a: 1 });
  });
});
