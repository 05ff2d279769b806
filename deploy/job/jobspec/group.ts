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
import type {
  CheckSettings,
  EphemeralDiskSettings,
  GroupSettings,
  NetworkSettings,
  PortSettings,
  RescheduleSettings,
  RestartSettings,
  ServiceSettings,
  VolumeSettings,
} from '../job-settings.ts';
import { nanoseconds } from './nanoseconds.ts';
import { renderConstraint, renderPreferences } from './placement.ts';
import { type Download, renderTask } from './task.ts';

/** Renders a group; `count` null is not written. */
export function renderGroup(download: Download, settings: GroupSettings, count: number | null): NomadGroup {
  const { constraints, ephemeralDisk, network, reschedule, services, volumes } = settings;
  return {
    Name: settings.name,
    ...(count === null ? {} : { Count: count }),
    ...(constraints.length === 0 ? {} : { Constraints: constraints.map(renderConstraint) }),
    ...renderPreferences(settings),
    RestartPolicy: renderRestart(settings.restart),
    ...(reschedule === null ? {} : { ReschedulePolicy: renderReschedule(reschedule) }),
    ...(ephemeralDisk === null ? {} : { EphemeralDisk: renderEphemeralDisk(ephemeralDisk) }),
    ...(network === null ? {} : { Networks: [renderNetwork(network)] }),
    ...(volumes.length === 0
      ? {}
      : { Volumes: Object.fromEntries(volumes.map((volume) => [volume.name, renderVolume(volume)])) }),
    ...(services.length === 0 ? {} : { Services: services.map(renderService) }),
    Tasks: settings.tasks.map((task) => renderTask(download, task)),
  };
}

function renderRestart({ attempts, intervalMs, delayMs, mode }: RestartSettings): NomadRestart {
  return { Attempts: attempts, Interval: nanoseconds(intervalMs), Delay: nanoseconds(delayMs), Mode: mode };
}

function renderReschedule(policy: RescheduleSettings): NomadReschedule {
  const { attempts, intervalMs, maxDelayMs } = policy;
  return {
    ...(attempts === null ? {} : { Attempts: attempts }),
    ...(intervalMs === null ? {} : { Interval: nanoseconds(intervalMs) }),
    Delay: nanoseconds(policy.delayMs),
    DelayFunction: policy.delayFunction,
    ...(maxDelayMs === null ? {} : { MaxDelay: nanoseconds(maxDelayMs) }),
    Unlimited: policy.unlimited,
  };
}

function renderEphemeralDisk({ size, migrate, sticky }: EphemeralDiskSettings): NomadEphemeralDisk {
  return {
    ...(size === null ? {} : { SizeMB: size }),
    ...(migrate ? { Migrate: true } : {}),
    ...(sticky ? { Sticky: true } : {}),
  };
}

function renderNetwork({ mode, ports }: NetworkSettings): NomadNetwork {
  const chosen = ports.filter((port) => port.static === null).map(renderPort);
  const fixed = ports.filter((port) => port.static !== null).map(renderPort);
  return {
    ...(mode === null ? {} : { Mode: mode }),
    ...(chosen.length === 0 ? {} : { DynamicPorts: chosen }),
    ...(fixed.length === 0 ? {} : { ReservedPorts: fixed }),
  };
}

function renderPort(port: PortSettings): NomadPort {
  return {
    Label: port.label,
    ...(port.static === null ? {} : { Value: port.static }),
    ...(port.to === null ? {} : { To: port.to }),
    ...(port.hostNetwork === null ? {} : { HostNetwork: port.hostNetwork }),
  };
}

function renderVolume(volume: VolumeSettings): NomadVolume {
  const { accessMode, attachmentMode, fsType, mountFlags } = volume;
  const options = {
    ...(fsType === null ? {} : { FSType: fsType }),
    ...(mountFlags.length === 0 ? {} : { MountFlags: mountFlags }),
  };
  return {
    Name: volume.name,
    Type: volume.type,
    Source: volume.source,
    ...(volume.readOnly ? { ReadOnly: true } : {}),
    ...(accessMode === null ? {} : { AccessMode: accessMode }),
    ...(attachmentMode === null ? {} : { AttachmentMode: attachmentMode }),
    ...(volume.perAlloc ? { PerAlloc: true } : {}),
    ...(volume.sticky ? { Sticky: true } : {}),
    ...(Object.keys(options).length === 0 ? {} : { MountOptions: options }),
  };
}

function renderService({ name, port, provider, tags, checks }: ServiceSettings): NomadService {
  return {
    Name: name,
    PortLabel: port,
    Provider: provider,
    ...(tags.length === 0 ? {} : { Tags: tags }),
    Checks: checks.map(renderCheck),
  };
}

function renderCheck(check: CheckSettings): NomadCheck {
  const { path, method, port, grpcService, restart } = check;
  return {
    Name: check.name,
    Type: check.type,
    ...(path === null ? {} : { Path: path }),
    ...(method === null ? {} : { Method: method }),
    ...(port === null ? {} : { PortLabel: port }),
    ...(grpcService === null ? {} : { GRPCService: grpcService }),
    Interval: nanoseconds(check.intervalMs),
    Timeout: nanoseconds(check.timeoutMs),
    ...(restart === null
      ? {}
      : { CheckRestart: { Limit: restart.limit, Grace: nanoseconds(restart.graceMs) } }),
  };
}
