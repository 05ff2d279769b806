import type { Context } from '../core/context.ts';
import type { ByteSource, Piece } from '../core/piece.ts';
import type { Artifact } from '../core/types.ts';
import { planDelta, uploadBytesOf } from './delta-plan.ts';
import { artifactKey } from './key.ts';
import { leastPartBytes } from './parts.ts';
import { readReleases } from './releases/store.ts';
import type { ByteRange, Delta, Store } from './store.ts';

/** Reads of what an object is made; `bundler/pieces.ts` but in tests. */
export type ReadPieces = (source: ByteSource, name: string) => Promise<readonly Piece[]>;

/** A delta, and where its bytes come from. */
export interface FoundDelta extends Delta {
  readonly source: Artifact;
}

/** Where to look for what a file may share, and what is known of it. */
export interface DeltaSearch {
  readonly store: Store;
  readonly prefix: string;
  /** What is to be published. */
  readonly artifact: Artifact;
  readonly pieces: readonly Piece[];
  readonly readPieces: ReadPieces;
}

/** Earlier releases that are looked at. */
const mostCandidates = 3;
/** Where less than this part of the file is to be sent, no other release is looked at. */
const goodEnough = 0.05;
/** The end of an object, where header and index of most bundles are: read at once. */
const tailBytes = 1 << 20;

/**
 * Finds the earlier release of the same name and processor of which most can be taken over. What cannot be read is
 * passed over: without a delta all is sent, no more.
 * @throws the reason of the signal
 */
export async function findDelta(
  search: DeltaSearch,
  { signal }: Pick<Context, 'signal'>,
): Promise<FoundDelta | undefined> {
  const { artifact, pieces, prefix, readPieces, store } = search;
  const { readRange } = store;
  if (readRange === null || artifact.sizeBytes < leastPartBytes) return undefined;
  let found: FoundDelta | undefined;
  for (const source of await candidates(search, signal)) {
    const sourceKey = artifactKey({
      prefix,
      name: source.name,
      sha256: sha256Of(source),
      fileName: source.fileName,
    });
    const read = (range: ByteRange) => readRange(sourceKey, range, signal);
    try {
      const held = await readPieces(withTail(read, source.sizeBytes), store.describe(sourceKey));
      const parts = planDelta(held, pieces, artifact.sizeBytes);
      if (parts === undefined || (found && uploadBytesOf(found.parts) <= uploadBytesOf(parts))) continue;
      found = { source, sourceKey, parts };
    } catch {
      signal.throwIfAborted();
    }
    if (found !== undefined && uploadBytesOf(found.parts) < goodEnough * artifact.sizeBytes) break;
  }
  return found;
}

async function candidates(
  { store, prefix, artifact }: DeltaSearch,
  signal: AbortSignal,
): Promise<readonly Artifact[]> {
  try {
    const { releases } = await readReleases({ store, prefix, name: artifact.name }, { signal });
    return releases
      .map((release) => release.artifact)
      .filter(({ arch, sizeBytes }) => arch === artifact.arch && sizeBytes >= leastPartBytes)
      .slice(0, mostCandidates);
  } catch {
    // Whoever records the release will say what is wrong with the list.
    signal.throwIfAborted();
    return [];
  }
}

function sha256Of({ checksum }: Artifact): string {
  return checksum.slice('sha256:'.length);
}

/** Makes a source of an object, whose end is read once. */
function withTail(read: (range: ByteRange) => Promise<Buffer>, sizeBytes: number): ByteSource {
  const tailAt = Math.max(0, sizeBytes - tailBytes);
  let tail: Promise<Buffer> | undefined;
  return {
    sizeBytes,
    read: async (offset, length) => {
      if (offset < tailAt) return read({ offset, length });
      tail ??= read({ offset: tailAt, length: sizeBytes - tailAt });
      return (await tail).subarray(offset - tailAt, offset - tailAt + length);
    },
  };
}
