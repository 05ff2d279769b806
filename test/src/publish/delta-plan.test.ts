import { describe, expect, it } from 'vitest';
import type { Piece } from '../../../src/core/piece.ts';
import { newBytesOf, planDelta, uploadBytesOf } from '../../../src/publish/delta-plan.ts';
import { leastPartBytes, type Part } from '../../../src/publish/parts.ts';
import { seeded } from '../../helpers/random.ts';
import { rounds } from '../../helpers/rounds.ts';

const mebibyte = 1 << 20;

/** Lays pieces behind one another: `a5` is a piece named a of 5 MiB; a `-3` after them is so much that no piece covers. */
function lay(...names: readonly string[]): { readonly pieces: readonly Piece[]; readonly sizeBytes: number } {
  let offset = 0;
  const pieces: Piece[] = [];
  for (const name of names) {
    const sizeBytes = Number(name.slice(1)) * mebibyte;
    if (!name.startsWith('-')) pieces.push({ offset, sizeBytes, identity: name[0] ?? '' });
    offset += sizeBytes;
  }
  return { pieces, sizeBytes: offset };
}

type File = ReturnType<typeof lay>;

const plan = (held: File, wanted: File) => planDelta(held.pieces, wanted.pieces, wanted.sizeBytes);

/** `copy 5` and `send 3`, in MiB. */
const words = (parts: readonly Part[] | undefined) =>
  parts?.map(({ kind, sizeBytes }) => `${kind === 'copy' ? 'copy' : 'send'} ${sizeBytes / mebibyte}`);

/** What S3 asks of parts, and that each byte comes from where it is. */
function check(held: File, wanted: File, parts: readonly Part[]): void {
  let offset = 0;
  for (const [index, part] of parts.entries()) {
    expect(part.offset).toBe(offset);
    if (index < parts.length - 1) expect(part.sizeBytes).toBeGreaterThanOrEqual(leastPartBytes);
    expect(part.sizeBytes).toBeGreaterThan(0);
    offset += part.sizeBytes;
    if (part.kind === 'copy') {
      const overlapping = wanted.pieces.filter(
        (piece) => piece.offset < offset && piece.offset + piece.sizeBytes > part.offset,
      );
      expect(overlapping.length).toBeGreaterThan(0);
      for (const piece of overlapping) {
        const sourceOffset = part.sourceOffset + piece.offset - part.offset;
        const source = held.pieces.find((other) => other.offset === sourceOffset);
        expect(source).toMatchObject({ identity: piece.identity, sizeBytes: piece.sizeBytes });
      }
    }
  }
  expect(offset).toBe(wanted.sizeBytes);
}

