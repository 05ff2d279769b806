import { expect } from 'vitest';
import { openNomad } from '../../../deploy/nomad/nomad.ts';
import { readConnection } from '../../../deploy/nomad/nomad-connection.ts';
import type { Target } from '../../../deploy/release/verdict.ts';
import { watchRelease } from '../../../deploy/release/watch.ts';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { silentReporter } from '../../../src/core/reporter.ts';
import { readRecording } from '../../deploy/release/recorded.ts';
import { ChaosAgent, type Faults } from '../../helpers/chaos-agent.ts';

/** A recorded life of a job, and what a watch of it has to say. */
interface Life {
  readonly recording: string;
  readonly target: Partial<Target>;
  readonly verdict: string;
}

/** Every recording of test/fixtures/nomad, with the code of its error, or `healthy`. */
export const lives: readonly Life[] = [
  { recording: 'healthy', target: {}, verdict: 'healthy' },
  { recording: 'unchanged', target: {}, verdict: 'healthy' },
  { recording: 'crash', target: {}, verdict: 'deploy-failed' },
  { recording: 'crash-reverted', target: { jobVersion: 1, revertsTo: 0 }, verdict: 'deploy-reverted' },
  { recording: 'bad-checksum', target: {}, verdict: 'deploy-failed' },
  { recording: 'not-placed', target: {}, verdict: 'deploy-not-placed' },
  { recording: 'superseded', target: {}, verdict: 'deploy-superseded' },
  { recording: 'stopped', target: {}, verdict: 'deploy-stopped' },
  {
    recording: 'canary-waits',
    target: { jobVersion: 1, revertsTo: 0 },
    verdict: 'deploy-waits-for-promotion',
  },
  { recording: 'canary-failed', target: { jobVersion: 1, revertsTo: 0 }, verdict: 'deploy-reverted' },
  { recording: 'canary-promoted', target: { jobVersion: 1, revertsTo: 0 }, verdict: 'healthy' },
  { recording: 'deadline', target: {}, verdict: 'deploy-failed' },
  { recording: 'system', target: { type: 'system' }, verdict: 'healthy' },
  { recording: 'system-failed', target: { type: 'system' }, verdict: 'deploy-failed' },
  { recording: 'sysbatch', target: { type: 'sysbatch' }, verdict: 'healthy' },
  { recording: 'batch-complete', target: { type: 'batch' }, verdict: 'healthy' },
  { recording: 'batch-failed', target: { type: 'batch' }, verdict: 'batch-failed' },
  { recording: 'no-start', target: { jobVersion: 1, count: 0 }, verdict: 'healthy' },
];

const everyFault: Faults = { drop: 0.1, fail: 0.1, delay: 0.15, confuse: 0.1 };

/** Watches each life through an agent that misbehaves by `seed`: the verdict is the same as through one that does not. */
export async function expectRightVerdicts(seed: number): Promise<void> {
  const verdicts = await Promise.all(
    lives.map(async (life, index) => {
      const agent = await ChaosAgent.start(life.recording, optionsOf(life, seed * 100 + index));
      try {
        const verdict = await watch(life, agent, 30_000);
        return `${life.recording}: ${verdict}`;
      } finally {
        agent.stop();
      }
    }),
  );
  expect(verdicts).toEqual(lives.map(({ recording, verdict }) => `${recording}: ${verdict}`));
}

/** The same through an agent that goes away for good: the right verdict, or that there is none. */
export async function expectNoWrongVerdict(seed: number): Promise<void> {
  await Promise.all(
    lives.map(async (life, index) => {
      const options = { ...optionsOf(life, seed * 100 + index), goesAway: true };
      const agent = await ChaosAgent.start(life.recording, options);
      try {
        expect([life.verdict, 'deploy-unknown'], life.recording).toContain(await watch(life, agent, 400));
      } finally {
        agent.stop();
      }
    }),
  );
}

function optionsOf({ target }: Life, seed: number) {
  return { version: target.jobVersion ?? 0, seed, faults: everyFault };
}

function targetOf({ recording, target }: Life): Target {
  const version = target.jobVersion ?? 0;
  const registered = readRecording(recording).snapshots.find(({ job }) => job?.version === version)?.job;
  return {
    jobId: 'web',
    type: 'service',
    jobVersion: version,
    jobModifyIndex: registered?.jobModifyIndex ?? 0,
    count: 1,
    revertsTo: null,
    minHealthyTimeMs: 20,
    progressDeadlineMs: 600_000,
    mayQueue: false,
    ...target,
  };
}

async function watch(life: Life, agent: ChaosAgent, patienceMs: number): Promise<string> {
  const signal = AbortSignal.timeout(60_000);
  const nomad = openNomad(await readConnection({ NOMAD_ADDR: agent.address }), signal, patienceMs);
  try {
    const target = targetOf(life);
    const options = {
      target,
      namespace: 'default',
      timeoutMs: 60_000,
      failFast: true,
      mayPromote: async () => false,
    };
    await watchRelease(nomad, options, { reporter: silentReporter, signal });
    return 'healthy';
  } catch (cause) {
    if (!(cause instanceof SaddlebagError)) throw cause;
    // What does not know the outcome says how to go on.
    if (cause.code === 'deploy-unknown') {
      expect(cause).toMatchObject({ exitCode: 6, hint: 'once Nomad answers: saddlebag watch web' });
    }
    return cause.code;
  } finally {
    await nomad.close();
  }
}
