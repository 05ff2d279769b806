import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import type { NomadJobState } from '../nomad/job-answer.ts';
import type { Nomad } from '../nomad/nomad.ts';
import type { NomadAllocation } from '../nomad/nomad-answers.ts';
import { jobUnknown, type LogRequest } from '../nomad/nomad-operations.ts';
import { shortId } from '../release/diagnosis.ts';
import { readSnapshot } from '../release/snapshot.ts';

/** Whose output is wanted. */
export interface LogChoice {
  readonly jobId: string;
  /** An allocation by the start of its id; the newest that runs, else the newest, where it is null. */
  readonly allocation: string | null;
  /** The only main task where it is null. */
  readonly task: string | null;
  readonly stream: 'stdout' | 'stderr';
}

/**
 * Finds the task whose output is wanted.
 * @throws {SaddlebagError} `job-unknown`, `log-missing`, `task-unknown`; what the API throws
 */
export async function chooseLog(nomad: Nomad, choice: LogChoice, signal: AbortSignal): Promise<LogRequest> {
  const { jobId, stream } = choice;
  const { job, allocations } = await readSnapshot(nomad, jobId, signal);
  if (job === null) throw jobUnknown('read the log of', jobId, nomad.connection.namespace ?? 'default');
  const allocation = chooseAllocation(allocations, choice.allocation);
  if (allocation === undefined) {
    const which = choice.allocation === null ? '' : ` whose id begins with ${choice.allocation}`;
    throw logMissing(jobId, `it has no allocation${which}`);
  }
  return { allocationId: allocation.id, task: chooseTask(job, allocation, choice), stream };
}

function chooseAllocation(
  allocations: readonly NomadAllocation[],
  prefix: string | null,
): NomadAllocation | undefined {
  const rank = ({ clientStatus }: NomadAllocation) => (clientStatus === 'running' ? 1 : 0);
  return allocations
    .filter(({ id }) => prefix === null || id.startsWith(prefix))
    .toSorted((a, b) => rank(b) - rank(a) || b.createIndex - a.createIndex)[0];
}

function chooseTask(job: NomadJobState, allocation: NomadAllocation, { jobId, task }: LogChoice): string {
  const declared = job.groups.find(({ name }) => name === allocation.group)?.tasks ?? [];
  const names = new Set([...declared, ...allocation.tasks].map(({ name }) => name));
  const main = declared.filter(({ hook }) => hook === '').map(({ name }) => name);
  if (task !== null && names.has(task)) return task;
  if (task === null && main[0] !== undefined && main.length === 1) return main[0];
  const list = [...names].sort().join(', ');
  throw new SaddlebagError(
    'task-unknown',
    task === null
      ? `cannot read the log of ${jobId}: it has several tasks: ${list}`
      : `cannot read the log of ${jobId}: it has no task ${task}, but ${list}`,
    { hint: 'name one of them with --task', exitCode: exitCodes.usage },
  );
}

/** Makes the error for output that no client has. */
export function logMissing(jobId: string, reason: string): SaddlebagError {
  return new SaddlebagError('log-missing', `cannot read the log of ${jobId}: ${reason}`, {
    hint: `saddlebag status ${jobId} shows its allocations`,
  });
}

/** Says which output has nothing to read. */
export function noLogOf({ allocationId, task, stream }: LogRequest): string {
  return `allocation ${shortId(allocationId)} has no ${stream} of task ${task}: it has not started, or was collected`;
}
