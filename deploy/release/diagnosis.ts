import { signalName } from '../job/signal-name.ts';
import type {
  CheckResult,
  NomadAllocation,
  PlacementFailure,
  TaskEvent,
  TaskState,
} from '../nomad/nomad-answers.ts';
import { explainCheck } from './check-diagnosis.ts';
import { failuresOf, findDoomedTask } from './early-failure.ts';

/** What a client tells of an allocation beyond its state, where it could be read. */
export interface Evidence {
  readonly checks: readonly CheckResult[];
  /** The last lines that the task wrote. */
  readonly log: readonly string[];
}

/** Finds the task that made an allocation fail; undefined where none was started. */
export function failedTask(allocation: NomadAllocation): TaskState | undefined {
  const { tasks } = allocation;
  return (
    tasks.find(({ failed }) => failed) ??
    findDoomedTask(allocation) ??
    tasks.find((task) => !isWell(task)) ??
    tasks[0]
  );
}

/**
 * Explains in one clause why an allocation failed: how its task ended, the event that kept it from starting, or the check
 * that an app which runs does not pass.
 */
export function explainAllocation(allocation: NomadAllocation, { checks, log }: Evidence = nothing): string {
  const task = failedTask(allocation);
  if (task === undefined) return `allocation ${shortId(allocation.id)} is ${allocation.clientStatus}`;
  const name = `task "${task.name}"`;
  const failing = checks.filter(({ status }) => status === 'failure');
  if (isUp(allocation) && failing.length > 0) {
    return `${name} runs, but ${failing.map((check) => explainCheck(check, log)).join('; ')}`;
  }
  const failures = failuresOf(task);
  const event = failures.at(-1) ?? task.events.findLast(({ type }) => telling.has(type));
  if (event === undefined && isUp(allocation)) return `${name} runs, but was not healthy in time`;
  if (event === undefined) return `${name} is ${task.state}`;
  if (event.type !== 'Terminated') return `${name}: ${explainEvent(event)}`;
  const ends = failures.filter(({ type }) => type === 'Terminated').length;
  const times = Math.max(ends, task.failed ? task.restarts + 1 : 0);
  return `${name} ${explainEnd(event)}${times > 1 ? `, ${times} times` : ''}`;
}

/** A client wraps what went wrong in the names of all that it went through, and what the AWS SDK logged before. */
function explainEvent({ type, message }: TaskEvent): string {
  if (message === '') return type;
  return oneLine(message).replace(
    /getter subprocess failed: exit status \d+: (?:SDK .*?)?failed to download artifact: /,
    '',
  );
}

/** Returns what to do about a failed allocation, where its end says so; null where only the app knows. */
export function adviseOn(allocation: NomadAllocation): string | null {
  const task = failedTask(allocation);
  const last = task === undefined ? undefined : failuresOf(task).at(-1);
  if (last?.wasOutOfMemory === true) return 'give it more with --memory';
  if (last?.type === 'Failed Artifact Download') {
    if (/bad response code: 40[13]|AccessDenied/.test(last.message)) {
      return "the object is there, but Nomad's clients may not read it";
    }
    if (/get credentials|no EC2 IMDS role/.test(last.message)) {
      return "Nomad's clients have no credentials for the bucket: --s3-variable takes them from a Nomad variable, docs/publish.md has other ways";
    }
    if (/connection refused|no such host|i\/o timeout|no route to host/.test(last.message)) {
      return 'is it served, and at an address that the clients know? publish --download-url names another';
    }
    const isGone = /bad response code: 404|NoSuchKey|Checksums did not match/.test(last.message);
    return isGone ? 'publish it again' : null;
  }
  if (last?.type !== 'Terminated' || last.signal !== 0) return null;
  return advice[last.exitCode] ?? null;
}

/** What a code means by itself; those from 125 are the bundle's own runtime's (docs/runtime.md). */
const advice: Readonly<Record<number, string>> = {
  0: 'a service must not end by itself; --type batch is for what does',
  125: "the bundle's runtime could not start the app, and says why on stderr",
  126: 'what the task starts cannot be run',
  127: 'what the task starts was not found',
};

const nothing: Evidence = { checks: [], log: [] };

/** Events that explain where nothing failed by itself. */
const telling: ReadonlySet<string> = new Set(['Alloc Unhealthy', 'Template', 'Killing']);

/** Tells whether all tasks of an allocation run, or have done what they were to do: what fails then is a check. */
export function isUp({ clientStatus, tasks }: NomadAllocation): boolean {
  return clientStatus === 'running' && tasks.every(isWell);
}

function isWell({ state, failed }: TaskState): boolean {
  return state === 'running' || (state === 'dead' && !failed);
}

/** Says how a process ended; a shell's 128+n and Nomad's own signal are the same thing. */
function explainEnd({ exitCode, signal, wasOutOfMemory }: TaskEvent): string {
  if (wasOutOfMemory) return 'ran out of memory and was killed';
  if (signal > 0) return `was killed by ${signalName(signal)}`;
  if (exitCode > 128 && exitCode <= 128 + 31) {
    return `exited with code ${exitCode} (${signalName(exitCode - 128)})`;
  }
  return `exited with code ${exitCode}`;
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

/** Returns the lines of a log that say something. */
export function linesOf(log: string): string[] {
  return log
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '');
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}
