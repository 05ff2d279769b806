import type { Piece } from '../core/piece.ts';
import { leastPartBytes, type Part, partBytesFor, partLimit } from './parts.ts';

/** Copied in one request at most: a server says nothing while it copies, and S3 itself takes 5 GiB. */
const mostCopyBytes = 256 << 20;
/**
 * How many runs back the last one that is copied may lie. To pass over two in a row is worse than to copy one of them,
 * but for rare cases at the very limit of 5 MiB.
 */
const lookback = 4;

/** Bytes that stand in both files. */
interface Run {
  readonly offset: number;
  readonly sizeBytes: number;
  readonly sourceOffset: number;
}

/** A choice of runs to copy, up to the one that is its last. */
interface Choice {
  readonly run: Run;
  readonly before: Choice | undefined;
  /** Bytes of `run` that are sent all the same, to make the part before it large enough. */
  readonly takenFromStart: number;
  /** The same of the end of `before.run`. */
  readonly takenBefore: number;
  /** Sent up to the end of `run`. */
  readonly uploadBytes: number;
  /** What may still be taken from the end of `run`. */
  readonly spareBytes: number;
}

/**
 * Plans an upload that copies what an object of the same bucket holds already, and sends as little as it can. S3 wants
 * 5 MiB of every part but the last, so that what changed in the middle takes some of its neighbours along: from
 * whichever copied run can spare it.
 * @param held the pieces of the object that is there
 * @param wanted the pieces of the file
 * @param sizeBytes of the file
 * @returns the parts in their order; undefined where nothing worth a part is shared
 */
export function planDelta(
  held: readonly Piece[],
  wanted: readonly Piece[],
  sizeBytes: number,
): readonly Part[] | undefined {
  const runs = sharedRuns(held, wanted).filter((run) => run.sizeBytes >= leastPartBytes);
  const choice = cheapest(runs, sizeBytes);
  if (choice === undefined) return undefined;
  const parts = cut(choice, sizeBytes);
  return parts.length > partLimit ? undefined : parts;
}

/** Sums what a plan sends. */
export function uploadBytesOf(parts: readonly Part[]): number {
  return parts.reduce((sum, part) => (part.kind === 'upload' ? sum + part.sizeBytes : sum), 0);
}

/**
 * Sums the pieces that a file has and another has not, with what no piece covers.
 */
export function newBytesOf(held: readonly Piece[], wanted: readonly Piece[], sizeBytes: number): number {
  return sharedRuns(held, wanted).reduce((rest, run) => rest - run.sizeBytes, sizeBytes);
}

/** Finds the longest stretches that follow one another in both files. */
function sharedRuns(held: readonly Piece[], wanted: readonly Piece[]): readonly Run[] {
  const places = new Map<string, number[]>();
  for (const piece of held) {
    const known = places.get(keyOf(piece));
    if (known === undefined) places.set(keyOf(piece), [piece.offset]);
    else known.push(piece.offset);
  }
  const runs: Run[] = [];
  for (const piece of wanted) {
    const sources = places.get(keyOf(piece));
    const [source] = sources ?? [];
    if (sources === undefined || source === undefined || piece.sizeBytes === 0) continue;
    const last = runs.at(-1);
    const next = last === undefined ? undefined : last.sourceOffset + last.sizeBytes;
    if (
      last !== undefined &&
      last.offset + last.sizeBytes === piece.offset &&
      next !== undefined &&
      sources.includes(next)
    ) {
      runs[runs.length - 1] = { ...last, sizeBytes: last.sizeBytes + piece.sizeBytes };
    } else runs.push({ offset: piece.offset, sizeBytes: piece.sizeBytes, sourceOffset: source });
  }
  return runs;
}

function keyOf({ sizeBytes, identity }: Piece): string {
  return `${sizeBytes} ${identity}`;
}

