import { type JobRow, type JobStatus, listJobs, readJobStatus } from '../../deploy/running/job-status.ts';
import { renderColumns } from '../core/columns.ts';
import type { Context } from '../core/context.ts';
import { exitCodes } from '../core/errors.ts';
import { printable } from '../core/printable.ts';
import { formatMoment } from '../core/units.ts';
import { jobPage, type NomadFlags, withNomad } from './nomad-session.ts';
import type { CommandResult } from './result.ts';

/** The flags of `saddlebag status`. */
export interface StatusFlags extends NomadFlags {
  /** Jobs that run anything, not only what was published by Saddlebag. */
  readonly all?: boolean | undefined;
}

/**
 * Runs `saddlebag status`: prints how a job is, or without one a line for each job that runs what Saddlebag published.
 * @throws {SaddlebagError} `job-unknown`; what `readConnection` and the API throw
 */
export async function runStatus(
  input: { readonly job: string | undefined; readonly flags: StatusFlags },
  context: Context,
): Promise<CommandResult> {
  const { job, flags } = input;
  return withNomad(flags, context, async (nomad) => {
    if (job === undefined) {
      const jobs = await listJobs(nomad, { all: flags.all ?? false });
      return { text: renderRows(jobs), json: { version: 1, jobs }, exitCode: exitCodes.done };
    }
    const { status, view } = await readJobStatus(nomad, job, context.signal);
    const page = jobPage(nomad.connection, job);
    return { text: renderStatus(status, view, page), json: { ...status, page }, exitCode: exitCodes.done };
  });
}

function renderRows(rows: readonly JobRow[]): string {
  return renderColumns(
    rows.map((row) => [
      row.jobId,
      row.type,
      row.status,
      `version ${row.jobVersion}${row.isStable ? '' : ', not known healthy'}`,
      formatMoment(row.submittedAt),
    ]),
  );
}

function renderStatus(status: JobStatus, view: readonly string[], page: string | null): string {
  const { jobId, type, jobVersion, explanation, submittedAt, artifacts } = status;
  return [
    `${jobId}: ${type}, version ${jobVersion} of ${formatMoment(submittedAt)}, ${status.status}`,
    ...(explanation === null ? [] : [`  ${explanation}`]),
    ...artifacts.map(({ task, url, checksum }) => `  ${task} runs ${url} ${checksum}`),
    ...view.map((line) => `  ${line}`),
    ...(page === null ? [] : [`  ${page}`]),
  ]
    .map(printable)
    .join('\n');
}
