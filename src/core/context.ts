import type { Exec } from './exec.ts';
import type { Reporter } from './reporter.ts';

/**
 * All that a stage may know of the process that it runs in. Built once, by `src/main.ts`.
 */
export interface Context {
  /** Absolute; relative paths of the user are resolved against it. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted by the first Ctrl-C; every wait obeys it. */
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
  readonly exec: Exec;
}
