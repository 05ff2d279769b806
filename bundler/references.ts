import { type StorePath, storePathBase } from '../src/core/store-path.ts';

/** The hash parts of store paths, by which Nix recognises what a file refers to. */
export type Hashes = ReadonlySet<string>;

const hashLength = 32;
const isDigit = new Uint8Array(256);
for (const digit of '0123456789abcdfghijklmnpqrsvwxyz') isDigit[digit.charCodeAt(0)] = 1;

/** Returns the hash parts of store paths. */
export function hashesOf(storePaths: readonly StorePath[]): Hashes {
  return new Set(storePaths.map((storePath) => storePathBase(storePath).slice(0, hashLength)));
}

/**
 * Finds where one of `hashes` stands in `bytes`, in order. From the last of 32 bytes backwards, as Nix itself looks: one
 * that is no digit of base 32 rules out every place up to it, so that most bytes are never read.
 */
export function findHashes(bytes: Buffer, hashes: Hashes): { readonly at: number; readonly hash: string }[] {
  const found: { at: number; hash: string }[] = [];
  for (let at = 0; at + hashLength <= bytes.length; ) {
    let last = hashLength - 1;
    while (last >= 0 && isDigit[bytes[at + last] ?? 0] === 1) last--;
    if (last < 0) {
      const hash = bytes.toString('latin1', at, at + hashLength);
      if (hashes.has(hash)) found.push({ at, hash });
    }
    at += Math.max(1, last + 1);
  }
  return found;
}

/**
 * Chooses where to cut `bytes` so that the first `count` places of each hash are cut in two; in order.
 */
export function cutHashes(bytes: Buffer, hashes: Hashes, count: number): number[] {
  const seen = new Map<string, number>();
  const cuts: number[] = [];
  for (const { at, hash } of findHashes(bytes, hashes)) {
    const times = (seen.get(hash) ?? 0) + 1;
    seen.set(hash, times);
    if (times <= count) cuts.push(at + hashLength / 2);
  }
  return cuts;
}
