import { describe, expect, it } from 'vitest';
import type { PlacementFailure, TaskEvent } from '../../../deploy/nomad/nomad-answers.ts';
import { adviseOn, explainAllocation, explainPlacement, linesOf } from '../../../deploy/release/diagnosis.ts';
import { allocationOf, taskEvent as event } from './sample.ts';

const allocation = (events: readonly TaskEvent[], restarts = 0) =>
  allocationOf(
    events,
    { clientStatus: 'failed', isHealthy: false },
    { state: 'dead', failed: true, restarts },
  );

describe('a failed allocation', () => {
  it.each([
    [
      [event('Terminated', { exitCode: 3 }), event('Alloc Unhealthy', { message: 'x' })],
      'exited with code 3',
    ],
    [[event('Terminated', { exitCode: 137, signal: 9 })], 'was killed by SIGKILL'],
    [
      [event('Terminated', { exitCode: 137, signal: 9, wasOutOfMemory: true })],
      'ran out of memory and was killed',
    ],
  ])('says how its task ended', (events, text) => {
    expect(explainAllocation(allocation(events))).toBe(`task "web" ${text}`);
  });

  it('counts the starts', () => {
    expect(explainAllocation(allocation([event('Terminated', { exitCode: 1 })], 2))).toBe(
      'task "web" exited with code 1, 3 times',
    );
  });

  it('says what kept its task from starting, on one line', () => {
    const events = [
      event('Driver Failure', { message: 'no such\n  file' }),
      event('Not Restarting', { message: 'y' }),
    ];
    expect(explainAllocation(allocation(events))).toBe('task "web": no such file');
  });

  it.each([
    ['bad response code: 403', /may not read it/],
    ['operation error S3: GetObject, get identity: get credentials: failed to refresh', /--s3-variable/],
    ['dial tcp 10.0.0.1:9000: connect: connection refused', /--download-url/],
    ['bad response code: 404', /publish it again/],
  ])('says what to do about a download that ended with %s', (reason, advice) => {
    const [before, wrapped] = [
      'failed to download artifact "https://a.example.org/web": ',
      'SDK 2026/11/21 WARN x ',
    ];
    const message = `${before}getter subprocess failed: exit status 1: ${wrapped}failed to download artifact: ${reason}`;
    const failed = allocation([event('Failed Artifact Download', { message })]);
    expect(adviseOn(failed)).toMatch(advice);
    expect(explainAllocation(failed)).toBe(`task "web": ${before}${reason}`);
  });

  it('falls back on why Nomad calls it unhealthy', () => {
    const events = [event('Started'), event('Alloc Unhealthy', { message: 'too late' })];
    expect(explainAllocation(allocation(events))).toBe('task "web": too late');
  });

  it('names the check that a running app does not pass', () => {
    const running = { ...allocation([event('Started')]), clientStatus: 'running' };
    const tasks = running.tasks.map((task) => ({ ...task, state: 'running', failed: false }));
    const checks = [
      { check: 'tcp', status: 'failure', output: 'connection\nrefused', statusCode: 0 },
      { check: 'http', status: 'failure', output: `<html>${'x'.repeat(500)}`, statusCode: 404 },
      { check: 'empty', status: 'failure', output: '', statusCode: 500 },
      { check: 'other', status: 'success', output: 'ok', statusCode: 200 },
    ];
    expect(explainAllocation({ ...running, tasks }, { checks, log: [] })).toBe(
      `task "web" runs, but check "tcp" fails: connection refused; check "http" fails: the app answers 404: <html>${'x'.repeat(194)}…; check "empty" fails: the app answers 500`,
    );
  });

  it('has no task to blame when it never came to a client', () => {
    expect(explainAllocation({ ...allocation([]), tasks: [], clientStatus: 'lost' })).toBe(
      'allocation 01234567 is lost',
    );
  });
});

describe('a group without room', () => {
  const failure: PlacementFailure = {
    group: 'web',
    nodesEvaluated: 2,
    nodesFiltered: 0,
    nodesExhausted: 0,
    nodesAvailable: [],
    constraintFiltered: [],
    dimensionExhausted: [],
  };

  it.each([
    [{ dimensionExhausted: [['memory', 2] as const] }, 'memory exhausted on 2 nodes'],
    [{ constraintFiltered: [['kernel = linux', 1] as const] }, '"kernel = linux" leaves out 1 node'],
    [{ nodesEvaluated: 0, nodesAvailable: [['mars', 0] as const] }, 'no node is ready in mars'],
    [{ nodesEvaluated: 0 }, 'no node is ready in its datacenters and node pool'],
    [{}, 'none of 2 nodes has room'],
  ])('says what is missing', (changes, text) => {
    expect(explainPlacement({ ...failure, ...changes })).toBe(`group "web": ${text}`);
  });
});

describe('the last lines of a log', () => {
  it('leave out empty ones', () => {
    expect(linesOf('a\n\nb \r\nc\n')).toEqual(['a', 'b', 'c']);
    expect(linesOf('')).toEqual([]);
  });
});
