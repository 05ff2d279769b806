import { sha256Hex } from '../src/core/digest.ts';
import { SaddlebagError } from '../src/core/errors.ts';
import type { ClosurePath, Entry } from '../src/core/types.ts';
import type { PieceRecord } from './cache/path-record.ts';
import { readEntries } from './entries.ts';
import { type EntryGroup, estimateTarBytes, planGroups, type TarFrame, tarFrames } from './frames.ts';
import { freeBuffer } from './large-buffer.ts';

/** Reads a store path's tar from its files, from the beginning or from any piece on. Reads nothing before it is asked. */
export class PathReader {
  readonly #path: ClosurePath;
  readonly #frameBytes: number;
  readonly #signal: AbortSignal;
  #entries: Promise<readonly Entry[]> | undefined;
  #next = { piece: 0, frames: undefined as AsyncGenerator<TarFrame> | undefined };

  constructor(path: ClosurePath, frameBytes: number, signal: AbortSignal) {
    this.#path = path;
    this.#frameBytes = frameBytes;
    this.#signal = signal;
  }

  /**
   * @throws {SaddlebagError} as `readEntries`
   */
  entries(): Promise<readonly Entry[]> {
    this.#entries ??= readEntries(this.#path, this.#signal);
    return this.#entries;
  }

  /** Estimates the whole tar, in bytes, and never too low. */
  async estimateTarBytes(): Promise<number> {
    return (await this.entries()).reduce((sum, entry) => sum + estimateTarBytes(entry), 0);
  }

  /**
   * Writes all pieces of the tar, in order.
   * @throws {SaddlebagError} as `readEntries` and `tarFrames`
   */
  async *frames(): AsyncGenerator<TarFrame> {
    yield* this.#framesOf(planGroups(await this.entries(), this.#frameBytes));
  }

  /**
   * Writes one piece of the tar, as a record names it. Pieces that are asked for in order are read in one go.
   * @throws {SaddlebagError} `file-changed` where it is not the one that was recorded; as `readEntries` and `tarFrames`
   */
  async piece(index: number, pieces: readonly PieceRecord[]): Promise<Buffer> {
    let { piece, frames } = this.#next;
    const start = firstOfGroup(index, pieces);
    if (frames === undefined || piece > index || piece < start) {
      await frames?.return(undefined);
      const groups = planGroups(await this.entries(), this.#frameBytes);
      frames = this.#framesOf(groups.filter(({ first }) => first >= (pieces[start]?.firstRow ?? 0)));
      piece = start;
    }
    for (; ; piece += 1) {
      const { value, done } = await frames.next();
      if (done) throw changed(this.#path);
      if (piece < index) {
        freeBuffer(value.tar);
        continue;
      }
      this.#next = { piece: piece + 1, frames };
      if (sha256Hex(value.tar) !== pieces[index]?.sha256) throw changed(this.#path);
      return value.tar;
    }
  }

  async *#framesOf(groups: readonly EntryGroup[]): AsyncGenerator<TarFrame> {
    for (const group of groups) yield* tarFrames(group, this.#frameBytes, this.#signal);
  }
}

/** The pieces of one group, which is one large file where they are several, have the same first row. */
function firstOfGroup(index: number, pieces: readonly PieceRecord[]): number {
  return pieces.findIndex(({ firstRow }) => firstRow === pieces[index]?.firstRow);
}

function changed({ storePath, directory }: ClosurePath): SaddlebagError {
  return new SaddlebagError(
    'file-changed',
    `cannot bundle ${directory ?? storePath}: it changed while it was read`,
    { hint: 'bundle again once nothing writes to it' },
  );
}
