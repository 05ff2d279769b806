import type { NomadAllocation, TaskEvent, TaskState } from '../../../deploy/nomad/nomad-answers.ts';
import type { Target } from '../../../deploy/release/verdict.ts';

/** Makes an event of a task, as Nomad tells of one that ended well. */
export function taskEvent(type: string, changes: Partial<TaskEvent> = {}): TaskEvent {
  return { type, time: 1, message: '', exitCode: 0, signal: 0, wasOutOfMemory: false, ...changes };
}

/** Makes an allocation of one task, `web`, that runs and has had these events. */
export function allocationOf(
  events: readonly TaskEvent[],
  changes: Partial<NomadAllocation> = {},
  task: Partial<TaskState> = {},
): NomadAllocation {
  return {
    id: '0123456789',
    evalId: 'e',
    name: 'web.web[0]',
    group: 'web',
    nodeName: 'n',
    jobVersion: 0,
    desiredStatus: 'run',
    clientStatus: 'running',
    isHealthy: null,
    nextAllocationId: '',
    followupEvalId: '',
    createIndex: 1,
    createdAtMs: 0,
    healthAtMs: null,
    tasks: [{ name: 'web', state: 'running', failed: false, restarts: 0, events, ...task }],
    ...changes,
  };
}

/** What a watch of the first change of a service waits for. */
export const sampleTarget: Target = {
  jobId: 'web',
  type: 'service',
  jobVersion: 1,
  jobModifyIndex: 50,
  count: 1,
  revertsTo: null,
  minHealthyTimeMs: 0,
  progressDeadlineMs: 0,
  mayQueue: false,
};
