import { Shape } from './shape.ts';

/**
 * What Saddlebag reads of Nomad's answers, checked at the border: names in camel case, Go's nulls made empty, the rest
 * left out. Source: Nomad, HTTP API, jobs, evaluations, deployments, allocations.
 */

/** One decision of the scheduler about a job. */
export interface NomadEvaluation {
  readonly id: string;
  readonly status: string;
  readonly statusDescription: string;
  /** `job-register`, `deployment-watcher`, … */
  readonly triggeredBy: string;
  readonly jobModifyIndex: number;
  readonly deploymentId: string;
  readonly createIndex: number;
  readonly failures: readonly PlacementFailure[];
}

/** Why a group found no node. */
export interface PlacementFailure {
  readonly group: string;
  readonly nodesEvaluated: number;
  readonly nodesFiltered: number;
  readonly nodesExhausted: number;
  /** Nodes by datacenter, of those that the job allows. */
  readonly nodesAvailable: readonly (readonly [name: string, count: number])[];
  readonly constraintFiltered: readonly (readonly [name: string, count: number])[];
  readonly dimensionExhausted: readonly (readonly [name: string, count: number])[];
}

/** The rollout of one version of a job. */
export interface NomadDeployment {
  readonly id: string;
  readonly jobVersion: number;
  readonly status: string;
  readonly statusDescription: string;
  readonly createIndex: number;
  readonly groups: readonly DeploymentGroup[];
}

/** How far a rollout is with one group; the numbers count allocations. */
export interface DeploymentGroup {
  readonly name: string;
  readonly desired: number;
  readonly placed: number;
  readonly healthy: number;
  readonly unhealthy: number;
  readonly desiredCanaries: number;
  readonly isPromoted: boolean;
  readonly autoRevert: boolean;
  readonly autoPromote: boolean;
}

/** A group that was placed on a node. */
export interface NomadAllocation {
  readonly id: string;
  readonly evalId: string;
  readonly name: string;
  readonly group: string;
  readonly nodeName: string;
  readonly jobVersion: number;
  readonly desiredStatus: string;
  readonly clientStatus: string;
  /** Null until it is decided. */
  readonly isHealthy: boolean | null;
  /** The allocation that took its place. */
  readonly nextAllocationId: string;
  /** The evaluation that will try again later. */
  readonly followupEvalId: string;
  readonly createIndex: number;
  /** Milliseconds since 1970, by the servers' clock. */
  readonly createdAtMs: number;
  /** When its health was decided, by the client's clock; null before. */
  readonly healthAtMs: number | null;
  readonly tasks: readonly TaskState[];
}

/** How a task of an allocation is. */
export interface TaskState {
  readonly name: string;
  /** `pending`, `running` or `dead`. */
  readonly state: string;
  readonly failed: boolean;
  readonly restarts: number;
  /** The last ten, oldest first. */
  readonly events: readonly TaskEvent[];
}

/** Something that happened to a task. */
export interface TaskEvent {
  readonly type: string;
  /** Nanoseconds since 1970, less exact than they look: beyond 2^53. */
  readonly time: number;
  readonly message: string;
  /** Of `Terminated`. */
  readonly exitCode: number;
  /** Of `Terminated`: the number of the signal, 0 for none. */
  readonly signal: number;
  readonly wasOutOfMemory: boolean;
}

/** What a client says of one service check. */
export interface CheckResult {
  readonly check: string;
  /** `success`, `failure` or `pending`. */
  readonly status: string;
  /** For example `nomad: Get "http://…": connection refused`. */
  readonly output: string;
  /** What an HTTP check was answered; 0 where there was no answer, or the check is of another type. */
  readonly statusCode: number;
}

/** Reads a list of evaluations. @throws {ShapeError} */
export function readEvaluations(value: unknown): NomadEvaluation[] {
  return Shape.list(value, (evaluation) => ({
    id: evaluation.text('ID'),
    status: evaluation.text('Status'),
    statusDescription: evaluation.optionalText('StatusDescription'),
    triggeredBy: evaluation.text('TriggeredBy'),
    jobModifyIndex: evaluation.optionalNumber('JobModifyIndex'),
    deploymentId: evaluation.optionalText('DeploymentID'),
    createIndex: evaluation.number('CreateIndex'),
    failures: evaluation.map('FailedTGAllocs', placementFailure),
  }));
}

