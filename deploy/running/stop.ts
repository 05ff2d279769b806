import type { Context } from '../../src/core/context.ts';
import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import { renderDuration } from '../job/duration.ts';
import type { Nomad } from '../nomad/nomad.ts';
import type { NomadAllocation } from '../nomad/nomad-answers.ts';
import { jobUnknown } from '../nomad/nomad-operations.ts';
import { shortId } from '../release/diagnosis.ts';
import { followSnapshots } from '../release/snapshot.ts';

/** What became of a job that was stopped: the result that `saddlebag stop` prints. */
export interface Stopped {
  readonly version: 1;
  readonly jobId: string;
  readonly namespace: string;
  /** `stopped`: all its tasks have ended. `unchanged`: it was stopped before. `submitted`: nobody waited. */
  readonly status: 'stopped' | 'unchanged' | 'submitted';
  readonly isPurged: boolean;
}

/** How a job is stopped. */
export interface StopOptions {
  /** Have Nomad forget the job, with its versions. */
  readonly purge: boolean;
  readonly detach: boolean;
  readonly timeoutMs: number;
}

/**
 * Stops a job and waits until its tasks have ended; one that is stopped is only purged, where that is asked for.
 * @throws {SaddlebagError} `job-unknown`, `stop-timed-out`; what the API throws; the reason of `signal`
 */
export async function stopJob(
  nomad: Nomad,
  jobId: string,
  { purge, detach, timeoutMs }: StopOptions,
  { reporter, signal }: Pick<Context, 'reporter' | 'signal'>,
): Promise<Stopped> {
  const namespace = nomad.connection.namespace ?? 'default';
  const result = { version: 1, jobId, namespace, isPurged: purge } as const;
  const current = await nomad.readJob(jobId);
  if (current === null) throw jobUnknown('stop', jobId, namespace);
  if (current.isStopped && !purge) return { ...result, status: 'unchanged' };
  // What is purged is forgotten with its allocations: nobody could tell when they have ended.
  if (!current.isStopped) await nomad.stopJob(jobId);
  if (!detach && !current.isStopped) {
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      await waitForEnd(nomad, jobId, reporter, AbortSignal.any([signal, timeout]));
    } catch (cause) {
      if (signal.aborted || !timeout.aborted) throw cause;
      throw stopTimedOut(jobId, renderDuration(timeoutMs));
    }
  }
  if (purge) await nomad.stopJob(jobId, { purge: true });
  return { ...result, status: detach ? 'submitted' : 'stopped' };
}

async function waitForEnd(
  nomad: Nomad,
  jobId: string,
  reporter: Context['reporter'],
  signal: AbortSignal,
): Promise<void> {
  let shown = '';
  for await (const { allocations } of followSnapshots(nomad, jobId, signal)) {
    const left = allocations.filter(isAlive);
    if (left.length === 0) return;
    const message = `${left.length} of ${jobId}'s allocations still run: ${left.map(({ id }) => shortId(id)).join(', ')}`;
    if (message !== shown) reporter.report({ kind: 'step', stage: 'stop', message });
    shown = message;
  }
}

function isAlive({ clientStatus }: NomadAllocation): boolean {
  return clientStatus === 'running' || clientStatus === 'pending';
}

function stopTimedOut(jobId: string, timeout: string): SaddlebagError {
  return new SaddlebagError(
    'stop-timed-out',
    `cannot tell that ${jobId} has ended: its tasks still ran after ${timeout}`,
    {
      hint: `the job is stopped, and Nomad kills its tasks after their kill_timeout; see saddlebag status ${jobId}`,
      exitCode: exitCodes.timedOut,
    },
  );
}
