import { attribute, block, comment, type HclItem } from '../hcl.ts';
import type {
  NomadCheck,
  NomadEphemeralDisk,
  NomadGroup,
  NomadNetwork,
  NomadPort,
  NomadReschedule,
  NomadRestart,
  NomadService,
  NomadVolume,
} from '../job-model.ts';
import { duration } from './nanoseconds.ts';
import { placementBlocks } from './placement.ts';
import { taskBlock } from './task.ts';

/** Renders a group with all that is in it. */
export function groupBlock(group: NomadGroup): HclItem {
  const { EphemeralDisk, ReschedulePolicy } = group;
  return block(
    'group',
    [group.Name],
    [
      ...attribute('count', group.Count),
      ...placementBlocks(group),
      ...(ReschedulePolicy === undefined ? [] : [comment('On the same node first, then on another.')]),
      restartBlock(group.RestartPolicy),
      ...(ReschedulePolicy === undefined ? [] : [rescheduleBlock(ReschedulePolicy)]),
      ...(EphemeralDisk === undefined ? [] : [ephemeralDiskBlock(EphemeralDisk)]),
      ...(group.Networks ?? []).map(networkBlock),
      ...Object.values(group.Volumes ?? {}).map(volumeBlock),
      ...(group.Services ?? []).map(serviceBlock),
      ...group.Tasks.map(taskBlock),
    ],
  );
}

function restartBlock(restart: NomadRestart): HclItem {
  return block(
    'restart',
    [],
    [
      ...attribute('attempts', restart.Attempts),
      ...attribute('interval', duration(restart.Interval)),
      ...attribute('delay', duration(restart.Delay)),
      ...attribute('mode', restart.Mode),
    ],
  );
}

function rescheduleBlock(policy: NomadReschedule): HclItem {
  return block(
    'reschedule',
    [],
    [
      ...attribute('attempts', policy.Attempts),
      ...attribute('interval', duration(policy.Interval)),
      ...attribute('delay', duration(policy.Delay)),
      ...attribute('delay_function', policy.DelayFunction),
      ...attribute('max_delay', duration(policy.MaxDelay)),
      ...attribute('unlimited', policy.Unlimited),
    ],
  );
}

function ephemeralDiskBlock({ SizeMB, Migrate, Sticky }: NomadEphemeralDisk): HclItem {
  return block(
    'ephemeral_disk',
    [],
    [...attribute('size', SizeMB), ...attribute('migrate', Migrate), ...attribute('sticky', Sticky)],
  );
}

function networkBlock(network: NomadNetwork): HclItem {
  const ports = [...(network.DynamicPorts ?? []), ...(network.ReservedPorts ?? [])];
  return block('network', [], [...attribute('mode', network.Mode), ...ports.map(portBlock)]);
}

function portBlock(port: NomadPort): HclItem {
  return block(
    'port',
    [port.Label],
    [
      ...attribute('static', port.Value),
      ...attribute('to', port.To),
      ...attribute('host_network', port.HostNetwork),
    ],
  );
}

function volumeBlock(volume: NomadVolume): HclItem {
  const { MountOptions: options } = volume;
  return block(
    'volume',
    [volume.Name],
    [
      ...attribute('type', volume.Type),
      ...attribute('source', volume.Source),
      ...attribute('read_only', volume.ReadOnly),
      ...attribute('access_mode', volume.AccessMode),
      ...attribute('attachment_mode', volume.AttachmentMode),
      ...attribute('per_alloc', volume.PerAlloc),
      ...attribute('sticky', volume.Sticky),
      ...(options === undefined
        ? []
        : [
            block(
              'mount_options',
              [],
              [...attribute('fs_type', options.FSType), ...attribute('mount_flags', options.MountFlags)],
            ),
          ]),
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
      ...attribute('tags', service.Tags),
      ...service.Checks.map(checkBlock),
    ],
  );
}

function checkBlock(check: NomadCheck): HclItem {
  const { CheckRestart: restart } = check;
  return block(
    'check',
    [],
    [
      ...attribute('name', check.Name),
      ...attribute('type', check.Type),
      ...attribute('port', check.PortLabel),
      ...attribute('path', check.Path),
      ...attribute('method', check.Method),
      ...attribute('grpc_service', check.GRPCService),
      ...attribute('interval', duration(check.Interval)),
      ...attribute('timeout', duration(check.Timeout)),
      ...(restart === undefined ? [] : [comment('A task that hangs is started again.')]),
      ...(restart === undefined
        ? []
        : [
            block(
              'check_restart',
              [],
              [...attribute('limit', restart.Limit), ...attribute('grace', duration(restart.Grace))],
            ),
          ]),
    ],
  );
}
