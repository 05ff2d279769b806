import type { ApiJob } from '../nomad/job-answer.ts';
import type { JobSource } from '../nomad/nomad.ts';

/** A job that is ready to be submitted, wherever it comes from. */
export interface Submission {
  readonly id: string;
  readonly job: ApiJob;
  /** What people wrote, or would have written: Nomad's UI shows and edits it. */
  readonly source: JobSource;
}
