import { createHash } from 'node:crypto';
import type { StorePath } from '../../src/core/store-path.ts';
import type { OpenBundle } from '../bundle-file.ts';
import { decodeRows, type Row } from '../format/rows.ts';
import { readFrames } from '../frame-reader.ts';

/** An entry of a bundle, with the store path that it belongs to. */
export interface Member extends Row {
  readonly storePath: StorePath;
}

/** Files of equal content in different store paths. */
export interface Duplicate {
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Absolute, at least two, sorted. */
  readonly files: readonly string[];
}

/** Below this, copies are not worth a line. */
const leastDuplicateBytes = 4096;

/** Lists all entries of a bundle in the order of its index. */
export function listMembers(bundle: OpenBundle): Member[] {
  return bundle.header.paths.flatMap((path, index) => {
    const slice = bundle.slices[index];
    if (slice === undefined) return [];
    return decodeRows(bundle.file, path, slice).map((row) => ({ ...row, storePath: path.storePath }));
  });
}

/** Returns where a member is once extracted: `/nix/store/<hash>-<name>/<path>`. */
export function memberPath({ storePath, path }: Pick<Member, 'storePath' | 'path'>): string {
  return path === '' ? storePath : `${storePath}/${path}`;
}

/** Returns the `count` largest files, the largest first, those of one size by path. */
export function largestFiles(members: readonly Member[], count: number): Member[] {
  return members
    .filter(({ kind }) => kind === 'file')
    .toSorted((a, b) => b.sizeBytes - a.sizeBytes || (memberPath(a) < memberPath(b) ? -1 : 1))
    .slice(0, count);
}

/**
 * Finds files of 4 KiB and more that several store paths hold. Inside a store path equal files are links of one anyway.
 * Only what has the size of another is decoded.
 * @returns the most wasteful first
 * @throws {SaddlebagError} `bundle-damaged`; the reason of `signal`
 */
export async function findDuplicates(
  bundle: OpenBundle,
  members: readonly Member[],
  signal: AbortSignal,
): Promise<Duplicate[]> {
  const files = members.filter(({ kind, sizeBytes }) => kind === 'file' && sizeBytes >= leastDuplicateBytes);
  const candidates = [...Map.groupBy(files, ({ sizeBytes }) => sizeBytes).values()]
    .filter((group) => new Set(group.map(({ storePath }) => storePath)).size > 1)
    .flat();
  const digests = await digestFiles(bundle, candidates, signal);
  return [...Map.groupBy(candidates, (member) => digests.get(member) ?? '').entries()]
    .filter(([, group]) => group.length > 1)
    .map(([sha256, group]) => ({
      sizeBytes: group[0]?.sizeBytes ?? 0,
      sha256,
      files: group.map(memberPath).sort(),
    }))
    .sort((a, b) => wastedBytes(b) - wastedBytes(a) || (a.sha256 < b.sha256 ? -1 : 1));
}

/** Returns the bytes that a duplicate takes beyond one copy. */
export function wastedBytes({ sizeBytes, files }: Duplicate): number {
  return sizeBytes * (files.length - 1);
}

async function digestFiles(
  bundle: OpenBundle,
  files: readonly Member[],
  signal: AbortSignal,
): Promise<ReadonlyMap<Member, string>> {
  const hashes = new Map(files.map((file) => [file, createHash('sha256')]));
  await readContents(bundle, files, { signal, onContent: (file, bytes) => hashes.get(file)?.update(bytes) });
  return new Map([...hashes].map(([file, hash]) => [file, hash.digest('hex')]));
}

/**
 * Reads the content of files, in the order of the tar; of each one piece or more, in its order.
 * @throws {SaddlebagError} `bundle-damaged`; the reason of `signal`
 */
export async function readContents(
  bundle: OpenBundle,
  files: readonly Member[],
  {
    signal,
    onContent,
  }: { readonly signal: AbortSignal; readonly onContent: (file: Member, bytes: Buffer) => void },
): Promise<void> {
  const sorted = files
    .filter(({ sizeBytes }) => sizeBytes > 0)
    .toSorted((a, b) => a.dataOffset - b.dataOffset);
  const isWanted = wantedRange(sorted);
  const frames = bundle.frames.filter((frame) => isWanted(frame.tarOffset, frame.tarOffset + frame.tarBytes));
  let next = 0;
  for await (const { tarOffset, tar } of readFrames(bundle, frames, signal)) {
    const end = tarOffset + tar.length;
    for (let index = next; index < sorted.length; index++) {
      const file = sorted[index];
      if (file === undefined || file.dataOffset >= end) break;
      const fileEnd = file.dataOffset + file.sizeBytes;
      onContent(
        file,
        tar.subarray(Math.max(0, file.dataOffset - tarOffset), Math.min(tar.length, fileEnd - tarOffset)),
      );
      if (fileEnd <= end) next = index + 1;
    }
  }
}

/** Tells of a range of the tar, asked for in rising order, whether it holds content of one of the sorted files. */
function wantedRange(sorted: readonly Member[]): (start: number, end: number) => boolean {
  let first = 0;
  return (start, end) => {
    while (first < sorted.length && endOf(sorted[first]) <= start) first += 1;
    const file = sorted[first];
    return file !== undefined && file.dataOffset < end;
  };
}

function endOf(file: Member | undefined): number {
  return file === undefined ? 0 : file.dataOffset + file.sizeBytes;
}
