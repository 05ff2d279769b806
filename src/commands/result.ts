import type { ExitCode } from '../core/errors.ts';

/** What a command gives back; `src/main.ts` prints it on stdout and sets the exit code. */
export interface CommandResult<T = unknown> {
  /** For people: one line, or the document that was asked for; empty prints nothing. */
  readonly text: string;
  /** The same with colours, for a terminal. */
  readonly coloredText?: string;
  /** Printed instead with `--json`: one object; null prints nothing. */
  readonly json: T;
  /** Markdown for the page of a CI job. */
  readonly summary?: string;
  readonly exitCode: ExitCode;
  /** What ended the work before all of it was done; printed on stderr behind the result. */
  readonly failure?: unknown;
}
