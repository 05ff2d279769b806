import type { WarningCode } from './codes.ts';

/**
 * What a stage tells while it works. `stage` is the verb of the stage (`closure`, `image`, `publish`, `deploy`, …).
 */
export type ReportEvent =
  | { readonly kind: 'step'; readonly stage: string; readonly message: string }
  | {
      readonly kind: 'progress';
      readonly stage: string;
      readonly doneBytes: number;
      readonly totalBytes: number;
    }
  | {
      readonly kind: 'detail';
      readonly stage: string;
      readonly message: string;
      /** Is told by the view too, where one is drawn. */
      readonly inView?: true;
    }
  /** How things are now, in place of the view before; only for who can redraw it. No lines take it away. */
  | { readonly kind: 'view'; readonly stage: string; readonly lines: readonly string[] }
  | {
      readonly kind: 'warning';
      readonly stage: string;
      readonly code: WarningCode;
      readonly message: string;
      readonly hint?: string;
    };

/**
 * Takes the events of a run; who implements it decides how, and whether, they are shown (always on stderr).
 * `detail` is for lines of another program (a build's output, an app's log) that belong to the step before.
 */
export interface Reporter {
  report(event: ReportEvent): void;
}

/**
 * Drops every event; for tests and for callers that want silence.
 */
export const silentReporter: Reporter = { report: () => undefined };
