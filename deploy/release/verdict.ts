import type { NomadJobState } from '../nomad/job-answer.ts';
import type {
  NomadAllocation,
  NomadDeployment,
  NomadEvaluation,
  PlacementFailure,
} from '../nomad/nomad-answers.ts';
import { findDoomedTask } from './early-failure.ts';
import type { Snapshot } from './snapshot.ts';

/** The version of a job whose fate is watched. */
export interface Target {
  readonly jobId: string;
  /** `service`, `batch`, `system` or `sysbatch`. */
  readonly type: string;
  readonly jobVersion: number;
  readonly jobModifyIndex: number;
  /** Allocations that the version asks for; of a system job, those on one node. */
  readonly count: number;
  /** The stable version that Nomad goes back to when this one fails; null when there is none. */
  readonly revertsTo: number | null;
  /** How long the allocations must be well where Nomad itself does not decide it. */
  readonly minHealthyTimeMs: number;
  /** How long Nomad waits for the next allocation to become healthy. */
  readonly progressDeadlineMs: number;
  /** True when a lack of room is waited out. */
  readonly mayQueue: boolean;
}

/** What has become of a version. Those that end a watch are all but `running` and `failing`. */
export type Verdict =
  | { readonly kind: 'running'; readonly deployment: NomadDeployment | null }
  /** An allocation failed, will not come up, or is unhealthy by Nomad's word; the deployment still goes on. */
  | { readonly kind: 'failing'; readonly deployment: NomadDeployment; readonly culprit: NomadAllocation }
  | { readonly kind: 'healthy'; readonly deployment: NomadDeployment | null }
  | { readonly kind: 'failed'; readonly reason: string; readonly culprit: NomadAllocation | null }
  | {
      readonly kind: 'reverted';
      readonly reason: string;
      readonly culprit: NomadAllocation | null;
      /** The new version that is the old one again. */
      readonly asVersion: number;
    }
  | { readonly kind: 'not-placed'; readonly failures: readonly PlacementFailure[] }
  | { readonly kind: 'superseded'; readonly byVersion: number }
  /** `isGone`: the job is not only stopped but no longer there. */
  | { readonly kind: 'stopped'; readonly isGone: boolean }
  | { readonly kind: 'waits-for-promotion'; readonly deployment: NomadDeployment }
  | { readonly kind: 'batch-failed'; readonly culprit: NomadAllocation };

/**
 * Judges what has become of a version from what Nomad says of its job. Pure: the same state, the same verdict. Only ids,
 * indexes, status words and the events of tasks are looked at, never Nomad's descriptions.
 */
export function judge(target: Target, snapshot: Snapshot): Verdict {
  const { job } = snapshot;
  if (job === null || job.isStopped) return { kind: 'stopped', isGone: job === null };
  const deployment = newestDeployment(snapshot, target.jobVersion);
  if (deployment === null) return judgeWithoutDeployment(target, job, snapshot);
  switch (deployment.status) {
    case 'successful':
      return { kind: 'healthy', deployment };
    case 'failed':
      return judgeFailed(target, job, deployment, snapshot);
    case 'cancelled':
      return job.version > target.jobVersion
        ? { kind: 'superseded', byVersion: job.version }
        : { kind: 'stopped', isGone: false };
    default:
      return judgeActive(target, job, deployment, snapshot);
  }
}

/** Tells whether a job is done when its tasks have ended, rather than up while they run. */
export function endsByItself({ type }: { readonly type: string }): boolean {
  return type === 'batch' || type === 'sysbatch';
}

/** Tells whether an allocation is one of a version's; one that runs on unchanged keeps the version that started it. */
export function belongsTo(target: Target, { desiredStatus, jobVersion }: NomadAllocation): boolean {
  return desiredStatus === 'run' && (!endsByItself(target) || jobVersion === target.jobVersion);
}

/** Finds the newest deployment of a version; null where it has none. */
export function newestDeployment(snapshot: Snapshot, jobVersion: number): NomadDeployment | null {
  return newest(snapshot.deployments.filter((deployment) => deployment.jobVersion === jobVersion));
}

