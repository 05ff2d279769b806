/**
 * The part of Nomad's job that Saddlebag writes, in the form that its API takes: durations in nanoseconds, and no key
 * for what is left to Nomad. Source: Nomad, "JSON job specification".
 */
export interface NomadJob {
  readonly ID: string;
  readonly Name: string;
  readonly Type: 'service' | 'batch' | 'system' | 'sysbatch';
  readonly Region?: string;
  readonly Namespace?: string;
  readonly Datacenters: readonly string[];
  readonly NodePool?: string;
  readonly Priority?: number;
  readonly Constraints: readonly NomadConstraint[];
  readonly Affinities?: readonly NomadAffinity[];
  readonly Spreads?: readonly NomadSpread[];
  /** Not for batch and sysbatch: Nomad refuses it there. */
  readonly Update?: NomadUpdate;
  readonly Periodic?: NomadPeriodic;
  readonly ParameterizedJob?: NomadParameterized;
  readonly TaskGroups: readonly NomadGroup[];
}

/** A condition that a node has to meet. Source: "constraint" block. */
export interface NomadConstraint {
  readonly LTarget: string;
  readonly Operand: string;
  readonly RTarget: string;
}

/** A wish for nodes. Source: "affinity" block. */
export interface NomadAffinity extends NomadConstraint {
  readonly Weight?: number;
}

/** Over what allocations are spread. Source: "spread" block. */
export interface NomadSpread {
  readonly Attribute: string;
  readonly Weight?: number;
  readonly SpreadTarget?: readonly { readonly Value: string; readonly Percent: number }[];
}

/** How allocations are replaced, and when they count as healthy. Source: "update" block. */
export interface NomadUpdate {
  readonly MaxParallel: number;
  readonly Canary?: number;
  readonly HealthCheck: 'checks' | 'task_states';
  readonly MinHealthyTime: number;
  readonly HealthyDeadline: number;
  readonly ProgressDeadline: number;
  readonly AutoRevert: boolean;
  readonly AutoPromote?: boolean;
}

/** When a batch job runs. Source: "periodic" block. */
export interface NomadPeriodic {
  readonly SpecType: 'cron';
  readonly Specs: readonly string[];
  readonly TimeZone?: string;
  readonly ProhibitOverlap?: boolean;
}

/** What each dispatch brings. Source: "parameterized" block. */
export interface NomadParameterized {
  readonly Payload?: string;
  readonly MetaRequired?: readonly string[];
  readonly MetaOptional?: readonly string[];
}

/** Tasks that run together on one node. Source: "group" block. */
export interface NomadGroup {
  readonly Name: string;
  /** Absent in jobs that run on every node. */
  readonly Count?: number;
  readonly Constraints?: readonly NomadConstraint[];
  readonly Affinities?: readonly NomadAffinity[];
  readonly Spreads?: readonly NomadSpread[];
  readonly RestartPolicy: NomadRestart;
  readonly ReschedulePolicy?: NomadReschedule;
  readonly EphemeralDisk?: NomadEphemeralDisk;
  readonly Networks?: readonly NomadNetwork[];
  readonly Volumes?: Readonly<Record<string, NomadVolume>>;
  readonly Services?: readonly NomadService[];
  readonly Tasks: readonly NomadTask[];
}

/** How often a task is started again on its node. Source: "restart" block. */
export interface NomadRestart {
  readonly Attempts: number;
  readonly Interval: number;
  readonly Delay: number;
  readonly Mode: 'fail' | 'delay';
}

/** When a failed allocation is tried on another node. Source: "reschedule" block. */
export interface NomadReschedule {
  readonly Attempts?: number;
  readonly Interval?: number;
  readonly Delay: number;
  readonly DelayFunction: 'constant' | 'exponential' | 'fibonacci';
  readonly MaxDelay?: number;
  readonly Unlimited: boolean;
}

/** The directory that a group's tasks share. Source: "ephemeral_disk" block. */
export interface NomadEphemeralDisk {
  readonly SizeMB?: number;
  readonly Migrate?: boolean;
  readonly Sticky?: boolean;
}

/** The ports of a group: chosen by Nomad, or fixed. Source: "network" block. */
export interface NomadNetwork {
  readonly Mode?: string;
  readonly DynamicPorts?: readonly NomadPort[];
  readonly ReservedPorts?: readonly NomadPort[];
}

