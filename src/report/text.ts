import { styleText } from 'node:util';
import { printable } from '../core/printable.ts';
import type { ReportEvent, Reporter } from '../core/reporter.ts';
import { Pace } from './pace.ts';
import { renderProgress } from './progress.ts';

/** Where lines go, and how they may look. */
export interface TextReporterOptions {
  readonly stream: NodeJS.WriteStream;
  /** Redraw a progress bar in place; only where a person looks on. */
  readonly redraw: boolean;
  readonly color: boolean;
}

// Elsewhere than on a terminal, long work says every so often that it goes on.
const plainIntervalMs = 10_000;
const redrawIntervalMs = 100;

/**
 * Reports for people: a line for each step, a bar that is redrawn in place on a terminal, plain lines elsewhere.
 */
export function createTextReporter(options: TextReporterOptions): Reporter & { readonly close: () => void } {
  const { stream } = options;
  // Of a serial line or a container's terminal nobody knows the size, and what redraws lines then draws none.
  const log = options.redraw && stream.rows !== 0 ? openArea(stream) : undefined;
  const paint = (style: Parameters<typeof styleText>[0], text: string) =>
    options.color ? styleText(style, text, { validateStream: false }) : text;
  // The first bar comes at once, the first plain line only when the work turns out to be long.
  let lastProgressMs = log === undefined ? Date.now() : 0;
  let work = '';
  const pace = new Pace();
  let view = '';
  const write = (line: string) => {
    log?.clear();
    stream.write(`${line}\n`);
    if (view !== '') log?.draw(view);
  };
  const draw = (lines: readonly string[]) => {
    if (log === undefined) return;
    view = lines.map((line) => `${' '.repeat(9)}${cut(printable(line), stream.columns - 9)}`).join('\n');
    if (view === '') log.clear();
    else log.draw(view);
  };
  const progress = (event: Extract<ReportEvent, { kind: 'progress' }>) => {
    const now = Date.now();
    if (log === undefined && work !== `${event.stage} ${event.totalBytes}`) lastProgressMs = now;
    work = `${event.stage} ${event.totalBytes}`;
    const rate = pace.at(performance.now(), event);
    const done = event.doneBytes >= event.totalBytes;
    if (log !== undefined) {
      if (done) log.clear();
      else if (now - lastProgressMs >= redrawIntervalMs)
        log.draw(renderProgress(event, stream.columns, rate));
      else return;
    } else if (!done && now - lastProgressMs >= plainIntervalMs) {
      stream.write(`${renderProgress(event, 0, rate)}\n`);
    } else return;
    lastProgressMs = now;
  };
  return {
    report(event) {
      if (event.kind === 'progress') return progress(event);
      if (event.kind === 'view') return draw(event.lines);
      const label = paint('dim', event.stage.padEnd(8));
      if (event.kind === 'step') return write(`${label} ${printable(event.message)}`);
      // Where the view is drawn, what it shows is not told a second time.
      if (event.kind === 'detail' && event.inView === true && view !== '') return;
      if (event.kind === 'detail') {
        const line = `  ${printable(event.message)}`;
        return write(`${label} ${paint(event.stage === 'plan' ? styleOfChange(line) : 'dim', line)}`);
      }
      write(`${label} ${paint('yellow', 'warning:')} ${printable(event.message)}`);
      if (event.hint !== undefined) write(`${label} ${paint('dim', `  hint: ${printable(event.hint)}`)}`);
    },
    close: () => log?.clear(),
  };
}

/**
 * Opens the lines that are redrawn below all others. What draws them takes longer to load than a dry run takes in all, so
 * it is loaded by the first that is drawn, which then comes a moment later.
 */
function openArea(stream: NodeJS.WriteStream): {
  readonly draw: (text: string) => void;
  readonly clear: () => void;
} {
  let isLoading = false;
  let update: (((text: string) => void) & { clear(): void }) | undefined;
  let waiting: string | undefined;
  const load = async () => {
    const { createLogUpdate } = await import('log-update');
    update = createLogUpdate(stream, { showCursor: true });
    if (waiting !== undefined) update(waiting);
  };
  return {
    draw: (text) => {
      waiting = text;
      if (update !== undefined) return update(text);
      if (isLoading) return;
      isLoading = true;
      // Without the library there is no bar, and nothing else is missing.
      load().catch(() => undefined);
    },
    clear: () => {
      waiting = undefined;
      update?.clear();
    },
  };
}

/** A line that wraps would be two to the terminal, and one to who clears it. */
function cut(line: string, columns: number): string {
  return columns > 0 && line.length > columns ? `${line.slice(0, Math.max(0, columns - 1))}…` : line;
}

/** A line of a plan says by its mark what becomes of what it names. */
function styleOfChange(line: string): 'green' | 'red' | 'yellow' | 'dim' {
  const mark = line.trim().slice(0, 1);
  if (mark === '+') return 'green';
  if (mark === '-') return 'red';
  return mark === '~' ? 'yellow' : 'dim';
}
