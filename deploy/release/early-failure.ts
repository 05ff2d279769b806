import type { NomadAllocation, TaskEvent, TaskState } from '../nomad/nomad-answers.ts';

/** Events that tell of a failure by themselves. Source: Nomad, HTTP API, "Read allocation", task events. */
const failureTypes: ReadonlySet<string> = new Set([
  'Failed Artifact Download',
  'Failed Validation',
  'Setup Failure',
  'Task hook failed',
  'Driver Failure',
  'Failed Restarting Task',
]);

/** What somebody asked for: the end that follows is no failure. */
const askedTypes: ReadonlySet<string> = new Set(['Restart Signaled', 'Killing', 'Signaling']);

/**
 * Downloads that fail in the same way however often they are tried. A sentence that is not known here costs a second
 * try, no more. Source: go-getter, its getters for HTTP and S3 and its checksums.
 */
const finalDownload =
  /bad response code: 4(?:0[0134]|10)\b|Checksums did not match|AccessDenied|NoSuchKey|NoSuchBucket/;

/**
 * Returns the failures of a task, oldest first: each end that nobody asked for, and each event that kept it from
 * starting. An end with code 0 is one only where the task is started again or should have gone on.
 */
export function failuresOf({ events, failed }: TaskState): TaskEvent[] {
  return events.filter((event, index) => {
    if (failureTypes.has(event.type)) return true;
    if (event.type !== 'Terminated') return false;
    const before = events[index - 1];
    if (before !== undefined && askedTypes.has(before.type)) return false;
    if (event.exitCode !== 0 || event.signal !== 0 || event.wasOutOfMemory) return true;
    const after = events[index + 1];
    return after === undefined ? failed : after.type === 'Restarting' || after.type === 'Not Restarting';
  });
}

/**
 * Finds a task that will not come up, though its restart policy has not given up yet: it failed in the same way twice
 * running, or in a way that no second try can change. Undefined for an allocation whose health is decided.
 */
export function findDoomedTask({ isHealthy, tasks }: NomadAllocation): TaskState | undefined {
  if (isHealthy !== null) return undefined;
  return tasks.find((task) => task.state !== 'running' && isDoomed(failuresOf(task)));
}

function isDoomed(failures: readonly TaskEvent[]): boolean {
  const [before, last] = failures.slice(-2);
  if (before === undefined) return false;
  if (isFinal(last ?? before)) return true;
  return last !== undefined && kindOf(before) === kindOf(last);
}

function isFinal({ type, message }: TaskEvent): boolean {
  return type === 'Failed Artifact Download' && finalDownload.test(message);
}

/** Ends are alike by how the process ended, the others by what is said, but for ids and times in it. */
function kindOf({ type, exitCode, signal, wasOutOfMemory, message }: TaskEvent): string {
  if (type === 'Terminated') return `${exitCode} ${signal} ${wasOutOfMemory}`;
  return `${type} ${message.replace(/[0-9a-f-]{8,}|\d+/g, '#')}`;
}