function newest<T extends { readonly createIndex: number }>(items: readonly T[]): T | null {
  return items.reduce<T | null>(
    (best, item) => (best === null || item.createIndex > best.createIndex ? item : best),
    null,
  );
}

function judgeActive(
  target: Target,
  job: NomadJobState,
  deployment: NomadDeployment,
  snapshot: Snapshot,
): Verdict {
  if (job.version > target.jobVersion) return { kind: 'superseded', byVersion: job.version };
  const culprit = findCulprit(target, snapshot);
  if (culprit !== null) return { kind: 'failing', deployment, culprit };
  const failures = placementFailures(target, snapshot);
  if (failures.length > 0 && !target.mayQueue) return { kind: 'not-placed', failures };
  return waitsForPromotion(deployment)
    ? { kind: 'waits-for-promotion', deployment }
    : { kind: 'running', deployment };
}

/** An automatic revert comes in the same transaction as the failure: seeing the one without the other, there is none. */
function judgeFailed(
  target: Target,
  job: NomadJobState,
  deployment: NomadDeployment,
  snapshot: Snapshot,
): Verdict {
  const culprit = findCulprit(target, snapshot) ?? findUnready(target, snapshot);
  const reason = deployment.statusDescription;
  const failed = { kind: 'failed', reason, culprit } as const;
  const reverts = target.revertsTo !== null && deployment.groups.some((group) => group.autoRevert);
  if (!reverts || job.version === target.jobVersion) return failed;
  const asVersion = target.jobVersion + 1;
  const reverted = { kind: 'reverted', reason, culprit, asVersion } as const;
  const revert = newestDeployment(snapshot, asVersion);
  if (revert?.status === 'successful') return reverted;
  if (job.version > asVersion) return { kind: 'superseded', byVersion: job.version };
  switch (revert?.status) {
    case 'failed':
    case 'cancelled':
      return failed;
    case undefined:
      return isBack(target, job, snapshot) ? reverted : { kind: 'running', deployment: null };
    default:
      return { kind: 'running', deployment: revert };
  }
}

/** Where only canaries were started, nothing has to be done to go back, and the revert has no deployment. */
function isBack(target: Target, job: NomadJobState, snapshot: Snapshot): boolean {
  const decisions = snapshot.evaluations.filter(({ createIndex }) => createIndex >= job.jobModifyIndex);
  if (
    !decisions.some(
      ({ status, triggeredBy }) => status === 'complete' && triggeredBy === 'deployment-watcher',
    )
  ) {
    return false;
  }
  return judgeByAllocations({ ...target, jobVersion: job.version }, snapshot).kind === 'healthy';
}

/**
 * Judges by evaluations and allocations: a batch job never has a deployment, a system job has none before Nomad 1.11, and
 * a service has none when nothing of it has to be started, or its `update` says so.
 */
function judgeWithoutDeployment(target: Target, job: NomadJobState, snapshot: Snapshot): Verdict {
  if (job.version > target.jobVersion) return { kind: 'superseded', byVersion: job.version };
  const evaluations = ofTarget(target, snapshot);
  const broken = evaluations.find(({ status }) => status === 'failed');
  if (broken !== undefined) return { kind: 'failed', reason: broken.statusDescription, culprit: null };
  const failures = placementFailures(target, snapshot);
  if (failures.length > 0 && !target.mayQueue) return { kind: 'not-placed', failures };
  // The evaluation that made a job may be long collected, the job's allocations are not.
  const isDecided = evaluations.every(({ status }) => status === 'complete' || status === 'canceled');
  // Where nothing is to be started, the evaluation names the deployment of an older version.
  const known = new Set(snapshot.deployments.map(({ id }) => id));
  const isDeployed = evaluations.some(({ deploymentId }) => deploymentId !== '' && !known.has(deploymentId));
  if (!isDecided || isDeployed || failures.length > 0) return { kind: 'running', deployment: null };
  return endsByItself(target) ? judgeBatch(target, snapshot) : judgeByAllocations(target, snapshot);
}

