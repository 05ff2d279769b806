import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { FramePlan } from '../../bundler/frame-plan.ts';

const pieceBytes = 1 << 17;
const unit = (seed: string) => contents[seed] ?? randomBytes(0);
const contents: Record<string, Buffer> = Object.fromEntries(
  [...'abcdefghi'].map((letter) => [letter, randomBytes(pieceBytes)]),
);

/** Plans pieces of the content that letters name, and returns the frames: `ab cd` are two of two pieces each. */
function plan(pieces: string): string {
  const framePlan = new FramePlan(2 * pieceBytes, { mostBytes: 5 * pieceBytes, tuning: {}, pieceBytes });
  const records = [...pieces].map((letter, firstRow) => {
    framePlan.add(unit(letter));
    return { tarBytes: unit(letter).length, sha256: letter, firstRow, contentBytes: 0, joins: false };
  });
  const planned = framePlan.apply(records);
  return planned
    .map(({ joins, sha256 }) => (joins ? sha256 : ` ${sha256}`))
    .join('')
    .trim();
}

const lengths = (frames: string) => frames.split(' ').map(({ length }) => length);

describe('FramePlan', () => {
  it('fills frames of the usual length with what never stands again', () => {
    expect(lengths(plan('abcdef'))).toEqual([2, 2, 2]);
    expect(plan('a')).toBe('a');
    expect(plan('')).toBe('');
  });

  it('makes a frame longer where the same stands again within reach', () => {
    expect(plan('abcab')).toBe('abcab');
    expect(lengths(plan('dabcabe'))).toEqual([1, 5, 1]);
    expect(lengths(plan('abcdefabcdef'))).toEqual([2, 2, 2, 2, 2, 2]);
  });

  it('ends frames where the least is lost', () => {
    expect(plan('abacdecd')).toBe('aba cdecd');
  });
});
