import { describe, expect, it } from 'vitest';
import { describeProgress } from '../../../deploy/release/progress.ts';
import { readRecording } from './recorded.ts';

/** Returns all lines of a recording, ids and durations made equal. */
function lines(name: string, sinceVersion: number): string[] {
  const { snapshots } = readRecording(name);
  return snapshots
    .flatMap((snapshot, index) => describeProgress(snapshots[index - 1] ?? null, snapshot, sinceVersion))
    .map(({ kind, message }) => `${kind} ${message}`)
    .map((line) => line.replace(/\b[0-9a-f]{8}\b/g, 'ID').replace(/\d+\.\d+s/, 'N s'));
}

describe('the progress of a recorded deploy', () => {
  it('tells each step once', () => {
    expect(lines('healthy', 0)).toEqual([
      'step version 0, deployment ID: running; 0 of 1 healthy, 1 placed',
      'detail allocation ID on ',
      'detail ID web: Downloading Artifacts: Client is downloading artifacts',
      'detail ID web: Started: Task started by client',
      'step version 0, deployment ID: running; 1 of 1 healthy, 1 placed',
      'step version 0, deployment ID: successful; 1 of 1 healthy, 1 placed',
    ]);
  });

  it('tells how often a task ended, and with what', () => {
    const ended = lines('crash', 0).filter((line) => line.includes('Terminated'));
    expect(ended).toEqual(Array(3).fill('detail ID web: Terminated: Exit Code: 3'));
  });

  it('says once that it waits for room, and for what', () => {
    const waiting = lines('not-placed', 0).filter((line) => line.includes('room'));
    expect(waiting).toEqual(['step waits for room: group "web": memory exhausted on 1 node']);
  });

  it('says nothing of the versions before', () => {
    const versions = lines('crash-reverted', 1).filter((line) => line.startsWith('step version 0'));
    expect(versions).toEqual([]);
  });

  it('names the groups where there are several', () => {
    const last = readRecording('healthy').snapshots.at(-1);
    const deployments = (last?.deployments ?? []).map((deployment) => ({
      ...deployment,
      groups: deployment.groups.flatMap((group) => [group, { ...group, name: 'worker', healthy: 0 }]),
    }));
    if (last === undefined) throw new Error('the recording is empty');
    const [line] = describeProgress(null, { ...last, deployments }, 0);
    expect(line?.message).toMatch(
      /: successful; web 1 of 1 healthy, 1 placed; worker 0 of 1 healthy, 1 placed$/,
    );
  });
});
