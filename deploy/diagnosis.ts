import type {
  CheckResult,
  NomadAllocation,
  PlacementFailure,
  TaskEvent,
  TaskState,
} from './nomad-answers.ts';

/** Events that tell of a failure by themselves. Source: Nomad, HTTP API, "Read allocation", task events. */
const failureTypes: ReadonlySet<string> = new Set([
  'Failed Artifact Download',
  'Failed Validation',
  'Setup Failure',
  'Task hook failed',
  'Driver Failure',
  'Failed Restarting Task',
  'Killed by OOM',
  'Template',
]);

/** Finds the task that made an allocation fail; undefined where none was started. */
export function failedTask(allocation: NomadAllocation): TaskState | undefined {
  const { tasks } = allocation;
  return tasks.find(({ failed }) => failed) ?? tasks.find(({ state }) => state !== 'running') ?? tasks[0];
}

/**
 * Explains in one clause why an allocation failed: how its task ended, the event that kept it from starting, or the check
 * that an app which runs does not pass. `checks` are those of the allocation, where they could be read.
 */
export function explainAllocation(allocation: NomadAllocation, checks: readonly CheckResult[] = []): string {
  const task = failedTask(allocation);
  if (task === undefined) return `allocation ${shortId(allocation.id)} is ${allocation.clientStatus}`;
  const name = `task "${task.name}"`;
  const failing = checks.filter(({ status }) => status === 'failure');
  if (isUp(allocation) && failing.length > 0) {
    return `${name} runs, but ${failing.map(({ check, output }) => `check "${check}" fails: ${oneLine(output)}`).join('; ')}`;
  }
  const event =
    task.events.findLast(({ type }) => type === 'Terminated' || failureTypes.has(type)) ??
    task.events.findLast(({ type }) => type === 'Alloc Unhealthy');
  if (event === undefined) return `${name} is ${task.state}`;
  if (event.type !== 'Terminated')
    return `${name}: ${event.message === '' ? event.type : oneLine(event.message)}`;
  return `${name} ${explainEnd(event)}${task.restarts > 0 ? `, ${task.restarts + 1} times` : ''}`;
}

/** Tells whether all tasks of an allocation run: what fails then is a check. */
export function isUp({ clientStatus, tasks }: NomadAllocation): boolean {
  return clientStatus === 'running' && tasks.every(({ state }) => state === 'running');
}

function explainEnd({ exitCode, signal, wasOutOfMemory }: TaskEvent): string {
  if (wasOutOfMemory) return 'ran out of memory';
  return signal > 0 ? `was killed by signal ${signal}` : `exited with code ${exitCode}`;
}

/** Explains in one clause why a group found no node. */
export function explainPlacement(failure: PlacementFailure): string {
  const { group, nodesEvaluated, nodesAvailable } = failure;
  const reasons = [
    ...failure.dimensionExhausted.map(([name, count]) => `${name} exhausted on ${nodes(count)}`),
    ...failure.constraintFiltered.map(([name, count]) => `"${name}" leaves out ${nodes(count)}`),
  ];
  if (reasons.length > 0) return `group "${group}": ${reasons.join(', ')}`;
  const empty = nodesAvailable.filter(([, count]) => count === 0).map(([name]) => name);
  if (empty.length > 0) return `group "${group}": no node is ready in ${empty.join(', ')}`;
  return nodesEvaluated === 0
    ? `group "${group}": no node is ready in its datacenters and node pool`
    : `group "${group}": none of ${nodes(nodesEvaluated)} has room`;
}

function nodes(count: number): string {
  return count === 1 ? '1 node' : `${count} nodes`;
}

/** Describes an event of a task on one line. */
export function describeEvent(event: TaskEvent): string {
  return event.message === '' ? event.type : `${event.type}: ${oneLine(event.message)}`;
}

/** Returns the part of an id that Nomad shows. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

/** Returns the last lines of a log, without the first one where it was cut in the middle. */
export function lastLines(log: string, count: number): string[] {
  return log
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(-count);
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}