/** Chooses runs so that the least is sent: for each as the last, the choices that cost less or leave more to spare. */
function cheapest(runs: readonly Run[], sizeBytes: number): Choice | undefined {
  const choices: (readonly Choice[])[] = [];
  for (const [index, run] of runs.entries()) {
    const before = [undefined, ...choices.slice(Math.max(0, index - lookback)).flat()];
    choices.push(best(before.flatMap((choice) => extend(choice, run) ?? [])));
  }
  const total = (choice: Choice) => choice.uploadBytes + sizeBytes - endOf(choice.run);
  return choices
    .flat()
    .reduce<Choice | undefined>(
      (least, choice) => (least && total(least) <= total(choice) ? least : choice),
      undefined,
    );
}

function extend(before: Choice | undefined, run: Run): Choice | undefined {
  const gapBytes = run.offset - (before === undefined ? 0 : endOf(before.run));
  const missingBytes = gapBytes === 0 ? 0 : Math.max(0, leastPartBytes - gapBytes);
  const takenBefore = Math.min(missingBytes, before?.spareBytes ?? 0);
  const takenFromStart = missingBytes - takenBefore;
  const spareBytes = run.sizeBytes - takenFromStart - leastPartBytes;
  if (spareBytes < 0) return undefined;
  const uploadBytes = (before?.uploadBytes ?? 0) + gapBytes + missingBytes;
  return { run, before, takenFromStart, takenBefore, uploadBytes, spareBytes };
}

/** Leaves out what another choice beats in both respects. */
function best(choices: readonly Choice[]): readonly Choice[] {
  const sorted = choices.toSorted((a, b) => a.uploadBytes - b.uploadBytes || b.spareBytes - a.spareBytes);
  let mostSpare = -1;
  return sorted.filter(({ spareBytes }) => {
    if (spareBytes <= mostSpare) return false;
    mostSpare = spareBytes;
    return true;
  });
}

function endOf(run: Run): number {
  return run.offset + run.sizeBytes;
}

/** Turns a choice into parts, from the end to the beginning. */
function cut(last: Choice, sizeBytes: number): readonly Part[] {
  const partBytes = partBytesFor(sizeBytes);
  const stretches: (readonly Part[])[] = [cutLast(endOf(last.run), sizeBytes, partBytes)];
  let takenFromEnd = 0;
  for (let choice: Choice | undefined = last; choice !== undefined; choice = choice.before) {
    const { before, run, takenBefore, takenFromStart } = choice;
    const start = run.offset + takenFromStart;
    const end = endOf(run) - takenFromEnd;
    const shift = run.sourceOffset - run.offset;
    stretches.push(
      cutEvenly(start, end, mostCopyBytes).map(([offset, length]) => ({
        kind: 'copy',
        offset,
        sizeBytes: length,
        sourceOffset: offset + shift,
      })),
    );
    const from = before === undefined ? 0 : endOf(before.run) - takenBefore;
    stretches.push(
      cutEvenly(from, start, partBytes).map(([offset, length]) => ({
        kind: 'upload',
        offset,
        sizeBytes: length,
      })),
    );
    takenFromEnd = takenBefore;
  }
  return stretches.reverse().flat();
}

/** What ends the file: parts of the usual size, and one of what is left. */
function cutLast(start: number, end: number, partBytes: number): readonly Part[] {
  const count = Math.ceil((end - start) / partBytes);
  return Array.from({ length: count }, (_, index) => ({
    kind: 'upload',
    offset: start + index * partBytes,
    sizeBytes: Math.min(partBytes, end - start - index * partBytes),
  }));
}

/** Cuts into stretches of about equal length, of at most so many bytes unless that made them too small for a part. */
function cutEvenly(
  start: number,
  end: number,
  mostBytes: number,
): readonly (readonly [offset: number, length: number])[] {
  const length = end - start;
  if (length === 0) return [];
  const count = Math.max(1, Math.min(Math.ceil(length / mostBytes), Math.floor(length / leastPartBytes)));
  const at = (index: number) => start + Math.floor((length * index) / count);
  return Array.from({ length: count }, (_, index) => [at(index), at(index + 1) - at(index)]);
}
