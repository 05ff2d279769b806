import type { PieceRecord } from './cache/path-record.ts';
import type { Joining } from './compression.ts';
import { sharedBytes, sketchOf } from './sketch.ts';

// What a frame of its own costs, as a part of a usual one: it begins without anything to refer to.
const frameCost = 1 / 128;
// Of what a frame is longer than usual, this part must stand in it twice.
const leastShare = 1 / 64;

interface PlannedPiece {
  readonly tarBytes: number;
  /** Bytes that stand in the pieces before it too, from the one just before backwards. */
  readonly shared: readonly number[];
}

/**
 * Decides which pieces of one store path's tar share a frame: about as many as fill a usual one, and more where the same
 * stands in them again, up to the longest frame. Holds a sample of the last pieces only.
 */
export class FramePlan {
  readonly #frameBytes: number;
  readonly #mostBytes: number;
  readonly #pieces: PlannedPiece[] = [];
  /** Of those that the next piece could share a frame with, the last one first. */
  #recent: { readonly tarBytes: number; readonly sketch: Uint32Array }[] = [];

  constructor(frameBytes: number, { mostBytes }: Joining) {
    this.#frameBytes = frameBytes;
    this.#mostBytes = mostBytes;
  }

  /** Takes the next piece; its bytes are not kept. */
  add(tar: Buffer): void {
    const sketch = sketchOf(tar);
    let frameBytes = tar.length;
    this.#recent = this.#recent.filter(({ tarBytes }) => {
      frameBytes += tarBytes;
      return frameBytes <= this.#mostBytes;
    });
    const shared = this.#recent.map((piece) => sharedBytes(sketch, piece.sketch));
    this.#pieces.push({ tarBytes: tar.length, shared });
    this.#recent.unshift({ tarBytes: tar.length, sketch });
  }

  /** Notes in the records of the pieces that were taken, in their order, which go into the frame of the one before. */
  apply(pieces: readonly PieceRecord[]): readonly PieceRecord[] {
    const firsts = this.#bestFirsts();
    const begins = new Set<number>();
    for (let end = pieces.length; end > 0; end = firsts[end] ?? 0) begins.add(firsts[end] ?? 0);
    return pieces.map((piece, index) => ({ ...piece, joins: !begins.has(index) }));
  }

  /** Finds the first piece of the last frame for each number of pieces, where the frames before are the best too. */
  #bestFirsts(): readonly number[] {
    const best = [0];
    const firsts = [0];
    for (let end = 1; end <= this.#pieces.length; end++) {
      best[end] = Number.NEGATIVE_INFINITY;
      for (const { first, gain } of this.#framesBefore(end)) {
        const sum = gain + (best[first] ?? 0);
        if (sum <= (best[end] ?? 0)) continue;
        best[end] = sum;
        firsts[end] = first;
      }
    }
    return firsts;
  }

  /** Weighs each frame that ends before piece `end`, the shortest first. */
  *#framesBefore(end: number): Generator<{ readonly first: number; readonly gain: number }> {
    let tarBytes = 0;
    for (let first = end - 1; first >= 0; first--) {
      tarBytes += this.#pieces[first]?.tarBytes ?? 0;
      if (tarBytes > this.#mostBytes && first < end - 1) return;
      const longer = Math.max(0, tarBytes - this.#frameBytes);
      const cost = this.#frameBytes * frameCost + longer * leastShare;
      yield { first, gain: this.#repeated(first, end) - cost };
    }
  }

  /** Estimates how many bytes of the pieces from `first` to `end` stand in an earlier one of them. */
  #repeated(first: number, end: number): number {
    let sum = 0;
    for (let at = first + 1; at < end; at++) {
      const { shared, tarBytes } = this.#pieces[at] ?? { shared: [], tarBytes: 0 };
      const inFrame = shared.slice(0, at - first).reduce((total, bytes) => total + bytes, 0);
      sum += Math.min(tarBytes, inFrame);
    }
    return sum;
  }
}
