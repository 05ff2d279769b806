import type { Arch } from '../src/core/types.ts';
import type { DeployArtifact } from './artifact.ts';
import type {
  JobSpec,
  NomadCheck,
  NomadConstraint,
  NomadGroup,
  NomadReschedule,
  NomadService,
  NomadTask,
  NomadUpdate,
} from './job-model.ts';
import type { JobSettings, PortSettings } from './job-settings.ts';

/** Nanoseconds in a millisecond: the API's unit and ours. */
const nsPerMs = 1_000_000;
const second = 1_000 * nsPerMs;
const minute = 60 * second;

/**
 * Renders the job of an artifact. It holds neither a time nor a user nor a version: the same closure and settings give
 * the same job, which Nomad then leaves alone; and a release changes the artifact's source and checksum only.
 * `settings.count` null becomes `runningCount`.
 */
export function renderJobSpec(artifact: DeployArtifact, settings: JobSettings, runningCount = 1): JobSpec {
  return {
    id: settings.id,
    namespace: settings.namespace,
    job: {
      ID: settings.id,
      Name: settings.id,
      Type: settings.type,
      ...(settings.region === null ? {} : { Region: settings.region }),
      ...(settings.namespace === null ? {} : { Namespace: settings.namespace }),
      Datacenters: settings.datacenters,
      ...(settings.nodePool === null ? {} : { NodePool: settings.nodePool }),
      ...(settings.priority === null ? {} : { Priority: settings.priority }),
      Constraints: renderConstraints(settings.arch),
      ...(settings.type === 'service' ? { Update: renderUpdate(settings) } : {}),
      TaskGroups: [renderGroup(artifact, settings, settings.count ?? runningCount)],
    },
  };
}

/** Go's names of processors, which Nomad's fingerprint uses. */
const nomadArchs: Readonly<Record<Arch, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

function renderConstraints(arch: Arch | null): NomadConstraint[] {
  const equals = (attribute: string, value: string): NomadConstraint => ({
    LTarget: `\${attr.${attribute}}`,
    Operand: '=',
    RTarget: value,
  });
  const kernel = equals('kernel.name', 'linux');
  return arch === null ? [kernel] : [kernel, equals('cpu.arch', nomadArchs[arch])];
}

function renderUpdate({ update, port }: JobSettings): NomadUpdate {
  return {
    MaxParallel: update.maxParallel,
    HealthCheck: port === null ? 'task_states' : 'checks',
    MinHealthyTime: update.minHealthyTimeMs * nsPerMs,
    HealthyDeadline: update.healthyDeadlineMs * nsPerMs,
    ProgressDeadline: update.progressDeadlineMs * nsPerMs,
    AutoRevert: update.autoRevert,
  };
}

function renderGroup(artifact: DeployArtifact, settings: JobSettings, count: number): NomadGroup {
  const { port } = settings;
  return {
    Name: settings.group,
    Count: count,
    // Three starts in quick succession: a version that cannot start is known after 15 s, not after minutes.
    RestartPolicy: { Attempts: 2, Interval: 5 * minute, Delay: 5 * second, Mode: 'fail' },
    ReschedulePolicy: renderReschedule(settings),
    ...(port === null ? {} : { Networks: [renderNetwork(port)], Services: [renderService(settings, port)] }),
    Tasks: [renderTask(artifact, settings)],
  };
}

function renderReschedule({ type }: JobSettings): NomadReschedule {
  // A service is tried again for ever, ever more seldom; a batch task once, which may have had its effects already.
  return type === 'service'
    ? { Delay: 30 * second, DelayFunction: 'exponential', MaxDelay: 10 * minute, Unlimited: true }
    : {
        Attempts: 1,
        Interval: 24 * 60 * minute,
        Delay: 5 * second,
        DelayFunction: 'constant',
        Unlimited: false,
      };
}

function renderNetwork({ label, number }: PortSettings) {
  return number === null
    ? { DynamicPorts: [{ Label: label }] }
    : { ReservedPorts: [{ Label: label, Value: number }] };
}

function renderService(settings: JobSettings, port: PortSettings): NomadService {
  return {
    Name: serviceName(settings.id),
    PortLabel: port.label,
    Provider: 'nomad',
    Checks: [renderCheck(settings.checkPath, port)],
  };
}

function renderCheck(path: string | null, port: PortSettings): NomadCheck {
  return {
    Name: port.label,
    ...(path === null ? { Type: 'tcp' } : { Type: 'http', Path: path }),
    // A client first waits up to an interval: it delays each deploy, and with it every allocation's turn.
    Interval: 5 * second,
    Timeout: 2 * second,
    // Without it, a task that hangs is taken out of the service and never started again.
    CheckRestart: { Limit: 3, Grace: 30 * second },
  };
}

/** Makes a name that DNS takes (RFC 1123: at most 63 letters, digits and dashes), as Nomad demands of services. */
function serviceName(id: string): string {
  const name = id
    .toLowerCase()
    .replace(/[^0-9a-z]+/g, '-')
    .slice(0, 63)
    .replace(/^-+|-+$/g, '');
  return name === '' ? 'app' : name;
}

function renderTask(artifact: DeployArtifact, settings: JobSettings): NomadTask {
  const { memoryMax, port, user } = settings;
  const env = renderEnv(artifact, settings);
  return {
    Name: settings.task,
    Driver: 'exec',
    ...(user === null ? {} : { User: user }),
    Config: {
      command: `local/${settings.fileName}`,
      ...(settings.args.length === 0 ? {} : { args: settings.args }),
    },
    Artifacts: [
      {
        GetterSource: artifact.source.url,
        GetterMode: 'file',
        GetterOptions: { archive: 'false', checksum: artifact.source.checksum },
        RelativeDest: `local/${settings.fileName}`,
      },
    ],
    ...(Object.keys(env).length === 0 ? {} : { Env: env }),
    KillSignal: settings.killSignal,
    KillTimeout: settings.killTimeoutMs * nsPerMs,
    // Who found the service just now is still served, after it left the list and before it is stopped.
    ...(port === null ? {} : { ShutdownDelay: 3 * second }),
    Resources: {
      CPU: settings.cpu,
      MemoryMB: settings.memory,
      ...(memoryMax === null ? {} : { MemoryMaxMB: memoryMax }),
    },
  };
}

function renderEnv({ interpreter }: DeployArtifact, { env, port }: JobSettings): Record<string, string> {
  return {
    ...(port === null ? {} : { PORT: `\${NOMAD_PORT_${port.label}}` }),
    // Python keeps what it prints in a buffer when stdout is a file, so a crash would lose its last words.
    ...(interpreter?.startsWith('python') ? { PYTHONUNBUFFERED: '1' } : {}),
    ...env,
  };
}
