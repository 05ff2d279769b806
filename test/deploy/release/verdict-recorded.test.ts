import { describe, expect, it } from 'vitest';
import { explainAllocation } from '../../../deploy/release/diagnosis.ts';
import { judge, type Target, type Verdict } from '../../../deploy/release/verdict.ts';
import { readRecording } from './recorded.ts';
import { sampleTarget } from './sample.ts';

/** Judges every state of a recording; the target is the version that its first whole state shows, unless given. */
function judgeAll(name: string, changes: Partial<Target> = {}) {
  const { snapshots } = readRecording(name);
  const version = changes.jobVersion ?? 0;
  const registered = snapshots.find(({ job }) => job?.version === version)?.job;
  if (registered === undefined || registered === null) throw new Error(`${name}: no version ${version}`);
  const target: Target = {
    ...sampleTarget,
    jobVersion: version,
    jobModifyIndex: registered.jobModifyIndex,
    ...changes,
  };
  const own = snapshots.filter(({ job }) => job !== null && job.version >= version);
  const verdicts = own.map((snapshot) => judge(target, snapshot));
  return { kinds: new Set(verdicts.map(({ kind }) => kind)), last: verdicts.at(-1) as Verdict };
}

describe('a recorded deploy', () => {
  it('that works is running until it is healthy', () => {
    const { kinds, last } = judgeAll('healthy');
    expect([...kinds]).toEqual(['running', 'healthy']);
    expect(last).toMatchObject({ kind: 'healthy', deployment: { status: 'successful' } });
  });

  it('of a new job that crashes is failing, then failed, with the exit code', () => {
    const { kinds, last } = judgeAll('crash');
    expect([...kinds]).toEqual(['running', 'failing', 'failed']);
    if (last.kind !== 'failed' || last.culprit === null) throw new Error('no culprit');
    expect(explainAllocation(last.culprit)).toBe('task "web" exited with code 3, 3 times');
  });

  it('of a version that crashes is followed to the end of its revert', () => {
    const { kinds, last } = judgeAll('crash-reverted', { jobVersion: 1, revertsTo: 0 });
    // Between the failure and the news of the new version it looks failed: a watch reads again before it believes that.
    expect([...kinds].sort()).toEqual(['failed', 'failing', 'reverted', 'running']);
    if (last.kind !== 'reverted' || last.culprit === null) throw new Error('no culprit');
    expect(last.asVersion).toBe(2);
    expect(explainAllocation(last.culprit)).toBe('task "web" exited with code 3, 3 times');
  });

  it('whose checksum is wrong is failing with what was expected and got', () => {
    const { last } = judgeAll('bad-checksum');
    if (last.kind !== 'failed' || last.culprit === null) throw new Error('no culprit');
    expect(explainAllocation(last.culprit)).toMatch(
      /^task "web": failed to download artifact .*Checksums did not match .*Expected: 0{64} Got: [0-9a-f]{64}/,
    );
  });

  it('that finds no room is not placed, or waited for', () => {
    expect(judgeAll('not-placed').last).toMatchObject({
      kind: 'not-placed',
      failures: [{ group: 'web', dimensionExhausted: [['memory', 1]] }],
    });
    expect([...judgeAll('not-placed', { mayQueue: true }).kinds]).toEqual(['running']);
  });

  it('that another one overtakes is superseded', () => {
    expect(judgeAll('superseded').last).toEqual({ kind: 'superseded', byVersion: 1 });
  });

  it('whose canaries Nomad promotes itself waits for nobody', () => {
    const { kinds, last } = judgeAll('canary-promoted', { jobVersion: 1, revertsTo: 0 });
    expect([...kinds]).toEqual(['running', 'healthy']);
    expect(last).toMatchObject({ kind: 'healthy', deployment: { groups: [{ isPromoted: true }] } });
  });

  it('that is never healthy fails at its deadline, though its task runs', () => {
    const { kinds, last } = judgeAll('deadline');
    expect([...kinds]).toEqual(['running', 'failed']);
    if (last.kind !== 'failed' || last.culprit === null) throw new Error('no culprit');
    expect(explainAllocation(last.culprit)).toBe('task "web" runs, but was not healthy in time');
  });

  it('that has nothing to start is healthy without a deployment', () => {
    expect(judgeAll('no-start', { jobVersion: 1, count: 0 }).last).toEqual({
      kind: 'healthy',
      deployment: null,
    });
  });

  it('of a batch job is healthy once its task has ended well', () => {
    const { kinds, last } = judgeAll('batch-complete', { type: 'batch' });
    expect([...kinds]).toEqual(['running', 'healthy']);
    expect(last).toEqual({ kind: 'healthy', deployment: null });
  });

  it('of a batch job has failed once nothing tries it again', () => {
    const { kinds, last } = judgeAll('batch-failed', { type: 'batch' });
    expect([...kinds]).toEqual(['running', 'batch-failed']);
    if (last.kind !== 'batch-failed') throw new Error('not failed');
    expect(explainAllocation(last.culprit)).toBe('task "web" exited with code 4, 3 times');
  });

  it('that changes nothing is healthy at once', () => {
    const { plans, snapshots } = readRecording('unchanged');
    expect(plans.map(({ diff }) => diff.type)).toEqual(['None']);
    expect(new Set(snapshots.map(({ job }) => job?.version))).toEqual(new Set([0]));
    expect([...judgeAll('unchanged').kinds]).toEqual(['healthy']);
  });
});
