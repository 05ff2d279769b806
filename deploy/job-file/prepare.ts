import type { Context } from '../../src/core/context.ts';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { checkDownloadUrl } from '../artifact/download-check.ts';
import type { ApiJob } from '../nomad/job-answer.ts';
import type { Nomad } from '../nomad/nomad.ts';
import { Shape } from '../nomad/shape.ts';
import { settleCounts, type WantedCount } from '../release/counts.ts';
import { checkPlace, type PreparedRelease, planSubmission } from '../release/prepare.ts';
import type { Submission } from '../release/submission.ts';
import { artifactsOf } from './job-artifacts.ts';
import { jobFileUnsupported } from './job-file.ts';
import type { TaskArtifact } from './task-artifact.ts';

/** Where a job goes; null leaves it to the environment. */
export interface JobPlace {
  readonly namespace: string | null;
  readonly region: string | null;
}

/**
 * Returns where a job file's job goes: where the file says, else where the flags say.
 * @throws {SaddlebagError} `flags-conflict` when both say something else
 */
export function placeOfJob(
  name: string,
  job: ApiJob,
  flags: { readonly namespace?: string | undefined; readonly region?: string | undefined },
): JobPlace {
  const shape = Shape.of(job, name);
  const choose = (key: 'Namespace' | 'Region', flag: string | null): string | null => {
    const said = shape.optionalText(key) || null;
    if (said === null || flag === null || said === flag) return said ?? flag;
    const what = key.toLowerCase();
    throw new SaddlebagError(
      'flags-conflict',
      `cannot deploy ${name}: it says ${what} ${said}, --${what} says ${flag}`,
      {
        hint: 'change one of the two',
        exitCode: exitCodes.usage,
      },
    );
  };
  return {
    namespace: choose('Namespace', flags.namespace ?? null),
    region: choose('Region', flags.region ?? null),
  };
}

/**
 * Makes the release of a job file's job: checks that it fetches the artifacts and that clients can, settles its counts,
 * and has the server check and plan it. Changes nothing.
 * @throws {SaddlebagError} `job-file-unsupported`, `namespace-unknown`, `region-unknown`, `download-url-loopback`,
 * `job-invalid`, `job-settings-invalid`; what the API throws
 */
export async function prepareJobFile(
  nomad: Nomad,
  request: {
    readonly name: string;
    readonly submission: Submission;
    readonly artifacts: readonly TaskArtifact[];
    readonly counts: readonly WantedCount[];
  },
  { reporter }: Pick<Context, 'reporter'>,
): Promise<PreparedRelease> {
  await checkPlace(nomad);
  for (const { artifact } of request.artifacts) {
    checkFetches(request.name, request.submission.job, artifact.source);
    await checkDownloadUrl(nomad, artifact.source);
  }
  const current = await nomad.readJob(request.submission.id);
  const { submission, notes } = await settleCounts(nomad, request.submission, {
    current,
    wanted: request.counts,
  });
  for (const message of notes) reporter.report({ kind: 'step', stage: 'deploy', message });
  return planSubmission(nomad, inPlace(nomad, submission), current);
}

/** A job that says nothing of namespace and region gets those that it is submitted to. */
function inPlace({ connection }: Nomad, submission: Submission): Submission {
  const place = {
    ...(connection.namespace === null ? {} : { Namespace: connection.namespace }),
    ...(connection.region === null ? {} : { Region: connection.region }),
  };
  return { ...submission, job: { ...submission.job, ...place } };
}

/** Refuses a job none of whose tasks fetches the artifact by its checksum: then it would deploy something else. */
function checkFetches(
  name: string,
  job: ApiJob,
  { url, checksum }: { readonly url: string; readonly checksum: string },
): void {
  const fetched = artifactsOf(job).filter(({ source }) => source.startsWith(url));
  if (fetched.some(({ text }) => text.includes(checksum))) return;
  throw fetched.length === 0
    ? jobFileUnsupported(name, 'no task fetches it', {
        hint: 'use var.artifact_source as the source of an artifact',
      })
    : jobFileUnsupported(name, 'nothing checks what is fetched', {
        hint: 'set checksum = var.artifact_checksum in the options of the artifact',
      });
}
