import { sha256Hex } from '../src/core/digest.ts';
import { type StorePath, storePathName } from '../src/core/store-path.ts';

// A store path counts as small up to this part of a frame.
const smallPart = 4;

// One small store path in so many begins a frame whatever the frame's length.
const meanRun = 16;

/** What decides whether a store path shares a frame. */
export interface Sharer {
  readonly storePath: StorePath;
  /** What `estimateTarBytes` says of its entries together. */
  readonly estimatedTarBytes: number;
  /** Whether it is the app's own: that changes with each release and shares with none. */
  readonly isLast: boolean;
}

/**
 * Decides which store paths begin in the frame of the one before them: neighbours that are small. 300 store paths of
 * 100 kB in a frame each compress a fifth worse than together. A name decides where a run ends, and not a count, so that
 * one path more or less changes the frames near it only.
 */
export class FrameSharing {
  readonly #frameBytes: number;
  #runBytes = 0;

  constructor(frameBytes: number) {
    this.#frameBytes = frameBytes;
  }

  /** Whether the store path after the one that was taken last may begin in its frame. */
  get isOpen(): boolean {
    return this.#runBytes > 0;
  }

  /** Takes the next store path and says whether it begins in the frame of the one before. */
  continues({ storePath, estimatedTarBytes, isLast }: Sharer): boolean {
    const isSmall = estimatedTarBytes <= this.#frameBytes / smallPart && !isLast;
    const fits = this.#runBytes > 0 && this.#runBytes + estimatedTarBytes <= this.#frameBytes;
    const continues = isSmall && fits && !beginsRun(storePath);
    this.#runBytes = isSmall ? estimatedTarBytes + (continues ? this.#runBytes : 0) : 0;
    return continues;
  }
}

/** By the name behind the hash: a new build of the same package leaves the runs as they are. */
function beginsRun(storePath: StorePath): boolean {
  return Number.parseInt(sha256Hex(storePathName(storePath)).slice(0, 8), 16) % meanRun === 0;
}
