import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SaddlebagError } from '../../../src/core/errors.ts';
import {
  appendSummary,
  createGithubReporter,
  renderAnnotation,
  renderFailureSummary,
} from '../../../src/report/github.ts';
import { withoutCommands } from '../../../src/report/workflow-commands.ts';
import { temporaryDirectory } from '../../helpers/temporary.ts';

describe('in a job of GitHub Actions', () => {
  it('groups the lines, and annotates warnings', () => {
    const written: string[] = [];
    const stream = { write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WritableStream;
    const inner = { report: ({ kind }: { kind: string }) => void written.push(`${kind}\n`) };
    const reporter = createGithubReporter(stream, inner, 'saddlebag deploy');
    reporter.report({ kind: 'step', stage: 'deploy', message: 'a' });
    reporter.report({
      kind: 'warning',
      stage: 'deploy',
      code: 'nomad-warning',
      message: '50% of\nit',
      hint: 'b',
    });
    reporter.close();
    reporter.close();
    expect(written).toEqual([
      '::group::saddlebag deploy\n',
      'step\n',
      'warning\n',
      '::warning title=nomad-warning::50%25 of%0Ait%0Ahint: b\n',
      '::endgroup::\n',
    ]);
  });

  it('passes on what an app wrote without the commands in it', () => {
    const told: string[] = [];
    const stream = { write: () => true } as unknown as NodeJS.WritableStream;
    const inner = {
      report: (event: object) => void told.push('message' in event ? String(event.message) : ''),
    };
    const reporter = createGithubReporter(stream, inner, 'saddlebag deploy');
    reporter.report({ kind: 'detail', stage: 'deploy', message: 'x ##[set-output name=a]b' });
    reporter.report({ kind: 'detail', stage: 'deploy', message: '\t::stop-commands::x' });
    expect(told).toEqual(['x ##\\u005bset-output name=a]b', '\t\\u003a:stop-commands::x']);
    expect(withoutCommands('a ::b::\r::c::d\n\n:: e')).toBe('a ::b::\r\\u003a:c::d\n\n\\u003a: e');
  });

  it('makes a failure an annotation of one line, whatever it says', () => {
    const failure = new SaddlebagError('deploy-failed', 'cannot deploy web: 1\n::stop', { hint: 'see: it' });
    expect(renderAnnotation(failure)).toBe(
      '::error title=deploy-failed::cannot deploy web: 1%0A::stop%0Ahint: see: it\n',
    );
    expect(renderAnnotation(new TypeError('oops'))).toBe('::error title=bug::TypeError: oops\n');
  });

  it('adds to the page, and lets an app write no Markdown on it', async () => {
    const page = join(await temporaryDirectory(), 'page.md');
    await appendSummary(page, '### web\n');
    await appendSummary(page, renderFailureSummary(new SaddlebagError('deploy-failed', 'cannot\n# x', {})));
    expect(await readFile(page, 'utf8')).toBe(
      '### web\n\n### saddlebag: deploy-failed\n\n    cannot\n    # x\n\n',
    );
    await appendSummary(undefined, 'x');
    await appendSummary('/nonexistent/page', 'x');
  });
});
