import type { DeployArtifact } from '../artifact/artifact.ts';
import { variableOf } from '../artifact/s3-variable.ts';
import type { JobSpec, NomadParameterized, NomadPeriodic, NomadUpdate } from './job-model.ts';
import {
  type GroupSettings,
  isOnEveryNode,
  type JobSettings,
  type ParameterizedSettings,
  type PeriodicSettings,
  type UpdateSettings,
} from './job-settings.ts';
import { renderGroup } from './jobspec/group.ts';
import { nanoseconds } from './jobspec/nanoseconds.ts';
import {
  renderBundleConstraints,
  renderConstraint,
  renderPreferences,
  secretsConstraint,
} from './jobspec/placement.ts';

/** How many allocations of each group the cluster has. */
export type RunningCounts = ReadonlyMap<string, number>;

/**
 * Renders the job of an artifact. It holds neither a time nor a user nor a version: the same closure and settings give
 * the same job, which Nomad then leaves alone; and a release changes the artifact's source and checksum only. A group
 * without a count gets that of `running`, or 1.
 */
export function renderJobSpec(
  artifact: DeployArtifact,
  settings: JobSettings,
  running: RunningCounts = new Map(),
): JobSpec {
  const { id, namespace, nodePool, parameterized, periodic, priority, region, type, update } = settings;
  const download = { source: artifact.source, s3Variable: variableOf(artifact, settings) };
  const countOf = ({ name, count }: GroupSettings): number | null =>
    isOnEveryNode(type) ? null : (count ?? running.get(name) ?? 1);
  return {
    id,
    namespace,
    job: {
      ID: id,
      Name: id,
      Type: type,
      ...(region === null ? {} : { Region: region }),
      ...(namespace === null ? {} : { Namespace: namespace }),
      Datacenters: settings.datacenters,
      ...(nodePool === null ? {} : { NodePool: nodePool }),
      ...(priority === null ? {} : { Priority: priority }),
      Constraints: [
        ...renderBundleConstraints(settings.arch),
        ...(download.s3Variable === null ? [] : [secretsConstraint]),
        ...settings.constraints.map(renderConstraint),
      ],
      ...renderPreferences(settings),
      ...(update === null ? {} : { Update: renderUpdate(update, settings.groups) }),
      ...(periodic === null ? {} : { Periodic: renderPeriodic(periodic) }),
      ...(parameterized === null ? {} : { ParameterizedJob: renderParameterized(parameterized) }),
      TaskGroups: settings.groups.map((group) => renderGroup(download, group, countOf(group))),
    },
  };
}

function renderUpdate(update: UpdateSettings, groups: readonly GroupSettings[]): NomadUpdate {
  const hasChecks = groups.some(({ services }) => services.some(({ checks }) => checks.length > 0));
  return {
    MaxParallel: update.maxParallel,
    ...(update.canary === 0 ? {} : { Canary: update.canary }),
    HealthCheck: hasChecks ? 'checks' : 'task_states',
    MinHealthyTime: nanoseconds(update.minHealthyTimeMs),
    HealthyDeadline: nanoseconds(update.healthyDeadlineMs),
    ProgressDeadline: nanoseconds(update.progressDeadlineMs),
    AutoRevert: update.autoRevert,
    ...(update.autoPromote ? { AutoPromote: true } : {}),
  };
}

function renderPeriodic({ crons, timeZone, prohibitOverlap }: PeriodicSettings): NomadPeriodic {
  return {
    SpecType: 'cron',
    Specs: crons,
    ...(timeZone === null ? {} : { TimeZone: timeZone }),
    ...(prohibitOverlap ? { ProhibitOverlap: true } : {}),
  };
}

function renderParameterized(settings: ParameterizedSettings): NomadParameterized {
  const { payload, metaRequired, metaOptional } = settings;
  return {
    ...(payload === null ? {} : { Payload: payload }),
    ...(metaRequired.length === 0 ? {} : { MetaRequired: metaRequired }),
    ...(metaOptional.length === 0 ? {} : { MetaOptional: metaOptional }),
  };
}
