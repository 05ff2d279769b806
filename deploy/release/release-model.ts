import type { Timing } from './timing.ts';

/** What became of a deploy: the result that `saddlebag deploy` prints. */
export interface Release {
  readonly version: 1;
  readonly jobId: string;
  readonly namespace: string;
  readonly jobVersion: number;
  /** The evaluation that started the version; empty when an unchanged job's is no longer kept. */
  readonly evalId: string;
  readonly deploymentId?: string;
  /**
   * `healthy`: this deploy brought the version up (for a batch job: to its successful end). `unchanged`: it was up
   * already, nothing was submitted. `submitted`: nobody waited (`--detach`). `registered`: a periodic or parameterized
   * job, which starts nothing by itself.
   */
  readonly status: 'healthy' | 'unchanged' | 'submitted' | 'registered';
  /** Of this version, sorted by name; empty for `submitted` and `registered`. */
  readonly allocations: readonly ReleaseAllocation[];
  /** Where the time of its slowest allocation went; absent where none was started and watched. */
  readonly timing?: Timing;
}

/** One running (or, for a batch job, completed) allocation. */
export interface ReleaseAllocation {
  readonly id: string;
  readonly name: string;
  readonly node: string;
  readonly status: string;
}
