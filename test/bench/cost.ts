import { mkdtempSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findTool } from '../helpers/needs.ts';
import { type Command, time } from './measure.ts';

/** What a command took. */
export interface Cost {
  readonly ms: number;
  /** The most memory that it had resident at once; undefined without GNU time. */
  readonly peakBytes: number | undefined;
}

/**
 * Runs a command to its end and returns what it took. Memory is what GNU time has from wait4(2): that of whatever program
 * the process was, so of a bundle's runtime while the app is smaller. Node could not tell: its children begin as what it
 * is itself.
 */
export function costOf(command: Command, place: string): Cost {
  const gnuTime = findTool('time');
  if (gnuTime === undefined) return { ms: time(command), peakBytes: undefined };
  // Written by GNU time as root; the command alone is the unprivileged user's.
  const report = join(mkdtempSync(join(place, 'cost-')), 'kilobytes');
  const user = command.asRoot ? [] : ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const ms = time({
    file: gnuTime,
    args: ['-f', '%M', '-o', report, ...user, command.file, ...(command.args ?? [])],
    ...(command.env === undefined ? {} : { env: command.env }),
    asRoot: true,
  });
  return { ms, peakBytes: Number(readFileSync(report, 'utf8').trim()) * 1024 };
}
