import type { Entry } from '../src/core/types.ts';
import { allocateBuffer } from './large-buffer.ts';
import { locateContents, roundToBlock, tarBlockBytes, writeTar } from './tar.ts';

/** A run of entries of one store path that is written as one piece of tar. */
export interface EntryGroup {
  /** Index of the first of `entries` among the entries of the store path. */
  readonly first: number;
  readonly entries: readonly Entry[];
}

/**
 * Cuts the entries of one store path into groups of about `frameBytes` of tar. A file larger than that is a group of
 * its own. Depends on nothing but names and sizes, so a store path is cut alike in every bundle.
 */
export function planGroups(entries: readonly Entry[], frameBytes: number): readonly EntryGroup[] {
  const groups: EntryGroup[] = [];
  let run: Entry[] = [];
  let runBytes = 0;
  const closeRun = (end: number) => {
    if (run.length > 0) groups.push({ first: end - run.length, entries: run });
    run = [];
    runBytes = 0;
  };
  for (const [index, entry] of entries.entries()) {
    const bytes = estimateTarBytes(entry);
    if (runBytes + bytes > frameBytes) closeRun(index);
    run.push(entry);
    runBytes += bytes;
  }
  closeRun(entries.length);
  return groups;
}

/** Estimates what `writeTar` makes of an entry, in bytes, and never too low. */
export function estimateTarBytes(entry: Entry): number {
  const names = Buffer.byteLength(entry.path) + ('target' in entry ? Buffer.byteLength(entry.target) : 0);
  // Up to here both fit the fields of a plain header; beyond, a pax header with both (twice for a backslash) comes too.
  const pax = names < 100 && !entry.path.includes('\\') ? 0 : tarBlockBytes + roundToBlock(2 * names + 100);
  return pax + tarBlockBytes + (entry.kind === 'file' ? roundToBlock(entry.sizeBytes) : 0);
}

/** The tar of one frame. */
export interface TarFrame {
  readonly tar: Buffer;
  readonly group: EntryGroup;
  /** Where the contents of the group's entries begin, from the start of this frame; empty but in a group's first. */
  readonly contentOffsets: readonly number[];
}

/**
 * Writes one group as frames: one, or for a large file one for each `frameBytes` of its tar.
 * @throws {SaddlebagError} `file-changed`, `file-unreadable`
 */
export async function* tarFrames(
  group: EntryGroup,
  frameBytes: number,
  signal: AbortSignal,
): AsyncGenerator<TarFrame> {
  const estimatedBytes = group.entries.reduce((sum, entry) => sum + estimateTarBytes(entry), 0);
  const capacity = Math.min(frameBytes, estimatedBytes);
  // A frame's own buffer is filled as chunks come: joining them at the end would take their memory twice.
  let frame = allocateBuffer(capacity);
  let length = 0;
  let expectedBytes: number | undefined;
  let writtenBytes = 0;
  const take = (): TarFrame => {
    const tar = frame.subarray(0, length);
    writtenBytes += length;
    length = 0;
    if (expectedBytes !== undefined) return { tar, group, contentOffsets: [] };
    const located = locateContents(tar, group.entries);
    expectedBytes = located.tarBytes;
    return { tar, group, contentOffsets: located.offsets };
  };
  for await (const chunk of writeTar(group.entries, signal)) {
    for (let at = 0; at < chunk.length; ) {
      if (length === capacity) {
        yield take();
        frame = allocateBuffer(capacity);
      }
      const count = chunk.copy(frame, length, at);
      at += count;
      length += count;
    }
  }
  if (length > 0) yield take();
  if (writtenBytes !== expectedBytes) {
    throw new Error(`a tar of ${writtenBytes} bytes where ${expectedBytes} were expected`);
  }
}
