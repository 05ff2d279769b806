import { crc32 } from 'node:zlib';

/** The polynomial of CRC-32 (IEEE 802.3) with its bits reversed, as zlib has it; bit 31 is the coefficient of x⁰. */
const polynomial = 0xedb88320;
const one = 0x80000000;

/**
 * Returns the CRC-32 of two pieces, one behind the other, from those of the pieces.
 * Source: zlib's `crc32_combine`: a piece behind shifts what is before it by x to the power of its bits.
 * @param secondBytes length of the second piece, at most 2^53
 */
export function combineCrc32(first: number, second: number, secondBytes: number): number {
  return (multiply(powerOfX(secondBytes), first) ^ second) >>> 0;
}

/** Returns x to the power of 8 × bytes, modulo the polynomial. */
function powerOfX(bytes: number): number {
  let result = one;
  // x to the power of 8, then squared for each further binary digit.
  let factor = one >>> 8;
  for (let rest = bytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(factor, result);
    factor = multiply(factor, factor);
  }
  return result;
}

function multiply(a: number, b: number): number {
  let product = 0;
  let shifted = b;
  for (let bit = one; bit !== 0; bit >>>= 1) {
    if ((a & bit) !== 0) product ^= shifted;
    shifted = (shifted & 1) !== 0 ? (shifted >>> 1) ^ polynomial : shifted >>> 1;
  }
  return product >>> 0;
}

/**
 * Writes a CRC-32 as S3 does: four bytes, the highest first, in Base64.
 */
export function crc32Base64(value: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes.toString('base64');
}

/** Takes bytes as they come and has their CRC-32 at any time. */
export class Crc32 {
  value = 0;

  update(bytes: Uint8Array): void {
    this.value = crc32(bytes, this.value);
  }
}
