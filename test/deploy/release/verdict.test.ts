import { describe, expect, it } from 'vitest';
import type { NomadJobState } from '../../../deploy/nomad/job-answer.ts';
import type { NomadDeployment, NomadEvaluation } from '../../../deploy/nomad/nomad-answers.ts';
import type { Snapshot } from '../../../deploy/release/snapshot.ts';
import { judge, type Target } from '../../../deploy/release/verdict.ts';
import { allocationOf, sampleTarget } from './sample.ts';

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
const allocation = {
  ...allocationOf([], { id: 'a1', evalId: 'e1', jobVersion: 1, createIndex: 51 }),
  tasks: [],
};
const job: NomadJobState = {
  type: 'service',
  special: null,
  version: 1,
  jobModifyIndex: 50,
  isStopped: false,
  definition: '',
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
    // Nomad called nobody unhealthy: what runs and is not healthy is all there is to look at.
    const culprit = expect.objectContaining({ clientStatus: 'running', isHealthy: null });
    expect(judgeState(changes, target)).toEqual({ kind: 'failed', reason: 'its description', culprit });
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
