import { exitCodes, SaddlebagError } from '../../src/core/errors.ts';
import type { NomadHttp, NomadRequest } from './nomad-http.ts';
import { readAnswer } from './nomad-http.ts';
import { Shape } from './shape.ts';

/** What the cluster lists of a job. */
export interface JobSummary {
  readonly id: string;
  readonly namespace: string;
  readonly type: string;
  /** `pending`, `running` or `dead`. */
  readonly status: string;
  readonly isStopped: boolean;
  /** When it was last submitted, in milliseconds since 1970. */
  readonly submittedAtMs: number;
}

/** Which of a task's two outputs is read. */
export interface LogRequest {
  readonly allocationId: string;
  readonly task: string;
  readonly stream: 'stdout' | 'stderr';
}

/** The calls of Nomad's API that work on a job which is there; they throw as `Nomad`'s others do. */
export interface NomadOperations {
  stopJob(jobId: string, options?: { readonly purge: boolean }): Promise<void>;
  /** Makes a new version that is an older one again; returns the evaluation's id. */
  revertJob(jobId: string, revert: { readonly to: number; readonly from: number }): Promise<string>;
  /** Has failed allocations replaced now, not after the delay of their reschedule policy. */
  forceReschedule(jobId: string): Promise<void>;
  failDeployment(deploymentId: string): Promise<void>;
  promoteDeployment(deploymentId: string): Promise<void>;
  /** Names a version and keeps it from being collected. Nomad has this from 1.9 on. */
  tagVersion(
    jobId: string,
    tag: { readonly version: number; readonly name: string; readonly description: string },
  ): Promise<void>;
  untagVersion(jobId: string, name: string): Promise<void>;
  /** Sorted by id. */
  listJobs(): Promise<JobSummary[]>;
  /** Yields what a task writes from its last `tailBytes` on, until it ends or `signal` does; null when there is no log. */
  followLog(
    request: LogRequest & { readonly tailBytes: number },
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array> | null>;
}

/** Makes the calls over a set of connections. */
export function operationCalls(http: NomadHttp): NomadOperations {
  const write = async (call: NomadRequest): Promise<unknown> => {
    const { isFound, text } = await http.send(call);
    if (!isFound) throw notFound(call, text);
    return readAnswer(text, call.action, (value) => value);
  };
  return {
    stopJob: async (id, { purge } = { purge: false }) => {
      const query = purge ? { purge: 'true' } : {};
      await write({ method: 'DELETE', path: jobPath(id), query, action: `stop job ${id}` });
    },
    revertJob: async (id, { to, from }) => {
      const body = { JobID: id, JobVersion: to, EnforcePriorVersion: from };
      const answer = await write({
        method: 'POST',
        path: `${jobPath(id)}/revert`,
        body,
        action: `revert job ${id}`,
      });
      return Shape.of(answer).optionalText('EvalID');
    },
    forceReschedule: async (id) => {
      const body = { JobID: id, EvalOptions: { ForceReschedule: true } };
      await write({ method: 'POST', path: `${jobPath(id)}/evaluate`, body, action: `evaluate job ${id}` });
    },
    failDeployment: async (id) => {
      await write({
        method: 'POST',
        path: `/deployment/fail/${id}`,
        body: {},
        action: `fail deployment ${id}`,
      });
    },
    promoteDeployment: async (id) => {
      const body = { DeploymentID: id, All: true };
      await write({
        method: 'POST',
        path: `/deployment/promote/${id}`,
        body,
        action: `promote deployment ${id}`,
      });
    },
    tagVersion: async (id, { version, name, description }) => {
      const path = `${jobPath(id)}/versions/${encodeURIComponent(name)}/tag`;
      await write({
        method: 'POST',
        path,
        body: { Version: version, Description: description },
        action: `tag version ${version} of job ${id}`,
      });
    },
    untagVersion: async (id, name) => {
      const path = `${jobPath(id)}/versions/${encodeURIComponent(name)}/tag`;
      await write({ method: 'DELETE', path, action: `remove tag ${name} of job ${id}` });
    },
    listJobs: async () => {
      const call: NomadRequest = { method: 'GET', path: '/jobs', action: 'list the jobs' };
      const { text } = await http.send(call);
      return readAnswer(text, call.action, (value) => Shape.list(value, jobSummary)).toSorted((a, b) =>
        a.id < b.id ? -1 : 1,
      );
    },
    followLog: ({ allocationId, task, stream, tailBytes }, signal) => {
      const query = {
        task,
        type: stream,
        origin: 'end',
        offset: String(tailBytes),
        plain: 'true',
        follow: 'true',
      };
      const action = `follow ${stream} of ${task}`;
      return http.stream({ method: 'GET', path: `/client/fs/logs/${allocationId}`, query, action, signal });
    },
  };
}

/** Returns the path of a job below `/v1`. */
export function jobPath(jobId: string): string {
  return `/job/${encodeURIComponent(jobId)}`;
}

function jobSummary(job: Shape): JobSummary {
  return {
    id: job.text('ID'),
    namespace: job.optionalText('Namespace') || 'default',
    type: job.text('Type'),
    status: job.text('Status'),
    isStopped: job.flag('Stop'),
    submittedAtMs: job.optionalNumber('SubmitTime') / 1e6,
  };
}

/** Makes the error for what Nomad does not have. */
export function notFound({ action }: NomadRequest, text: string): SaddlebagError {
  return new SaddlebagError('nomad-refused', `cannot ${action}: ${text.trim() || 'not found'}`);
}

/** Makes the error for a job that Nomad does not have. */
export function jobUnknown(verb: string, jobId: string, namespace: string): SaddlebagError {
  return new SaddlebagError('job-unknown', `cannot ${verb} ${jobId}: no such job in namespace ${namespace}`, {
    hint: 'saddlebag status lists the jobs; --namespace and --region say where to look',
    exitCode: exitCodes.usage,
  });
}
