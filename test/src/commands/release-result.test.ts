import { describe, expect, it } from 'vitest';
import type { Release } from '../../../deploy/release/release-model.ts';
import { releaseResult } from '../../../src/commands/release-result.ts';

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
