import type { Context } from '../../src/core/context.ts';
import type { NomadJobState } from '../nomad/job-answer.ts';
import type { Nomad } from '../nomad/nomad.ts';
import type { Release } from './release-model.ts';
import type { Snapshot } from './snapshot.ts';
import { adviseOnTiming, describeTiming, slowestTiming, type Timing } from './timing.ts';
import { belongsTo, endsByItself, newestDeployment, type Target } from './verdict.ts';
import { watchRelease } from './watch.ts';

/** How a version is watched. */
export interface FollowOptions {
  readonly failFast: boolean;
  /** A lack of room is waited out. */
  readonly queue: boolean;
  /** Null waits a minute longer than Nomad itself could take, or an hour for what ends by itself. */
  readonly timeoutMs: number | null;
  /** Asked when all canaries are healthy and nobody promotes them. */
  readonly mayPromote: (signal: AbortSignal) => Promise<boolean>;
}

/** Reads what there is to know of a version of a job before it is watched. */
export async function readTarget(
  nomad: Nomad,
  jobId: string,
  state: NomadJobState,
  { queue }: { readonly queue: boolean },
): Promise<Target> {
  const { type, version, jobModifyIndex, groups } = state;
  const versions = await nomad.readVersions(jobId);
  const stable = versions.filter((one) => one.isStable && one.version < version);
  return {
    jobId,
    type,
    jobVersion: version,
    jobModifyIndex,
    count: groups.reduce((total, { count }) => total + count, 0),
    revertsTo: stable.reduce<number | null>((best, one) => Math.max(best ?? 0, one.version), null),
    minHealthyTimeMs: Math.max(...groups.map(({ minHealthyTimeMs }) => minHealthyTimeMs), 0) || 10_000,
    progressDeadlineMs: Math.max(...groups.map(({ progressDeadlineMs }) => progressDeadlineMs), 0) || 600_000,
    mayQueue: queue,
  };
}

/**
 * Watches a version until it is healthy; `evalId` is the evaluation that started it.
 * @throws what `watchRelease` throws
 */
export async function followVersion(
  nomad: Nomad,
  version: { readonly target: Target; readonly evalId: string },
  { failFast, timeoutMs, mayPromote }: FollowOptions,
  context: Pick<Context, 'reporter' | 'signal'>,
): Promise<Release> {
  const { target, evalId } = version;
  const limits = { timeoutMs: timeoutMs ?? defaultTimeoutMs(target), failFast, mayPromote };
  const namespace = nomad.connection.namespace ?? 'default';
  const { snapshot } = await watchRelease(nomad, { target, namespace, ...limits }, context);
  const timing = tellTiming(target, snapshot, context);
  const release = {
    ...toRelease('healthy', { target, evalId, namespace }, snapshot),
    ...(timing === null ? {} : { timing }),
  };
  if (release.allocations.length === 0 && target.type.startsWith('sys')) {
    const message = `no node takes ${target.jobId} now: it starts where one comes that does`;
    context.reporter.report({ kind: 'warning', stage: 'deploy', code: 'allocations-missing', message });
  }
  return release;
}

/** Tells where the time went, of those allocations that the version itself started. */
function tellTiming(
  { jobVersion }: Target,
  { allocations, job }: Snapshot,
  { reporter }: Pick<Context, 'reporter'>,
): Timing | null {
  if (job === null || job.version !== jobVersion) return null;
  const own = allocations.filter(
    (one) => one.jobVersion === jobVersion && one.createdAtMs >= job.submittedAtMs,
  );
  const timing = slowestTiming(own, job.submittedAtMs);
  if (timing === null) return null;
  reporter.report({ kind: 'step', stage: 'deploy', message: describeTiming(timing) });
  const advice = adviseOnTiming(timing);
  if (advice !== null) reporter.report({ kind: 'step', stage: 'deploy', message: advice });
  return timing;
}

/** Long enough for Nomad to give up by itself, and to revert: what it can tell is better than that time is up. */
function defaultTimeoutMs(target: Target): number {
  return endsByItself(target) ? 3_600_000 : 2 * target.progressDeadlineMs + 60_000;
}

/** Makes the result of a deploy of what is known at its end; `snapshot` is null where nobody waited. */
export function toRelease(
  status: Release['status'],
  version: { readonly target: Target; readonly evalId: string; readonly namespace: string },
  snapshot: Snapshot | null,
): Release {
  const { target, evalId, namespace } = version;
  const deployment = snapshot === null ? null : newestDeployment(snapshot, target.jobVersion);
  return {
    version: 1,
    jobId: target.jobId,
    namespace,
    jobVersion: target.jobVersion,
    evalId,
    ...(deployment === null ? {} : { deploymentId: deployment.id }),
    status,
    allocations: (snapshot?.allocations ?? [])
      .filter((allocation) => belongsTo(target, allocation))
      .map(({ id, name, nodeName, clientStatus }) => ({ id, name, node: nodeName, status: clientStatus }))
      .toSorted((a, b) => compare(a.name, b.name) || compare(a.id, b.id)),
  };
}

/** Finds the evaluation that started a version, by what is still kept of it. */
export function evalIdOf(target: Target, { evaluations, allocations }: Snapshot): string {
  const own = evaluations.find(
    ({ jobModifyIndex, triggeredBy }) =>
      jobModifyIndex === target.jobModifyIndex && triggeredBy === 'job-register',
  );
  return own?.id ?? allocations.find((one) => belongsTo(target, one))?.evalId ?? '';
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
