/**
 * The part of Nomad's job that Saddlebag writes, in the form that its API takes: durations in nanoseconds, and no key
 * for what is left to Nomad. Source: Nomad, "JSON job specification".
 */
export interface NomadJob {
  readonly ID: string;
  readonly Name: string;
  readonly Type: 'service' | 'batch';
  readonly Region?: string;
  readonly Namespace?: string;
  readonly Datacenters: readonly string[];
  readonly NodePool?: string;
  readonly Priority?: number;
  readonly Constraints: readonly NomadConstraint[];
  /** Services only: Nomad refuses it on a batch job. */
  readonly Update?: NomadUpdate;
  readonly TaskGroups: readonly NomadGroup[];
}

/** A condition that a node has to meet. Source: "constraint" block. */
export interface NomadConstraint {
  readonly LTarget: string;
  readonly Operand: '=';
  readonly RTarget: string;
}

/** How allocations are replaced, and when they count as healthy. Source: "update" block. */
export interface NomadUpdate {
  readonly MaxParallel: number;
  readonly HealthCheck: 'checks' | 'task_states';
  readonly MinHealthyTime: number;
  readonly HealthyDeadline: number;
  readonly ProgressDeadline: number;
  readonly AutoRevert: boolean;
}

/** Tasks that run together on one node. Source: "group" block. */
export interface NomadGroup {
  readonly Name: string;
  readonly Count: number;
  readonly RestartPolicy: {
    readonly Attempts: number;
    readonly Interval: number;
    readonly Delay: number;
    readonly Mode: 'fail';
  };
  readonly ReschedulePolicy: NomadReschedule;
  readonly Networks?: readonly NomadNetwork[];
  readonly Services?: readonly NomadService[];
  readonly Tasks: readonly NomadTask[];
}

/** When a failed allocation is tried on another node. Source: "reschedule" block. */
export interface NomadReschedule {
  readonly Attempts?: number;
  readonly Interval?: number;
  readonly Delay: number;
  readonly DelayFunction: 'constant' | 'exponential';
  readonly MaxDelay?: number;
  readonly Unlimited: boolean;
}

/** The ports of a group: chosen by Nomad, or fixed. Source: "network" block. */
export interface NomadNetwork {
  readonly DynamicPorts?: readonly { readonly Label: string }[];
  readonly ReservedPorts?: readonly { readonly Label: string; readonly Value: number }[];
}

/** How others find a group's port. Source: "service" block. */
export interface NomadService {
  readonly Name: string;
  readonly PortLabel: string;
  readonly Provider: 'nomad';
  readonly Checks: readonly NomadCheck[];
}

/** How a client tells whether a service is well. Source: "check" block. */
export interface NomadCheck {
  readonly Name: string;
  readonly Type: 'http' | 'tcp';
  readonly Path?: string;
  readonly Interval: number;
  readonly Timeout: number;
  readonly CheckRestart: { readonly Limit: number; readonly Grace: number };
}

/** What runs, with what, and what it may take. Source: "task" block. */
export interface NomadTask {
  readonly Name: string;
  readonly Driver: 'exec';
  readonly User?: string;
  readonly Config: { readonly command: string; readonly args?: readonly string[] };
  readonly Artifacts: readonly NomadArtifact[];
  readonly Env?: Readonly<Record<string, string>>;
  readonly KillSignal: string;
  readonly KillTimeout: number;
  readonly ShutdownDelay?: number;
  readonly Resources: { readonly CPU: number; readonly MemoryMB: number; readonly MemoryMaxMB?: number };
}

/** The file that a client fetches before the task starts. Source: "artifact" block. */
export interface NomadArtifact {
  readonly GetterSource: string;
  readonly GetterMode: 'file';
  readonly GetterOptions: { readonly archive: 'false'; readonly checksum: string };
  readonly RelativeDest: string;
}

/** A job, ready to be submitted or printed. */
export interface JobSpec {
  readonly id: string;
  /** Null leaves it to the environment of whoever submits it. */
  readonly namespace: string | null;
  readonly job: NomadJob;
}
