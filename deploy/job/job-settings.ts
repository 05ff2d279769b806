import type { Arch } from '../../src/core/types.ts';

/** Kinds of job that Saddlebag writes: all of Nomad's. */
export type JobType = (typeof jobTypes)[number];

/** All of them. */
export const jobTypes = ['service', 'batch', 'system', 'sysbatch'] as const;

/** Tells whether the scheduler puts a job on every node that meets its constraints. */
export function isOnEveryNode(type: JobType): boolean {
  return type === 'system' || type === 'sysbatch';
}

/**
 * All that a job says beyond its artifact, checked. Names, units and defaults are Nomad's ("job specification"); null
 * leaves a thing to Nomad, and then the job does not name it.
 */
export interface JobSettings {
  readonly id: string;
  readonly type: JobType;
  readonly namespace: string | null;
  readonly region: string | null;
  readonly priority: number | null;
  readonly datacenters: readonly string[];
  readonly nodePool: string | null;
  /** Null writes no constraint on the processor. */
  readonly arch: Arch | null;
  /** Path of the Nomad variable with S3 credentials, for an `s3::` source; null: clients have their own, or need none. */
  readonly s3Variable: string | null;
  readonly constraints: readonly ConstraintSettings[];
  readonly affinities: readonly AffinitySettings[];
  readonly spreads: readonly SpreadSettings[];
  /** Null for batch and sysbatch jobs, which are not updated step by step. */
  readonly update: UpdateSettings | null;
  readonly periodic: PeriodicSettings | null;
  readonly parameterized: ParameterizedSettings | null;
  /** The first is the one that flags speak of. */
  readonly groups: readonly GroupSettings[];
}

/** Tasks that run together on one node. */
export interface GroupSettings {
  readonly name: string;
  /** Null keeps the count that the cluster has, or is 1 for a new job; for system jobs it is not written. */
  readonly count: number | null;
  readonly constraints: readonly ConstraintSettings[];
  readonly affinities: readonly AffinitySettings[];
  readonly spreads: readonly SpreadSettings[];
  readonly restart: RestartSettings;
  /** Null where the job's type knows none. */
  readonly reschedule: RescheduleSettings | null;
  readonly ephemeralDisk: EphemeralDiskSettings | null;
  readonly network: NetworkSettings | null;
  readonly volumes: readonly VolumeSettings[];
  readonly services: readonly ServiceSettings[];
  /** In the order in which Nomad starts them: those before the main task, the main task, the others. */
  readonly tasks: readonly TaskSettings[];
}

/** One program of the bundle, run with its own arguments. */
export interface TaskSettings {
  readonly name: string;
  /** Null for the main task of its group. */
  readonly lifecycle: LifecycleSettings | null;
  /** File name of the bundle in the task's directory; the bundle starts the program of that name, else its first. */
  readonly fileName: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Variables by name, with where in Nomad's variables their values are. */
  readonly secrets: Readonly<Record<string, SecretSettings>>;
  readonly templates: readonly TemplateSettings[];
  readonly user: string | null;
  /** Absolute, in the task's own root. */
  readonly workDir: string | null;
  readonly killSignal: string;
  readonly killTimeoutMs: number;
  readonly shutdownDelayMs: number | null;
  readonly volumeMounts: readonly VolumeMountSettings[];
  readonly resources: ResourceSettings;
  readonly logs: LogSettings | null;
  /** File name in `local/` for the payload that a dispatch brings. */
  readonly dispatchPayload: string | null;
}

/** When a task runs beside the main task of its group. */
export interface LifecycleSettings {
  readonly hook: 'prestart' | 'poststart' | 'poststop';
  /** Runs as long as the main task does, and is started again when it ends. */
  readonly sidecar: boolean;
}

/** What a task may take. Exactly one of `cpu` and `cores` is not null. */
export interface ResourceSettings {
  /** MHz. */
  readonly cpu: number | null;
  readonly cores: number | null;
  /** MiB. */
  readonly memory: number;
  /** MiB. */
  readonly memoryMax: number | null;
}

/** Where the value of a variable is: an item of one of Nomad's variables. */
export interface SecretSettings {
  /** For example `nomad/jobs/web`. */
  readonly path: string;
  readonly key: string;
}

/** A file that the client writes for a task. */
export interface TemplateSettings {
  readonly data: string;
  readonly destination: string;
  /** Its lines `NAME=VALUE` become variables of the task. */
  readonly env: boolean;
  readonly changeMode: 'noop' | 'restart' | 'signal' | null;
  readonly changeSignal: string | null;
  /** Octal: `0640`. */
  readonly perms: string | null;
}

