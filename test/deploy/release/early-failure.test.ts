import { describe, expect, it } from 'vitest';
import { signalName } from '../../../deploy/job/signal-name.ts';
import type { TaskEvent } from '../../../deploy/nomad/nomad-answers.ts';
import { explainCheck } from '../../../deploy/release/check-diagnosis.ts';
import { failuresOf, findDoomedTask } from '../../../deploy/release/early-failure.ts';
import { allocationOf, taskEvent as event } from './sample.ts';

const ended = (exitCode: number) => event('Terminated', { exitCode });
const again = event('Restarting');
const download = (message: string) => event('Failed Artifact Download', { message });

const allocation = (
  events: readonly TaskEvent[],
  { state = 'pending', isHealthy = null as boolean | null } = {},
) => allocationOf(events, { clientStatus: 'pending', isHealthy }, { state, restarts: 1 });

describe('an allocation whose restart policy still hopes', () => {
  it.each([
    ['ended twice with the same code', [ended(3), again, ended(3), again], true],
    ['ended with two codes', [ended(3), again, ended(4), again], false],
    ['ended once', [ended(3), again], false],
    ['ended well twice and is started again', [ended(0), again, ended(0), again], true],
    ['got a 404 once', [download('a: bad response code: 404'), again], true],
    ['got a 403 once', [download('a: bad response code: 403'), again], true],
    ['got another file once', [download('Checksums did not match for /x'), again], true],
    ['got a 503 once', [download('a: bad response code: 503'), again], false],
    [
      'got a 503 twice',
      [download('a: bad response code: 503'), again, download('a: bad response code: 503')],
      true,
    ],
    ['could not reach two ports', [download('dial :1: refused'), again, download('dial :2: refused')], true],
    ['failed in two ways', [download('refused'), again, ended(1), again], false],
  ])('that %s: given up is %s', (_, events, isDoomed) => {
    expect(findDoomedTask(allocation(events)) !== undefined).toBe(isDoomed);
  });

  it('is not given up while it runs, nor when Nomad has judged its health', () => {
    const events = [ended(3), again, ended(3), again, event('Started')];
    expect(findDoomedTask(allocation(events, { state: 'running' }))).toBeUndefined();
    expect(findDoomedTask(allocation(events, { isHealthy: true }))).toBeUndefined();
  });
});

describe('the failures of a task', () => {
  const of = (events: TaskEvent[], failed = false) =>
    failuresOf({ name: 'web', state: 'dead', failed, restarts: 0, events });

  it('are not those ends that somebody asked for', () => {
    expect(of([event('Killing'), ended(137), event('Killed')])).toEqual([]);
    expect(of([event('Restart Signaled'), ended(143), again])).toEqual([]);
  });

  it('are not the ends of a task that has done its work', () => {
    expect(of([event('Started'), ended(0)])).toEqual([]);
    expect(of([event('Started'), ended(0)], true)).toHaveLength(1);
  });
});

describe('a check where the connection is refused', () => {
  const check = (address: string) => ({
    check: 'http',
    status: 'failure',
    output: `nomad: Get "http://${address}/": dial tcp ${address}: connect: connection refused`,
    statusCode: 0,
  });

  it.each([
    [
      '10.0.0.5:2500',
      ['listening on 127.0.0.1:2500'],
      /; the app listens on 127\.0\.0\.1 only: let it listen on 0\.0\.0\.0$/,
    ],
    [
      '10.0.0.5:2500',
      ['Running on http://localhost:5000'],
      /listens on localhost:5000: let it take its port from PORT and listen on 0\.0\.0\.0$/,
    ],
    [
      '10.0.0.5:2500',
      ['Listening at 0.0.0.0:5000'],
      /listens on 0\.0\.0\.0:5000: let it take its port from PORT$/,
    ],
    [
      '127.0.0.1:2500',
      ['ready'],
      /^check "http" fails: nothing accepts connections at 127\.0\.0\.1:2500; does the app listen on the port in PORT\?$/,
    ],
    ['10.0.0.5:2500', [], /on 0\.0\.0\.0 rather than 127\.0\.0\.1\?$/],
  ])('at %s says what %j tells', (address, log, text) => {
    expect(explainCheck(check(address), log)).toMatch(text);
  });

  it('leaves other outputs as they are, on one line', () => {
    expect(
      explainCheck({ check: 'http', status: 'failure', output: 'nomad: 404\nNot Found', statusCode: 0 }, []),
    ).toBe('check "http" fails: nomad: 404 Not Found');
  });
});

describe('a signal', () => {
  it('has the name that Linux gives it', () => {
    expect([signalName(11), signalName(40)]).toEqual(['SIGSEGV', 'signal 40']);
  });
});
