import { resolve } from 'node:path';
import { openBundle } from '../../bundler/bundle-file.ts';
import { type ChangedPath, compareBundles, type Difference } from '../../bundler/explain/difference.ts';
import { piecesOf } from '../../bundler/pieces.ts';
import type { Context } from '../core/context.ts';
import { exitCodes, interrupted } from '../core/errors.ts';
import { storePathName } from '../core/store-path.ts';
import { formatBytes } from '../core/units.ts';
import { newBytesOf, planDelta, uploadBytesOf } from '../publish/delta-plan.ts';
import type { CommandResult } from './result.ts';

/** What changed, and what it costs to publish. */
export interface BundleDifference extends Difference {
  /** Bytes of the new file beyond the runtime and the frames that the old one has too. */
  readonly newBytes: number;
  /** What `publish` sends to a bucket that holds the old one: S3 takes no part below 5 MiB but the last. */
  readonly sendBytes: number;
}

/**
 * Says what changed from one bundle to another: store paths, settings, bytes.
 * @returns a page for people; as JSON the BundleDifference
 * @throws {SaddlebagError} `bundle-unreadable`, `not-a-bundle`, `bundle-newer`, `bundle-older`, `bundle-damaged`,
 *   `interrupted`
 */
export async function runDiff(
  input: { readonly from: string; readonly to: string },
  context: Context,
): Promise<CommandResult> {
  try {
    await using from = await openBundle(resolve(context.cwd, input.from));
    await using to = await openBundle(resolve(context.cwd, input.to));
    const [held, wanted] = [piecesOf(from), piecesOf(to)];
    const { sizeBytes } = to;
    const parts = planDelta(held, wanted, sizeBytes);
    const difference: BundleDifference = {
      ...compareBundles(from, to),
      newBytes: newBytesOf(held, wanted, sizeBytes),
      sendBytes: parts === undefined ? sizeBytes : uploadBytesOf(parts),
    };
    return { text: renderDifference(difference), json: difference, exitCode: exitCodes.done };
  } catch (cause) {
    if (!context.signal.aborted) throw cause;
    throw interrupted(`comparing ${input.from} and ${input.to}`, 'nothing was changed', 'run it again');
  }
}

function renderDifference(difference: BundleDifference): string {
  const { from, to } = difference.sizeBytes;
  const share = ((100 * difference.newBytes) / to).toFixed(1);
  return [
    difference.same ? 'both run the same' : 'they run different things',
    ...difference.settings.map((name) => `  ${'setting'.padEnd(9)}${name}`),
    ...difference.updated.map(
      ({ from: old, to: now }) =>
        `  ${'updated'.padEnd(9)}${nameChange(old, now)}  ${signed(now.contentBytes - old.contentBytes)}`,
    ),
    ...difference.added.map(
      (path) => `  ${'added'.padEnd(9)}${path.storePath}  ${signed(path.contentBytes)}`,
    ),
    ...difference.removed.map(
      (path) => `  ${'removed'.padEnd(9)}${path.storePath}  ${signed(-path.contentBytes)}`,
    ),
    `${formatBytes(from)} → ${formatBytes(to)}, of which ${formatBytes(difference.newBytes)} (${share} %) are new`,
    `publishing it beside the old one sends ${formatBytes(difference.sendBytes)}`,
  ].join('\n');
}

function nameChange(from: ChangedPath, to: ChangedPath): string {
  const [before, after] = [storePathName(from.storePath), storePathName(to.storePath)];
  return before === after ? after : `${before} → ${after}`;
}

function signed(sizeBytes: number): string {
  return `${sizeBytes < 0 ? '−' : '+'}${formatBytes(Math.abs(sizeBytes))}`;
}
