import { sha256Hex } from '../src/core/digest.ts';
import { type StorePath, storePathName } from '../src/core/store-path.ts';
import type { ClosurePath, Entry } from '../src/core/types.ts';
import { estimateTarBytes } from './frames.ts';

// A store path counts as small up to this part of a frame.
const smallPart = 4;

// One small store path in so many begins a frame whatever the frame's length.
const meanRun = 16;

/**
 * Decides which store paths begin in the frame of the one before them: neighbours that are small. 300 store paths of
 * 100 kB in a frame each compress a fifth worse than together. A name decides where a run ends, and not a count, so that
 * one path more or less changes the frames near it only. The last path, the app's own, changes with each release and
 * shares with none.
 */
export function planSharing(
  trees: readonly { readonly path: Pick<ClosurePath, 'storePath'>; readonly entries: readonly Entry[] }[],
  frameBytes: number,
): readonly boolean[] {
  let runBytes = 0;
  return trees.map(({ path, entries }, index) => {
    const bytes = entries.reduce((sum, entry) => sum + estimateTarBytes(entry), 0);
    const isSmall = bytes <= frameBytes / smallPart && index < trees.length - 1;
    const continues = isSmall && runBytes > 0 && runBytes + bytes <= frameBytes && !beginsRun(path.storePath);
    runBytes = isSmall ? bytes + (continues ? runBytes : 0) : 0;
    return continues;
  });
}

/** By the name behind the hash: a new build of the same package leaves the runs as they are. */
function beginsRun(storePath: StorePath): boolean {
  return Number.parseInt(sha256Hex(storePathName(storePath)).slice(0, 8), 16) % meanRun === 0;
}
