import { describe, expect, it } from 'vitest';
import type { Target } from '../../../deploy/release/verdict.ts';
import { renderView } from '../../../deploy/release/view.ts';
import { readRecording } from './recorded.ts';

/** Returns the distinct views of a recording, one string each, ids made equal. */
function views(name: string): string[] {
  const { snapshots } = readRecording(name);
  const target: Target = {
    jobId: name,
    type: 'service',
    jobVersion: 0,
    jobModifyIndex: snapshots[0]?.job?.jobModifyIndex ?? 0,
    count: 1,
    revertsTo: null,
    minHealthyTimeMs: 0,
    progressDeadlineMs: 0,
    mayQueue: true,
  };
  const checks = new Map(
    (snapshots.at(-1)?.allocations ?? []).map(({ id }) => [
      id,
      [{ check: 'http', status: 'failure', output: 'refused', statusCode: 0 }],
    ]),
  );
  const rendered = snapshots.map((snapshot) => renderView(target, snapshot, checks).join('\n'));
  return [...new Set(rendered)].map((view) => view.replace(/\b[0-9a-f]{8}\b/g, 'ID'));
}

describe('the view of a recorded deploy', () => {
  it('shows each task from download to health, and its checks between', () => {
    const all = views('healthy');
    expect(all.at(-1)).toBe('deployment ID successful: 1 of 1 healthy\nID    web  running, healthy');
    expect(all.join('\n')).toContain('web  building the task directory');
    expect(all.join('\n')).toContain('web  running, check "http" fails');
  });

  it('counts how often a task failed', () => {
    const all = views('crash').join('\n');
    expect(all).toContain('waits to be started again, failed once');
    expect(all).toContain('waits to be started again, failed 2 times');
  });

  it('says that a group waits for room', () => {
    expect(views('not-placed').join('\n')).toContain('evaluation ID waits for room');
  });
});
