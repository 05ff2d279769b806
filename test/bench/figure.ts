import type { Summary } from './statistics.ts';

export type Unit = 'ms' | 'MB' | 'KB';

/** One line of a table: something that was measured, and beside what. */
export interface Figure extends Summary {
  /** What was started, packed or unpacked: `Flask`, `1 GB`, `500,000 files`. */
  readonly payload: string;
  /** Which tool, or the app itself. */
  readonly what: string;
  /** What of it: `first start`. */
  readonly detail?: string;
  readonly unit: Unit;
  /** Over the app itself in the same round, in the figure's unit. */
  readonly over?: Summary;
  /** How many times what the section's `beside` names. */
  readonly ratio?: number;
}

/** What was aimed at, and whether it was met. */
export interface Target {
  readonly what: string;
  readonly limit: string;
  readonly measured: string;
  readonly met: boolean;
}

/** What one scenario found. */
export interface Findings {
  /** Says what `ratio` is a ratio to: `tar -xjf`. */
  readonly beside?: string;
  readonly figures: readonly Figure[];
  readonly targets: readonly Target[];
  /** What a reader has to know of them, what was left out and why: sentences in Markdown. */
  readonly notes: readonly string[];
}

/** A scenario's findings with the circumstances they came about in. */
export interface Section extends Findings {
  readonly name: string;
  readonly title: string;
  readonly lead: string;
  /** As ISO 8601. */
  readonly takenAt: string;
  readonly commit: string;
  /** Load averages of one minute, before it and at its end. */
  readonly load: readonly [number, number];
  readonly seconds: number;
  readonly failure?: string;
}

/** Where figures were taken. */
export interface Machine {
  readonly processors: number;
  readonly memoryGigabytes: number;
  readonly kernel: string;
  readonly system: string;
  readonly fileSystem: string;
  readonly arch: string;
}
