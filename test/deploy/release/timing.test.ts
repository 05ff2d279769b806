import { describe, expect, it } from 'vitest';
import { adviseOnTiming, describeTiming, slowestTiming } from '../../../deploy/release/timing.ts';
import { allocationOf, taskEvent } from './sample.ts';

/** An allocation of a task with events at some milliseconds. */
function allocation(id: string, events: Readonly<Record<string, number>>) {
  return allocationOf(
    Object.entries(events).map(([type, ms]) => taskEvent(type, { time: ms * 1e6 })),
    { id, isHealthy: true, createdAtMs: 20, healthAtMs: 20_000 },
  );
}

const slow = allocation('slow', {
  Received: 1_000,
  'Task Setup': 1_001,
  'Downloading Artifacts': 14_000,
  Started: 15_000,
});

describe('where the time went', () => {
  it('is told of the slowest allocation, by one clock for each span', () => {
    const quick = { ...slow, id: 'quick', healthAtMs: 15_001 };
    const timing = slowestTiming([quick, slow], 0);
    expect(timing).toEqual({
      allocationId: 'slow',
      schedulingMs: 20,
      waitingMs: 1,
      taskDirMs: 12_999,
      downloadAndStartMs: 1_000,
      healthMs: 5_000,
    });
    if (timing === null) throw new Error('no timing');
    expect(describeTiming(timing)).toBe(
      '19 s in all: scheduling 0.0 s, task directory 13 s, download and start 1.0 s, until healthy 5.0 s',
    );
    expect(adviseOnTiming(timing)).toMatch(/^the client's chroot_env .*\(13 s\).*nomad-clients\.md$/);
  });

  it('is not told where nothing started, or its first start is forgotten', () => {
    expect(slowestTiming([], 0)).toBeNull();
    expect(slowestTiming([allocation('a', { Received: 1 })], 0)).toBeNull();
    expect(slowestTiming([allocation('a', { Restarting: 1, Started: 2 })], 0)).toBeNull();
  });

  it('counts what a task without artifacts has not, and no negative time', () => {
    const bare = allocation('bare', { Received: 100, Started: 130 });
    expect(slowestTiming([{ ...bare, healthAtMs: null }], 50)).toEqual({
      allocationId: 'bare',
      schedulingMs: 0,
      waitingMs: 0,
      taskDirMs: 30,
      downloadAndStartMs: 0,
      healthMs: null,
    });
  });

  it('does not take the end of a replaced allocation for a slow task directory', () => {
    const events = { Received: 1, 'Task Setup': 3_101, 'Downloading Artifacts': 3_201, Started: 3_401 };
    const timing = slowestTiming([{ ...allocation('a', events), healthAtMs: 5_401 }], 20);
    if (timing === null) throw new Error('no timing');
    expect(describeTiming(timing)).toBe(
      '5.4 s in all: scheduling 0.0 s, wait for the one before 3.1 s, task directory 0.1 s, download and start 0.2 s, until healthy 2.0 s',
    );
    expect(adviseOnTiming(timing)).toBeNull();
  });

  it('advises nothing where the directory is quick', () => {
    const quick = slowestTiming(
      [allocation('a', { Received: 1, 'Downloading Artifacts': 300, Started: 400 })],
      0,
    );
    expect(quick && adviseOnTiming(quick)).toBeNull();
  });
});
