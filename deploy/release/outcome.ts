import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import type { PlacementFailure } from '../nomad/nomad-answers.ts';
import { explainPlacement } from './diagnosis.ts';
import type { Target, Verdict } from './verdict.ts';

/** What is said of a release that did not come up. */
export interface OutcomeContext {
  readonly target: Target;
  readonly namespace: string;
  /** Why an allocation of it failed; null when none is known to have. */
  readonly explanation: string | null;
  /** What to do about that; null where only the app knows. */
  readonly advice: string | null;
}

/** A verdict that ends a watch, but not as it was meant to. */
export type BadVerdict = Exclude<Verdict, { readonly kind: 'running' | 'failing' | 'healthy' }>;

/**
 * Makes the error of a release that did not come up; its exit code tells the kinds apart (docs/exit-codes.md).
 */
export function outcomeError(verdict: BadVerdict, context: OutcomeContext): SaddlebagError {
  const { jobId, jobVersion } = context.target;
  const status = statusCommand(jobId, context.namespace);
  const advice = context.advice === null ? '' : `${context.advice}; `;
  switch (verdict.kind) {
    case 'failed':
      return new SaddlebagError(
        'deploy-failed',
        `cannot deploy ${jobId}: version ${jobVersion} failed: ${context.explanation ?? verdict.reason}`,
        {
          hint: `${advice}nothing was reverted: deploy a version that works, or see ${status}`,
          exitCode: exitCodes.notReverted,
        },
      );
    case 'reverted':
      return new SaddlebagError(
        'deploy-reverted',
        `cannot deploy ${jobId}: version ${jobVersion} failed: ${context.explanation ?? verdict.reason}`,
        {
          hint: `${advice}the version before runs again, as version ${verdict.asVersion}; see ${status}`,
          exitCode: exitCodes.reverted,
        },
      );
    case 'batch-failed':
      return new SaddlebagError(
        'batch-failed',
        `cannot complete ${jobId}: ${context.explanation ?? 'its task failed'}`,
        { hint: `${advice}see ${status}`, exitCode: exitCodes.batchTaskFailed },
      );
    case 'not-placed':
      return notPlaced(jobId, verdict.failures, `it is queued until a node has room; see ${status}`);
    case 'superseded':
      return new SaddlebagError(
        'deploy-superseded',
        `cannot deploy ${jobId}: version ${verdict.byVersion} came before version ${jobVersion} was healthy`,
        { hint: `somebody else deployed it; see ${status}`, exitCode: exitCodes.superseded },
      );
    case 'stopped':
      return new SaddlebagError(
        'deploy-stopped',
        verdict.isGone
          ? `cannot deploy ${jobId}: the job is gone, version ${jobVersion} was not seen healthy`
          : `cannot deploy ${jobId}: the job was stopped before version ${jobVersion} was healthy`,
        {
          hint: verdict.isGone ? 'somebody purged it, or Nomad collected it' : `see ${status}`,
          exitCode: exitCodes.superseded,
        },
      );
    case 'waits-for-promotion':
      return new SaddlebagError(
        'deploy-waits-for-promotion',
        `cannot finish ${jobId}: the canaries of version ${jobVersion} are healthy and wait to be promoted`,
        {
          hint: `saddlebag promote ${jobId}${optionFor(context.namespace)}, or nomad deployment promote ${verdict.deployment.id}`,
          exitCode: exitCodes.waitsForPromotion,
        },
      );
  }
}

/**
 * Makes the error for groups that no node can take.
 */
export function notPlaced(
  jobId: string,
  failures: readonly PlacementFailure[],
  hint: string,
): SaddlebagError {
  return new SaddlebagError(
    'deploy-not-placed',
    `cannot place ${jobId}: ${failures.map(explainPlacement).join('; ')}`,
    { hint, exitCode: exitCodes.notPlaced },
  );
}

/** Makes the error for a watch whose time is up. */
export function timedOut(target: Target, namespace: string, timeout: string): SaddlebagError {
  const { jobId, jobVersion } = target;
  return new SaddlebagError(
    'deploy-timed-out',
    `cannot tell what became of ${jobId}: version ${jobVersion} was not healthy within ${timeout}, and goes on`,
    {
      hint: `go on watching with ${watchCommand(jobId, namespace)}`,
      exitCode: exitCodes.timedOut,
    },
  );
}

/** Makes the error for a job of several clusters: each has a deployment of its own, and one may wait for another. */
export function multiregion(jobId: string): SaddlebagError {
  return new SaddlebagError('job-multiregion', `cannot deploy ${jobId}: it is a multiregion job`, {
    hint: `use nomad job run, and nomad job status ${jobId} in each region`,
    exitCode: exitCodes.usage,
  });
}

/** Makes the error for a watch that Nomad stopped answering: the release goes on unseen. */
export function lostSight(target: Target, namespace: string, cause: SaddlebagError): SaddlebagError {
  const { jobId, jobVersion } = target;
  return new SaddlebagError(
    'deploy-unknown',
    `cannot tell what became of ${jobId}: version ${jobVersion} goes on unseen: ${cause.message}`,
    { hint: `once Nomad answers: ${watchCommand(jobId, namespace)}`, exitCode: exitCodes.timedOut, cause },
  );
}

/** Returns our command that goes on watching a job. */
export function watchCommand(jobId: string, namespace: string): string {
  return `saddlebag watch ${jobId}${optionFor(namespace)}`;
}

function optionFor(namespace: string): string {
  return namespace === 'default' ? '' : ` --namespace ${namespace}`;
}

/** Returns our command that shows a job. */
function statusCommand(jobId: string, namespace: string): string {
  return `saddlebag status ${jobId}${optionFor(namespace)}`;
}
