import { describe, expect, it } from 'vitest';
import type { CheckResult } from '../../../deploy/nomad/nomad-answers.ts';
import { Investigation } from '../../../deploy/release/investigation.ts';
import { testContext } from '../../helpers/context.ts';
import { allocationOf, taskEvent } from './sample.ts';

/** Explains an allocation whose task crashed once and runs again, with what its client tells. */
async function explain(log: readonly string[], checks: readonly CheckResult[] = []) {
  const { reporter, events } = testContext();
  const nomad = {
    readLog: async ({ stream }: { readonly stream: string }) => (stream === 'stderr' ? log.join('\n') : null),
    readChecks: async () => [...checks],
  };
  const investigation = new Investigation(nomad, reporter, new AbortController().signal);
  const crashed = [taskEvent('Started'), taskEvent('Terminated', { exitCode: 4 }), taskEvent('Started')];
  const task = { state: 'running', failed: false, restarts: 1 };
  await investigation.explain(allocationOf(crashed, { clientStatus: 'running' }, task));
  return {
    explanation: investigation.explanation,
    told: events.map((event) => 'message' in event && event.message),
  };
}

describe('an investigation', () => {
  it('gives the last words of a task that crashed, though it runs again', async () => {
    const { explanation } = await explain(['connecting', 'lost the database']);
    expect(explanation).toBe('task "web" exited with code 4, its last words: lost the database');
  });

  it('has no last words of a task that runs and does not pass its check', async () => {
    const check = { check: 'http', status: 'failure', output: 'no', statusCode: 503 };
    expect((await explain(['listening'], [check])).explanation).toBe(
      'task "web" runs, but check "http" fails: the app answers 503: no',
    );
  });

  it('shows what a long stack trace is about', async () => {
    const frames = Array.from({ length: 50 }, (_, index) => `\tmain.go:${index}`);
    const { explanation, told } = await explain(['panic: no config', ...frames]);
    expect(explanation).toContain('its last words: panic: no config');
    expect(told.slice(1)).toEqual(['panic: no config', ...frames.slice(-20)]);
  });
});
