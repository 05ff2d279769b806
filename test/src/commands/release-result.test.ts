import { describe, expect, it } from 'vitest';
import type { Release } from '../../../deploy/release/release-model.ts';
import { releaseResult, summarizePlan } from '../../../src/commands/release-result.ts';

describe('the page of a CI job', () => {
  it('shows names of Nomad as text, never as Markdown', () => {
    const release = {
      jobId: 'web',
      namespace: 'default',
      jobVersion: 3,
      status: 'healthy',
      evalId: 'e',
      allocations: [{ name: 'web.web[0]', node: '![x](http://evil/)|\n# <b>', status: 'running' }],
    } as unknown as Release;
    expect(releaseResult(release).summary?.split('\n').at(-1)).toBe(
      '| web.web\\[0\\] | \\!\\[x\\](http://evil/)\\|\\\\x0a\\# \\<b\\> | running |',
    );
  });
});

describe('the page of a CI job, of a plan', () => {
  it('shows what would change, and nothing of it as Markdown', () => {
    const text = '~ job "a_b"\n    + Env[X]: "[link](http://evil)\u001b[2J"';
    expect(summarizePlan('a_b', { changes: true, text })).toBe(
      '### a\\_b: would change\n\n    ~ job "a_b"\n        + Env[X]: "[link](http://evil)\\x1b[2J"',
    );
    expect(summarizePlan('web', { changes: false, text: '' })).toMatch(/^### web: stays as it is\n/);
  });
});
