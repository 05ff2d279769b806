import { storeDirectory } from '../../src/core/store-path.ts';
import { findHashes, type Hashes } from '../references.ts';

/** How a store path is named where `/nix/store/<hash>` can't be rewritten at its length. */
export type Obstacle = 'bare' | 'split' | 'wide' | 'compressed' | 'archived' | 'climbing';

/** A hash, and what is in the way of rewriting its prefix. */
export interface Hit {
  readonly hash: string;
  readonly obstacle: Obstacle;
}

const prefix = `${storeDirectory}/`;
const hashLength = 32;
const hashPattern = /^[0-9abcdfghijklmnpqrsvwxyz]{32}$/;

/** No hit reaches over more bytes than this: a whole name in UTF-32. */
export const reachBytes = 4 * (prefix.length + hashLength);

/** A piece of a file. */
export interface Piece {
  readonly bytes: Buffer;
  /**
   * Where what is new begins; the `reachBytes` before it, if the file has so many, were looked at with the piece
   * before.
   */
  readonly from: number;
  readonly isLast: boolean;
}

/**
 * Finds names of store paths that can't be rewritten in a piece of a file.
 * @param hashes those that may be bare or split: the references of the file's store path, for Nix sees those too
 */
export function findObstacles(piece: Piece, hashes: Hashes): Hit[] {
  return [...findBare(piece, hashes), ...findSplit(piece, hashes), ...findWide(piece)];
}

/**
 * Finds every store path that is named in clear.
 * @returns hashes, in order
 */
export function findNamed(bytes: Buffer): string[] {
  const found: string[] = [];
  for (let at = bytes.indexOf(prefix); at >= 0; at = bytes.indexOf(prefix, at + prefix.length)) {
    const start = at + prefix.length;
    const hash = bytes.toString('latin1', start, start + hashLength);
    if (hashPattern.test(hash)) found.push(hash);
  }
  return found;
}

/** A hash without its prefix: escaped (`\/nix\/store\/`), joined at run time, or the literal of a packed format. */
function findBare({ bytes, from }: Piece, hashes: Hashes): Hit[] {
  return findHashes(bytes, hashes).flatMap(({ at, hash }) => {
    if (at + hashLength <= from) return [];
    const before = bytes.toString('latin1', Math.max(0, at - prefix.length), at);
    // `../<hash>-name` leads from one store path to the next, wherever they are.
    return before === prefix || before.endsWith('./') ? [] : [{ hash, obstacle: 'bare' as const }];
  });
}

// As much of a hash as makes a chance likeness of no account: 25 bits.
const tellingLength = 5;
const firstWord = prefix.slice(0, 8);
// Two instructions that load the halves of a string stand no further apart.
const instructionsBytes = 64;
const splitBytes = firstWord.length + instructionsBytes + hashLength;

/**
 * A name that a compiler has cut into constants of 8 (in instructions), 16 or 32 bytes.
 */
function findSplit({ bytes, from, isLast }: Piece, hashes: Hashes): Hit[] {
  const hits: Hit[] = [];
  for (let at = bytes.indexOf(firstWord); at >= 0; at = bytes.indexOf(firstWord, at + firstWord.length)) {
    const end = at + splitBytes;
    // What the next piece will hold as a whole is left to it.
    if (end <= from || (end > bytes.length && !isLast)) continue;
    const start = at + prefix.length;
    const isWhole = bytes.toString('latin1', at, start) === prefix;
    const told = isWhole ? start : findSecondWord(bytes, at + firstWord.length);
    const text = bytes.toString('latin1', told, told + hashLength);
    if (text.length < tellingLength || (isWhole && hashPattern.test(text))) continue;
    const beginning = text.slice(0, tellingLength);
    for (const hash of hashes) if (hash.startsWith(beginning)) hits.push({ hash, obstacle: 'split' });
  }
  return hits;
}

/** Returns where the hash goes on behind `re/`, or the end. */
function findSecondWord(bytes: Buffer, from: number): number {
  const rest = prefix.slice(firstWord.length);
  const at = bytes.subarray(from, from + instructionsBytes).indexOf(rest);
  if (at < 0) return bytes.length;
  const isOfWhole = bytes.toString('latin1', from + at - firstWord.length, from + at) === firstWord;
  return isOfWhole ? bytes.length : from + at + rest.length;
}

// From the first character's byte to the last one's, so that the order of bytes makes no difference.
const widePrefixes = ([2, 4] as const).map((width) => ({ width, bytes: widen(prefix, width) }));

function widen(text: string, width: number): Buffer {
  const bytes = Buffer.alloc(width * (text.length - 1) + 1);
  for (let index = 0; index < text.length; index++) bytes[width * index] = text.charCodeAt(index);
  return bytes;
}

/** A name in UTF-16 or UTF-32: two or four bytes a character, all but one of them zero. */
function findWide({ bytes, from, isLast }: Piece): Hit[] {
  const hits: Hit[] = [];
  for (const { width, bytes: wide } of widePrefixes) {
    const nameBytes = width * (prefix.length + hashLength);
    for (let at = bytes.indexOf(wide); at >= 0; at = bytes.indexOf(wide, at + wide.length)) {
      if (at + nameBytes <= from || (at + nameBytes > bytes.length && !isLast)) continue;
      const hash = narrow(bytes, at + width * prefix.length, width);
      if (hashPattern.test(hash)) hits.push({ hash, obstacle: 'wide' });
    }
  }
  return hits;
}

function narrow(bytes: Buffer, at: number, width: number): string {
  const characters = Array.from({ length: hashLength }, (_, index) => bytes[at + width * index] ?? 0);
  return String.fromCharCode(...characters);
}
