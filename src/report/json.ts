import type { Reporter } from '../core/reporter.ts';

/**
 * Reports for programs: each event as one line of JSON, but for progress, of which only whole percents.
 */
export function createJsonReporter(stream: NodeJS.WritableStream): Reporter {
  const lastPercent = new Map<string, number>();
  return {
    report(event) {
      // Its news come as details.
      if (event.kind === 'view') return;
      if (event.kind === 'progress') {
        const percent = event.totalBytes === 0 ? 100 : Math.floor((100 * event.doneBytes) / event.totalBytes);
        if (lastPercent.get(event.stage) === percent) return;
        lastPercent.set(event.stage, percent);
      }
      stream.write(`${JSON.stringify(event)}\n`);
    },
  };
}
