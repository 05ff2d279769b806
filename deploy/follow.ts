import type { Context } from '../src/core/context.ts';
import type { Nomad } from './nomad.ts';
import type { NomadAllocation, NomadJobState } from './nomad-answers.ts';
import type { Release } from './release-model.ts';
import type { Snapshot } from './snapshot.ts';
import { endsByItself, newestDeployment, type Target } from './verdict.ts';
import { watchRelease } from './watch.ts';

/** How a version is watched. */
export interface FollowOptions {
  readonly failFast: boolean;
  /** A lack of room is waited out. */
  readonly queue: boolean;
  readonly timeoutMs: number;
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
  { failFast, timeoutMs }: FollowOptions,
  context: Pick<Context, 'reporter' | 'signal'>,
): Promise<Release> {
  const { target, evalId } = version;
  const namespace = nomad.connection.namespace ?? 'default';
  const { snapshot } = await watchRelease(nomad, { target, namespace, timeoutMs, failFast }, context);
  return toRelease('healthy', { target, evalId, namespace }, snapshot);
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

/** Tells whether an allocation is one of a version's; one that runs on unchanged keeps the version that started it. */
export function belongsTo(target: Target, { desiredStatus, jobVersion }: NomadAllocation): boolean {
  return desiredStatus === 'run' && (!endsByItself(target) || jobVersion === target.jobVersion);
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
