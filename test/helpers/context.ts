import type { Context } from '../../src/core/context.ts';
import { execProcess } from '../../src/core/exec.ts';
import type { ReportEvent } from '../../src/core/reporter.ts';

/**
 * Makes a Context for a test: real processes, an empty environment but for what is given, events kept in `events`.
 */
export function testContext(
  overrides: Partial<Context> = {},
): Context & { readonly events: readonly ReportEvent[] } {
  const events: ReportEvent[] = [];
  return {
    cwd: process.cwd(),
    env: {},
    signal: new AbortController().signal,
    reporter: { report: (event) => events.push(event) },
    exec: execProcess,
    ...overrides,
    events,
  };
}
