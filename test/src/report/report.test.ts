import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { SaddlebagError } from '../../../src/core/errors.ts';
import { printable } from '../../../src/core/printable.ts';
import { formatBytes, formatDuration } from '../../../src/core/units.ts';
import { renderFailure, renderFailureJson } from '../../../src/report/failure.ts';
import { createJsonReporter } from '../../../src/report/json.ts';
import { renderProgress } from '../../../src/report/progress.ts';
import { createTextReporter } from '../../../src/report/text.ts';

/** Stands for a stream: keeps what is written to it. */
function collector() {
  const written: string[] = [];
  const stream = { write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WriteStream;
  return { stream, text: () => written.join('') };
}

describe('renderFailure', () => {
  it('prints what went wrong and the next action', () => {
    const failure = new SaddlebagError('output-failed', 'cannot do this: no', { hint: 'do that' });
    expect(renderFailure(failure)).toBe('saddlebag: cannot do this: no\n  hint: do that\n');
    expect(JSON.parse(renderFailureJson(failure))).toEqual({
      error: { code: 'output-failed', message: 'cannot do this: no', hint: 'do that', exitCode: 1 },
    });
  });

  it('escapes what a server or a file name could do to the terminal', () => {
    expect(renderFailure(new SaddlebagError('output-failed', 'cannot read \u001b[31mred\u202e: no'))).toBe(
      'saddlebag: cannot read \\x1b[31mred\\u202e: no\n',
    );
  });

  it('takes anything else for a bug, with its stack and where to tell', () => {
    const text = renderFailure(new TypeError('oops'));
    expect(renderFailure(new TypeError('\u001b[2J'))).toContain('TypeError: \\x1b[2J\n');
    expect(text).toContain('this is a bug in saddlebag');
    expect(text).toMatch(/TypeError: oops\n\s+at /);
    expect(JSON.parse(renderFailureJson(new TypeError('oops')))).toEqual({
      error: {
        code: 'bug',
        message: 'TypeError: oops',
        hint: expect.stringContaining('https://'),
        exitCode: 1,
        stack: expect.stringMatching(/TypeError: oops\n\s+at /),
      },
    });
  });
});

describe('JSON', () => {
  it('is the same JSON without what a terminal would obey', () => {
    const { stream, text } = collector();
    const message = 'a\u009b2J\u202e\u2028\u007f\u001b';
    createJsonReporter(stream).report({ kind: 'step', stage: 'deploy', message });
    const failure = renderFailureJson(new SaddlebagError('output-failed', message));
    for (const json of [text(), failure]) expect(json).toMatch(/^[ -~]*\n$/);
    expect(JSON.parse(text()).message).toBe(message);
    expect(JSON.parse(failure).error.message).toBe(message);
  });
});

describe('the text reporter', () => {
  it('paints the lines of a plan by their marks', () => {
    const { stream, text } = collector();
    const reporter = createTextReporter({ stream, redraw: false, color: true });
    for (const message of ['~ job "web"', '    + Count: "1"', '    - Meta[a]: "b"', '      same']) {
      reporter.report({ kind: 'detail', stage: 'plan', message });
    }
    const colors = text().matchAll(/\[(3\d|2)m {2}/g);
    expect([...colors].map(([, color]) => color)).toEqual(['33', '32', '31', '2']);
  });

  it('redraws a view below the lines, cut to the terminal, and does not tell its news twice', async () => {
    const { stream, text } = collector();
    Object.assign(stream, { columns: 30, isTTY: true });
    const reporter = createTextReporter({ stream, redraw: true, color: false });
    reporter.report({ kind: 'view', stage: 'deploy', lines: ['a'.repeat(40), 'x\u001b[2J'] });
    await vi.waitFor(() => expect(text()).not.toBe(''));
    reporter.report({ kind: 'detail', stage: 'deploy', message: 'in the view', inView: true });
    reporter.report({ kind: 'step', stage: 'deploy', message: 'a line' });
    reporter.report({ kind: 'view', stage: 'deploy', lines: [] });
    const shown = text();
    expect(shown).toContain(`${' '.repeat(9)}${'a'.repeat(20)}…`);
    expect(shown).toContain('x\\x1b[2J');
    expect(shown).not.toContain('in the view');
    expect(shown.split('a line\n')[1]).toContain('aaa');
  });

  it('tells the news of a view where none is drawn', () => {
    const { stream, text } = collector();
    const reporter = createTextReporter({ stream, redraw: false, color: false });
    reporter.report({ kind: 'view', stage: 'deploy', lines: ['view'] });
    reporter.report({ kind: 'detail', stage: 'deploy', message: 'news', inView: true });
    expect(text()).toBe('deploy     news\n');
  });

  it('writes plain lines, without colour or bar, where no terminal is', () => {
    const { stream, text } = collector();
    const reporter = createTextReporter({ stream, redraw: false, color: false });
    reporter.report({ kind: 'step', stage: 'image', message: 'one\u001b[2J' });
    reporter.report({ kind: 'progress', stage: 'image', doneBytes: 5, totalBytes: 10 });
    reporter.report({ kind: 'warning', stage: 'image', code: 'appended-data', message: 'odd', hint: 'look' });
    expect(text()).toBe('image    one\\x1b[2J\nimage    warning: odd\nimage      hint: look\n');
  });
});

describe('the text reporter elsewhere', () => {
  it('counts the time of long work from its own beginning', () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const { stream, text } = collector();
    const reporter = createTextReporter({ stream, redraw: false, color: false });
    const progress = (doneBytes: number) =>
      reporter.report({ kind: 'progress', stage: 'image', doneBytes, totalBytes: 10 });
    vi.setSystemTime(Date.now() + 30_000);
    progress(0);
    expect(text()).toBe('');
    vi.setSystemTime(Date.now() + 10_000);
    progress(5);
    expect(text()).toMatch(/^image +50 % {2}5 B of 10 B/);
  });

  it('draws nothing on a terminal of no size, and tells what a view would have shown', () => {
    const { stream, text } = collector();
    Object.assign(stream, { isTTY: true, columns: 0, rows: 0 });
    const reporter = createTextReporter({ stream, redraw: true, color: false });
    reporter.report({ kind: 'view', stage: 'deploy', lines: ['view'] });
    reporter.report({ kind: 'detail', stage: 'deploy', message: 'news', inView: true });
    expect(text()).toBe('deploy     news\n');
  });
});

describe('the text reporter on a terminal', () => {
  it('draws nothing that was over before it could be drawn', async () => {
    const { stream, text } = collector();
    const reporter = createTextReporter({ stream, redraw: true, color: false });
    reporter.report({ kind: 'progress', stage: 'image', doneBytes: 5, totalBytes: 10 });
    reporter.report({ kind: 'progress', stage: 'image', doneBytes: 10, totalBytes: 10 });
    await import('log-update');
    await setImmediate();
    expect(text()).toBe('');
  });

  it('draws one line in place and takes it away at the end', async () => {
    const { stream, text } = collector();
    Object.assign(stream, { isTTY: true, columns: 80 });
    const reporter = createTextReporter({ stream, redraw: true, color: true });
    reporter.report({ kind: 'progress', stage: 'image', doneBytes: 5, totalBytes: 10 });
    await vi.waitFor(() => expect(text()).not.toBe(''));
    expect(text()).toContain(`image    ${'█'.repeat(12)}${'░'.repeat(12)}  50 %  5 B of 10 B`);
    reporter.report({ kind: 'progress', stage: 'image', doneBytes: 10, totalBytes: 10 });
    reporter.report({ kind: 'step', stage: 'image', message: 'done' });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what erases a line
    expect(text()).toMatch(/\u001b\[2K[^█]*\u001b\[2mimage {3}\u001b\[22m done\n$/);
  });
});

describe('the json reporter', () => {
  it('writes an event a line, and of progress one a second', () => {
    const { stream, text } = collector();
    let nowMs = 0;
    const reporter = createJsonReporter(stream, () => nowMs);
    for (const atMs of [10, 990, 1_000, 1_500, 1_999, 2_000]) {
      nowMs = atMs;
      reporter.report({ kind: 'progress', stage: 'image', doneBytes: atMs, totalBytes: 2_000 });
    }
    reporter.report({ kind: 'step', stage: 'image', message: 'done' });
    const lines = text().trim().split('\n');
    expect(lines.map((line) => JSON.parse(line).doneBytes)).toEqual([1_000, 2_000, undefined]);
  });
});

describe('renderProgress', () => {
  const event = { kind: 'progress', stage: 'image', doneBytes: 30_000_000, totalBytes: 60_000_000 } as const;

  it('draws a bar where there is room and none where there is not', () => {
    expect(renderProgress(event, 80)).toBe(
      `image    ${'█'.repeat(12)}${'░'.repeat(12)}  50 %  30.0 MB of 60.0 MB`,
    );
    expect(renderProgress(event, 0)).toBe('image     50 %  30.0 MB of 60.0 MB');
    expect(renderProgress({ ...event, doneBytes: 0, totalBytes: 0 }, 0)).toBe('image    100 %  0 B of 0 B');
  });
});

describe('renderProgress with a rate', () => {
  const event = { kind: 'progress', stage: 'image', doneBytes: 30_000_000, totalBytes: 60_000_000 } as const;
  const rate = { bytesPerSecond: 1_500_000, leftMs: 20_000 };

  it('says how fast it goes and how long it will take, where there is room', () => {
    expect(renderProgress(event, 0, rate)).toBe('image     50 %  30.0 MB of 60.0 MB  1.5 MB/s, 20 s left');
    expect(renderProgress(event, 100, rate)).toContain('30.0 MB of 60.0 MB  1.5 MB/s, 20 s left');
    expect(renderProgress(event, 70, rate)).toBe(renderProgress(event, 70));
  });
});

describe('units', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_949, '999.9 kB'],
    [999_950, '1.0 MB'],
    [17_660_298, '17.7 MB'],
  ])('writes %i bytes as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  it('writes times for people', () => {
    expect([40, 9_949, 9_960, 59_400, 185_000].map(formatDuration)).toEqual([
      '0.0 s',
      '9.9 s',
      '10 s',
      '59 s',
      '3 min 5 s',
    ]);
  });

  it('leaves tabs and letters of any language as they are', () => {
    expect(printable('a\u200fb\u061c')).toBe('a\\u200fb\\u061c');
    expect(printable('tab\tñ漢\r')).toBe('tab\tñ漢\\x0d');
  });
});
