import type { WarningCode } from '../../../src/core/codes.ts';

/** What is wrong with a job that Nomad's server would register without a word. */
export type Finding =
  /** A client or the server would not do what the job says. */
  | { readonly kind: 'error'; readonly place: string; readonly problem: string; readonly hint: string }
  | {
      readonly kind: 'warning';
      readonly code: WarningCode;
      readonly place: string;
      readonly problem: string;
      readonly hint: string;
    };

/** What is known where a job is checked. */
export interface CheckFacts {
  /** Of the server (`1.11.2`, `2.0.5+ent`); null where it does not say, and then no feature is too new. */
  readonly serverVersion: string | null;
  /** Of the clients, each once; empty where they are not known, and then they are taken to be as old as the server. */
  readonly clientVersions: readonly string[];
  /** Milliseconds since 1970, by which links have expired or not. */
  readonly nowMs: number;
}
