import { formatDuration } from '../../src/core/units.ts';
import type { NomadAllocation, TaskState } from '../nomad/nomad-answers.ts';

/** Where the time of an allocation went, from the submission of its job to its health, in milliseconds. */
export interface Timing {
  readonly allocationId: string;
  /** From the submission to the allocation, by the servers' clock. */
  readonly schedulingMs: number;
  /** From the allocation's arrival at its client to its task: the one that it replaces ends, volumes are mounted. */
  readonly waitingMs: number;
  /** Building the task directory: with the client's default `chroot_env`, a link for each file of /usr. */
  readonly taskDirMs: number;
  /** From the first byte that is asked for to the running process: Nomad has no event between the two. */
  readonly downloadAndStartMs: number;
  /** From the running process to Nomad's word that it is healthy: at least `min_healthy_time`; null where unknown. */
  readonly healthMs: number | null;
}

/** A directory that takes longer than this, and most of the time, is the client's `chroot_env`. */
const slowTaskDirMs = 3_000;

/** Less is nothing that anybody waited for. */
const shownWaitMs = 100;

/**
 * Tells where the time of the slowest of some allocations went; null where none has started. Each difference is of one
 * clock: the servers' for scheduling, the client's for the rest. Pure.
 * Source: Nomad, HTTP API, "Read allocation": a task is Received, Task Setup builds its directory, then come Downloading
 * Artifacts and Started.
 */
export function slowestTiming(allocations: readonly NomadAllocation[], submittedAtMs: number): Timing | null {
  return allocations
    .map((allocation) => timingOf(allocation, submittedAtMs))
    .reduce<Timing | null>(
      (slowest, one) =>
        one !== null && (slowest === null || totalOf(one) > totalOf(slowest)) ? one : slowest,
      null,
    );
}

function timingOf(allocation: NomadAllocation, submittedAtMs: number): Timing | null {
  const { id, tasks, createdAtMs, healthAtMs } = allocation;
  const task = tasks.findLast((one) => timeOf(one, 'Started') !== null);
  const received = task?.events[0]?.type === 'Received' ? timeOf(task, 'Received') : null;
  const started = task === undefined ? null : timeOf(task, 'Started');
  // A task that was started again has lost the events of its first start.
  if (task === undefined || received === null || started === null) return null;
  const setup = timeOf(task, 'Task Setup') ?? received;
  const ready = timeOf(task, 'Downloading Artifacts') ?? started;
  return {
    allocationId: id,
    schedulingMs: span(submittedAtMs, createdAtMs),
    waitingMs: span(received, setup),
    taskDirMs: span(setup, ready),
    downloadAndStartMs: span(ready, started),
    healthMs: healthAtMs === null ? null : span(started, healthAtMs),
  };
}

function timeOf({ events }: TaskState, type: string): number | null {
  const event = events.find((one) => one.type === type);
  return event === undefined ? null : event.time / 1e6;
}

function span(from: number, to: number): number {
  return Math.max(0, Math.round(to - from));
}

function totalOf({ schedulingMs, waitingMs, taskDirMs, downloadAndStartMs, healthMs }: Timing): number {
  return schedulingMs + waitingMs + taskDirMs + downloadAndStartMs + (healthMs ?? 0);
}

/** Renders a timing on one line. */
export function describeTiming(timing: Timing): string {
  const { schedulingMs, waitingMs, taskDirMs, downloadAndStartMs, healthMs } = timing;
  const parts = [
    `scheduling ${formatDuration(schedulingMs)}`,
    ...(waitingMs < shownWaitMs ? [] : [`wait for the one before ${formatDuration(waitingMs)}`]),
    `task directory ${formatDuration(taskDirMs)}`,
    `download and start ${formatDuration(downloadAndStartMs)}`,
    ...(healthMs === null ? [] : [`until healthy ${formatDuration(healthMs)}`]),
  ];
  return `${formatDuration(totalOf(timing))} in all: ${parts.join(', ')}`;
}

/** Returns what an operator can do about a slow task directory; null where it is not slow. */
export function adviseOnTiming(timing: Timing): string | null {
  const { taskDirMs } = timing;
  if (taskDirMs < slowTaskDirMs || taskDirMs < totalOf(timing) / 3) return null;
  return `the client's chroot_env puts all of /usr into each task directory (${formatDuration(taskDirMs)}); a bundle needs none of it: see docs/nomad-clients.md`;
}
