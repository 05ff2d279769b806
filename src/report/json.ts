import { printableJson } from '../core/printable.ts';
import type { Reporter } from '../core/reporter.ts';

const progressIntervalMs = 1_000;

/**
 * Reports for programs: each event as one line of JSON, but for progress, of which one a second at most: what is over in
 * that time tells none, and leaves the terminal to the result. `nowMs` grows from call to call.
 */
export function createJsonReporter(
  stream: { write(text: string): unknown },
  nowMs: () => number = () => performance.now(),
): Reporter {
  let lastMs = nowMs();
  return {
    report(event) {
      // Its news come as details.
      if (event.kind === 'view') return;
      if (event.kind === 'progress') {
        if (nowMs() - lastMs < progressIntervalMs) return;
        lastMs = nowMs();
      }
      stream.write(`${printableJson(JSON.stringify(event))}\n`);
    },
  };
}