/** A port; `Value` is there where it is fixed. Source: "port" block. */
export interface NomadPort {
  readonly Label: string;
  readonly Value?: number;
  readonly To?: number;
  readonly HostNetwork?: string;
}

/** Storage that a group claims. Source: "volume" block. */
export interface NomadVolume {
  readonly Name: string;
  readonly Type: 'host' | 'csi';
  readonly Source: string;
  readonly ReadOnly?: boolean;
  readonly AccessMode?: string;
  readonly AttachmentMode?: string;
  readonly PerAlloc?: boolean;
  readonly Sticky?: boolean;
  readonly MountOptions?: { readonly FSType?: string; readonly MountFlags?: readonly string[] };
}

/** How others find a group's port. Source: "service" block. */
export interface NomadService {
  readonly Name: string;
  readonly PortLabel: string;
  readonly Provider: 'nomad' | 'consul';
  readonly Tags?: readonly string[];
  readonly Checks: readonly NomadCheck[];
}

/** How a client tells whether a service is well. Source: "check" block. */
export interface NomadCheck {
  readonly Name: string;
  readonly Type: 'http' | 'tcp' | 'grpc';
  readonly Path?: string;
  readonly Method?: string;
  readonly PortLabel?: string;
  readonly GRPCService?: string;
  readonly Interval: number;
  readonly Timeout: number;
  readonly CheckRestart?: { readonly Limit: number; readonly Grace: number };
}

/** What runs, with what, and what it may take. Source: "task" block. */
export interface NomadTask {
  readonly Name: string;
  readonly Driver: 'exec';
  readonly User?: string;
  readonly Lifecycle?: { readonly Hook: string; readonly Sidecar?: boolean };
  readonly Config: NomadExecConfig;
  readonly DispatchPayload?: { readonly File: string };
  readonly Secrets?: readonly NomadSecret[];
  readonly Artifacts: readonly NomadArtifact[];
  readonly Templates?: readonly NomadTemplate[];
  readonly Env?: Readonly<Record<string, string>>;
  readonly VolumeMounts?: readonly NomadVolumeMount[];
  readonly KillSignal: string;
  readonly KillTimeout: number;
  readonly ShutdownDelay?: number;
  readonly Resources: NomadResources;
  readonly LogConfig?: NomadLogConfig;
}

/** What the exec driver is told. Source: Nomad, "Isolated fork/exec driver". */
export interface NomadExecConfig {
  readonly command: string;
  readonly args?: readonly string[];
  readonly work_dir?: string;
}

/** What a task may take. Source: "resources" block. */
export interface NomadResources {
  readonly CPU?: number;
  readonly Cores?: number;
  readonly MemoryMB: number;
  readonly MemoryMaxMB?: number;
}

/** What a client reads before it fetches artifacts, under `secret.<name>.<key>`. Source: "secret" block, Nomad 1.11. */
export interface NomadSecret {
  readonly Name: string;
  readonly Provider: 'nomad';
  /** Of a Nomad variable. */
  readonly Path: string;
}

/** The file that a client fetches before the task starts. Source: "artifact" block. */
export interface NomadArtifact {
  readonly GetterSource: string;
  readonly GetterMode: 'file';
  readonly GetterOptions: {
    readonly archive: 'false';
    readonly checksum: string;
    readonly aws_access_key_id?: string;
    readonly aws_access_key_secret?: string;
  };
  readonly RelativeDest: string;
}

/** A file that the client writes. Source: "template" block. */
export interface NomadTemplate {
  readonly EmbeddedTmpl: string;
  readonly DestPath: string;
  readonly Envvars?: boolean;
  readonly ChangeMode?: string;
  readonly ChangeSignal?: string;
  readonly Perms?: string;
}

/** Where a task sees a volume. Source: "volume_mount" block. */
export interface NomadVolumeMount {
  readonly Volume: string;
  readonly Destination: string;
  readonly ReadOnly?: boolean;
}

/** How much of a task's output is kept. Source: "logs" block. */
export interface NomadLogConfig {
  readonly MaxFiles?: number;
  readonly MaxFileSizeMB?: number;
  readonly Disabled?: boolean;
}

/** A job, ready to be submitted or printed. */
export interface JobSpec {
  readonly id: string;
  /** Null leaves it to the environment of whoever submits it. */
  readonly namespace: string | null;
  readonly job: NomadJob;
}
