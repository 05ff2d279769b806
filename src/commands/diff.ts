import { resolve } from 'node:path';
import { openBundle } from '../../bundler/bundle-file.ts';
import { type ChangedPath, compareBundles, type Difference } from '../../bundler/explain/difference.ts';
import type { Context } from '../core/context.ts';
import { exitCodes, interrupted } from '../core/errors.ts';
import { storePathName } from '../core/store-path.ts';
import { formatBytes } from '../core/units.ts';
import type { CommandResult } from './result.ts';

/**
 * Says what changed from one bundle to another: store paths, settings, bytes.
 * @returns a page for people; as JSON the Difference
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
    const difference = await compareBundles(from, to, context.signal);
    return { text: renderDifference(difference), json: difference, exitCode: exitCodes.done };
  } catch (cause) {
    if (!context.signal.aborted) throw cause;
    throw interrupted(`comparing ${input.from} and ${input.to}`, 'nothing was changed', 'run it again');
  }
}

function renderDifference(difference: Difference): string {
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
  ].join('\n');
}

function nameChange(from: ChangedPath, to: ChangedPath): string {
  const [before, after] = [storePathName(from.storePath), storePathName(to.storePath)];
  return before === after ? after : `${before} → ${after}`;
}

function signed(sizeBytes: number): string {
  return `${sizeBytes < 0 ? '−' : '+'}${formatBytes(Math.abs(sizeBytes))}`;
}
