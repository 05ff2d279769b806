import type { NomadJobState } from '../nomad/job-answer.ts';
import type { Nomad } from '../nomad/nomad.ts';
import { type JobSummary, jobUnknown } from '../nomad/nomad-operations.ts';
import { explainAllocation } from '../release/diagnosis.ts';
import { readTarget } from '../release/follow.ts';
import { optional } from '../release/investigation.ts';
import type { ReleaseAllocation } from '../release/release-model.ts';
import { readSnapshot } from '../release/snapshot.ts';
import { belongsTo, judge, newestDeployment } from '../release/verdict.ts';
import { renderView } from '../release/view.ts';
import { artifactsOf, isOurs } from './job-history.ts';

/** How a job is: the result that `saddlebag status JOB` prints. */
export interface JobStatus {
  readonly version: 1;
  readonly jobId: string;
  readonly namespace: string;
  readonly type: string;
  readonly jobVersion: number;
  /** RFC 3339, UTC. */
  readonly submittedAt: string;
  /** Of the current version; as the verdict that ends a watch, or `periodic` or `parameterized`. */
  readonly status: string;
  /** Why it failed, where that is known. */
  readonly explanation: string | null;
  readonly deployment: { readonly id: string; readonly status: string; readonly description: string } | null;
  readonly artifacts: readonly { readonly task: string; readonly url: string; readonly checksum: string }[];
  readonly allocations: readonly ReleaseAllocation[];
}

/** A job in a list: a row of what `saddlebag status` prints. */
export interface JobRow {
  readonly jobId: string;
  readonly namespace: string;
  readonly type: string;
  /** Nomad's word: `pending`, `running` or `dead`; `stopped` where somebody did that. */
  readonly status: string;
  readonly jobVersion: number;
  readonly isStable: boolean;
  readonly submittedAt: string;
}

/** How many jobs are read at once: enough to be quick, not so many as to be noticed. */
const readersAtOnce = 8;

/**
 * Reads how the current version of a job is; `view` is that for people, line by line.
 * @throws {SaddlebagError} `job-unknown`; what the API throws
 */
export async function readJobStatus(
  nomad: Nomad,
  jobId: string,
  signal: AbortSignal,
): Promise<{ readonly status: JobStatus; readonly view: readonly string[] }> {
  const namespace = nomad.connection.namespace ?? 'default';
  const snapshot = await readSnapshot(nomad, jobId, signal);
  const { job } = snapshot;
  if (job === null) throw jobUnknown('show', jobId, namespace);
  const target = await readTarget(nomad, jobId, job, { queue: false });
  const verdict = judge(target, snapshot);
  const culprit = 'culprit' in verdict ? verdict.culprit : null;
  const deployment = newestDeployment(snapshot, job.version);
  const own = snapshot.allocations.filter((one) => belongsTo(target, one));
  const checks = new Map(
    await Promise.all(
      own
        .filter(({ clientStatus }) => clientStatus === 'running')
        .map(async ({ id }) => [id, (await optional(nomad.readChecks(id))) ?? []] as const),
    ),
  );
  const evidence = { checks: (culprit && checks.get(culprit.id)) ?? [], log: [] };
  const status: JobStatus = {
    version: 1,
    jobId,
    namespace,
    type: job.type,
    jobVersion: job.version,
    submittedAt: new Date(job.submittedAtMs).toISOString(),
    status: job.special !== null && !job.isStopped ? job.special : verdict.kind,
    explanation: culprit === null ? null : explainAllocation(culprit, evidence),
    deployment: deployment && {
      id: deployment.id,
      status: deployment.status,
      description: deployment.statusDescription,
    },
    artifacts: artifactsOf(job),
    allocations: own
      .map(({ id, name, nodeName, clientStatus }) => ({ id, name, node: nodeName, status: clientStatus }))
      .toSorted((a, b) => (a.name === b.name ? 0 : a.name < b.name ? -1 : 1)),
  };
  return { status, view: renderView(target, snapshot, checks) };
}

/** Lists the jobs that run what Saddlebag published (`isOurs`), or all of them; sorted by id. */
export async function listJobs(nomad: Nomad, { all }: { readonly all: boolean }): Promise<JobRow[]> {
  // The children of periodic and parameterized jobs are no deploys of their own.
  const waiting = (await nomad.listJobs()).filter(({ id }) => !/\/(?:periodic|dispatch)-/.test(id));
  const rows: JobRow[] = [];
  const read = async (): Promise<void> => {
    for (let summary = waiting.shift(); summary !== undefined; summary = waiting.shift()) {
      const job = await nomad.readJob(summary.id);
      if (job !== null && (all || isOurs(job))) rows.push(toRow(summary, job));
    }
  };
  await Promise.all(Array.from({ length: readersAtOnce }, read));
  return rows.toSorted((a, b) => (a.jobId < b.jobId ? -1 : 1));
}

function toRow({ id, namespace, status }: JobSummary, job: NomadJobState): JobRow {
  return {
    jobId: id,
    namespace,
    type: job.special === 'periodic' || job.special === 'parameterized' ? job.special : job.type,
    status: job.isStopped ? 'stopped' : status,
    jobVersion: job.version,
    isStable: job.isStable,
    submittedAt: new Date(job.submittedAtMs).toISOString(),
  };
}
