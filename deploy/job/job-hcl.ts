import { attribute, block, comment, type HclBlock, type HclItem, renderHclBody } from './hcl.ts';
import { groupBlock } from './job-hcl/group.ts';
import { duration } from './job-hcl/nanoseconds.ts';
import { placementBlocks } from './job-hcl/placement.ts';
import type { JobSpec, NomadJob, NomadParameterized, NomadPeriodic, NomadUpdate } from './job-model.ts';

/**
 * Renders a job as the file that an operator would keep: HCL of which Nomad's parser makes the same job again.
 * Source: Nomad, job specification.
 */
export function renderHcl({ job }: JobSpec): string {
  return renderHclBody([
    comment('One file holds the app and all that it needs; a release changes its source and checksum.'),
    jobBlock(job),
  ]);
}

/** Renders the job itself. */
export function jobBlock(job: NomadJob): HclBlock {
  return block('job', [job.ID], jobBody(job));
}

function jobBody(job: NomadJob): HclItem[] {
  return [
    ...attribute('region', job.Region),
    ...attribute('namespace', job.Namespace),
    ...attribute('datacenters', job.Datacenters),
    ...attribute('node_pool', job.NodePool),
    ...attribute('type', job.Type),
    ...attribute('priority', job.Priority),
    ...placementBlocks(job),
    ...(job.Update === undefined ? [] : [updateBlock(job.Update)]),
    ...(job.Periodic === undefined ? [] : [periodicBlock(job.Periodic)]),
    ...(job.ParameterizedJob === undefined ? [] : [parameterizedBlock(job.ParameterizedJob)]),
    ...job.TaskGroups.map(groupBlock),
  ];
}

function updateBlock(update: NomadUpdate): HclItem {
  return block(
    'update',
    [],
    [
      ...attribute('max_parallel', update.MaxParallel),
      ...attribute('canary', update.Canary),
      ...attribute('health_check', update.HealthCheck),
      ...attribute('min_healthy_time', duration(update.MinHealthyTime)),
      ...attribute('healthy_deadline', duration(update.HealthyDeadline)),
      ...attribute('progress_deadline', duration(update.ProgressDeadline)),
      ...attribute('auto_revert', update.AutoRevert),
      ...attribute('auto_promote', update.AutoPromote),
    ],
  );
}

function periodicBlock(periodic: NomadPeriodic): HclItem {
  return block(
    'periodic',
    [],
    [
      ...attribute('crons', periodic.Specs),
      ...attribute('time_zone', periodic.TimeZone),
      ...attribute('prohibit_overlap', periodic.ProhibitOverlap),
    ],
  );
}

function parameterizedBlock(parameterized: NomadParameterized): HclItem {
  return block(
    'parameterized',
    [],
    [
      ...attribute('payload', parameterized.Payload),
      ...attribute('meta_required', parameterized.MetaRequired),
      ...attribute('meta_optional', parameterized.MetaOptional),
    ],
  );
}
