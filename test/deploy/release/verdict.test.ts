import { describe, expect, it } from 'vitest';
import type { NomadJobState } from '../../../deploy/nomad/job-answer.ts';
import type {
  NomadAllocation,
  NomadDeployment,
  NomadEvaluation,
} from '../../../deploy/nomad/nomad-answers.ts';
import { explainAllocation } from '../../../deploy/release/diagnosis.ts';
import type { Snapshot } from '../../../deploy/release/snapshot.ts';
import { judge, type Target, type Verdict } from '../../../deploy/release/verdict.ts';
import { readRecording } from './recorded.ts';

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

const sampleTarget: Target = {
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

const group = {
  name: 'web',
  desired: 1,
  placed: 1,
  healthy: 0,
  unhealthy: 0,
  desiredCanaries: 0,
  isPromoted: false,
  autoRevert: true,
  autoPromote: false,
};
const deployment: NomadDeployment = {
  id: 'd1',
  jobVersion: 1,
  status: 'running',
  statusDescription: 'its description',
  createIndex: 51,
  groups: [group],
};
const evaluation: NomadEvaluation = {
  id: 'e1',
  status: 'complete',
  statusDescription: '',
  triggeredBy: 'job-register',
  jobModifyIndex: 50,
  deploymentId: 'd1',
  createIndex: 50,
  failures: [],
};
const allocation: NomadAllocation = {
  id: 'a1',
  evalId: 'e1',
  name: 'web.web[0]',
  group: 'web',
  nodeName: 'n1',
  jobVersion: 1,
  desiredStatus: 'run',
  clientStatus: 'running',
  isHealthy: null,
  nextAllocationId: '',
  followupEvalId: '',
  createIndex: 51,
  createdAtMs: 0,
  healthAtMs: null,
  tasks: [],
};
const job: NomadJobState = {
  type: 'service',
  special: null,
  version: 1,
  jobModifyIndex: 50,
  isStopped: false,
  isStable: false,
  submittedAtMs: 0,
  tag: null,
  groups: [{ name: 'web', count: 1, minHealthyTimeMs: 0, progressDeadlineMs: 0, tasks: [] }],
};
const state: Snapshot = {
  job,
  evaluations: [evaluation],
  deployments: [deployment],
  allocations: [allocation],
};

const judgeState = (changes: Partial<Snapshot>, target: Partial<Target> = {}) =>
  judge({ ...sampleTarget, ...target }, { ...state, ...changes });
const deployed = (changes: Partial<NomadDeployment>) => ({ deployments: [{ ...deployment, ...changes }] });

describe('the verdict on a version', () => {
  it('is running while its deployment is', () => {
    expect(judgeState({})).toEqual({ kind: 'running', deployment });
    expect(judgeState(deployed({ status: 'paused' })).kind).toBe('running');
  });

  it('is stopped where the job is stopped, purged, or its deployment cancelled for nothing newer', () => {
    expect(judgeState({ job: { ...job, isStopped: true } })).toEqual({
      kind: 'stopped',
      isGone: false,
    });
    expect(judgeState({ job: null })).toEqual({ kind: 'stopped', isGone: true });
    expect(judgeState(deployed({ status: 'cancelled' }))).toEqual({ kind: 'stopped', isGone: false });
  });

  it('is superseded by a newer version, whatever its own deployment says yet', () => {
    const newer = { job: { ...job, version: 2 } };
    expect(judgeState(newer)).toEqual({ kind: 'superseded', byVersion: 2 });
    expect(judgeState({ ...newer, ...deployed({ status: 'cancelled' }) }).kind).toBe('superseded');
    expect(judgeState({ ...newer, deployments: [] }).kind).toBe('superseded');
  });

  it('is healthy though a newer version follows', () => {
    expect(judgeState({ job: { ...job, version: 2 }, ...deployed({ status: 'successful' }) }).kind).toBe(
      'healthy',
    );
  });

  it('is failing once an allocation of this version is unhealthy, not for one of another', () => {
    const sick = { ...allocation, isHealthy: false };
    expect(judgeState({ allocations: [sick] })).toMatchObject({ kind: 'failing', culprit: { id: 'a1' } });
    expect(judgeState({ allocations: [{ ...sick, jobVersion: 0 }] }).kind).toBe('running');
  });

  it('names the first allocation that failed, not its replacements', () => {
    const second = { ...allocation, id: 'a2', clientStatus: 'failed', createIndex: 60 };
    const first = { ...allocation, clientStatus: 'failed' };
    expect(judgeState({ allocations: [second, first] })).toMatchObject({ culprit: { id: 'a1' } });
  });

  it.each([
    ['there is no stable version', { revertsTo: null }, deployed({ status: 'failed' })],
    [
      'the job does not ask for it',
      { revertsTo: 0 },
      deployed({ status: 'failed', groups: [{ ...group, autoRevert: false }] }),
    ],
    ['no new version came with the failure', { revertsTo: 0 }, deployed({ status: 'failed' })],
  ] as const)('is failed without a revert where %s', (_, target, changes) => {
    expect(judgeState(changes, target)).toEqual({ kind: 'failed', reason: 'its description', culprit: null });
  });

  it.each([
    ['running', 'running'],
    ['successful', 'reverted'],
    ['failed', 'failed'],
    ['cancelled', 'failed'],
  ])('with a revert whose deployment is %s is %s', (status, kind) => {
    const failed = { ...deployment, status: 'failed' };
    const revert = { ...deployment, id: 'd2', jobVersion: 2, createIndex: 60, status };
    const changes = { job: { ...job, version: 2 }, deployments: [revert, failed] };
    expect(judgeState(changes, { revertsTo: 0 }).kind).toBe(kind);
  });

  it('waits for the deployment of a revert to appear', () => {
    const changes = { job: { ...job, version: 2 }, ...deployed({ status: 'failed' }) };
    expect(judgeState(changes, { revertsTo: 0 }).kind).toBe('running');
  });

  it('is reverted without a deployment where nothing had to be done to go back', () => {
    const decided = {
      ...evaluation,
      id: 'e2',
      triggeredBy: 'deployment-watcher',
      createIndex: 70,
      jobModifyIndex: 69,
    };
    const changes = {
      job: { ...job, version: 2, jobModifyIndex: 69 },
      evaluations: [evaluation, decided],
      ...deployed({ status: 'failed' }),
    };
    expect(judgeState(changes, { revertsTo: 0 })).toMatchObject({ kind: 'reverted', asVersion: 2 });
    const pending = { ...changes, evaluations: [{ ...decided, status: 'pending' }] };
    expect(judgeState(pending, { revertsTo: 0 }).kind).toBe('running');
  });

  it('waits for promotion when all canaries are healthy and nobody promotes them', () => {
    const canary = { ...group, desiredCanaries: 1, healthy: 1 };
    expect(judgeState(deployed({ groups: [canary] })).kind).toBe('waits-for-promotion');
    expect(judgeState(deployed({ groups: [{ ...canary, autoPromote: true }] })).kind).toBe('running');
    expect(judgeState(deployed({ groups: [{ ...canary, isPromoted: true }] })).kind).toBe('running');
    expect(judgeState(deployed({ groups: [{ ...canary, healthy: 0 }] })).kind).toBe('running');
  });

  it('believes the latest evaluation about room', () => {
    const failure = {
      group: 'web',
      nodesEvaluated: 1,
      nodesFiltered: 0,
      nodesExhausted: 1,
      nodesAvailable: [],
      constraintFiltered: [],
      dimensionExhausted: [['memory', 1] as const],
    };
    const full = { ...evaluation, failures: [failure] };
    const blocked = { ...full, id: 'e2', status: 'blocked', createIndex: 52 };
    expect(judgeState({ evaluations: [full, blocked] }).kind).toBe('not-placed');
    const retried = { ...evaluation, id: 'e2', triggeredBy: 'queued-allocs', createIndex: 52 };
    expect(judgeState({ evaluations: [full, retried] }).kind).toBe('running');
  });

  it('waits for a deployment that the evaluation names already', () => {
    expect(judgeState({ deployments: [] })).toEqual({ kind: 'running', deployment: null });
  });

  it('is failed when the scheduler gave up', () => {
    const broken = {
      ...evaluation,
      status: 'failed',
      statusDescription: 'maximum attempts',
      deploymentId: '',
    };
    expect(judgeState({ evaluations: [broken], deployments: [] })).toEqual({
      kind: 'failed',
      reason: 'maximum attempts',
      culprit: null,
    });
  });

  it('goes by the allocations where there is no deployment', () => {
    const none = { deployments: [], evaluations: [{ ...evaluation, deploymentId: '' }] };
    expect(judgeState(none).kind).toBe('healthy');
    expect(judgeState(none, { count: 2 }).kind).toBe('running');
    expect(judgeState({ ...none, evaluations: [{ ...evaluation, status: 'pending' }] }).kind).toBe('running');
  });
});
