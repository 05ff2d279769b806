import type { User } from './strategies.ts';

/** One line of the file that `SADDLEBAG_CASES_RECORD` names; docs/runtime-cases.ts makes the table from them. */
export interface CaseRecord {
  readonly group: string;
  readonly number: number;
  readonly title: string;
  /** A strategy's name, or `any` where none is involved. */
  readonly strategy: string;
  readonly user: User;
  readonly outcome: 'passed' | 'failed' | 'skipped' | 'not applicable';
  /** Of what was skipped or does not apply. */
  readonly reason?: string;
}
