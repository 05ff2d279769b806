import type { Context } from '../../src/core/context.ts';
import type { NomadJobState } from '../nomad/job-answer.ts';
import type { Nomad } from '../nomad/nomad.ts';
import { jobUnknown } from '../nomad/nomad-operations.ts';
import { evalIdOf, type FollowOptions, followVersion, readTarget, toRelease } from './follow.ts';
import { multiregion } from './outcome.ts';
import type { Release } from './release-model.ts';
import { readSnapshot } from './snapshot.ts';

/**
 * Watches the current version of a job that is there already, whoever submitted it, to its end.
 * @throws {SaddlebagError} `job-unknown`, `job-multiregion`; what `watchRelease` and the API throw
 */
export async function attach(
  nomad: Nomad,
  jobId: string,
  options: FollowOptions,
  context: Pick<Context, 'reporter' | 'signal'>,
): Promise<Release> {
  const namespace = nomad.connection.namespace ?? 'default';
  const current = await nomad.readJob(jobId);
  if (current === null) throw jobUnknown('watch', jobId, namespace);
  const target = await readTarget(nomad, jobId, current, options);
  if (current.special !== null && !current.isStopped) {
    return registered(current, { target, evalId: '', namespace }, context);
  }
  const evalId = evalIdOf(target, await readSnapshot(nomad, jobId, context.signal));
  return followVersion(nomad, { target, evalId }, options, context);
}

/**
 * Makes the result for a job that starts nothing by itself, and says what does.
 * @throws {SaddlebagError} `job-multiregion`
 */
export function registered(
  { special, version }: NomadJobState,
  release: Parameters<typeof toRelease>[1],
  { reporter }: Pick<Context, 'reporter'>,
): Release {
  const { jobId } = release.target;
  if (special === 'multiregion') throw multiregion(jobId);
  const option = release.namespace === 'default' ? '' : `-namespace ${release.namespace} `;
  const next =
    special === 'periodic'
      ? `Nomad starts it on its schedule; at once: nomad job periodic force ${option}${jobId}`
      : `it starts when it is dispatched: nomad job dispatch ${option}${jobId}`;
  const message = `version ${version} of ${jobId} is registered and ${special}: ${next}`;
  reporter.report({ kind: 'step', stage: 'deploy', message });
  return toRelease('registered', release, null);
}
