import type { Arch } from '../src/core/types.ts';

/** Kinds of job that Saddlebag writes. */
export type JobType = 'service' | 'batch';

/** A port of the group's network. */
export interface PortSettings {
  readonly label: string;
  /** Null lets Nomad choose one for each allocation. */
  readonly number: number | null;
}

/** When a new version counts as healthy, and what happens where it does not. */
export interface UpdateSettings {
  readonly maxParallel: number;
  readonly minHealthyTimeMs: number;
  readonly healthyDeadlineMs: number;
  readonly progressDeadlineMs: number;
  readonly autoRevert: boolean;
}

/** All that a job says beyond its artifact, checked. Names and units are Nomad's; null leaves it to Nomad. */
export interface JobSettings {
  readonly id: string;
  readonly group: string;
  readonly task: string;
  readonly type: JobType;
  readonly namespace: string | null;
  readonly region: string | null;
  readonly priority: number | null;
  readonly datacenters: readonly string[];
  readonly nodePool: string | null;
  /** Null keeps the count that the cluster has, or is 1 for a new job. */
  readonly count: number | null;
  /** MHz. */
  readonly cpu: number;
  /** MiB. */
  readonly memory: number;
  /** MiB. */
  readonly memoryMax: number | null;
  readonly env: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  readonly user: string | null;
  readonly port: PortSettings | null;
  /** Null checks that the port opens; a path is asked by HTTP. */
  readonly checkPath: string | null;
  readonly killSignal: string;
  readonly killTimeoutMs: number;
  readonly update: UpdateSettings;
  /** Null writes no constraint on the processor. */
  readonly arch: Arch | null;
  /** File name of the bundle in the task's directory; without a version, so that a release does not change it. */
  readonly fileName: string;
}

/** The same as a person wrote it; what is not given is absent. */
export interface JobSettingsInput {
  readonly job?: string | undefined;
  readonly group?: string | undefined;
  readonly task?: string | undefined;
  readonly type?: string | undefined;
  readonly namespace?: string | undefined;
  readonly region?: string | undefined;
  readonly priority?: string | undefined;
  readonly datacenter?: readonly string[] | undefined;
  readonly nodePool?: string | undefined;
  readonly count?: string | undefined;
  readonly cpu?: string | undefined;
  readonly memory?: string | undefined;
  readonly memoryMax?: string | undefined;
  /** `NAME=VALUE` each. */
  readonly env?: readonly string[] | undefined;
  readonly arg?: readonly string[] | undefined;
  readonly user?: string | undefined;
  /** `LABEL[:NUMBER]`; `true` for a port of any number that is called `http`. */
  readonly port?: string | true | undefined;
  readonly checkPath?: string | undefined;
  readonly killSignal?: string | undefined;
  readonly killTimeout?: string | undefined;
  readonly maxParallel?: string | undefined;
  readonly minHealthyTime?: string | undefined;
  readonly healthyDeadline?: string | undefined;
  readonly progressDeadline?: string | undefined;
  readonly autoRevert?: boolean | undefined;
  readonly arch?: string | undefined;
}
