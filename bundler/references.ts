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

/** Where the blocks of a frame end early: within the first `count` places of each hash. */
export interface Cutting {
  /** Sorted. */
  readonly hashes: readonly string[];
  readonly count: number;
}

/** Ends no block early. */
const uncut: Cutting = { hashes: [], count: 0 };

// More places than a frame of any size has.
const maximumCount = 1 << 22;

/**
 * Finds a way to compress a frame in which none of `hashes` stands in clear: zstd keeps literals as they are where coding
 * them gains nothing, and Nix would take those for references. `compress` gives the same bytes for the same cutting in
 * every closure, so that each can be kept; which of them is the frame depends on the closure.
 */
export async function hideHashes(
  hashes: Hashes,
  compress: (cutting: Cutting) => Promise<Buffer>,
): Promise<Buffer> {
  const clear = new Set<string>();
  for (let cutting = uncut; ; ) {
    const frame = await compress(cutting);
    const found = findHashes(frame, hashes);
    if (found.length === 0) return frame;
    if (cutting.count > maximumCount) throw new Error(`the hash ${found[0]?.hash} cannot be hidden`);
    for (const { hash } of found) clear.add(hash);
    // What is said a second time is a copy of the first to zstd, so the first place is nearly always the one.
    cutting = { hashes: [...clear].sort(), count: Math.max(1, 2 * cutting.count) };
  }
}

/**
 * Chooses where to cut `bytes` so that the first places of each hash are cut in two; in order.
 */
export function placeCuts(bytes: Buffer, { hashes, count }: Cutting): number[] {
  if (hashes.length === 0) return [];
  const seen = new Map<string, number>();
  const cuts: number[] = [];
  for (const { at, hash } of findHashes(bytes, new Set(hashes))) {
    const times = (seen.get(hash) ?? 0) + 1;
    seen.set(hash, times);
    if (times <= count) cuts.push(at + hashLength / 2);
  }
  return cuts;
}
