import type { Findings } from './figure.ts';
import type { PayloadName, Payloads } from './payloads.ts';
import type { Peers } from './peers.ts';

/** What a scenario works with. */
export interface Bench {
  /** A folder on disk that is removed at the end of the run, never between rounds. */
  readonly place: string;
  readonly rounds: number;
  /** Whether a payload is to be measured. */
  readonly has: (name: PayloadName) => boolean;
  /** Whether the 1 GB payload is packed and unpacked by tar and bzip2 too: minutes on a machine at rest. */
  readonly largeTar: boolean;
  readonly payloads: Payloads;
  readonly peers: () => Promise<Peers>;
}

/** One question to a bundle, with its answer in figures. */
export interface Scenario {
  /** As `--only` takes it. */
  readonly name: string;
  readonly title: string;
  /** How it is measured: Markdown. */
  readonly lead: string;
  readonly run: (bench: Bench) => Promise<Findings>;
}
