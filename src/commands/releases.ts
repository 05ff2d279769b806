import { renderColumns } from '../core/columns.ts';
import type { Context } from '../core/context.ts';
import { exitCodes } from '../core/errors.ts';
import type { PublishedRelease } from '../core/types.ts';
import { formatBytes, formatMoment, formatRevision } from '../core/units.ts';
import { readReleases } from '../publish/releases/store.ts';
import type { CommandResult } from './result.ts';
import { openOrigin, type StoreFlags } from './stores.ts';

/** The flags of `saddlebag releases`. */
export interface ReleasesFlags extends StoreFlags {
  /** `s3://BUCKET/PREFIX`, a folder or a URL; SADDLEBAG_STORE otherwise. */
  readonly from?: string | undefined;
}

/**
 * Runs `saddlebag releases`: prints a line for each release, or with `--json` the ReleaseList.
 * @throws {SaddlebagError} what `openOrigin` and `readReleases` throw
 */
export async function runReleases(
  input: { readonly name: string; readonly flags: ReleasesFlags },
  context: Context,
): Promise<CommandResult> {
  const { store, prefix, place } = await openOrigin(input.flags.from, input.flags, context);
  const list = await readReleases({ store, prefix, name: input.name }, context);
  if (list.releases.length === 0) {
    const message = `nothing is published as ${input.name} in ${place}`;
    context.reporter.report({ kind: 'step', stage: 'releases', message });
  }
  return { text: renderTable(list.releases), json: list, exitCode: exitCodes.done };
}

function renderTable(releases: readonly PublishedRelease[]): string {
  if (releases.length === 0) return '';
  const header = ['VERSION', 'ARCH', 'SIZE', 'PUBLISHED', 'BY', 'REVISION', 'CHECKSUM', 'LABELS'];
  return renderColumns([header, ...releases.map(rowOf)]);
}

function rowOf({ artifact, publishedAt, publishedBy, revision, labels }: PublishedRelease): string[] {
  const cells = [
    artifact.appVersion,
    artifact.arch,
    formatBytes(artifact.sizeBytes),
    formatMoment(publishedAt),
    publishedBy ?? '',
    revision === null ? '' : formatRevision(revision),
    // As much as `NAME@sha256:…` takes at least.
    artifact.checksum.slice(0, 'sha256:'.length + 12),
    Object.entries(labels)
      .map(([key, value]) => `${key}=${value}`)
      .join(' '),
  ];
  return cells.map((cell) => (cell === '' ? '-' : cell));
}
