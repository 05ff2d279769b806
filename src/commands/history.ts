import { jobUnknown } from '../../deploy/nomad/nomad-operations.ts';
import { describeHistory, type JobHistory, type JobVersion } from '../../deploy/running/job-history.ts';
import type { Context } from '../core/context.ts';
import { exitCodes } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import { formatMoment, formatRevision } from '../core/units.ts';
import { type NomadFlags, withNomad } from './nomad-session.ts';
import { objectExists } from './object-exists.ts';
import type { CommandResult } from './result.ts';

/**
 * Runs `saddlebag history`: prints the versions of a job that Nomad keeps, with what each one runs, who deployed it, of
 * which revision, and whether its object is still there.
 * @throws {SaddlebagError} `job-unknown`; what `readConnection` and the API throw
 */
export async function runHistory(
  input: { readonly job: string; readonly flags: NomadFlags },
  context: Context,
): Promise<CommandResult> {
  const { job, flags } = input;
  const history = await withNomad(flags, context, async (nomad) => {
    const namespace = nomad.connection.namespace ?? 'default';
    const versions = await nomad.readVersions(job);
    if (versions.length === 0) throw jobUnknown('show the history of', job, namespace);
    return describeHistory({ id: job, namespace }, versions, (url) => objectExists(url, context));
  });
  return { text: render(history), json: history, exitCode: exitCodes.done };
}

function render({ versions }: JobHistory): string {
  return versions.map(renderVersion).join('\n');
}

function renderVersion(one: JobVersion): string {
  const marks = [
    ...(one.isCurrent ? ['current'] : []),
    one.isStable ? 'was healthy' : 'not known healthy',
    ...(one.deployedBy === null ? [] : [`by ${one.deployedBy}`]),
    ...(one.revision === null ? [] : [`revision ${formatRevision(one.revision)}`]),
  ];
  const time = formatMoment(one.submittedAt);
  const lines = one.artifacts.map(({ task, url, checksum, exists: isThere }) => {
    const state = isThere === null ? '' : isThere ? ', is there' : ', is gone';
    return `     ${task}: ${checksum.replace(/^(sha256:.{12}).*/, '$1…') || 'no checksum'}${state}  ${url}`;
  });
  const first = `${String(one.jobVersion).padStart(4)} ${time}  ${marks.join(', ')}`;
  return [first, ...lines].map(printable).join('\n');
}
