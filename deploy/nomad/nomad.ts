import { SaddlebagError } from '../../src/core/errors.ts';
import { quoteText } from '../../src/core/hcl/string.ts';
import { jobFileRefused } from '../job-file/job-file.ts';
import { type ApiJob, type NomadJobState, readJobState, readVersions } from './job-answer.ts';
import { agentCalls, type NomadAgents } from './nomad-agents.ts';
import {
  type CheckResult,
  type NomadAllocation,
  type NomadDeployment,
  type NomadEvaluation,
  readAllocations,
  readCheckResults,
  readDeployments,
  readEvaluations,
  readServiceInstances,
  type ServiceInstance,
} from './nomad-answers.ts';
import { checkCalls, type NomadChecks } from './nomad-checks.ts';
import type { NomadConnection } from './nomad-connection.ts';
import { type NomadRequest, openNomadHttp, readAnswer } from './nomad-http.ts';
import {
  jobPath,
  type LogRequest,
  type NomadOperations,
  notFound,
  operationCalls,
} from './nomad-operations.ts';
import { type PlanAnswer, readPlan } from './plan-answer.ts';
import { Shape } from './shape.ts';

/** How a read waits for news. */
export interface WaitOptions {
  /** Answer only once the state is newer than this index; 0 answers at once. */
  readonly index: number;
  /** At most this long. */
  readonly waitMs: number;
  /** How long Nomad may be away. */
  readonly patienceMs: number;
  /** Ends the wait, besides the signal that the API was opened with. */
  readonly signal: AbortSignal;
}

/** A value and the index of the state that it was read from. */
export interface Indexed<T> {
  readonly index: number;
  readonly value: T;
}

/** The text of a job, for people. */
export interface JobSource {
  readonly text: string;
  readonly format: 'hcl2' | 'json';
  /** Values of the text's variables, as HCL; empty for none. */
  readonly variables: string;
}

/** A job to submit, and what is known of the one that it replaces. */
export interface RegisterRequest {
  readonly job: ApiJob;
  /** The job's modify index that the plan saw; 0 when there was no job. Nomad refuses where another came between. */
  readonly jobModifyIndex: number;
  readonly source: JobSource;
}

/** A job file to be parsed. */
export interface ParseRequest {
  readonly name: string;
  readonly source: string;
  readonly variables: string;
}

/** What became of a submission; `evalId` is empty where nothing had to be evaluated. */
export interface RegisterAnswer {
  readonly evalId: string;
  readonly jobModifyIndex: number;
  readonly warnings: string;
}

/**
 * Nomad's HTTP API, as far as a deploy needs it: one method a call, no policy. Reads are tried again for a while where
 * Nomad is away; writes are sent once. All throw what `openNomadHttp` documents and `nomad-answer-invalid`.
 * Source: Nomad, HTTP API.
 */
export interface Nomad extends NomadAgents, NomadChecks, NomadOperations {
  readonly connection: NomadConnection;
  /** How long a watch bears it that Nomad is away, in milliseconds. */
  readonly patienceMs: number;
  planJob(job: ApiJob): Promise<PlanAnswer>;
  /**
   * Makes a job of HCL, as the server reads it; `name` is the file's, for messages.
   * @throws {SaddlebagError} `job-file-invalid`
   */
  parseJob(file: ParseRequest): Promise<ApiJob>;
  /** The text that a version was submitted as; null where none is kept. */
  readSource(jobId: string, version: number): Promise<JobSource | null>;
  registerJob(request: RegisterRequest): Promise<RegisterAnswer>;
  readJob(jobId: string): Promise<NomadJobState | null>;
  /** The newest first; empty where there is no such job. */
  readVersions(jobId: string): Promise<NomadJobState[]>;
  watchJob(jobId: string, wait: WaitOptions): Promise<Indexed<NomadJobState | null>>;
  watchEvaluations(jobId: string, wait: WaitOptions): Promise<Indexed<NomadEvaluation[]>>;
  watchDeployments(jobId: string, wait: WaitOptions): Promise<Indexed<NomadDeployment[]>>;
  watchAllocations(jobId: string, wait: WaitOptions): Promise<Indexed<NomadAllocation[]>>;
  /** The last `maxBytes` of a task's output; null when the client has none (yet, or any more). */
  readLog(request: LogRequest & { readonly maxBytes: number }): Promise<string | null>;
  /** The service checks of a running allocation, as its client sees them; empty when it has none. */
  readChecks(allocationId: string): Promise<CheckResult[]>;
  /** Where the services of a job answer, of those with Nomad's own provider. */
  readServices(jobId: string): Promise<ServiceInstance[]>;
  countNodes(): Promise<number>;
  close(): Promise<void>;
}

/** An election or an agent's restart takes seconds. */
const defaultPatienceMs = 60_000;