/** How much of a task's output a client keeps. */
export interface LogSettings {
  readonly maxFiles: number | null;
  /** MB. */
  readonly maxFileSize: number | null;
  readonly disabled: boolean;
}

/** The network of a group. */
export interface NetworkSettings {
  /** `host`, `bridge`, `none` or `cni/<name>`. */
  readonly mode: string | null;
  readonly ports: readonly PortSettings[];
}

/** A port of the group's network. */
export interface PortSettings {
  readonly label: string;
  /** Null lets Nomad choose one for each allocation. */
  readonly static: number | null;
  /** The port inside a network of the group's own (mode bridge or cni); null: the same. */
  readonly to: number | null;
  readonly hostNetwork: string | null;
}

/** How others find a group. */
export interface ServiceSettings {
  readonly name: string;
  /** Label of a port of the group. */
  readonly port: string;
  readonly provider: 'nomad' | 'consul';
  readonly tags: readonly string[];
  readonly checks: readonly CheckSettings[];
}

/** How a client tells whether a service is well. */
export interface CheckSettings {
  readonly name: string;
  /** `grpc` with the provider consul only. */
  readonly type: 'http' | 'tcp' | 'grpc';
  readonly path: string | null;
  readonly method: string | null;
  /** Another port than the service's. */
  readonly port: string | null;
  readonly grpcService: string | null;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Null: a task whose check fails is never started again for it. */
  readonly restart: CheckRestartSettings | null;
}

/** After how many failures in a row, and how long after its start, a check has its task started again. */
export interface CheckRestartSettings {
  readonly limit: number;
  readonly graceMs: number;
}

/** Storage that a group claims. */
export interface VolumeSettings {
  readonly name: string;
  readonly type: 'host' | 'csi';
  readonly source: string;
  readonly readOnly: boolean;
  readonly accessMode: string | null;
  readonly attachmentMode: string | null;
  readonly perAlloc: boolean;
  readonly sticky: boolean;
  readonly fsType: string | null;
  readonly mountFlags: readonly string[];
}

/** Where a task sees a volume of its group. */
export interface VolumeMountSettings {
  readonly volume: string;
  /** Absolute, in the task's own root. */
  readonly destination: string;
  readonly readOnly: boolean;
}

/** The directory that the tasks of a group share. */
export interface EphemeralDiskSettings {
  /** MB; for the scheduler, not a limit. */
  readonly size: number | null;
  readonly migrate: boolean;
  readonly sticky: boolean;
}

/** A condition that a node has to meet. */
export interface ConstraintSettings {
  readonly attribute: string | null;
  readonly operator: string;
  readonly value: string | null;
}

/** A wish for nodes; a negative weight keeps away from them. */
export interface AffinitySettings {
  readonly attribute: string | null;
  readonly operator: string;
  readonly value: string | null;
  readonly weight: number | null;
}

/** Over what allocations are spread, and in which shares. */
export interface SpreadSettings {
  readonly attribute: string;
  readonly weight: number | null;
  /** Percent by value of the attribute. */
  readonly targets: Readonly<Record<string, number>>;
}

/** When a new version counts as healthy, and what happens where it does not. */
export interface UpdateSettings {
  readonly maxParallel: number;
  /** How many allocations of a new version run beside the old ones until it is promoted. */
  readonly canary: number;
  readonly minHealthyTimeMs: number;
  readonly healthyDeadlineMs: number;
  readonly progressDeadlineMs: number;
  readonly autoRevert: boolean;
  /** Promotes canaries once all are healthy. */
  readonly autoPromote: boolean;
}

/** How often a task is started again on its node. */
export interface RestartSettings {
  readonly attempts: number;
  readonly intervalMs: number;
  readonly delayMs: number;
  readonly mode: 'fail' | 'delay';
}

/** When a failed allocation is tried on another node. */
export interface RescheduleSettings {
  /** Null where it is unlimited. */
  readonly attempts: number | null;
  readonly intervalMs: number | null;
  readonly delayMs: number;
  readonly delayFunction: 'constant' | 'exponential' | 'fibonacci';
  readonly maxDelayMs: number | null;
  readonly unlimited: boolean;
}

/** When a batch job runs. */
export interface PeriodicSettings {
  /** Five fields of cron, or `@daily` and its like. */
  readonly crons: readonly string[];
  /** A name like `Europe/Berlin`; null: UTC. */
  readonly timeZone: string | null;
  readonly prohibitOverlap: boolean;
}

/** What each dispatch of a batch job brings. */
export interface ParameterizedSettings {
  readonly payload: 'optional' | 'required' | 'forbidden' | null;
  readonly metaRequired: readonly string[];
  readonly metaOptional: readonly string[];
}