function judgeByAllocations(target: Target, { allocations }: Snapshot): Verdict {
  const wanted = allocations.filter(({ desiredStatus }) => desiredStatus === 'run');
  const culprit = wanted.find(
    (one) =>
      one.jobVersion === target.jobVersion &&
      one.nextAllocationId === '' &&
      (one.clientStatus === 'failed' || findDoomedTask(one) !== undefined),
  );
  if (culprit !== undefined) return { kind: 'failed', reason: 'an allocation failed', culprit };
  const running = wanted.filter(({ clientStatus }) => clientStatus === 'running');
  // A system job's allocations are as many as there are nodes for it: all that were placed.
  const isUp = target.type === 'system' ? running.length === wanted.length : running.length >= target.count;
  return { kind: isUp ? 'healthy' : 'running', deployment: null };
}

function judgeBatch(target: Target, { allocations, evaluations }: Snapshot): Verdict {
  const last = allocations.filter(
    ({ jobVersion, nextAllocationId }) => jobVersion === target.jobVersion && nextAllocationId === '',
  );
  // A failure may be followed by another try: the scheduler has yet to say so.
  const isOpen = evaluations.some(
    ({ status, triggeredBy }) => status === 'pending' && triggeredBy === 'alloc-failure',
  );
  const culprit = last.find(
    ({ clientStatus, followupEvalId }) => clientStatus === 'failed' && followupEvalId === '',
  );
  if (culprit !== undefined && !isOpen) return { kind: 'batch-failed', culprit };
  const complete = last.filter(({ clientStatus }) => clientStatus === 'complete');
  const isDone =
    target.type === 'sysbatch' ? complete.length === last.length : complete.length >= target.count;
  return { kind: isDone ? 'healthy' : 'running', deployment: null };
}

/**
 * Finds an allocation of a version that will not become healthy; the first one, its story is the plainest. The version
 * tells which are meant: Nomad's list of allocations does not name their deployment.
 */
function findCulprit({ jobVersion }: Target, { allocations }: Snapshot): NomadAllocation | null {
  const culprits = allocations.filter(
    (allocation) =>
      allocation.jobVersion === jobVersion &&
      (allocation.clientStatus === 'failed' ||
        allocation.isHealthy === false ||
        findDoomedTask(allocation) !== undefined),
  );
  return culprits.reduce<NomadAllocation | null>(
    (first, one) => (first === null || one.createIndex < first.createIndex ? one : first),
    null,
  );
}

/** Finds what runs and was never called healthy nor unhealthy: a deadline came first. */
function findUnready({ jobVersion }: Target, { allocations }: Snapshot): NomadAllocation | null {
  const unready = (one: NomadAllocation) =>
    one.jobVersion === jobVersion && one.clientStatus === 'running' && one.isHealthy === null;
  return allocations.find(unready) ?? null;
}

/** Returns what the scheduler's latest word on the version could not place. */
function placementFailures(target: Target, snapshot: Snapshot): readonly PlacementFailure[] {
  const decided = ofTarget(target, snapshot).filter(({ status }) => status === 'complete');
  return newest(decided)?.failures ?? [];
}

function ofTarget(target: Target, { evaluations }: Snapshot): readonly NomadEvaluation[] {
  // One that waits for room is the shadow of the one that found none.
  return evaluations.filter(
    ({ jobModifyIndex, status }) => jobModifyIndex === target.jobModifyIndex && status !== 'blocked',
  );
}

/** Tells whether a deployment has canaries that somebody still has to promote, healthy or not. */
export function hasUnpromotedCanaries({ groups }: NomadDeployment): boolean {
  return groups.some((group) => group.desiredCanaries > 0 && !group.isPromoted && !group.autoPromote);
}

function waitsForPromotion(deployment: NomadDeployment): boolean {
  const canaries = deployment.groups.filter((group) => group.desiredCanaries > 0 && !group.isPromoted);
  return (
    hasUnpromotedCanaries(deployment) && canaries.every((group) => group.healthy >= group.desiredCanaries)
  );
}