/** Opens Nomad's API; its connections live until `close`. */
export function openNomad(
  connection: NomadConnection,
  signal: AbortSignal,
  patienceMs = defaultPatienceMs,
): Nomad {
  const http = openNomadHttp(connection, signal);
  const read = async <T>(call: NomadRequest, reader: (value: unknown) => T, whenMissing: T) => {
    const { isFound, text, index } = await http.send(call);
    return { index, value: isFound ? readAnswer(text, call.action, reader) : whenMissing };
  };
  const write = async <T>(call: NomadRequest, reader: (value: unknown) => T): Promise<T> => {
    const { isFound, text } = await http.send(call);
    if (!isFound) throw notFound(call, text);
    return readAnswer(text, call.action, reader);
  };
  return {
    connection,
    patienceMs,
    close: () => http.close(),
    ...checkCalls(http.send),
    ...operationCalls(http),
    planJob: (job) =>
      write(
        {
          method: 'POST',
          path: `${jobPath(job.ID)}/plan`,
          body: { Job: job, Diff: true },
          action: `plan job ${job.ID}`,
        },
        readPlan,
      ),
    ...sourceCalls(http.send),
    registerJob: (request) => write(registerCall(request), readRegistered),
    readJob: async (id) => (await read(jobCall(id), readJobState, null)).value,
    readVersions: async (id) => (await read(jobCall(id, '/versions'), readVersions, [])).value,
    watchJob: (id, wait) => read<NomadJobState | null>(waiting(jobCall(id), wait), readJobState, null),
    watchEvaluations: (id, wait) => read(waiting(jobCall(id, '/evaluations'), wait), readEvaluations, []),
    watchDeployments: (id, wait) => read(waiting(jobCall(id, '/deployments'), wait), readDeployments, []),
    watchAllocations: (id, wait) => read(waiting(jobCall(id, '/allocations'), wait), readAllocations, []),
    readLog: async ({ allocationId, task, stream, maxBytes }) => {
      const query = { task, type: stream, origin: 'end', offset: String(maxBytes), plain: 'true' };
      const path = `/client/fs/logs/${allocationId}`;
      const { isFound, text } = await http.send({
        method: 'GET',
        path,
        query,
        action: `read ${stream} of ${task}`,
      });
      return isFound ? text : null;
    },
    readChecks: async (id) => {
      const path = `/client/allocation/${id}/checks`;
      const call: NomadRequest = { method: 'GET', path, action: `read the checks of ${id}` };
      return (await read(call, readCheckResults, [])).value;
    },
    ...agentCalls(http.send),
    ...clusterCalls(read),
  };
}

/** The calls about what is in the cluster besides jobs. */
function clusterCalls(
  read: <T>(call: NomadRequest, reader: (value: unknown) => T, whenMissing: T) => Promise<Indexed<T>>,
): Pick<Nomad, 'readServices' | 'countNodes'> {
  return {
    readServices: async (id) => (await read(jobCall(id, '/services'), readServiceInstances, [])).value,
    countNodes: async () => {
      const call: NomadRequest = { method: 'GET', path: '/nodes', action: 'list the nodes' };
      return (await read(call, (value) => Shape.list(value, (node) => node.text('ID')).length, 0)).value;
    },
  };
}

function jobCall(jobId: string, below = ''): NomadRequest {
  const what = below === '' ? '' : `${below.slice(1)} of `;
  return { method: 'GET', path: jobPath(jobId) + below, action: `read ${what}job ${jobId}` };
}

function waiting(call: NomadRequest, { index, waitMs, patienceMs, signal }: WaitOptions): NomadRequest {
  const patient = { ...call, patienceMs, signal };
  return index === 0 ? patient : { ...patient, waitMs, query: { index: String(index) } };
}

function registerCall({ job, jobModifyIndex, source }: RegisterRequest): NomadRequest {
  return {
    method: 'POST',
    path: '/jobs',
    body: {
      Job: job,
      EnforceIndex: true,
      JobModifyIndex: jobModifyIndex,
      Submission: {
        Source: source.text,
        Format: source.format,
        ...(source.variables === '' ? {} : { Variables: source.variables }),
      },
    },
    action: `submit job ${job.ID}`,
  };
}

function readRegistered(value: unknown): RegisterAnswer {
  const answer = Shape.of(value);
  return {
    evalId: answer.optionalText('EvalID'),
    jobModifyIndex: answer.number('JobModifyIndex'),
    warnings: answer.optionalText('Warnings'),
  };
}

/** The calls about the text of a job. */
function sourceCalls(send: ReturnType<typeof openNomadHttp>['send']): Pick<Nomad, 'parseJob' | 'readSource'> {
  return {
    parseJob: async ({ name, source, variables }) => {
      const action = `parse ${name}`;
      const body = { JobHCL: source, Variables: variables, Canonicalize: false };
      const { text } = await send({ method: 'POST', path: '/jobs/parse', body, action }).catch((cause) => {
        throw parseFailure(name, cause);
      });
      return readAnswer(text, action, (value) => ({ ...Object(value), ID: Shape.of(value).text('ID') }));
    },
    readSource: async (id, version) => {
      const query = { version: String(version) };
      const call: NomadRequest = { ...jobCall(id, '/submission'), query };
      const { isFound, text } = await send(call);
      return isFound ? readAnswer(text, call.action, readJobSource) : null;
    },
  };
}

/** The server refuses a file with its reasons, each with line and column of what it calls input.hcl. */
function parseFailure(name: string, cause: unknown): unknown {
  if (!(cause instanceof SaddlebagError) || cause.code !== 'nomad-refused') return cause;
  return jobFileRefused(name, cause.message.replace(/^.*?Failed to parse job: /, ''), 'input.hcl');
}

function readJobSource(value: unknown): JobSource | null {
  if (value === null) return null;
  const submission = Shape.of(value);
  const flags = submission
    .optionalTexts('VariableFlags')
    .map(([name, text]) => `${name} = ${quoteText(text)}\n`);
  return {
    text: submission.text('Source'),
    format: submission.text('Format') === 'json' ? 'json' : 'hcl2',
    variables: `${submission.optionalText('Variables')}\n${flags.join('')}`,
  };
}
