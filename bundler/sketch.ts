// Of all places one in so many is looked at: what stands in two places is looked at in both, wherever it moved.
const sampleBytes = 256;
// Shorter repeats pay too little to bring a frame together.
const windowBytes = 64;

/**
 * Samples what stands in `bytes`, so that two pieces of tar can be compared without either: of the places that their own
 * next bytes choose, a hash of the 64 bytes there; sorted, each once.
 */
export function sketchOf(bytes: Buffer): Uint32Array {
  const hashes: number[] = [];
  const end = bytes.length - windowBytes;
  let word = 0;
  for (let at = 0; at < end; at++) {
    word = (word << 8) | (bytes[at] ?? 0);
    // Multiplicative hashing; without the constant every place in a run of zeros would be one.
    if (Math.imul(word ^ 0x5bd1e995, 0x9e3779b1) >>> 24 !== 0) continue;
    hashes.push(hashAt(bytes, at));
  }
  return Uint32Array.from(hashes)
    .sort()
    .filter((hash, index, sorted) => index === 0 || hash !== sorted[index - 1]);
}

/** FNV-1a, by words. */
function hashAt(bytes: Buffer, start: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < start + windowBytes; at += 4) {
    hash = Math.imul(hash ^ bytes.readUInt32LE(at), 0x01000193);
  }
  return hash >>> 0;
}

/** Estimates how many bytes of one piece stand in another too. */
export function sharedBytes(one: Uint32Array, other: Uint32Array): number {
  let count = 0;
  for (let [at, otherAt] = [0, 0]; at < one.length && otherAt < other.length; ) {
    const [hash, otherHash] = [one[at] ?? 0, other[otherAt] ?? 0];
    if (hash === otherHash) count += 1;
    if (hash <= otherHash) at += 1;
    if (otherHash <= hash) otherAt += 1;
  }
  return count * sampleBytes;
}
