import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Crc32, combineCrc32, crc32Base64 } from '../../../src/core/crc32.ts';

describe('combineCrc32', () => {
  it.each([
    [0, 0],
    [0, 9],
    [9, 0],
    [1, 1],
    [3, 255],
    [1000, 65_537],
    [5 << 20, (3 << 20) + 1],
  ])('joins the CRCs of %i and %i bytes as if they had been one', (firstBytes, secondBytes) => {
    const [first, second] = [randomBytes(firstBytes), randomBytes(secondBytes)];
    expect(combineCrc32(crc32(first), crc32(second), secondBytes)).toBe(
      crc32(Buffer.concat([first, second])),
    );
  });

  it('reaches beyond 32 bits of length', () => {
    const [zeros, pieceBytes] = [crc32(Buffer.alloc(1 << 20)), 1 << 20];
    // 8 GiB of zeros, by doubling and, from a quarter of a gigabyte on, piece by piece.
    let doubled = zeros;
    for (let bytes = pieceBytes; bytes < 2 ** 33; bytes *= 2) doubled = combineCrc32(doubled, doubled, bytes);
    let quarter = zeros;
    for (let bytes = pieceBytes; bytes < 2 ** 28; bytes *= 2) quarter = combineCrc32(quarter, quarter, bytes);
    let joined = quarter;
    for (let bytes = 2 ** 28; bytes < 2 ** 33; bytes += 2 ** 28)
      joined = combineCrc32(joined, quarter, 2 ** 28);
    expect(doubled).toBe(joined);
  });
});

describe('crc32Base64', () => {
  it('writes the highest byte first', () => {
    expect(crc32Base64(0x01020304)).toBe('AQIDBA==');
    expect(crc32Base64(crc32('123456789'))).toBe('y/Q5Jg==');
  });
});

describe('Crc32', () => {
  it('is that of the bytes so far', () => {
    const crc = new Crc32();
    expect(crc.value).toBe(0);
    crc.update(Buffer.from('12345'));
    crc.update(Buffer.from('6789'));
    expect(crc.value).toBe(0xcbf43926);
  });
});