describe('planDelta', () => {
  it('copies what is before a changed end, and sends that alone', () => {
    expect(words(plan(lay('r1', 'a9', 'b6', '-1'), lay('r1', 'a9', 'b6', '-2')))).toEqual([
      'copy 16',
      'send 2',
    ]);
  });

  it('sends one part for another runtime, and copies the rest from where it is then', () => {
    const [held, wanted] = [lay('r1', 'a9', 'b9', '-1'), lay('s2', 'a9', 'b9', '-1')];
    const parts = plan(held, wanted) ?? [];
    expect(words(parts)).toEqual(['send 5', 'copy 15', 'send 1']);
    expect(parts[1]).toMatchObject({ offset: 5 * mebibyte, sourceOffset: 4 * mebibyte });
  });

  it('takes of the neighbours what makes a small change in the middle a part', () => {
    const [held, wanted] = [lay('a20', 'x1', 'b20', '-1'), lay('a20', 'y1', 'b20', '-1')];
    expect(words(plan(held, wanted))).toEqual(['copy 16', 'send 5', 'copy 20', 'send 1']);
  });

  it('takes it from behind where what is before has none to spare', () => {
    const [held, wanted] = [lay('a5', 'x1', 'b20', '-1'), lay('a5', 'y1', 'b20', '-1')];
    expect(words(plan(held, wanted))).toEqual(['copy 5', 'send 5', 'copy 16', 'send 1']);
  });

  it('passes over a run where copying it would send more', () => {
    const [held, wanted] = [
      lay('a20', 'x1', 'b5', 'x1', 'c20', '-1'),
      lay('a20', 'y1', 'b5', 'z1', 'c20', '-1'),
    ];
    const parts = plan(held, wanted) ?? [];
    expect(words(parts)).toEqual(['copy 20', 'send 7', 'copy 20', 'send 1']);
  });

  it('joins what is elsewhere without sending anything between', () => {
    const [held, wanted] = [lay('a9', 'b9', '-1'), lay('b9', 'a9', '-1')];
    expect(words(plan(held, wanted))).toEqual(['copy 9', 'copy 9', 'send 1']);
  });

  it('copies a frame that occurs twice', () => {
    const [held, wanted] = [lay('a6', 'b3', 'a6', 'c3', '-1'), lay('x6', 'a6', 'c3', '-1')];
    const parts = plan(held, wanted) ?? [];
    check(held, wanted, parts);
    expect(uploadBytesOf(parts)).toBeLessThanOrEqual(10 * mebibyte);
  });

  it.each<[string, File, File]>([
    ['nothing is shared', lay('a20', '-1'), lay('b20', '-1')],
    ['what is shared is too small', lay('a4', '-9'), lay('b9', 'a4', '-1')],
    ['what is shared would be too small beside what must go with it', lay('a5', '-1'), lay('b1', 'a5', '-1')],
    ['only the names are equal', lay('a6', '-1'), lay('a7', '-1')],
    ['there is nothing', lay(), lay()],
  ])('returns nothing where %s', (_, held, wanted) => {
    expect(plan(held, wanted)).toBeUndefined();
  });

  it('copies in requests of a quarter of a gigabyte, and sends what is new in parts of 16 MiB', () => {
    const [held, wanted] = [lay('a600', '-1'), lay('a600', '-20')];
    expect(words(plan(held, wanted))).toEqual(['copy 200', 'copy 200', 'copy 200', 'send 16', 'send 4']);
  });

  it('makes no part too small where it cuts what is new in the middle', () => {
    const [held, wanted] = [lay('a20', 'b20', '-1'), lay('a20', 'y9', 'b20', '-1')];
    expect(words(plan(held, wanted))).toEqual(['copy 20', 'send 9', 'copy 20', 'send 1']);
    const longer = lay('a20', 'y17', 'b20', '-1');
    check(held, longer, plan(held, longer) ?? []);
  });

  it('sends no more than needed, and only what S3 takes, whatever changed', () => {
    for (let seed = 1; seed <= rounds({ quick: 150, full: 5_000 }); seed++) {
      const random = seeded(seed);
      const names = [...'abcdefghijkl'].map((name) => `${name}${1 + Math.floor(random() * 12)}`);
      const changed = names.map((name) =>
        random() < 0.3 ? `${name[0]?.toUpperCase()}${1 + Math.floor(random() * 8)}` : name,
      );
      const moved = random() < 0.3 ? [...changed.slice(4), ...changed.slice(0, 4)] : changed;
      const [held, wanted] = [lay(...names, '-1'), lay(...moved, '-1')];
      const parts = plan(held, wanted);
      if (parts === undefined) continue;
      check(held, wanted, parts);
      const newBytes = newBytesOf(held.pieces, wanted.pieces, wanted.sizeBytes);
      expect(uploadBytesOf(parts)).toBeGreaterThanOrEqual(newBytes);
      expect(uploadBytesOf(parts)).toBeLessThan(wanted.sizeBytes);
    }
  });

  it('plans for a hundred thousand frames', () => {
    const pieces = Array.from({ length: 100_000 }, (_, index) => ({
      offset: index * mebibyte,
      sizeBytes: mebibyte,
      identity: `${index}`,
    }));
    const wanted = pieces.map((piece, index) => (index % 1000 === 7 ? { ...piece, identity: 'new' } : piece));
    const parts = planDelta(pieces, wanted, pieces.length * mebibyte) ?? [];
    expect(parts.length).toBeGreaterThan(0);
    expect(uploadBytesOf(parts)).toBe(100 * leastPartBytes);
  });
});

describe('newBytesOf', () => {
  it('counts what no piece covers, and pieces that the other has not', () => {
    const [held, wanted] = [lay('a4', 'b1', '-1'), lay('a4', 'c2', 'b1', '-3')];
    expect(newBytesOf(held.pieces, wanted.pieces, wanted.sizeBytes)).toBe(5 * mebibyte);
  });
});
