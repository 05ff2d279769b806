import { setTimeout as delay } from 'node:timers/promises';
import type { NomadJobState } from '../nomad/job-answer.ts';
import type { Indexed, Nomad, WaitOptions } from '../nomad/nomad.ts';
import type { NomadAllocation, NomadDeployment, NomadEvaluation } from '../nomad/nomad-answers.ts';

/** All that Nomad says of one job at one moment; its parts may be some milliseconds apart. */
export interface Snapshot {
  /** Null where there is no such job (any more). */
  readonly job: NomadJobState | null;
  readonly evaluations: readonly NomadEvaluation[];
  readonly deployments: readonly NomadDeployment[];
  readonly allocations: readonly NomadAllocation[];
}

const waitMs = 60_000;

/**
 * Reads the state of a job as it is now: the allocations last, so that they are at least as new as the evaluations.
 */
export async function readSnapshot(nomad: Nomad, jobId: string, signal: AbortSignal): Promise<Snapshot> {
  const now: WaitOptions = { index: 0, waitMs: 0, patienceMs: nomad.patienceMs, signal };
  const [job, evaluations, deployments] = await Promise.all([
    nomad.watchJob(jobId, now),
    nomad.watchEvaluations(jobId, now),
    nomad.watchDeployments(jobId, now),
  ]);
  const allocations = await nomad.watchAllocations(jobId, now);
  return {
    job: job.value,
    evaluations: evaluations.value,
    deployments: deployments.value,
    allocations: allocations.value,
  };
}

/**
 * Yields the state of a job now and after each change, until `signal` ends it (by throwing its reason). Each part is a
 * blocking query of its own: nothing is asked twice while nothing happens.
 */
export async function* followSnapshots(
  nomad: Nomad,
  jobId: string,
  signal: AbortSignal,
): AsyncGenerator<Snapshot, never> {
  const ended = new AbortController();
  const either = AbortSignal.any([signal, ended.signal]);
  const follow = <T>(
    read: (wait: WaitOptions) => Promise<Indexed<T>>,
    put: (value: T) => Partial<Snapshot>,
  ) => feed(read, put, { signal: either, patienceMs: nomad.patienceMs });
  const feeds = [
    follow(
      (wait) => nomad.watchJob(jobId, wait),
      (job) => ({ job }),
    ),
    follow(
      (wait) => nomad.watchEvaluations(jobId, wait),
      (evaluations) => ({ evaluations }),
    ),
    follow(
      (wait) => nomad.watchDeployments(jobId, wait),
      (deployments) => ({ deployments }),
    ),
    follow(
      (wait) => nomad.watchAllocations(jobId, wait),
      (allocations) => ({ allocations }),
    ),
  ];
  try {
    let snapshot = await readSnapshot(nomad, jobId, either);
    const pending = feeds.map((next) => next());
    for (;;) {
      yield snapshot;
      const { position, change } = await Promise.race(
        pending.map(async (one, index) => ({ position: index, change: await one })),
      );
      snapshot = { ...snapshot, ...change };
      const next = feeds[position];
      if (next !== undefined) pending[position] = next();
    }
  } finally {
    ended.abort();
  }
}

/** Makes a function that waits for the next news of one part of the state. */
function feed<T>(
  read: (wait: WaitOptions) => Promise<Indexed<T>>,
  put: (value: T) => Partial<Snapshot>,
  { signal, patienceMs }: Pick<WaitOptions, 'signal' | 'patienceMs'>,
): () => Promise<Partial<Snapshot>> {
  let index = 0;
  const next = async () => {
    for (;;) {
      const before = index;
      const answer = await read({ index, waitMs, patienceMs, signal });
      // An index may go back when a server was restored: then its own is taken. 0 would not block.
      index = Math.max(1, answer.index);
      if (index !== before) return put(answer.value);
      // The wait ran out; or something in between does not know blocking queries, and must not be asked without pause.
      await delay(500, undefined, { signal });
    }
  };
  return () => {
    const news = next();
    // The last wait is cut off when nobody listens any more.
    news.catch(() => undefined);
    return news;
  };
}
