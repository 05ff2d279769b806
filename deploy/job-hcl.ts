import { renderDuration } from './duration.ts';
import { attribute, block, comment, type HclItem, renderHclBody } from './hcl.ts';
import type {
  JobSpec,
  NomadArtifact,
  NomadCheck,
  NomadConstraint,
  NomadGroup,
  NomadJob,
  NomadNetwork,
  NomadReschedule,
  NomadService,
  NomadTask,
  NomadUpdate,
} from './job-model.ts';

/**
 * Renders a job as the file that an operator would keep: HCL of which Nomad's parser makes the same job again.
 * Source: Nomad, job specification.
 */
export function renderHcl({ job }: JobSpec): string {
  return renderHclBody([
    comment('One file holds the app and all that it needs; a release changes its source and checksum.'),
    block('job', [job.ID], jobBody(job)),
  ]);
}

function jobBody(job: NomadJob): HclItem[] {
  return [
    ...attribute('region', job.Region),
    ...attribute('namespace', job.Namespace),
    ...attribute('datacenters', job.Datacenters),
    ...attribute('node_pool', job.NodePool),
    ...attribute('type', job.Type),
    ...attribute('priority', job.Priority),
    ...job.Constraints.map(constraintBlock),
    ...(job.Update === undefined ? [] : [updateBlock(job.Update)]),
    ...job.TaskGroups.map(groupBlock),
  ];
}

function constraintBlock(constraint: NomadConstraint): HclItem {
  return block(
    'constraint',
    [],
    [...attribute('attribute', constraint.LTarget), ...attribute('value', constraint.RTarget)],
  );
}

function updateBlock(update: NomadUpdate): HclItem {
  return block(
    'update',
    [],
    [
      ...attribute('max_parallel', update.MaxParallel),
      ...attribute('health_check', update.HealthCheck),
      ...attribute('min_healthy_time', duration(update.MinHealthyTime)),
      ...attribute('healthy_deadline', duration(update.HealthyDeadline)),
      ...attribute('progress_deadline', duration(update.ProgressDeadline)),
      ...attribute('auto_revert', update.AutoRevert),
    ],
  );
}

function groupBlock(group: NomadGroup): HclItem {
  const { RestartPolicy: restart } = group;
  return block(
    'group',
    [group.Name],
    [
      ...attribute('count', group.Count),
      comment('On the same node first, then on another.'),
      block(
        'restart',
        [],
        [
          ...attribute('attempts', restart.Attempts),
          ...attribute('interval', duration(restart.Interval)),
          ...attribute('delay', duration(restart.Delay)),
          ...attribute('mode', restart.Mode),
        ],
      ),
      rescheduleBlock(group.ReschedulePolicy),
      ...(group.Networks ?? []).map(networkBlock),
      ...(group.Services ?? []).map(serviceBlock),
      ...group.Tasks.map(taskBlock),
    ],
  );
}

function rescheduleBlock(policy: NomadReschedule): HclItem {
  return block(
    'reschedule',
    [],
    [
      ...attribute('attempts', policy.Attempts),
      ...attribute('interval', optionalDuration(policy.Interval)),
      ...attribute('delay', duration(policy.Delay)),
      ...attribute('delay_function', policy.DelayFunction),
      ...attribute('max_delay', optionalDuration(policy.MaxDelay)),
      ...attribute('unlimited', policy.Unlimited),
    ],
  );
}

function networkBlock(network: NomadNetwork): HclItem {
  return block(
    'network',
    [],
    [
      ...(network.DynamicPorts ?? []).map((port) => block('port', [port.Label], [])),
      ...(network.ReservedPorts ?? []).map((port) =>
        block('port', [port.Label], attribute('static', port.Value)),
      ),
    ],
  );
}

function serviceBlock(service: NomadService): HclItem {
  return block(
    'service',
    [],
    [
      ...attribute('name', service.Name),
      ...attribute('port', service.PortLabel),
      ...attribute('provider', service.Provider),
      ...service.Checks.map(checkBlock),
    ],
  );
}

function checkBlock(check: NomadCheck): HclItem {
  return block(
    'check',
    [],
    [
      ...attribute('name', check.Name),
      ...attribute('type', check.Type),
      ...attribute('path', check.Path),
      ...attribute('interval', duration(check.Interval)),
      ...attribute('timeout', duration(check.Timeout)),
      comment('A task that hangs is started again.'),
      block(
        'check_restart',
        [],
        [
          ...attribute('limit', check.CheckRestart.Limit),
          ...attribute('grace', duration(check.CheckRestart.Grace)),
        ],
      ),
    ],
  );
}

function taskBlock(task: NomadTask): HclItem {
  return block(
    'task',
    [task.Name],
    [
      ...attribute('driver', task.Driver),
      ...attribute('user', task.User),
      ...attribute('kill_signal', task.KillSignal),
      ...attribute('kill_timeout', duration(task.KillTimeout)),
      ...attribute('shutdown_delay', optionalDuration(task.ShutdownDelay)),
      block(
        'config',
        [],
        [...attribute('command', task.Config.command), ...attribute('args', task.Config.args)],
      ),
      ...task.Artifacts.map(artifactBlock),
      ...attribute('env', task.Env),
      block(
        'resources',
        [],
        [
          ...attribute('cpu', task.Resources.CPU),
          ...attribute('memory', task.Resources.MemoryMB),
          ...attribute('memory_max', task.Resources.MemoryMaxMB),
        ],
      ),
    ],
  );
}

function artifactBlock(artifact: NomadArtifact): HclItem {
  const options = artifact.GetterOptions;
  return block(
    'artifact',
    [],
    [
      ...attribute('source', artifact.GetterSource),
      ...attribute('destination', artifact.RelativeDest),
      ...attribute('mode', artifact.GetterMode),
      block(
        'options',
        [],
        [...attribute('archive', options.archive), ...attribute('checksum', options.checksum)],
      ),
    ],
  );
}

function duration(durationNs: number): string {
  return renderDuration(durationNs / 1_000_000);
}

function optionalDuration(durationNs: number | undefined): string | undefined {
  return durationNs === undefined ? undefined : duration(durationNs);
}