/** Reads why a group found no node. @throws {ShapeError} */
export function placementFailure(metric: Shape, group: string): PlacementFailure {
  return {
    group,
    nodesEvaluated: metric.optionalNumber('NodesEvaluated'),
    nodesFiltered: metric.optionalNumber('NodesFiltered'),
    nodesExhausted: metric.optionalNumber('NodesExhausted'),
    nodesAvailable: metric.counts('NodesAvailable'),
    constraintFiltered: metric.counts('ConstraintFiltered'),
    dimensionExhausted: metric.counts('DimensionExhausted'),
  };
}

/** Reads a list of deployments. @throws {ShapeError} */
export function readDeployments(value: unknown): NomadDeployment[] {
  return Shape.list(value, (deployment) => ({
    id: deployment.text('ID'),
    jobVersion: deployment.number('JobVersion'),
    status: deployment.text('Status'),
    statusDescription: deployment.optionalText('StatusDescription'),
    createIndex: deployment.number('CreateIndex'),
    groups: deployment.map('TaskGroups', deploymentGroup),
  }));
}

function deploymentGroup(group: Shape, name: string): DeploymentGroup {
  return {
    name,
    desired: group.number('DesiredTotal'),
    placed: group.number('PlacedAllocs'),
    healthy: group.number('HealthyAllocs'),
    unhealthy: group.number('UnhealthyAllocs'),
    desiredCanaries: group.optionalNumber('DesiredCanaries'),
    isPromoted: group.flag('Promoted'),
    autoRevert: group.flag('AutoRevert'),
    autoPromote: group.flag('AutoPromote'),
  };
}

/** Reads a list of allocations. @throws {ShapeError} */
export function readAllocations(value: unknown): NomadAllocation[] {
  return Shape.list(value, (allocation) => ({
    id: allocation.text('ID'),
    evalId: allocation.text('EvalID'),
    name: allocation.text('Name'),
    group: allocation.text('TaskGroup'),
    nodeName: allocation.optionalText('NodeName'),
    jobVersion: allocation.number('JobVersion'),
    desiredStatus: allocation.text('DesiredStatus'),
    clientStatus: allocation.text('ClientStatus'),
    isHealthy: allocation.optionalObject('DeploymentStatus')?.optionalFlag('Healthy') ?? null,
    nextAllocationId: allocation.optionalText('NextAllocation'),
    followupEvalId: allocation.optionalText('FollowupEvalID'),
    createIndex: allocation.number('CreateIndex'),
    createdAtMs: allocation.optionalNumber('CreateTime') / 1e6,
    healthAtMs: timestamp(allocation.optionalObject('DeploymentStatus')?.optionalText('Timestamp') ?? ''),
    tasks: allocation.map('TaskStates', taskState),
  }));
}

/** Go writes the time of what has not happened as the year 1. */
function timestamp(text: string): number | null {
  const timeMs = Date.parse(text);
  return timeMs > 0 ? timeMs : null;
}

function taskState(task: Shape, name: string): TaskState {
  return {
    name,
    state: task.text('State'),
    failed: task.flag('Failed'),
    restarts: task.optionalNumber('Restarts'),
    events: task.list('Events', taskEvent),
  };
}

function taskEvent(event: Shape): TaskEvent {
  return {
    type: event.text('Type'),
    time: event.number('Time'),
    message: withoutSecrets(event.optionalText('DisplayMessage')),
    exitCode: event.optionalNumber('ExitCode'),
    signal: event.optionalNumber('Signal'),
    wasOutOfMemory: event.optionalObject('Details')?.optionalText('oom_killed') === 'true',
  };
}

/** A failed download is told with its whole URL, and a presigned one is a credential. */
function withoutSecrets(message: string): string {
  return message.replace(/\b(https?:\/\/[^\s"?]+)\?[^\s"]*/g, '$1?…');
}

/** Reads the checks of an allocation, sorted by the id of the check. @throws {ShapeError} */
export function readCheckResults(value: unknown): CheckResult[] {
  if (value === null) return [];
  return Shape.entries(value, (result) => ({
    check: result.text('Check'),
    status: result.text('Status'),
    output: result.optionalText('Output'),
    statusCode: result.optionalNumber('StatusCode'),
  }));
}

/** One place where a service of Nomad's own provider answers. */
export interface ServiceInstance {
  readonly name: string;
  readonly allocationId: string;
  readonly address: string;
  readonly port: number;
}

/** Reads the instances of a service. @throws {ShapeError} */
export function readServiceInstances(value: unknown): ServiceInstance[] {
  return Shape.list(value, (instance) => ({
    name: instance.text('ServiceName'),
    allocationId: instance.text('AllocID'),
    address: instance.text('Address'),
    port: instance.number('Port'),
  }));
}
